"""What becomes of each record of a slice, before anything is written.

A record that is known by its number alone and counts as a whole goes the short way: one statement locks what is here.
A profile that says more goes by `matched`: one statement asks for all that any record of the slice may be about, one
locks what was chosen, and nothing is asked record by record.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from catalog.imports.reading import Prepared
from catalog.imports.rules import Outcome, reason, record_outcome
from catalog.matching.rules import Side
from catalog.profiles.rules import Plan
from catalog.titles.facts import TitleColumns
from chassis.database import Connection
from chassis.ids import uuid7s_ahead


@dataclass(slots=True)
class Known:
    """A title that was here before."""

    id: UUID
    version: int
    record: bytes
    match_key: str
    title: str
    author: str | None
    suppressed: bool
    deleted: bool = False
    """It was taken out of the catalogue; a record that comes again brings it back."""
    merged_into: UUID | None = None
    """The title that it was merged into, to which its items go; that title's record is left as it is."""


@dataclass(slots=True)
class NewTitles:
    """Titles that the records of this slice make; of a dry run also those of the slices before, which nobody wrote."""

    before: "NewTitles | None" = None
    numbers: dict[str, UUID] = field(default_factory=dict)
    sides: defaultdict[str, list[tuple[UUID, Side]]] = field(default_factory=lambda: defaultdict(list))
    ids: set[UUID] = field(default_factory=set)
    minted: Iterator[UUID] = field(default_factory=uuid7s_ahead)

    def __contains__(self, title_id: object) -> bool:
        return title_id in self.ids or (self.before is not None and title_id in self.before.ids)

    def add(self, match_key: str) -> UUID:
        """A title of this number."""
        title_id = self.numbers[match_key] = next(self.minted)
        self.ids.add(title_id)
        return title_id

    def numbered(self, match_key: str) -> UUID | None:
        """The one of this number."""
        found = self.numbers.get(match_key)
        return self.before.numbers.get(match_key) if found is None and self.before is not None else found

    def sharing(self, key: str) -> Iterator[tuple[UUID, Side]]:
        """Those that have this key."""
        if self.before is not None:
            yield from self.before.sides.get(key, ())
        yield from self.sides.get(key, ())

    def absorb(self, later: "NewTitles") -> None:
        """Those of a slice whose outcomes are written."""
        self.numbers |= later.numbers
        self.ids |= later.ids
        for key, told in later.sides.items():
            self.sides[key] += told


@dataclass(slots=True)
class Written:
    """What a slice has come to."""

    counts: Counter[str] = field(default_factory=Counter)
    outcomes: list[tuple[Prepared, Outcome, UUID | None]] = field(default_factory=list)
    created: list[tuple[UUID, TitleColumns]] = field(default_factory=list)
    updated: list[tuple[Known, TitleColumns, bool]] = field(default_factory=list)
    """With True for a record that says of itself that it is complete."""
    present: dict[UUID, TitleColumns | None] = field(default_factory=dict)
    """Every title that items may belong to; None for one of which only a holdings record has come."""
    entries: dict[UUID, bytes] = field(default_factory=dict)
    """Of created titles: what their records tell the index."""
    matching: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    """By ordinal: the titles that a record was compared with."""
    cancelling: bool = False
    """Whether the job is to be cancelled."""

    def set_aside(self, each: Prepared, outcome: Outcome, code: str, text: str) -> None:
        """A record that is not taken, with the reason."""
        each.reasons.append(reason(code, text))
        self.outcomes.append((each, outcome, None))

    def attach(self, each: Prepared, known: Mapping[str, Known], new: "NewTitles") -> None:
        """A holdings record: to its title, which is here or was made before; that title's own record is another one."""
        title_id = next((one for key in each.belongs_to if (one := _titled(key, known, new))), None)
        if title_id is None:
            words = "Its title is not here; records of titles come before those of their holdings."
            self.set_aside(each, Outcome.REJECTED, "title-unknown", words)
            return
        self.present.setdefault(title_id, None)
        self.outcomes.append((each, Outcome.DUPLICATE, title_id))

    def make(self, each: Prepared, told: TitleColumns, new: NewTitles) -> UUID:
        """A title of its own."""
        title_id = new.add(told.match_key)
        self.created.append((title_id, told))
        if each.entry is not None:
            self.entries[title_id] = each.entry
        self.present[title_id] = told
        self.outcomes.append((each, Outcome.CREATED, title_id))
        return title_id


def _titled(key: str, known: Mapping[str, Known], new: NewTitles) -> UUID | None:
    here = known.get(key)
    if here is None:
        return new.numbered(key)
    return here.merged_into or (None if here.deleted else here.id)


_KNOWN = """
SELECT id, version, match_key, record, title, author, suppressed, deleted_at, merged_into FROM title
WHERE match_key = ANY ($1::text[]) ORDER BY id FOR UPDATE
"""
SURVIVORS = "SELECT FROM title WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_SEEN = """
SELECT title_id FROM import_outcome WHERE import_id = $1 AND title_id = ANY ($2::uuid[]) AND outcome <> 'duplicate'
"""
"""(What is a duplicate has another record before it, or is one of holdings.)"""


def known_of(row: asyncpg.Record) -> Known:
    """A title's row."""
    return Known(
        row["id"],
        row["version"],
        row["record"],
        row["match_key"],
        row["title"],
        row["author"],
        row["suppressed"] and row["deleted_at"] is None,
        row["deleted_at"] is not None,
        row["merged_into"],
    )


async def seen_before(connection: Connection, import_id: UUID, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these titles earlier records of the file were about."""
    if not ids:
        return set()
    return {row["title_id"] for row in await connection.fetch(_SEEN, import_id, ids)}


async def by_number(
    connection: Connection, import_id: UUID, plan: Plan, records: Sequence[Prepared], new: NewTitles
) -> Written:
    """What becomes of each record that is known by its number and counts as a whole."""
    keys = [each.columns.match_key for each in records if each.columns is not None]
    keys += [key for each in records for key in each.belongs_to]
    known = {row["match_key"]: known_of(row) for row in await connection.fetch(_KNOWN, keys)}
    if survivors := [each.merged_into for each in known.values() if each.merged_into is not None]:
        await connection.execute(SURVIVORS, survivors)
    seen = await seen_before(connection, import_id, [each.id for each in known.values()])
    told = Written()
    for each in records:
        _decide_one(each, known, seen, new, told)
    told.counts.update(outcome.value for _, outcome, _ in told.outcomes)
    return told


def _decide_one(
    each: Prepared, known: Mapping[str, Known], seen: set[UUID], new: NewTitles, told: Written
) -> None:
    if each.columns is None:
        if each.outcome is None:
            told.attach(each, known, new)
        else:
            told.outcomes.append((each, each.outcome, None))
        return
    key = each.columns.match_key
    here = known.get(key)
    if here is not None and here.merged_into is not None:
        told.present.setdefault(here.merged_into, each.columns)
        told.outcomes.append((each, Outcome.DUPLICATE, here.merged_into))
        return
    outcome = record_outcome(
        known=here is not None,
        seen_in_file=new.numbered(key) is not None or (here is not None and here.id in seen),
        same=here is not None and not here.deleted and here.record == each.columns.record,
        lossy=each.lossy,
    )
    if outcome is Outcome.REJECTED:
        told.set_aside(
            each,
            outcome,
            "damaged",
            "The record lost content, and must not overwrite the whole one that is here.",
        )
        return
    if outcome is Outcome.CREATED:
        seen.add(told.make(each, each.columns, new))
        return
    title_id = here.id if here is not None else new.numbered(key)
    assert title_id is not None
    if here is not None and outcome is Outcome.UPDATED:
        told.updated.append((here, each.columns, each.whole))
    if outcome is not Outcome.DUPLICATE:
        seen.add(title_id)
        told.present[title_id] = each.columns
    else:
        told.present.setdefault(title_id, each.columns)
    told.outcomes.append((each, outcome, title_id))
