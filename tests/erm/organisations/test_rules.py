"""Numbers of bank accounts, and who confirms them: examples."""

import pytest

from erm.organisations.rules import bic, iban, may_confirm


@pytest.mark.parametrize(
    ("told", "number"),
    [
        ("GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("de89370400440532013000", "DE89370400440532013000"),
        ("NO93 8601 1117 947", "NO9386011117947"),
        ("GB82 WEST 1234 5698 7654 23", None),  # two digits changed places
        ("DE89370400440532013001", None),
        ("GB82-WEST-1234", None),
        ("٣٣89370400440532013000", None),
        ("", None),
    ],
)
def test_an_iban_has_the_right_check_digits(told: str, number: str | None) -> None:
    assert iban(told) == number


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ("deutdeff", "DEUTDEFF"),
        ("DEUT DE FF 500", "DEUTDEFF500"),
        ("DEUTDEFF50", None),
        ("DEUT12FF", None),
    ],
)
def test_a_bic_names_a_bank_in_a_country(told: str, code: str | None) -> None:
    assert bic(told) == code


@pytest.mark.parametrize(
    ("state", "by", "flaws"),
    [
        ("unconfirmed", "staff:b", []),
        ("unconfirmed", "staff:a", ["told-by-yourself"]),
        ("confirmed", "staff:b", ["bank-account-state"]),
        ("closed", "staff:a", ["bank-account-state", "told-by-yourself"]),
    ],
)
def test_numbers_are_confirmed_by_somebody_else(state: str, by: str, flaws: list[str]) -> None:
    assert may_confirm(state=state, told_by="staff:a", by=by) == flaws
