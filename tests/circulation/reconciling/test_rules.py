"""What differs, and what of it is put right: examples."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from circulation.reconciling.rules import REPAIRED, Kind, fee_findings, item_findings, patron_findings

WHO, LOAN = UUID(int=1), UUID(int=2)
DUE = datetime(2027, 3, 1, 22, tzinfo=UTC)
PATRON = {"id": WHO, "open_loans": 2, "claims_open": 1, "owed": 250, "loans": 2, "claims": 1, "owing": 250}
SHELVED: dict[str, Any] = {
    "id": WHO,
    "base": "active",
    "state": "available",
    "loan_id": None,
    "due_at": None,
    "loss": None,
    "hold_shelf": False,
    "transit_to": None,
    "hold_id": None,
    "withdrawal_id": None,
    "lent_id": None,
    "lent_until": None,
    "claimed_at": None,
    "lost_at": None,
}
LENT = SHELVED | {"state": "on-loan", "loan_id": LOAN, "due_at": DUE, "lent_id": LOAN, "lent_until": DUE}


@pytest.mark.parametrize(
    ("facts", "found"),
    [
        ({}, []),
        ({"open_loans": 3}, [Kind.LOANS_MISCOUNTED]),
        ({"claims": 0}, [Kind.LOANS_MISCOUNTED]),
        ({"owing": 0}, [Kind.DEBT_MISCOUNTED]),
        ({"open_loans": 0, "owed": 251}, [Kind.LOANS_MISCOUNTED, Kind.DEBT_MISCOUNTED]),
    ],
)
def test_a_patrons_counters_are_what_they_count(facts: dict[str, Any], found: list[Kind]) -> None:
    assert [each.kind for each in patron_findings(PATRON | facts)] == found


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (SHELVED, []),
        (LENT, []),
        (LENT | {"loss": "lost", "lost_at": DUE, "state": "lost"}, []),
        (SHELVED | {"loss": "missing", "state": "unavailable"}, []),
        (LENT | {"lent_id": None, "lent_until": None}, [Kind.ITEM_UNLIKE_LOAN, Kind.ITEM_STATE]),
        (SHELVED | {"lent_id": LOAN, "lent_until": DUE}, [Kind.ITEM_UNLIKE_LOAN, Kind.ITEM_STATE]),
        (LENT | {"due_at": datetime(2027, 3, 2, tzinfo=UTC)}, [Kind.ITEM_UNLIKE_LOAN]),
        (LENT | {"claimed_at": DUE}, [Kind.ITEM_UNLIKE_LOAN, Kind.ITEM_STATE]),
        (SHELVED | {"state": "on-hold-shelf"}, [Kind.ITEM_STATE]),
        (SHELVED | {"hold_id": LOAN}, [Kind.ITEM_STATE]),
    ],
)
def test_an_item_is_what_its_loan_and_its_facts_make_it(item: dict[str, Any], found: list[Kind]) -> None:
    assert [each.kind for each in item_findings(item)] == found


def test_a_fee_is_never_put_right_by_itself() -> None:
    [found] = fee_findings({"id": WHO, "remaining": 100, "balance": 40})

    assert (found.kept, found.counted) == ({"remaining": 100}, {"remaining": 40})
    assert found.kind not in REPAIRED
    assert fee_findings({"id": WHO, "remaining": 40, "balance": 40}) == []
