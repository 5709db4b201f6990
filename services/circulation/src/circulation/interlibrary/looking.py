"""How a patron stands who asks other libraries for something: looked at when interlibrary loan asks, and answered."""

from collections.abc import Sequence
from typing import Final

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from circulation.interlibrary.rules import stops_patron
from circulation.patrons.standing import OUT, in_the_way, standing
from circulation.places.library import NotConfigured, Shelf
from circulation.registration.aliases import alias_of
from contracts.circulation import PatronLookedAt
from contracts.ill import PatronSought

_LOOK: Final = f"""
SELECT p.group_code, p.active, p.expires_at, p.owed, {OUT.format(now="$2::timestamptz")},
    EXISTS (SELECT FROM patron_block b WHERE b.patron_id = p.id AND 'hold' = ANY (b.actions)
        AND (b.expires_at IS NULL OR b.expires_at > $2)) AS blocked
FROM patron p WHERE p.id = $1
"""  # noqa: S608 - our own text
"""$1 patron, $2 now."""


async def look(connection: Connection, batch: Sequence[Heard]) -> None:
    """Answer each question as things stand now; asked twice, it is answered twice, and the asker takes one."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronSought)
        known, reasons = await _stands(connection, event, heard)
        answer = PatronLookedAt(
            version=event.version,
            occurred_at=heard.time,
            request_id=event.request_id,
            asked=event.version,
            known=known,
            reasons=tuple(reasons),
        )
        await outbox.record(connection, [answer])


async def _stands(connection: Connection, event: PatronSought, heard: Heard) -> tuple[bool, list[str]]:
    """Whether there is such a patron, and what stops them."""
    row = await connection.fetchrow(_LOOK, event.patron_ref, heard.time)
    if row is None and (alias := await alias_of(connection, patron_id=event.patron_ref, barcode=None)):
        row = await connection.fetchrow(_LOOK, alias.patron_id, heard.time)
    if row is None:
        return False, []
    try:
        groups = (await Shelf(connection).fresh()).groups
    except NotConfigured:
        groups = {}
    beyond = in_the_way(standing(row), groups.get(row["group_code"]), "hold")
    return True, stops_patron(
        active=row["active"],
        expires_at=row["expires_at"],
        blocked=row["blocked"],
        beyond=beyond,
        now=heard.time,
    )
