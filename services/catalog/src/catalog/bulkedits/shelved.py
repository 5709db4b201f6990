"""Items and holdings: facts in columns."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.bulkedits import statements as sql
from catalog.bulkedits.documents import ChangesDoc
from catalog.bulkedits.editing import Rows, Verdicts, announce, to_write, untouched
from catalog.bulkedits.rules import HOLDINGS_SLICE, SLICE, Verdict, holdings_verdict, item_verdict
from catalog.custom.queries import definitions_on
from catalog.items.announcing import batches, further, states_on
from chassis.database import Connection, plain
from chassis.edits import Outcome, reason
from chassis.json import dumped
from contracts.catalog import HoldingsState, HoldingsUpdated

REFERRED: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "location_id": ("location", ("location_id", "temporary_location_id")),
    "material_type": ("material-type", ("material_type",)),
    "loan_type": ("loan-type", ("loan_type", "temporary_loan_type")),
    "damaged_status": ("damaged-status", ("damaged_status",)),
    "statistical_codes": ("statistical-code", ("statistical_codes",)),
    "digitisation_policy": ("digitisation-policy", ("digitisation_policy",)),
}
"""What is looked up: as what its absence is told, and the facts that name such a thing."""


async def without_unknown(connection: Connection, verdicts: Verdicts) -> Verdicts:
    """Whatever is referred to must be here; it stays here to the end of the transaction."""
    wanted = {
        name: list({each for verdict in verdicts.values() for each in _named(verdict, facts)})
        for name, (_, facts) in REFERRED.items()
    }
    if not any(wanted.values()):
        return verdicts
    row = await connection.fetchrow(sql.KNOWN, *wanted.values())
    assert row is not None
    unknown = {name: set(values) - set(row[name]) for name, values in wanted.items()}
    if not any(unknown.values()):
        return verdicts
    return {id_: _held_to(verdict, unknown) for id_, verdict in verdicts.items()}


def _named(verdict: Verdict, facts: Sequence[str]) -> list[Any]:
    """What it refers to there: nothing, one thing or several."""
    told = [verdict.after.get(name) for name in facts]
    return [
        each for one in told for each in (one if isinstance(one, list) else () if one is None else (one,))
    ]


def _held_to(verdict: Verdict, unknown: dict[str, set[Any]]) -> Verdict:
    reasons = [
        reason(f"{code}-unknown", f"There is no {each}.")
        for name, (code, facts) in REFERRED.items()
        for each in _named(verdict, facts)
        if each in unknown[name]
    ]
    return Verdict(Outcome.CANNOT, reasons=reasons) if reasons else verdict


class Items:
    """Items."""

    slice = SLICE

    def __init__(self, changes: ChangesDoc) -> None:
        self._told, self._note, self._own = changes.told, changes.note, changes.own

    async def look(self, connection: Connection, ids: Sequence[UUID], *, hold: bool) -> Rows:
        """The items."""
        own = bool(self._own)
        rows = await connection.fetch(
            sql.hold_items(own=own) if hold else sql.look_at_items(own=own), list(ids)
        )
        return {row["id"]: row for row in rows}

    async def judge(self, connection: Connection, rows: Rows) -> Verdicts:
        """As strict as a change of one."""
        known = await definitions_on(connection, "items") if self._own.custom else []
        told = {
            id_: item_verdict(plain(row), self._told, self._note, self._own, known)
            for id_, row in rows.items()
        }
        return await without_unknown(connection, told)

    async def write(
        self, connection: Connection, rows: Rows, verdicts: Verdicts, *, by: str, now: datetime
    ) -> dict[UUID, str]:
        """One statement for all of them, whatever changes of each."""
        ids = to_write(verdicts)
        if not ids:
            return {}
        written = await connection.fetch(
            sql.write_items(own=bool(self._own)),
            ids,
            [dumped(verdicts[id_].after).decode() for id_ in ids],
            now,
            by,
        )
        states = await states_on(connection, ids)
        await announce(
            connection, list(batches(states, now=now)), [title for each in states for title in each.title_ids]
        )
        return {row["id"]: row["left_as"] for row in written}

    async def back(self, connection: Connection, rows: Rows, records: Sequence[asyncpg.Record]) -> Verdicts:
        """Facts as they were."""
        return await without_unknown(connection, untouched(rows, records))


class Holdings:
    """Holdings, and the items that carry their facts."""

    slice = HOLDINGS_SLICE

    def __init__(self, changes: ChangesDoc) -> None:
        self._told = changes.told
        self._digitised = "digitisation_policy" in self._told

    async def look(self, connection: Connection, ids: Sequence[UUID], *, hold: bool) -> Rows:
        """The holdings."""
        digitised = self._digitised
        rows = await connection.fetch(
            sql.hold_holdings(digitised=digitised) if hold else sql.look_at_holdings(digitised=digitised),
            list(ids),
        )
        return {row["id"]: row for row in rows}

    async def judge(self, connection: Connection, rows: Rows) -> Verdicts:
        """A title has one shelf at a place under a call number, deleted ones included."""
        taken = await self._taken(connection, rows)
        told = {id_: holdings_verdict(plain(row), self._told, taken) for id_, row in rows.items()}
        return await without_unknown(connection, told)

    async def _taken(self, connection: Connection, rows: Rows) -> set[tuple[Any, Any, str]]:
        titles = list({row["title_id"] for row in rows.values()})
        found = await connection.fetch(sql.PLACES_TAKEN, titles)
        return {(row["title_id"], row["location_id"], row["call_number"]) for row in found}

    async def write(
        self, connection: Connection, rows: Rows, verdicts: Verdicts, *, by: str, now: datetime
    ) -> dict[UUID, str]:
        """Holdings first, then their items: those that stood with them come along."""
        ids = to_write(verdicts)
        if not ids:
            return {}
        written = await connection.fetch(
            sql.write_holdings(digitised=self._digitised),
            ids,
            [dumped(verdicts[id_].after).decode() for id_ in ids],
            now,
            by,
        )
        before = [rows[id_]["location_id"] for id_ in ids]
        after = [verdicts[id_].after.get("location_id", rows[id_]["location_id"]) for id_ in ids]
        carried = await connection.fetch(sql.CARRY_ITEMS, ids, before, after, now, by)
        states = await states_on(connection, [row["id"] for row in carried]) if carried else []
        told = [
            HoldingsUpdated(
                version=row["version"],
                occurred_at=now,
                holdings_id=row["id"],
                holdings=HoldingsState(
                    holdings_id=row["id"],
                    version=row["version"],
                    title_id=row["title_id"],
                    location_id=row["location_id"],
                    call_number=row["call_number"] or None,
                    suppressed=row["suppressed"],
                    statistical_codes=tuple(row["statistical_codes"]),
                    digitisation_policy=row["digitisation_policy"],
                    lending_policy=row["lending_policy"],
                    reproduction_policy=row["reproduction_policy"],
                    temporary_location_id=row["temporary_location_id"],
                    temporary_location_ends_at=row["temporary_location_ends_at"],
                    record_number=row["record_number"],
                    other_call_numbers=further(row["other_call_numbers"]),
                ),
            )
            for row in written
        ]
        titles = [row["title_id"] for row in written] + [title for each in states for title in each.title_ids]
        await announce(connection, [*told, *batches(states, now=now)], titles)
        return {row["id"]: row["left_as"] for row in written}

    async def back(self, connection: Connection, rows: Rows, records: Sequence[asyncpg.Record]) -> Verdicts:
        """Facts as they were, unless the title has other holdings there by now."""
        taken = await self._taken(connection, rows)
        told = untouched(rows, records)
        for id_, verdict in told.items():
            row = rows.get(id_)
            if row is None or verdict.outcome is not Outcome.CHANGE:
                continue
            again = holdings_verdict(plain(row), verdict.after, taken)
            if again.outcome is Outcome.CANNOT:
                told[id_] = again
        return await without_unknown(connection, told)
