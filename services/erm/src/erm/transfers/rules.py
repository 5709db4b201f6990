"""What does a title's transfer ask of the library? Decisions only: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from erm.agreements.rules import CLOSED


class TaskKind(StrEnum):
    """What is to be done."""

    NEW_PLATFORM = "new-platform"
    """Put the title on the receiving publisher's platform, so that links lead there."""
    PERPETUAL_RIGHT = "perpetual-right"
    """Have whoever grants it from now on confirm what was bought before."""
    AGREEMENT_LINE = "agreement-line"
    """It leaves what the line pays for: end it, or have it carried on."""


class TaskState(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"
    """It does not concern the library after all."""


@dataclass(frozen=True, slots=True)
class HeldRight:
    """A perpetual right in the title."""

    id: UUID
    status: str
    platform_id: UUID | None


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A line by which the title is to be had."""

    id: UUID
    agreement_status: str
    active_to: date | None
    platform_id: UUID


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done, and what it is about."""

    kind: TaskKind
    right_id: UUID | None = None
    line_id: UUID | None = None


def tasks(
    rights: Sequence[HeldRight],
    lines: Sequence[HeldLine],
    *,
    from_platform_id: UUID | None,
    effective_on: date,
) -> list[Task]:
    """What is to be done; nothing where the library has nothing of the title but its name.

    Rights that are lost are past help; a line that has ended by then, or of a closed agreement, pays for nothing.
    What lies on another platform than the one that it leaves stays there.
    """
    mine = [
        Task(TaskKind.PERPETUAL_RIGHT, right_id=right.id)
        for right in rights
        if right.status != "lost"
        and (from_platform_id is None or right.platform_id in (None, from_platform_id))
    ]
    mine += [
        Task(TaskKind.AGREEMENT_LINE, line_id=line.id)
        for line in lines
        if line.agreement_status != CLOSED
        and (line.active_to is None or line.active_to >= effective_on)
        and (from_platform_id is None or line.platform_id == from_platform_id)
    ]
    return [Task(TaskKind.NEW_PLATFORM), *mine] if mine else []
