"""Which values and which holds stay when registrations become one: no fixtures, no clock."""

from typing import Any
from uuid import UUID

import pytest

from circulation.merges.rules import LISTS, SCALARS, OpenHold, differing, given_up, values_after

A, B, C = (UUID(int=n) for n in (1, 2, 3))
NOBODY: dict[str, Any] = (
    dict.fromkeys(SCALARS)
    | {name: [] for name in LISTS}
    | {"statistics": {}, "custom": {}, "tags": [], "note": None}
)


def registered(id_: UUID, **told: Any) -> dict[str, Any]:
    return NOBODY | {"id": id_} | told


@pytest.mark.parametrize(
    ("keep", "email", "barcode"),
    [({}, "b@x", "A1"), ({"barcode": B}, "b@x", "B1"), ({"email": C}, "c@x", "A1")],
    ids=["own values first", "another's card", "another's mail"],
)
def test_the_surviving_registration_keeps_its_own_and_takes_what_it_lacks(
    keep: dict[str, UUID], email: str, barcode: str
) -> None:
    survivor = registered(A, barcode="A1", note="one")
    others = [registered(B, barcode="B1", email="b@x", note="two"), registered(C, email="c@x")]

    after = values_after(survivor, others, keep)

    assert (after["email"], after["barcode"], after["note"]) == (email, barcode, "one\ntwo")


def test_a_card_without_end_stays_without_end_and_lists_come_together() -> None:
    survivor = registered(A, phones=[{"number": "1"}], statistics={"faculty": "law"})
    other = registered(
        B,
        expires_at="2027-01-01",
        phones=[{"number": "1"}, {"number": "2"}],
        statistics={"faculty": "arts", "x": "y"},
    )

    after = values_after(survivor, [other], {})

    assert after["expires_at"] is None
    assert after["phones"] == [{"number": "1"}, {"number": "2"}]
    assert after["statistics"] == {"faculty": "law", "x": "y"}


def test_what_two_registrations_say_differently_is_told() -> None:
    one = registered(A, family_name="Smith", email="x", barcode="1")
    other = registered(B, family_name="Smythe", email=None, barcode="2")

    assert differing(one, other) == ["family_name"]


def hold(n: int, state: str = "waiting", **more: Any) -> OpenHold:
    usual: dict[str, Any] = {"kept": False, "suspended": False, "position": n, "title_id": A, "wanted": None}
    return OpenHold(id=UUID(int=n), state=state, **{"patron_id": UUID(int=n)} | usual | more)


@pytest.mark.parametrize(
    ("holds", "ended"),
    [
        ([hold(1), hold(2)], [2]),
        ([hold(1), hold(5, "ready")], [1]),
        ([hold(1, "in-transit"), hold(2, "ready"), hold(3)], [1, 3]),
        ([hold(1), hold(4, kept=True)], [1]),
        ([hold(1, suspended=True), hold(4)], [1]),
        ([hold(1), hold(2, title_id=B)], []),
        ([hold(1, wanted="v1"), hold(2, wanted="v2"), hold(3)], []),
        ([hold(1, patron_id=A), hold(2, patron_id=A), hold(3, patron_id=B)], [3]),
    ],
    ids=[
        "first in line",
        "ready",
        "ready before on its way",
        "a kept copy",
        "not suspended",
        "other titles",
        "other volumes",
        "several",
    ],
)
def test_of_two_holds_on_one_title_the_one_that_is_further_stays(
    holds: list[OpenHold], ended: list[int]
) -> None:
    assert sorted(each.id.int for each in given_up(holds)) == ended
