"""What is wanted is described otherwise after it was sent: staff may, and the supplier is told what has changed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ill.requests.amendments import changes_told
from support.harness import Harness
from support.lending import ARTICLE, Make, themselves
from support.otherlibrary import Other, World

ASKED: dict[str, Any] = {
    "citation": {"title": "Journal of Rivers", "volume": "12", "pages": "1-9"},
    "need_before": None,
    "service_level": None,
    "max_cost": 1500,
    "currency": "EUR",
    "preferred_edition": None,
    "any_edition": True,
    "note": None,
    "pickup": "main-desk",
}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        pytest.param({}, None, id="nothing"),
        pytest.param({"pickup": "east-desk"}, None, id="where the patron fetches it"),
        pytest.param(
            {"citation": {"title": "Journal of Rivers", "volume": "13"}},
            "Changed: volume: 13 (was: 12); pages: none (was: 1-9)",
            id="corrected and left out",
        ),
        pytest.param(
            {"need_before": datetime(2027, 3, 9, 9, tzinfo=UTC), "max_cost": 2000},
            "Changed: needed before: 2027-03-09 (was: none); maximum cost: 20.00 EUR (was: 15.00 EUR)",
            id="a day and a sum",
        ),
        pytest.param(
            {"max_cost": 1500, "currency": "JPY"},
            "Changed: maximum cost: 1500 JPY (was: 15.00 EUR)",
            id="another currency",
        ),
        pytest.param({"any_edition": False}, "Changed: any edition: no (was: yes)", id="yes and no"),
    ],
)
def test_a_supplier_is_told_what_it_was_told_otherwise(changed: dict[str, Any], told: str | None) -> None:
    assert changes_told(ASKED, ASKED | changed) == told


async def amended(ill: Harness, make: Make, request: dict[str, Any], **change: Any) -> Any:
    """Changed by whoever asks, at the version that stands."""
    now = await make.now(request)
    path = f"/v1/ill/requests/{request['id']}"
    return await ill.patch(path, json=change, headers={"If-Match": f'"{now["version"]}"'})


async def asked_for(world: World, make: Make, **more: Any) -> tuple[Other, dict[str, Any]]:
    """An article, at the only partner."""
    other = await world.other()
    request = await make.request(service="copy", citation=ARTICLE, **more)
    await world.deliver()
    return other, request


async def test_what_staff_correct_travels_as_a_note_and_the_next_supplier_is_asked_for_the_right_thing(
    ill: Harness, world: World, make: Make
) -> None:
    first = await world.other(rank=1)
    second = await world.other("XX-SUPB", rank=2)
    request = await make.request(service="copy", citation=ARTICLE)
    await world.deliver()

    answer = await amended(ill, make, request, citation=ARTICLE | {"volume": "13"})
    quiet = await amended(ill, make, request, pickup="east-desk")
    await world.deliver()
    note = first.last["note"]
    await first.says("Unfilled", "RequestResponse", reasonUnfilled="NotOnShelf")
    await world.deliver()

    assert (answer.status_code, answer.json()["version"]) == (200, request["version"] + 1)
    assert quiet.status_code == 200
    assert (first.asked, note) == (["New", "Notification"], "Changed: volume: 13 (was: 12)")
    assert second.last["bibliographicInfo"]["volume"] == "13"
    assert (await make.steps(request)).count("amended") == 2


async def test_a_patron_changes_nothing_that_was_sent_and_nobody_what_is_under_way(
    ill: Harness, world: World, make: Make
) -> None:
    patron = await make.patron()
    other, request = await asked_for(world, make, patron=patron)
    with ill.asking(themselves(patron)):
        theirs = await amended(ill, make, request, note="quickly")
    loan = await amended(ill, make, request, service="loan")
    await other.says("CopyCompleted", "RequestResponse", note="https://there.example/1", sentVia="URL")
    late = await amended(ill, make, request, note="quickly")
    await world.deliver()

    assert [one.status_code for one in (theirs, loan, late)] == [409, 409, 409]
    assert late.json()["code"] == "request-sent"
    assert other.asked == ["New"]


async def test_an_earlier_day_is_kept_to(ill: Harness, world: World, make: Make) -> None:
    _, request = await asked_for(world, make)

    await amended(ill, make, request, need_before="2027-03-02T09:00:00Z")
    ill.at(datetime(2027, 3, 2, 10, tzinfo=UTC))
    await ill.tick("watch-requests")

    assert (await make.now(request))["state"] == "expired"
