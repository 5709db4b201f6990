"""What a partner's message means: examples."""

import pytest

from ill.iso18626.rules import (
    BY_STATUS,
    ENDS,
    RANK,
    Meaning,
    SupplierSays,
    action_means,
    agrees,
    counts,
    supplier_says,
    tells_of_duplicate,
)


@pytest.mark.parametrize(
    ("before", "status", "moves"),
    [
        (None, "RequestReceived", True),
        ("WillSupply", "ExpectToSupply", False),
        ("WillSupply", "WillSupply", False),
        ("ExpectToSupply", "WillSupply", True),
        ("Loaned", "Overdue", True),
        ("Overdue", "Loaned", True),
        ("Recalled", "Overdue", True),
        ("Recalled", "Loaned", False),
        ("Loaned", "WillSupply", False),
        ("Unfilled", "Loaned", False),
        ("LoanCompleted", "Overdue", False),
        ("CopyCompleted", "LoanCompleted", False),
        ("Recalled", "LoanCompleted", True),
    ],
)
def test_a_lower_status_comes_too_late_and_nothing_moves_from_an_end(
    before: str | None, status: str, moves: bool
) -> None:
    assert counts(status, before=before) is moves


def test_every_status_has_a_rank_and_a_meaning() -> None:
    assert RANK.keys() == BY_STATUS.keys()
    assert RANK.keys() >= ENDS


ON_CONDITION = SupplierSays("StatusChange", "WillSupply", conditional=True)
DUPLICATE = SupplierSays("RequestResponse", "Unfilled", duplicate=True)


@pytest.mark.parametrize(
    ("says", "before", "meaning"),
    [
        (SupplierSays("Notification", "Unfilled"), None, Meaning("supplier-writes")),
        (SupplierSays("StatusChange"), "WillSupply", Meaning()),
        (SupplierSays("RequestResponse", "WillSupply"), None, Meaning("supplier-will", "WillSupply")),
        (ON_CONDITION, "WillSupply", Meaning("supplier-conditional", "WillSupply")),
        (SupplierSays("StatusChange", "ExpectToSupply"), "WillSupply", Meaning()),
        (DUPLICATE, None, Meaning("supplier-has-duplicate", "Unfilled")),
        (SupplierSays("StatusChange", "Cancelled"), "WillSupply", Meaning("supplier-cannot", "Cancelled")),
        (SupplierSays("RenewResponse", "Loaned", "Y"), "Overdue", Meaning("supplier-renews", "Loaned")),
        (SupplierSays("RenewResponse", "Loaned", "Y"), "Recalled", Meaning("supplier-renews", "Loaned")),
        (SupplierSays("RenewResponse", "Overdue", "N"), "Overdue", Meaning("supplier-declines-renewal")),
        (SupplierSays("RenewResponse", "Unfilled", "Y"), "Loaned", Meaning(wrong="answerYesNo")),
        (SupplierSays("RenewResponse", "Loaned"), "Loaned", Meaning(wrong="answerYesNo")),
        (SupplierSays("CancelResponse", "Cancelled", "Y"), "WillSupply", Meaning("cancel-agreed", "Cancelled")),
        (SupplierSays("CancelResponse", None, "Y"), "WillSupply", Meaning("cancel-agreed", "Cancelled")),
        (SupplierSays("CancelResponse", "WillSupply", "N"), "WillSupply", Meaning("cancel-declined")),
        (SupplierSays("CancelResponse", None, "N"), "WillSupply", Meaning("cancel-declined")),
        (SupplierSays("CancelResponse", "Loaned", "N"), "WillSupply", Meaning("supplier-shipped", "Loaned")),
        (SupplierSays("CancelResponse", "CopyCompleted", "N"), "CopyCompleted", Meaning("cancel-declined")),
        (SupplierSays("CancelResponse", "Loaned", "Y"), "WillSupply", Meaning(wrong="answerYesNo")),
        (SupplierSays("CancelResponse", "Cancelled", "N"), "WillSupply", Meaning(wrong="answerYesNo")),
        (SupplierSays("CancelResponse", "Cancelled"), "WillSupply", Meaning(wrong="answerYesNo")),
    ],
)  # fmt: skip
def test_what_a_supplier_says_means(says: SupplierSays, before: str | None, meaning: Meaning) -> None:
    assert supplier_says(says, before=before, cancelling=False) == meaning


def test_cancelled_is_the_answer_to_our_cancel_or_else_a_refusal() -> None:
    says = SupplierSays("StatusChange", "Cancelled")

    assert supplier_says(says, before=None, cancelling=True).event == "cancel-agreed"
    assert supplier_says(says, before=None, cancelling=False).event == "supplier-cannot"


@pytest.mark.parametrize(
    ("note", "agreed"),
    [
        ("ACCEPT", True),
        ("Conditions accepted", True),
        ("#ReShareLoanConditionAgreeResponse# fine", True),
        ("We cannot ACCEPT", False),
        ("Acceptable?", False),
        (None, False),
    ],
)
def test_a_note_agrees_to_a_condition(note: str | None, agreed: bool) -> None:
    assert agrees(note) is agreed
    event = action_means("Notification", note=note, awaits_agreement=True)
    assert event == ("partner-agrees" if agreed else "partner-writes")
    assert action_means("Notification", note=note, awaits_agreement=False) == "partner-writes"


def test_a_duplicate_is_told_as_a_reason_or_in_the_note() -> None:
    assert tells_of_duplicate("Duplicate", None)
    assert tells_of_duplicate(None, "DUPLICATE request")
    assert not tells_of_duplicate("NotOwned", "no duplicate here")
