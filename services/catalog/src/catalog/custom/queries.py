"""Which facts of its own a library has, held until the transaction ends."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.custom import Definition, Kind, told
from chassis.database import Connection
from chassis.problems import Invalid, Reason

_KNOWN: Final = """
SELECT code, document FROM custom_field WHERE document -> 'of' @> to_jsonb(CAST({0} AS text)) ORDER BY code FOR SHARE
"""
_DEFINITIONS: Final = text(_KNOWN.format(":of"))
_DEFINITIONS_ON: Final = _KNOWN.format("$1")
PUBLIC: Final = """CASE WHEN {0}.custom = '{{}}' THEN {0}.custom ELSE (
    SELECT coalesce(jsonb_object_agg(e.key, e.value), '{{}}') FROM jsonb_each({0}.custom) e
        JOIN custom_field f ON f.code = e.key AND f.document ->> 'visible' = 'public') END"""
"""What of a row's own facts the public sees."""


async def definitions(session: AsyncSession, of: str) -> list[Definition]:
    """The library's own fields of titles, or of items."""
    return [_definition(row.code, row.document) for row in await session.execute(_DEFINITIONS, {"of": of})]


async def definitions_on(connection: Connection, of: str) -> Sequence[Definition]:
    """The same, for a worker."""
    return [_definition(row["code"], row["document"]) for row in await connection.fetch(_DEFINITIONS_ON, of)]


def _definition(code: str, document: Mapping[str, Any]) -> Definition:
    return Definition(code, Kind(document["kind"]), tuple(document["choices"]), document["required"])


async def changed(
    session: AsyncSession, of: str, before: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The facts as they are to be, or every reason why not."""
    after, faults = told(before, changes, await definitions(session, of))
    if faults:
        raise Invalid(reasons=[Reason(each.code, each.text, each.pointer) for each in faults])
    return after
