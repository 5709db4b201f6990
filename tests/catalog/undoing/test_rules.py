"""Whether what a record made can be taken back."""

from dataclasses import replace
from uuid import UUID

import pytest

from catalog.imports.rules import Outcome
from catalog.undoing.rules import Case, MadeItem, Undone, judged

MADE = Case(Outcome.CREATED, 1, 1)
CHANGED = Case(Outcome.UPDATED, 3, 3)
ITEM = MadeItem(UUID(int=1), "active", made_here=True)
FOREIGN = replace(ITEM, made_here=False)
GONE = replace(ITEM, base_state="withdrawn")


@pytest.mark.parametrize(
    ("case", "outcome", "codes"),
    [
        (MADE, Undone.REMOVED, []),
        (replace(MADE, deleted=True, version=2), Undone.REMOVED, []),
        (replace(MADE, items=(ITEM,)), Undone.WAITING, []),
        (replace(MADE, items=(GONE,)), Undone.REMOVED, []),
        (replace(MADE, version=2), Undone.CONFLICT, ["title-changed"]),
        (replace(MADE, merged=True, deleted=True, version=2), Undone.CONFLICT, ["title-merged"]),
        (replace(MADE, items=(FOREIGN,), bound=1), Undone.CONFLICT, ["items-left", "bound-with"]),
        (replace(MADE, items=(replace(ITEM, base_state="missing"),)), Undone.CONFLICT, ["item-worked-with"]),
        (replace(MADE, items=(replace(ITEM, refusals=("on-loan",)),)), Undone.CONFLICT, ["withdrawal-refused"]),
        (CHANGED, Undone.RESTORED, []),
        (replace(CHANGED, version=4), Undone.CONFLICT, ["title-changed"]),
        (replace(CHANGED, version=4, as_before=True), Undone.RESTORED, []),
        (replace(CHANGED, number_taken=True), Undone.CONFLICT, ["control-number-taken"]),
        (replace(CHANGED, worked_items=1), Undone.CONFLICT, ["items-changed"]),
        (Case(Outcome.UNCHANGED, None, 7), None, []),
        (Case(Outcome.DUPLICATE, None, 7, items=(ITEM,)), Undone.WAITING, []),
        (Case(Outcome.UNCHANGED, None, 7, items=(GONE,)), Undone.RESTORED, []),
        (Case(Outcome.UNCHANGED, None, 7, changed_items=1), Undone.RESTORED, []),
        (Case(Outcome.UNCHANGED, None, 7, changed_shelves=1), Undone.RESTORED, []),
        (Case(Outcome.UNCHANGED, None, 7, changed_shelves=1, worked_shelves=1), Undone.CONFLICT, ["holdings-changed"]),
    ],
)  # fmt: skip
def test_what_nobody_has_worked_with_is_taken_back(
    case: Case, outcome: Undone | None, codes: list[str]
) -> None:
    verdict = judged(case)

    assert (verdict.outcome, [code for code, _ in verdict.reasons]) == (outcome, codes)


def test_what_is_in_conflict_is_not_touched_at_all() -> None:
    verdict = judged(replace(MADE, version=2, items=(ITEM,)))

    assert (verdict.withdraw, verdict.delete, verdict.restore, verdict.restore_items) == (
        [],
        False,
        False,
        False,
    )


def test_circulation_is_asked_once_for_an_item() -> None:
    assert judged(replace(MADE, items=(ITEM,))).withdraw == [ITEM.id]
    assert judged(replace(MADE, items=(replace(ITEM, asked=True),))).withdraw == []


def test_only_what_was_changed_is_put_back() -> None:
    shelf = judged(replace(CHANGED, as_before=True, changed_shelves=2))
    item = judged(replace(CHANGED, as_before=True, changed_items=2))

    assert (shelf.restore_shelves, shelf.restore_items, shelf.restore) == (True, False, False)
    assert (item.restore_shelves, item.restore_items, item.restore) == (False, True, False)
