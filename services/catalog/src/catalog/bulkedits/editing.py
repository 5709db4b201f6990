"""Editing a slice: the three kinds do the same four things, each with statements for the whole slice."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

import asyncpg

from catalog.bulkedits.rules import Verdict
from chassis import outbox
from chassis.database import Connection
from chassis.edits import Outcome, reason
from contracts.events import Event

Rows = dict[UUID, asyncpg.Record]
Verdicts = dict[UUID, Verdict]


class Editing(Protocol):
    """One kind of record, and what is to be changed of it."""

    slice: int

    async def look(self, connection: Connection, ids: Sequence[UUID], *, hold: bool) -> Rows:
        """The records as they are, locked in the order of their ids where that is wanted."""
        ...

    async def judge(self, connection: Connection, rows: Rows) -> Verdicts:
        """What is to become of each."""
        ...

    async def write(
        self, connection: Connection, rows: Rows, verdicts: Verdicts, *, by: str, now: datetime
    ) -> dict[UUID, str]:
        """Change those that are to be changed, and tell everybody; what each is left as."""
        ...

    async def back(self, connection: Connection, rows: Rows, records: Sequence[asyncpg.Record]) -> Verdicts:
        """What restores each that is as the edit left it; a conflict for every other."""
        ...


def to_write(verdicts: Verdicts) -> list[UUID]:
    """Records that are to be changed, in order."""
    return sorted(id_ for id_, verdict in verdicts.items() if verdict.outcome is Outcome.CHANGE)


def conflict(code: str, text: str) -> Verdict:
    """It is not taken back."""
    return Verdict(Outcome.CONFLICT, reasons=[reason(code, text)])


def untouched(rows: Rows, records: Sequence[asyncpg.Record]) -> Verdicts:
    """Facts as they were, for those that nobody has changed since; a conflict for every other."""
    told: Verdicts = {}
    for each in records:
        row = rows.get(each["id"])
        if row is None:
            told[each["id"]] = conflict("gone", "It is not in the catalogue any more.")
        elif row["is_now"] != each["left_as"]:
            told[each["id"]] = conflict("changed-since", "It was changed since the edit.")
        else:
            told[each["id"]] = Verdict(Outcome.CHANGE, after=_typed(each["before"]))
    return told


PLACES: Final = frozenset({"location_id", "temporary_location_id"})


def _typed(before: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as a row has them."""
    return {
        name: UUID(value) if name in PLACES and value is not None else value for name, value in before.items()
    }


async def announce(connection: Connection, events: Sequence[Event], titles: Sequence[UUID]) -> None:
    """Tell other services, and the index."""
    await outbox.record(connection, events)
    await connection.copy_records_to_table(
        "title_change", records=[(title_id,) for title_id in dict.fromkeys(titles)], columns=["title_id"]
    )
    await connection.execute("SELECT pg_notify('title_change', '')")
