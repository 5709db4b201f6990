"""Our refusals and states in the words of NCIP."""

import pytest

from circulation.items.rules import State
from circulation.ncip.rules import STATUS, is_hold, kind_of, problem_type, status_of


@pytest.mark.parametrize(
    ("service", "code", "told"),
    [
        ("CheckOutItem", "fees-owed", "User Blocked"),
        ("CheckOutItem", "item-not-loanable", "Item Does Not Circulate"),
        ("CheckOutItem", "loan-limit", "Maximum Check Outs Exceeded"),
        ("CheckOutItem", "item-on-loan", "Resource Cannot Be Provided"),
        ("RenewItem", "renewal-limit", "Maximum Renewals Exceeded"),
        ("RenewItem", "holds-wait", "Renewal Not Allowed - Item Has Outstanding Requests"),
        ("RenewItem", "due-date-unchanged", "Item Not Renewable"),
        ("RequestItem", "already-held", "Duplicate Request"),
        ("RequestItem", "patron-blocked", "User Blocked"),
        ("RequestItem", "pickup-not-allowed", "User Ineligible To Request This Item"),
        ("AcceptItem", "barcode-taken", "Cannot Accept Item"),
        ("AcceptItem", "patron-blocked", "User Blocked"),
        ("LookupItem", "odd", "Element Rule Violated"),
    ],
)
def test_a_refusal_has_a_word_of_the_service(service: str, code: str, told: str) -> None:
    assert problem_type(service, code) == told


def test_every_state_has_a_circulation_status() -> None:
    assert set(STATUS) == set(State)
    assert status_of("available", reshelving=True) == "Waiting To Be Reshelved"
    assert status_of("on-loan", reshelving=True) == "On Loan"


def test_what_is_wanted_is_a_hold_a_page_or_a_recall() -> None:
    assert [kind_of(each) for each in ("Hold", "Recall", "Stack Retrieval", "Loan")] == [
        None,
        "recall",
        "page",
        None,
    ]
    assert [is_hold(each) for each in ("Hold For Pickup", "Hold For Pickup And Notify", "Circulate")] == [
        True,
        True,
        False,
    ]
