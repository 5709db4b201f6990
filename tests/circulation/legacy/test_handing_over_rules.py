"""What cannot be true is refused, with every reason; and old queues keep their order."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from circulation.legacy.rules import (
    Piece,
    Queued,
    Refusal,
    fee_refusals,
    hold_refusals,
    loan_refusals,
    queue_with,
)

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TITLE, OTHER = UUID(int=1), UUID(int=2)
FREE = Piece(title_ids=(TITLE,))
LOAN: dict[str, Any] = {
    "patron_known": True,
    "item": FREE,
    "point_known": True,
    "lent_at": NOW - 9 * DAY,
    "due_at": NOW - DAY,
    "now": NOW,
}
HOLD: dict[str, Any] = {
    "patron_known": True,
    "title_id": TITLE,
    "title_known": True,
    "item_named": False,
    "item": None,
    "on_item": False,
    "ready": False,
    "point_known": True,
    "pickup": True,
    "placed_at": NOW - DAY,
    "now": NOW,
}
FEE: dict[str, Any] = {
    "patron_known": True,
    "type_known": True,
    "loan_unknown": False,
    "item_unknown": False,
    "amount": 500,
    "remaining": 500,
    "currency": "EUR",
    "ours": "EUR",
    "charged_at": NOW - DAY,
    "now": NOW,
}
ON_SHELF = {"item_named": True, "item": FREE, "ready": True}


@pytest.mark.parametrize(
    ("changed", "refusals"),
    [
        ({}, []),
        ({"due_at": NOW + DAY}, []),
        ({"patron_known": False, "item": None, "point_known": False},
         [Refusal.PATRON_UNKNOWN, Refusal.ITEM_UNKNOWN, Refusal.SERVICE_POINT_UNKNOWN]),
        ({"item": Piece(lent=True)}, [Refusal.ITEM_LENT]),
        ({"item": Piece(kept=True)}, [Refusal.ITEM_KEPT]),
        ({"item": Piece(gone=True)}, [Refusal.ITEM_GONE]),
        ({"lent_at": NOW + DAY, "due_at": NOW + DAY}, [Refusal.IN_THE_FUTURE, Refusal.DUE_NOT_AFTER_LENT]),
        ({"lent_at": NOW}, [Refusal.DUE_NOT_AFTER_LENT]),
    ],
)  # fmt: skip
def test_a_loan_is_refused_for_what_cannot_be_true(changed: Any, refusals: list[Refusal]) -> None:
    assert loan_refusals(**LOAN | changed) == refusals


@pytest.mark.parametrize(
    ("changed", "refusals"),
    [
        ({}, []),
        (ON_SHELF, []),
        ({"item_named": True, "item": Piece(lent=True, title_ids=(TITLE,)), "on_item": True}, []),
        ({"patron_known": False, "title_known": False}, [Refusal.PATRON_UNKNOWN, Refusal.TITLE_UNKNOWN]),
        ({"item_named": True, "on_item": True}, [Refusal.ITEM_UNKNOWN]),
        ({"on_item": True}, [Refusal.ITEM_MISSING]),
        ({"ready": True}, [Refusal.ITEM_MISSING]),
        (ON_SHELF | {"title_id": OTHER}, [Refusal.ITEM_OF_OTHER_TITLE]),
        (ON_SHELF | {"item": Piece(lent=True, kept=True, gone=True, title_ids=(TITLE,))},
         [Refusal.ITEM_LENT, Refusal.ITEM_KEPT, Refusal.ITEM_GONE]),
        ({"point_known": False, "pickup": False}, [Refusal.SERVICE_POINT_UNKNOWN]),
        ({"pickup": False}, [Refusal.NO_PICKUP_POINT]),
        ({"placed_at": NOW + DAY}, [Refusal.IN_THE_FUTURE]),
    ],
)  # fmt: skip
def test_a_hold_is_refused_for_what_cannot_be_true(changed: Any, refusals: list[Refusal]) -> None:
    assert hold_refusals(**HOLD | changed) == refusals


@pytest.mark.parametrize(
    ("changed", "refusals"),
    [
        ({}, []),
        ({"remaining": 1}, []),
        ({"remaining": 501}, [Refusal.MORE_THAN_CHARGED]),
        ({"currency": "USD"}, [Refusal.OTHER_CURRENCY]),
        ({"patron_known": False, "type_known": False, "loan_unknown": True, "item_unknown": True},
         [Refusal.PATRON_UNKNOWN, Refusal.LOAN_UNKNOWN, Refusal.ITEM_UNKNOWN, Refusal.FEE_TYPE_UNKNOWN]),
        ({"charged_at": NOW + DAY}, [Refusal.IN_THE_FUTURE]),
    ],
)  # fmt: skip
def test_a_fee_is_refused_for_what_cannot_be_true(changed: Any, refusals: list[Refusal]) -> None:
    assert fee_refusals(**FEE | changed) == refusals


def queued(told: str) -> Queued:
    """`r7`: ready, seventh in the old queue; `w`: waiting, placed here."""
    state = {"r": "ready", "t": "in-transit", "w": "waiting"}[told[0]]
    return Queued(UUID(int=abs(hash(told))), state, int(told[1:]) if told[1:].isdigit() else None)


@pytest.mark.parametrize(
    ("present", "new", "order"),
    [
        ("", "w3 w1 w2", "w1 w2 w3"),
        ("w1 w2", "w3", "w1 w2 w3"),
        ("w1 w3", "w2", "w1 w2 w3"),
        ("wx", "w1", "wx w1"),
        ("w1 wx w3", "w2", "w1 wx w2 w3"),
        ("ty wx", "w2 r1", "ty r1 wx w2"),
        ("r2 w5", "r1 w4", "r1 r2 w4 w5"),
    ],
)
def test_a_queue_keeps_the_old_order_in_whatever_order_it_comes(present: str, new: str, order: str) -> None:
    told = [queued(each) for each in present.split()]

    assert queue_with(told, [queued(each) for each in new.split()]) == [
        queued(each) for each in order.split()
    ]
