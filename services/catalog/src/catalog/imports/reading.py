"""From a file to records ready to be stored, a slice at a time. Costs CPU: runs in a thread."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Final

from catalog.fastadd.rules import is_brief
from catalog.imports.held import Held, is_holdings, titles_of, told_by, told_in
from catalog.imports.rules import Outcome, bounded, discard_reason, reason
from catalog.marc.embedded import unclear
from catalog.marc.extract import extract
from catalog.marc.items import ItemFacts
from catalog.marc.problems import HARMLESS, LOSSY, Problem, Read
from catalog.marc.reading import MARC, read
from catalog.marc.record import Record
from catalog.profiles.rules import Embedded, Plan
from catalog.search.loading import entry_of
from catalog.titles.facts import TitleColumns, columns, storable

SLICE_RECORDS: Final = 1000
SLICE_SECONDS: Final = 0.3
SLICE_BYTES: Final = 8 * 1024 * 1024
KEPT_ORIGINAL: Final = 1 << 20
LONGEST: Final = {"barcode": 100, "call_number": 500, "legacy_id": 200}
_values: Final = attrgetter(*ItemFacts.__slots__[:-1])


@dataclass(slots=True)
class Prepared:
    """A record of the file: columns and items, or an outcome that reading alone has decided."""

    ordinal: int
    position: int
    columns: TitleColumns | None = None
    items: list[ItemFacts] = field(default_factory=list)
    outcome: Outcome | None = None
    reasons: list[dict[str, str]] = field(default_factory=list)
    control_number: str | None = None
    lossy: bool = False
    raw: bytes = b""
    entry: bytes | None = None
    """The record's part of its title's entry in the index (`catalog.search.loading`), where that is wanted."""
    whole: bool = True
    """Whether it says of itself that it is complete."""
    legacy_id: str | None = None
    """What the system knew it by that it was brought from."""
    held: list[Held] = field(default_factory=list)
    """Holdings that it tells of beside its items."""
    belongs_to: list[str] = field(default_factory=list)
    """Of a holdings record: match keys of its title, the first that is here."""


@dataclass(slots=True)
class Slice:
    """Some records, and where the file goes on behind them."""

    records: list[Prepared]
    end: int
    last: bool


class FileReader:
    """Reads one file from where the last committed slice ended."""

    def __init__(
        self, path: Path, media_type: str, plan: Plan, *, position: int, ordinal: int, limit: int
    ) -> None:
        self._path = path
        self._media_type = media_type
        self._plan = plan
        self._position = position
        self._ordinal = ordinal
        self._limit = limit
        self._reads: Iterator[Read] | None = None
        self._ahead: Read | None = None
        self._base = 0
        self.size = path.stat().st_size

    def _begin(self) -> Iterator[Read]:
        """ISO 2709 is taken up at a byte; the other formats are read over from their beginning."""
        with self._path.open("rb") as file:
            if self._media_type == MARC:
                file.seek(self._position)
                self._base = self._position
                yield from read(file, self._media_type, max_record=self._limit)
                return
            for count, found in enumerate(read(file, self._media_type, max_record=self._limit)):
                if count >= self._ordinal:
                    yield found

    def next_slice(self, most: int = SLICE_RECORDS, *, entries: bool = False) -> Slice:
        """The next records; time, number and bytes are bounded, so that a slice is written in half a second.

        `entries`: with their entries for the index, which is worth it where most of them are new.
        """
        if self._reads is None:
            self._reads = self._begin()
            self._ahead = next(self._reads, None)
        records: list[Prepared] = []
        began, taken = time.monotonic(), 0
        while self._ahead is not None and len(records) < most:
            found, self._ahead = self._ahead, next(self._reads, None)
            self._ordinal += 1
            position = self._base + found.position
            records.append(prepared(found, self._ordinal, position, self._plan, entries=entries))
            taken += len(found.raw)
            if taken > SLICE_BYTES or time.monotonic() - began > SLICE_SECONDS:
                break
        if self._ahead is None:
            return Slice(records, self.size, last=True)
        return Slice(records, self._base + self._ahead.position, last=False)

    def close(self) -> None:
        """Let go of the file."""
        if self._reads is not None:
            self._reads.close()  # type: ignore[attr-defined]  # a generator


def prepared(found: Read, ordinal: int, position: int, plan: Plan, *, entries: bool = False) -> Prepared:
    """Take a record apart; whatever goes wrong concerns this record alone."""
    told = Prepared(ordinal, position)
    if found.problems:
        told.reasons = bounded(_reason(each) for each in found.problems if each.code not in HARMLESS)
        told.lossy = any(each.code in LOSSY for each in found.problems)
    record = found.record
    if record is None:
        told.outcome, told.raw = Outcome.REJECTED, found.raw[:KEPT_ORIGINAL]
        return told
    told.raw = found.raw
    try:
        told.control_number = storable((record.control("001") or "").strip()[:200]) or None
        code = discard_reason(record.leader)
        if code == "not-bibliographic" and plan.embedded is not None and is_holdings(record.leader):
            return _of_holdings(told, record, plan, plan.embedded)
        if code is not None:
            told.outcome = Outcome.DISCARDED
            told.reasons.append(reason(code, f"The leader is {record.leader!r}."))
            return told
        if plan.items is not None:
            told.items = [_storable(item) for item in plan.items_of(record)]
        if plan.embedded is not None:
            told.held = told_in(record, plan.embedded)
            if unclear(record):
                words = "Nothing tells to which 852 it belongs: link the fields by $8, or put them behind it."
                told.reasons.append(reason("holdings-unclear", words, "866"))
        if plan.legacy is not None:
            told.legacy_id = storable((plan.legacy.id_of(record) or "")[:200]) or None
        told.whole = not is_brief(record)
        record = plan.taken(record)
        if entries:
            facts = extract(record)
            told.entry = entry_of(facts)
            told.columns = columns(record, facts)
        else:
            told.columns = columns(record)
    except Exception as error:  # one record's oddity must not end a job of a million
        told.outcome, told.columns, told.items, told.entry = Outcome.FAILED, None, [], None
        told.held, told.belongs_to = [], []
        told.reasons.append(reason("not-storable", f"{type(error).__name__}: {error}"))
    return told


def _of_holdings(told: Prepared, record: Record, plan: Plan, embedded: Embedded) -> Prepared:
    """A record of MARC 21 Holdings: its title is found by 004, and is another record's."""
    told.belongs_to = titles_of(record)
    if not told.belongs_to:
        told.outcome = Outcome.REJECTED
        told.reasons.append(
            reason("title-missing", "The record does not say whose holdings it is of.", "004")
        )
        return told
    told.held = [told_by(record, embedded)]
    if plan.items is not None:
        told.items = [_storable(item) for item in plan.items_of(record)]
    return told


def _reason(problem: Problem) -> dict[str, str]:
    return reason(problem.code.value, problem.message, problem.where or None)


def _storable(item: ItemFacts) -> ItemFacts:
    """Without NUL; what is beyond any shelf mark's length is cut."""
    values = _values(item)
    whole = "".join(filter(None, (*values, *(item.described or {}).values())))
    if len(whole) <= LONGEST["barcode"] and "\x00" not in whole:
        return item
    return ItemFacts(
        **{
            name: storable(value)[: LONGEST.get(name, 500)] if value is not None else None  # type: ignore[index]
            for name, value in zip(ItemFacts.__slots__[:-1], values, strict=True)
        },
        described={name: str(storable(value))[:500] for name, value in (item.described or {}).items()}
        or None,
    )
