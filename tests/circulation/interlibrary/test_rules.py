"""Which copies may go to a partner."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from circulation.interlibrary.rules import Copy, may_go, stops_patron, to_be_tried, why_none
from circulation.patrons.rules import Beyond, Measure
from support.desk import NOW

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


@pytest.mark.parametrize(
    ("library", "besides", "left"),
    [
        pytest.param(None, [], [A, B], id="any"),
        pytest.param("EAST", [], [B], id="of one branch"),
        pytest.param(None, [A], [B], id="but not the one that was looked for in vain"),
        pytest.param("MAIN", [A], [], id="none is left there"),
    ],
)
def test_another_branch_is_tried_and_what_was_missed_is_not(
    library: str | None, besides: list[UUID], left: list[UUID]
) -> None:
    copies = [replace(FREE, library="MAIN"), replace(OUT, library="EAST")]

    assert [copy.item_id for copy in to_be_tried(copies, library=library, besides=besides)] == left


OWES = Beyond(Measure.BALANCE, 900, 500)


@pytest.mark.parametrize(
    ("stands", "stops"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"expires_at": NOW}, ["card-expired"], id="a card that has run out"),
        pytest.param(
            {"active": False, "blocked": True, "beyond": [OWES]},
            ["patron-inactive", "patron-blocked", "fees-owed"],
            id="everything at once",
        ),
    ],
)
def test_what_would_stop_a_hold_stops_a_wish_of_other_libraries(
    stands: dict[str, Any], stops: list[str]
) -> None:
    well: dict[str, Any] = {"active": True, "expires_at": None, "blocked": False, "beyond": []}

    assert stops_patron(**well | stands, now=NOW) == stops
