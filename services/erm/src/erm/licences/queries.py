"""Licences with their amendments and terms, and the vocabulary."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.licences.rules import BASE, Said, Text

_LOCK = "SELECT id FROM licence WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_LICENCES = "SELECT * FROM licence WHERE id = ANY ($1::uuid[])"
_AMENDMENTS = (
    "SELECT * FROM licence_amendment WHERE licence_id = ANY ($1::uuid[]) ORDER BY licence_id, number"
)
_VALUES = """
SELECT v.* FROM licence_term_value v JOIN licence_term t ON t.code = v.term
WHERE v.licence_id = ANY ($1::uuid[]) ORDER BY v.licence_id, v.amendment, t.weight, v.term
"""
_TERMS = "SELECT * FROM licence_term ORDER BY weight, code LIMIT 2000"
_KEPT = "SELECT * FROM licence_term WHERE code = ANY ($1::text[]) ORDER BY code FOR KEY SHARE"


@dataclass
class Licence:
    """A licence with all that belongs to it."""

    row: dict[str, Any]
    amendments: list[dict[str, Any]] = field(default_factory=list)
    values: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By the number of the amendment; 0: the licence itself."""

    @property
    def id(self) -> UUID:
        told: UUID = self.row["id"]
        return told

    @property
    def texts(self) -> list[Text]:
        """As the rules take it."""
        return [self._text(BASE, self.row), *(self._text(one["number"], one) for one in self.amendments)]

    def _text(self, number: int, row: dict[str, Any]) -> Text:
        said = tuple(
            Said(
                value["term"],
                value["value"],
                value["use_rule"],
                value["public_note"],
                value["internal_note"],
                value["internal"],
                number,
            )
            for value in self.values.get(number, ())
        )
        return Text(number, row["status"], row["starts_on"], row["ends_on"], said)


async def licences(
    connection: Connection | asyncpg.Pool, ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, Licence]:
    """Whole licences; locked in one order everywhere, then read."""
    wanted = sorted(set(ids))
    if lock:
        await connection.fetch(_LOCK, wanted)
    found = {row["id"]: Licence(dict(row)) for row in await connection.fetch(_LICENCES, wanted)}
    for row in await connection.fetch(_AMENDMENTS, wanted):
        found[row["licence_id"]].amendments.append(dict(row))
    for row in await connection.fetch(_VALUES, wanted):
        found[row["licence_id"]].values.setdefault(row["amendment"], []).append(dict(row))
    return found


async def licence(
    connection: Connection | asyncpg.Pool, licence_id: UUID, *, lock: bool = False
) -> Licence | None:
    """One licence."""
    return (await licences(connection, [licence_id], lock=lock)).get(licence_id)


async def vocabulary(connection: Connection | asyncpg.Pool) -> dict[str, dict[str, Any]]:
    """Every term by its code, in the order in which they are shown."""
    return {row["code"]: dict(row) for row in await connection.fetch(_TERMS)}


async def kept(connection: Connection, codes: Collection[str]) -> dict[str, dict[str, Any]]:
    """Terms as they are and, until the transaction's end, stay."""
    return {row["code"]: dict(row) for row in await connection.fetch(_KEPT, sorted(set(codes)))}


_SAYING = """
SELECT DISTINCT l.id, l.name FROM licence_term_value v JOIN licence l ON l.id = v.licence_id
WHERE v.term = $1 ORDER BY l.name, l.id LIMIT 100
"""
_CHOSEN = """
SELECT DISTINCT l.id, l.name FROM licence_term_value v JOIN licence l ON l.id = v.licence_id
WHERE v.term = $1 AND v.value IS NOT NULL AND NOT (
    CASE jsonb_typeof(v.value) WHEN 'array' THEN v.value ELSE jsonb_build_array(v.value) END <@ $2::jsonb)
ORDER BY l.name, l.id LIMIT 100
"""


async def saying(connection: Connection, term: str) -> Sequence[asyncpg.Record]:
    """Licences that say something of a term."""
    return await connection.fetch(_SAYING, term)


async def choosing_others(
    connection: Connection, term: str, choices: Sequence[str]
) -> Sequence[asyncpg.Record]:
    """Licences whose value of a term is none of these choices."""
    return await connection.fetch(_CHOSEN, term, list(choices))


def runs(row: dict[str, Any], on: date) -> bool:
    """Whether a licence's own row is in force on a day."""
    return Text(BASE, row["status"], row["starts_on"], row["ends_on"]).holds(on)
