"""The way of records whose profile says how their title is found, or what of it stays: set-based, in few questions."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.fastadd.rules import is_brief
from catalog.imports.deciding import SURVIVORS, Known, NewTitles, Written, known_of, seen_before
from catalog.imports.reading import Prepared
from catalog.imports.rules import Outcome
from catalog.marc.storage import unpack
from catalog.matching.rules import (
    MOST_CANDIDATES,
    Candidate,
    Choice,
    Side,
    chosen,
    compared,
    looks_into_records,
    prefixes,
)
from catalog.overlays.rules import good_enough, overlaid, quality
from catalog.profiles.rules import Plan
from catalog.titles.facts import TitleColumns, columns
from chassis.database import Connection

TOLD_CANDIDATES: Final = 10


class Overtaken(Exception):
    """A title that was chosen has been changed since it was compared: look again."""


_IN_TURN = "SELECT pg_advisory_xact_lock(hashtext('import'), hashtext('matching'))"
"""Two imports that look for the same title by its ISBN must not both find none."""
_COLUMNS = "id, version, match_key, keys, author, year, format, deleted_at, merged_into"
_CANDIDATES = f"""
SELECT NULL AS key, {_COLUMNS}, {{record}} FROM title WHERE match_key = ANY ($1::text[])
UNION ALL
SELECT asked.key, found.* FROM unnest($2::text[]) AS asked (key) CROSS JOIN LATERAL (
    SELECT {_COLUMNS}, {{record}} FROM title WHERE keys @> ARRAY[asked.key] AND deleted_at IS NULL
    LIMIT {MOST_CANDIDATES + 1}
) AS found
"""  # noqa: S608 - our own text
_LOCK = """
SELECT id, version, match_key, record, title, author, suppressed, deleted_at, merged_into FROM title
WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
"""


@dataclass(slots=True)
class Found:
    """The titles that the records of a slice may be about."""

    by_key: dict[str, list[asyncpg.Record]] = field(default_factory=lambda: defaultdict(list))
    by_number: dict[str, asyncpg.Record] = field(default_factory=dict)
    sides: dict[UUID, Side] = field(default_factory=dict)


@dataclass(slots=True)
class Judged:
    """A record and the title that it is about, as far as keys and columns tell."""

    each: Prepared
    told: TitleColumns
    side: Side
    choice: Choice = field(default_factory=Choice)
    candidates: list[Candidate] = field(default_factory=list)
    crowded: bool = False
    """More titles share a key with it than are compared."""


async def by_profile(
    connection: Connection, import_id: UUID, plan: Plan, records: Sequence[Prepared], new: NewTitles
) -> Written:
    """What becomes of each record by its profile; the titles that it is about are locked."""
    if plan.create:
        await connection.execute(_IN_TURN)
    wanted = prefixes(plan.match)
    readable = [each for each in records if each.columns is not None]
    keys = sorted({key for each in readable for key in _keys(each, wanted)})
    numbers = [each.columns.match_key for each in readable if each.columns is not None]
    numbers += [key for each in records for key in each.belongs_to]
    deep = looks_into_records(plan.match) or plan.several == "best"
    statement = _CANDIDATES.format(record="record" if deep else "NULL::bytea AS record")
    rows = await connection.fetch(statement, numbers, keys)
    found, judged = await asyncio.to_thread(_judge_all, plan, readable, rows, wanted)
    chosen_ids = {each.choice.title_id for each in judged.values() if each.choice.title_id is not None}
    own_ids = {row["id"] for row in found.by_number.values()}
    locked = {row["id"]: known_of(row) for row in await connection.fetch(_LOCK, sorted(chosen_ids | own_ids))}
    for row in rows:
        here = locked.get(row["id"])
        if here is not None and here.version != row["version"]:
            raise Overtaken
    if survivors := [here.merged_into for here in locked.values() if here.merged_into is not None]:
        await connection.execute(SURVIVORS, survivors)
    seen = await seen_before(connection, import_id, list(locked))
    slice_ = _Slice(plan, found, locked, seen, new)
    await asyncio.to_thread(slice_.decide, records, judged)
    slice_.told.counts.update(outcome.value for _, outcome, _ in slice_.told.outcomes)
    return slice_.told


def _keys(each: Prepared, wanted: tuple[str, ...]) -> Iterator[str]:
    assert each.columns is not None
    return (key for key in each.columns.keys if key.startswith(wanted)) if wanted else iter(())


def _judge_all(
    plan: Plan, records: Sequence[Prepared], rows: Sequence[asyncpg.Record], wanted: tuple[str, ...]
) -> tuple[Found, dict[int, Judged]]:
    """Compare every record with the titles that share a key with it. Costs CPU."""
    found = Found()
    looks = looks_into_records(plan.match)
    for row in rows:
        if row["key"] is None:
            found.by_number[row["match_key"]] = row
        else:
            found.by_key[row["key"]].append(row)
        if row["id"] not in found.sides:
            found.sides[row["id"]] = Side(
                row["match_key"],
                frozenset(row["keys"] or ()),
                row["author"],
                row["year"],
                row["format"],
                unpack(row["record"]) if looks else None,
            )
    return found, {each.ordinal: _judge(plan, each, found, wanted) for each in records}


def _side(told: TitleColumns, *, looks: bool) -> Side:
    record = unpack(told.record) if looks else None
    return Side(told.match_key, frozenset(told.keys), told.author, told.year, told.format, record)


def _judge(plan: Plan, each: Prepared, found: Found, wanted: tuple[str, ...]) -> Judged:
    assert each.columns is not None
    judged = Judged(each, each.columns, _side(each.columns, looks=looks_into_records(plan.match)))
    near: dict[UUID, asyncpg.Record] = {}
    own = found.by_number.get(each.columns.match_key)
    if own is not None and own["deleted_at"] is None:
        near[own["id"]] = own
    for key in _keys(each, wanted):
        rows = found.by_key.get(key, ())
        judged.crowded = judged.crowded or len(rows) > MOST_CANDIDATES
        near |= {row["id"]: row for row in rows}
    for title_id, row in near.items():
        candidate = compared(plan.match, judged.side, found.sides[title_id], title_id)
        if candidate.holds and plan.several == "best":
            candidate = replace(candidate, quality=quality(unpack(row["record"])))
        if candidate.points:
            judged.candidates.append(candidate)
    judged.candidates.sort(key=lambda one: (not one.holds, -one.score, -one.quality, one.title_id))
    judged.choice = Choice(many=True) if judged.crowded else chosen(judged.candidates, plan.several)
    return judged


@dataclass(slots=True)
class _Slice:
    """One slice, record by record, in the order of the file."""

    plan: Plan
    found: Found
    locked: Mapping[UUID, Known]
    seen: set[UUID]
    new: NewTitles
    told: Written = field(default_factory=Written)
    numbers: dict[str, UUID] = field(default_factory=dict)
    """Numbers that titles which are here are given by this slice."""

    def decide(self, records: Sequence[Prepared], judged: Mapping[int, Judged]) -> None:
        """Everything that becomes of them. Costs CPU."""
        for each in records:
            if each.columns is None:
                if each.outcome is None:
                    self.told.attach(each, self._known(), self.new)
                else:
                    self.told.outcomes.append((each, each.outcome, None))
                continue
            one = judged[each.ordinal]
            if one.candidates:
                self.told.matching[each.ordinal] = [_told(each) for each in one.candidates[:TOLD_CANDIDATES]]
            self._one(one)

    def _known(self) -> dict[str, Known]:
        """Titles that are here, by their numbers."""
        return {key: self.locked[row["id"]] for key, row in self.found.by_number.items()}

    def _one(self, one: Judged) -> None:
        each, choice = one.each, one.choice
        if choice.many:
            words = f"{sum(candidate.holds for candidate in one.candidates)} titles fit equally well."
            if one.crowded:
                words = f"More than {MOST_CANDIDATES} titles share a key with it."
            self.told.set_aside(each, Outcome.MATCHED_MANY, "matched-many", words)
            return
        own = self._own(one)
        title_id = choice.title_id
        if title_id is None and own is not None:
            if own.merged_into is not None:
                self._duplicate(one, own.merged_into)
                return
            if not own.deleted:
                words = f"Its number is title {own.id}'s, which does not fit."
                self.told.set_aside(each, Outcome.REJECTED, "control-number-taken", words)
                return
            title_id = own.id
        if title_id is not None:
            self._lay_over(one, self.locked[title_id])
        elif (before := self._made_before(one)) is not None:
            self._duplicate(one, before)
        elif self.plan.create:
            self._create(one)
        else:
            self.told.set_aside(each, Outcome.DISCARDED, "no-match", "No title fits, and none is to be made.")

    def _own(self, one: Judged) -> Known | None:
        row = self.found.by_number.get(one.told.match_key)
        return self.locked[row["id"]] if row is not None else None

    def _made_before(self, one: Judged) -> UUID | None:
        """A title that an earlier record of the file makes, and that this one fits."""
        if (same := self.new.numbered(one.told.match_key)) is not None:
            return same
        for key in one.told.keys:
            for title_id, side in self.new.sharing(key):
                if compared(self.plan.match, one.side, side, title_id).holds:
                    return title_id
        return None

    def _create(self, one: Judged) -> None:
        title_id = self.told.make(one.each, one.told, self.new)
        for key in _keys(one.each, prefixes(self.plan.match)):
            self.new.sides[key].append((title_id, one.side))

    def _duplicate(self, one: Judged, title_id: UUID) -> None:
        self.told.present.setdefault(title_id, one.told)
        self.told.outcomes.append((one.each, Outcome.DUPLICATE, title_id))

    def _lay_over(self, one: Judged, here: Known) -> None:
        """Over the title that it is about."""
        each = one.each
        if here.id in self.seen:
            self._duplicate(one, here.id)
            return
        result: tuple[TitleColumns, bool] | None = None
        if self.plan.update:
            kept, told = unpack(here.record), unpack(one.told.record)
            good, new, old = good_enough(kept, told, self.plan.overlay.least_ratio)
            if not good:
                words = f"Its quality is {new}, that of title {here.id} is {old}."
                self.told.set_aside(each, Outcome.REJECTED, "quality-lower", words)
                return
            after = overlaid(kept, told, self.plan.overlay)
            made = columns(after)
            if made.control_number is None:
                made.match_key = here.match_key
            if made.record != here.record or here.deleted:
                result = made, not is_brief(after)
        if result is not None and each.lossy:
            words = "The record lost content, and must not overwrite the whole one that is here."
            self.told.set_aside(each, Outcome.REJECTED, "damaged", words)
            return
        if result is not None and (holder := self._holder(result[0].match_key, here)) is not None:
            words = f"Its number is title {holder}'s, but title {here.id} fits."
            self.told.set_aside(each, Outcome.MATCHED_MANY, "control-number-elsewhere", words)
            return
        self.seen.add(here.id)
        self.told.present[here.id] = one.told
        if result is None:
            self.told.outcomes.append((each, Outcome.UNCHANGED, here.id))
            return
        self.numbers[result[0].match_key] = here.id
        self.told.updated.append((here, *result))
        self.told.outcomes.append((each, Outcome.UPDATED, here.id))

    def _holder(self, match_key: str, here: Known) -> UUID | None:
        """Another title that has the number which this one would be given."""
        if match_key == here.match_key:
            return None
        row = self.found.by_number.get(match_key)
        held = row["id"] if row is not None else self.new.numbered(match_key) or self.numbers.get(match_key)
        return held if held != here.id else None


def _told(candidate: Candidate) -> dict[str, Any]:
    return {
        "title_id": str(candidate.title_id),
        "holds": candidate.holds,
        "score": candidate.score,
        "points": list(candidate.points),
    }
