"""What a lending library leaves to its rules: renewals, copies, promises that nobody keeps; others' parcels."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.ids import uuid7
from contracts.catalog import FoundTitle, TitlesFound
from contracts.ill import ItemSought
from support.desk import codes
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World

DAY = timedelta(days=1)
DUE = (NOW + 30 * DAY).isoformat()
FILE = b"%PDF-1.7\n" + b"river " * 100 + b"\n%%EOF\n"


async def lent(ill: Harness, world: World, make: Make, **rule: Any) -> tuple[Other, dict[str, Any]]:
    """A book of ours is with a partner."""
    await make.configure(lending=rule)
    other = await world.other()
    await other.asks()
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    return other, await make.act(asked, "ship", due_at=DUE, item_barcode="31")


async def test_renewals_are_answered_by_rule_and_no_further(ill: Harness, world: World, make: Make) -> None:
    other, asked = await lent(ill, world, make, renew_days=14, most_renewals=1)

    await other.does("Renew")
    granted = await make.now(asked)
    await world.deliver()
    yes = other.last["messageInfo"]["answerYesNo"]
    await other.does("Renew", note="once more")
    declined = await make.now(asked)
    await world.deliver()

    assert (yes, granted["due_at"][:10]) == ("Y", (NOW + 44 * DAY).date().isoformat())
    assert (other.last["messageInfo"]["answerYesNo"], declined["due_at"]) == ("N", granted["due_at"])
    assert (declined["state"], declined["renewal_pending"], declined["attention"]) == ("on-loan", False, None)


async def test_what_is_recalled_is_not_renewed_by_itself(ill: Harness, world: World, make: Make) -> None:
    other, asked = await lent(ill, world, make, renew_days=14)
    await make.act(asked, "recall", due_at=(NOW + 5 * DAY).isoformat())
    await other.does("Renew")
    await world.deliver()

    assert other.last["messageInfo"]["answerYesNo"] == "N"
    assert (await make.now(asked))["state"] == "recalled"


async def test_another_item_in_the_parcel_does_not_end_the_loan(
    ill: Harness, world: World, make: Make
) -> None:
    _, asked = await lent(ill, world, make)

    wrong = await make.try_to(asked, "receive-back", item_barcode="99")
    right = await make.act(asked, "receive-back", item_barcode="31")

    assert (codes(wrong), right["state"]) == (["another-item"], "complete")


async def test_a_promise_that_nobody_keeps_is_taken_back_in_time(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(times={"stale_days": 3, "stale_rush_hours": 2})
    other = await world.other()
    states = []
    normal, rush = (NOW, 3 * DAY), (NOW + 7 * DAY, timedelta(hours=2))
    for number, level, (asked_at, later) in (("T1", "Normal", normal), ("T2", "Rush", rush)):
        ill.at(asked_at)
        await other.asks(number, serviceLevel=level)
        asked = (await ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
        await make.act(asked, "will-supply")
        for moment in (later - timedelta(minutes=1), later):
            ill.at(asked_at + moment)
            await ill.tick("watch-requests")
            states.append((await make.now(asked))["state"])

    assert states == ["will-supply", "unfilled"] * 2


@pytest.mark.parametrize(
    ("copies", "found", "state"), [("cannot", 0, "unfilled"), ("cannot", 1, "new"), ("off", 0, "new")]
)
async def test_a_copy_from_a_journal_that_is_not_here_is_declined_by_itself(
    ill: Harness, world: World, make: Make, copies: str, found: int, state: str
) -> None:
    await make.configure(lending={"desk": "main-desk", "copies": copies})
    other = await world.other()
    await other.asks(issn="0378-5955", serviceType="Copy")
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    (sought,) = await ill.announced(ItemSought)
    titles = tuple(FoundTitle(title_id=uuid7(), title="Rivers", by="title") for _ in range(found))
    told = TitlesFound(
        version=1,
        occurred_at=NOW,
        request_id=sought.request_id,
        asked=sought.version,
        certain=False,
        titles=titles,
    )
    await ill.deliver(told, source="catalog")

    assert (await make.now(asked))["state"] == state


async def test_a_file_that_was_kept_goes_out_by_itself_where_the_library_wants_it_so(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(lending={"copies": "send"}, public_url="https://here.example")
    other = await world.other(speaks="2021-2", client_id="a")
    await other.asks(serviceType="Copy")
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    path = f"/v1/ill/requests/{asked['id']}/document"
    kept = await ill.put(path, content=FILE, headers={"Content-Type": "application/pdf"})
    await world.deliver()

    assert kept.status_code == 200, kept.text
    assert (await make.now(asked))["state"] == "copy-completed"
    assert other.last["deliveryInfo"]["URL"].startswith("https://here.example/v1/ill/documents/")


async def test_closings_and_charges_of_a_partner_are_data(ill: Harness, make: Make) -> None:
    await make.partner("XX-DEAR", rank=1, charges_loan=2000, charges_currency="EUR")
    holiday = [{"first": "2027-03-01", "last": "2027-03-02"}]
    await make.partner("XX-AWAY", rank=2, closings=holiday, zone="Europe/Berlin")
    await make.partner("XX-REST", rank=3, closed_weekdays=[1, 2, 3], days_to_respond=2)
    request = await make.request(max_cost={"minor": 1500, "currency": "EUR"})
    wrong: list[dict[str, Any]] = [
        {"zone": "Mars/Olympus"},
        {"closings": [{"first": "2027-03-02", "last": "2027-03-01"}]},
        {"closed_weekdays": [0, 1, 2, 3, 4, 5, 6]},
        {"charges_loan": 5},
    ]
    refused = [
        (await ill.post("/v1/ill/partners", json={"name": "X", "symbol": "X"} | one)).status_code
        for one in wrong
    ]

    assert await make.rota(request) == [
        ("XX-DEAR", "skipped", "costs-too-much"),
        ("XX-AWAY", "skipped", "closed"),
        ("XX-REST", "active", None),
    ]
    assert (await make.now(request))["look_at"] == "2027-03-06T09:00:00Z"  # Friday and Saturday
    assert refused == [422] * 4


async def test_what_was_declared_stays_known_in_its_very_words(ill: Harness, make: Make) -> None:
    first = {"version": "2027-1", "text": "For study alone."}
    await make.configure(copyright={"declaration": first})
    changed = await make.configure(copyright={"declaration": first | {"text": "For anything."}})
    again = await make.configure(copyright={"declaration": first})
    await make.configure(copyright={"declaration": {"version": "2027-2", "text": "For study, not for gain."}})

    told = (await ill.get("/v1/ill/declarations")).json()["items"]
    assert (codes(changed), again.status_code) == (["declaration-changed"], 200)
    assert {one["version"]: one["text"] for one in told} == {
        "2027-1": "For study alone.",
        "2027-2": "For study, not for gain.",
    }
