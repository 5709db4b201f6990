"""Which facts of its own a library has, held until the transaction ends."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.custom.rules import Definition, Kind, told
from chassis.problems import Invalid, Reason

_KNOWN = text("""
SELECT code, document FROM custom_field WHERE document -> 'of' @> to_jsonb(CAST(:of AS text)) ORDER BY code FOR SHARE
""")
PUBLIC: Final = """CASE WHEN {0}.custom = '{{}}' THEN {0}.custom ELSE (
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{{}}') FROM jsonb_each({0}.custom) e
        JOIN custom_field f ON f.code = e.key AND f.document ->> 'visible' = 'public') END"""
"""What of a row's own facts the public sees."""


async def changed(
    session: AsyncSession, of: str, before: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The facts as they are to be, or every reason why not."""
    known = [
        Definition(
            row.code, Kind(row.document["kind"]), tuple(row.document["choices"]), row.document["required"]
        )
        for row in await session.execute(_KNOWN, {"of": of})
    ]
    after, faults = told(before, changes, known)
    if faults:
        raise Invalid(reasons=[Reason(each.code, each.text, each.pointer) for each in faults])
    return after
