"""Can what a record made be taken back? Decisions only: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from catalog.imports.rules import Outcome


class UndoState(StrEnum):
    """Where the taking back of an import stands; `waiting`: circulation is asked for items."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    FINISHED = "finished"
    FINISHED_WITH_CONFLICTS = "finished-with-conflicts"


class Undone(StrEnum):
    """What became of what a record had made."""

    REMOVED = "removed"
    """The title is out of the catalogue, with its holdings and items."""
    RESTORED = "restored"
    """Title and items are as they were before."""
    WAITING = "waiting"
    """Circulation has been asked for its items."""
    CONFLICT = "conflict"
    """Somebody has worked with it since: nothing of it was touched."""


OPEN: Final = (UndoState.QUEUED, UndoState.RUNNING, UndoState.WAITING)


@dataclass(frozen=True, slots=True)
class MadeItem:
    """An item of the title."""

    id: UUID
    base_state: str
    made_here: bool
    """By this import."""
    asked: bool = False
    """Its withdrawal is asked for and not decided."""
    refusals: tuple[str, ...] = ()
    """Why circulation has not let it go, when this undo asked."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a record has made, and how that stands now."""

    outcome: Outcome
    made: int | None
    """The version of the title that it made."""
    version: int
    deleted: bool = False
    merged: bool = False
    as_before: bool = False
    """The title's record is what it was before the import."""
    number_taken: bool = False
    """The number that the title had then has another one now."""
    bound: int = 0
    """Items of other titles that the title is bound into."""
    items: tuple[MadeItem, ...] = ()
    changed_items: int = 0
    """Items that the import changed and that stand as it left them."""
    worked_items: int = 0
    """Items that the import changed and somebody else has changed since."""
    shelves: int = 0
    """Holdings that the import made, and that are here."""
    changed_shelves: int = 0
    """Holdings whose record the import changed, and that stand as it left them."""
    worked_shelves: int = 0
    """Holdings whose record the import changed, and that somebody has changed, moved or deleted since."""


@dataclass(slots=True)
class Verdict:
    """What is to be done; none of it where there is a conflict."""

    outcome: Undone | None
    """None: the record had made nothing."""
    reasons: list[tuple[str, str]] = field(default_factory=list)
    withdraw: list[UUID] = field(default_factory=list)
    delete: bool = False
    restore: bool = False
    restore_items: bool = False
    restore_shelves: bool = False


def judged(case: Case) -> Verdict:
    """Every reason against it, or what is to be done."""
    if case.outcome is Outcome.CREATED and case.deleted and not case.merged:
        return Verdict(Undone.REMOVED)
    mine = [item for item in case.items if item.made_here and item.base_state != "withdrawn"]
    if reasons := [*_of_title(case), *_of_items(case, mine)]:
        return Verdict(Undone.CONFLICT, reasons)
    ask = [item.id for item in mine if not item.asked]
    if mine:
        return Verdict(Undone.WAITING, withdraw=ask)
    if case.outcome is Outcome.CREATED:
        return Verdict(Undone.REMOVED, delete=True)
    restore = case.outcome is Outcome.UPDATED and not case.as_before
    had_items = any(item.made_here for item in case.items)
    changed = case.changed_items or case.changed_shelves
    if case.outcome is Outcome.UPDATED or had_items or changed or case.shelves:
        return Verdict(
            Undone.RESTORED,
            restore=restore,
            restore_items=bool(case.changed_items),
            restore_shelves=bool(case.changed_shelves),
        )
    return Verdict(None)


def _of_title(case: Case) -> list[tuple[str, str]]:
    if case.outcome not in (Outcome.CREATED, Outcome.UPDATED):
        return []
    told = []
    if case.merged:
        told.append(("title-merged", "The title was merged into another."))
    elif case.deleted:
        told.append(("title-deleted", "The title was deleted since."))
    elif case.version != case.made and not case.as_before:
        told.append(
            ("title-changed", f"The import made version {case.made}, the title is at {case.version}.")
        )
    if case.outcome is Outcome.UPDATED and case.number_taken and not case.as_before:
        told.append(("control-number-taken", "Another title has its former number now."))
    if case.outcome is Outcome.CREATED:
        if foreign := sum(not item.made_here and item.base_state != "withdrawn" for item in case.items):
            told.append(("items-left", f"{foreign} items were added since."))
        if case.bound:
            told.append(("bound-with", f"The title is bound into {case.bound} items of other titles."))
    return told


def _of_items(case: Case, mine: Sequence[MadeItem]) -> list[tuple[str, str]]:
    told = [
        ("item-worked-with", f"Item {item.id} is {item.base_state}.")
        for item in mine
        if item.base_state != "active"
    ]
    told += [
        ("withdrawal-refused", f"Circulation keeps item {item.id}: {', '.join(item.refusals)}.")
        for item in mine
        if item.refusals
    ]
    if case.worked_items:
        told.append(("items-changed", f"{case.worked_items} items were changed since."))
    if case.worked_shelves:
        told.append(("holdings-changed", f"{case.worked_shelves} holdings were changed since."))
    return told
