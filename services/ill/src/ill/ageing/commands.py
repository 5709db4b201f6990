"""What the library decides of how old requests may grow holds for those under way, too."""

from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ill.configuration.documents import ConfigurationDoc
from ill.requests.model import model_of, versions

_AGE: Final = text("""
WITH aged AS (
    SELECT r.id, greatest(r.created_at + coalesce(l.length, CAST(:usual AS interval)), CAST(:now AS timestamptz)) AS at
    FROM request r LEFT JOIN unnest(CAST(:levels AS text[]), CAST(:lengths AS interval[])) AS l (level, length)
        ON lower(l.level) = lower(coalesce(r.service_level, 'Normal'))
    WHERE r.side = 'borrowing' AND NOT r.ended AND r.need_before IS NULL
        AND coalesce(l.length, CAST(:usual AS interval)) IS NOT NULL)
UPDATE request r SET expires_at = aged.at,
    look_at = CASE WHEN r.state = ANY (CAST(:states AS text[])) THEN least(r.look_at, aged.at) ELSE r.look_at END
FROM aged WHERE r.id = aged.id AND (r.expires_at IS NULL OR aged.at < r.expires_at)
""")


async def age_anew(session: AsyncSession, doc: ConfigurationDoc, *, now: datetime) -> None:
    """Requests without a day that are under way run out by the new times, where that is earlier; one that is older
    already is ended by the next look of the timer."""
    usual, levels = doc.expiry()
    models = [model_of("borrowing", version) for version in versions("borrowing")]
    told = {
        "now": now,
        "usual": usual.length if usual is not None else None,
        "levels": list(levels),
        "lengths": [span.length for span in levels.values()],
        "states": sorted(
            {state.name for model in models for state in model.states.values() if state.before_shipping}
        ),
    }
    await session.execute(_AGE, told)
