"""Which copies may go to a partner."""

from uuid import UUID

import pytest

from circulation.interlibrary.rules import Copy, may_go, why_none

A, B, TITLE = UUID(int=1), UUID(int=2), UUID(int=3)
FREE, OUT = Copy(A, available=True, loanable=True), Copy(B, available=False, loanable=True)
HERE_ONLY = Copy(B, available=True, loanable=False)


def test_a_copy_goes_that_stands_on_its_shelf_and_may_be_lent() -> None:
    assert may_go([OUT, HERE_ONLY, FREE]) == [A]


@pytest.mark.parametrize(
    ("copies", "reasons"),
    [
        pytest.param([], ["not-held"], id="we have none"),
        pytest.param([OUT], ["none-on-shelf"], id="it is out"),
        pytest.param([HERE_ONLY], ["not-for-loan"], id="it is for use here"),
        pytest.param([OUT, HERE_ONLY], ["none-on-shelf", "not-for-loan"], id="both"),
    ],
)
def test_every_reason_is_told_once(copies: list[Copy], reasons: list[str]) -> None:
    assert why_none({TITLE: copies, A: copies}) == reasons
