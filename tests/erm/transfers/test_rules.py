"""What a transfer asks of the library, by what the library has."""

from datetime import date
from uuid import UUID

import pytest

from erm.transfers.rules import HeldLine, HeldRight, TaskKind, tasks

DAY = date(2028, 1, 1)
OLD, OTHER, ONE, TWO = (UUID(int=n) for n in range(1, 5))
RIGHT, LINE = HeldRight(ONE, "confirmed", OLD), HeldLine(TWO, "active", None, OLD)


@pytest.mark.parametrize(
    ("rights", "lines", "leaves", "kinds"),
    [
        ([], [], OLD, []),
        ([RIGHT], [], OLD, [TaskKind.NEW_PLATFORM, TaskKind.PERPETUAL_RIGHT]),
        ([RIGHT], [LINE], None, [TaskKind.NEW_PLATFORM, TaskKind.PERPETUAL_RIGHT, TaskKind.AGREEMENT_LINE]),
        ([HeldRight(ONE, "lost", OLD)], [], OLD, []),
        ([HeldRight(ONE, "claimed", OTHER)], [], OLD, []),
        ([HeldRight(ONE, "claimed", OTHER)], [], None, [TaskKind.NEW_PLATFORM, TaskKind.PERPETUAL_RIGHT]),
        ([HeldRight(ONE, "disputed", None)], [], OLD, [TaskKind.NEW_PLATFORM, TaskKind.PERPETUAL_RIGHT]),
        ([], [HeldLine(TWO, "closed", None, OLD)], OLD, []),
        ([], [HeldLine(TWO, "active", date(2027, 12, 31), OLD)], OLD, []),
        ([], [HeldLine(TWO, "active", DAY, OLD)], OLD, [TaskKind.NEW_PLATFORM, TaskKind.AGREEMENT_LINE]),
        ([], [HeldLine(TWO, "active", None, OTHER)], OLD, []),
    ],
)
def test_only_what_the_library_has_is_to_be_seen_to(
    rights: list[HeldRight], lines: list[HeldLine], leaves: UUID | None, kinds: list[TaskKind]
) -> None:
    asked = tasks(rights, lines, from_platform_id=leaves, effective_on=DAY)

    assert [task.kind for task in asked] == kinds
    assert [task.right_id for task in asked if task.kind == TaskKind.PERPETUAL_RIGHT] == [ONE] * (
        TaskKind.PERPETUAL_RIGHT in kinds
    )
