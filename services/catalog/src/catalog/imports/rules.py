"""What becomes of a record and of its items. Decisions only: no file, no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class JobState(StrEnum):
    """Where an import job stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FINISHED_WITH_ERRORS = "finished-with-errors"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What became of a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    """The same file held it before; the first one counts, the items of both do."""
    DISCARDED = "discarded"
    """Not meant to be here: marked as deleted, or no bibliographic record."""
    MATCHED_MANY = "matched-many"
    """Several titles fit, and nothing decides between them; its bytes are kept."""
    REJECTED = "rejected"
    """Too damaged or too poor to be taken; its bytes are kept."""
    FAILED = "failed"
    """Could not be stored; its bytes are kept."""

    @property
    def column(self) -> str:
        """Of the job's counts."""
        return self.value.replace("-", "_")


KEEPING: Final = frozenset({Outcome.MATCHED_MANY, Outcome.REJECTED, Outcome.FAILED})
"""Records that were set aside, whose bytes are kept: they can be taken up again."""


OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)
HOLDINGS_KINDS: Final = frozenset("uvxy")
"""Leader/06 of holdings records."""
NOT_BIBLIOGRAPHIC = frozenset("uvxyz")
"""Leader/06 of holdings (u, v, x, y) and authority (z) records."""


def discard_reason(leader: str) -> str | None:
    """Why a sound record is not meant for the catalogue, as a code."""
    if leader[5:6] == "d":
        return "record-deleted"
    return "not-bibliographic" if leader[6:7] in NOT_BIBLIOGRAPHIC else None


def record_outcome(*, known: bool, seen_in_file: bool, same: bool, lossy: bool) -> Outcome:
    """A readable record's fate: a damaged one never overwrites a whole one."""
    if seen_in_file:
        return Outcome.DUPLICATE
    if not known:
        return Outcome.CREATED
    if same:
        return Outcome.UNCHANGED
    return Outcome.REJECTED if lossy else Outcome.UPDATED


def final_state(counts: Mapping[str, int], *, item_problems: int) -> JobState:
    """How a job that was read to the end has ended."""
    errors = sum(counts[outcome] for outcome in KEEPING) + item_problems
    return JobState.FINISHED_WITH_ERRORS if errors else JobState.FINISHED


def rest(worked: float, *, share: float) -> float:
    """Seconds to rest after so many of work, so that work is this share of the time (above 0, at most 1)."""
    return worked * (1 / share - 1)


@dataclass(slots=True)
class ItemData:
    """An item's facts, as a record tells them or as they are kept. Nobody changes one."""

    barcode: str | None
    location_id: UUID
    material_type: str
    loan_type: str
    call_number: str | None
    volume: str | None
    copy_number: str | None
    note: str | None
    purchase_minor: int | None = None
    purchase_currency: str | None = None
    replacement_minor: int | None = None
    replacement_currency: str | None = None
    described: Mapping[str, Any] | None = None
    """Facts that most items have none of, as columns; those that it has."""

    @property
    def elsewhere(self) -> UUID | None:
        """Where it stands for a time."""
        if self.described is None or (found := self.described.get("temporary_location_id")) is None:
            return None
        return UUID(found)

    @property
    def shelf_mark(self) -> tuple[UUID, str | None, str | None, str | None]:
        """What an item without a barcode is recognised by."""
        return (self.location_id, self.call_number, self.volume, self.copy_number)


def merged(kept: ItemData, told: ItemData) -> ItemData:
    """What a record tells counts; what it leaves out stays as it is kept."""
    bought = told if told.purchase_minor is not None else kept
    replaced = told if told.replacement_minor is not None else kept
    known, news = kept.described or {}, dict(told.described or {})
    if "missing_pieces" in known:  # somebody has counted them since
        news.pop("pieces", None)
    if news.get("temporary_location_id", known.get("temporary_location_id")) != known.get(
        "temporary_location_id"
    ):
        news["temporary_location_ends_at"] = None  # it was the other place's
    return ItemData(
        barcode=kept.barcode,
        location_id=told.location_id,
        material_type=told.material_type,
        loan_type=told.loan_type,
        call_number=told.call_number or kept.call_number,
        volume=told.volume or kept.volume,
        copy_number=told.copy_number or kept.copy_number,
        note=told.note or kept.note,
        purchase_minor=bought.purchase_minor,
        purchase_currency=bought.purchase_currency,
        replacement_minor=replaced.replacement_minor,
        replacement_currency=replaced.replacement_currency,
        described={**known, **news} or None,
    )


def reason(code: str, text: str, where: str | None = None) -> dict[str, str]:
    """One reason of an outcome, bounded."""
    told = {"code": code, "text": text[:300]}
    return told | {"where": where} if where else told


def bounded(reasons: Iterable[dict[str, str]], *, most: int = 20) -> list[dict[str, str]]:
    """The first reasons; the rest only counted."""
    every = list(reasons)
    if len(every) <= most:
        return every
    return [*every[:most], reason("more", f"and {len(every) - most} more")]
