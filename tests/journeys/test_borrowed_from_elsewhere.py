"""A book of another library: asked for, refused, asked for again, come, kept, lent, renewed, recalled, returned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import circulation.app
import ill.app
from contracts.circulation import PatronsAnnounced
from contracts.ill import BorrowedItemArrived, BorrowedItemLeft
from support import desk, lending
from support.carrying import Carrier
from support.harness import Harness, migrated, running
from support.otherlibrary import World

pytestmark = pytest.mark.journey

NOW = lending.NOW
DAY = timedelta(days=1)


@dataclass
class Two:
    """Circulation and interlibrary loan, and what is carried between them."""

    circulation: Harness
    ill: Harness
    desk: desk.Make
    world: World
    carrier: Carrier

    async def carry(self) -> None:
        """Hand over what each has told."""
        await self.carrier.carry()

    async def loan(self, patron: dict[str, Any]) -> dict[str, Any]:
        """The patron's only loan."""
        answer = await self.circulation.get(f"/v1/loans?patron_id={patron['id']}&state=open")
        (told,) = answer.json()["items"]
        return dict(told)

    async def hold(self, patron: dict[str, Any]) -> dict[str, Any]:
        """The patron's newest hold."""
        answer = await self.circulation.get(f"/v1/holds?patron_id={patron['id']}")
        told: dict[str, Any] = answer.json()["items"][-1]
        return told


@pytest.fixture
async def two(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Two]:
    """Both, configured, and the partners on the wire."""
    there = await database("circulation", lambda dsn: migrated(circulation.app.SERVICE, dsn))
    here = await database("ill", lambda dsn: migrated(ill.app.SERVICE, dsn))
    async with running(circulation.app.SERVICE, there) as lends, running(ill.app.SERVICE, here) as borrows:
        make = await desk.furnished(lends)
        yield Two(lends, borrows, make, World(await lending.furnished(borrows)), Carrier([lends, borrows]))


@pytest.mark.parametrize("twice", [False, True], ids=["once", "every event twice"])
async def test_a_book_comes_from_the_second_library_and_goes_back(two: Two, twice: bool) -> None:
    two.carrier.twice = twice
    make = two.world.make
    first, second = await two.world.other("XX-SUPA", rank=1), await two.world.other("XX-SUPB", rank=2)
    patron = await two.desk.patron()
    await two.carry()

    # asked for, and found at the second
    request = await make.request(UUID(patron["id"]), pickup="main-desk")
    await two.world.deliver()
    await first.says("Unfilled", "RequestResponse", reasonUnfilled="NotOwned")
    await two.world.deliver()
    await second.says("WillSupply", "RequestResponse")
    await second.says("Loaned", dueDate=(NOW + 30 * DAY).isoformat(), itemId="THEIRS-1")

    # it comes, and is kept for the patron
    await make.act(request, "receive")
    await two.carry()
    hold = await two.hold(patron)
    (arrived,) = await two.ill.announced(BorrowedItemArrived)
    assert (await make.now(request))["attention"] is None
    scanned = await two.circulation.post(
        "/v1/returns", json={"item_barcode": request["number"], "service_point_id": two.desk.desk}
    )
    assert hold["item_id"] == str(arrived.item_id)
    assert scanned.json()["next_step"]["step"] == "hold-shelf", scanned.text

    # lent, renewed, recalled
    lent = await two.circulation.post(
        "/v1/loans",
        json={
            "patron_id": patron["id"],
            "item_barcode": request["number"],
            "service_point_id": two.desk.desk,
        },
    )
    assert lent.status_code == 201, lent.text
    await two.carry()
    assert (await make.now(request))["state"] == "on-loan"
    await make.act(request, "renew")
    await second.says("Loaned", "RenewResponse", answerYesNo="Y", dueDate=(NOW + 60 * DAY).isoformat())
    await two.carry()
    renewed = await two.loan(patron)
    await second.says("Recalled", dueDate=(NOW + 10 * DAY).isoformat())
    await two.carry()
    recalled = await two.loan(patron)
    assert renewed["due_at"][:10] == (NOW + 60 * DAY).date().isoformat()
    assert recalled["due_at"][:10] == (NOW + 10 * DAY).date().isoformat()
    assert (await make.now(request))["due_at"][:10] == (NOW + 10 * DAY).date().isoformat()

    # returned, sent back, and gone from here
    await two.circulation.post(
        "/v1/returns", json={"item_barcode": request["number"], "service_point_id": two.desk.desk}
    )
    await two.carry()
    assert (await make.now(request))["state"] == "returned-by-patron"
    await make.act(request, "ship-back")
    await two.world.deliver()
    await second.says("LoanCompleted")
    await two.carry()
    done = await make.now(request)
    again = await two.circulation.post(
        "/v1/loans",
        json={
            "patron_id": patron["id"],
            "item_barcode": request["number"],
            "service_point_id": two.desk.desk,
        },
    )
    assert (done["state"], done["ended"]) == ("complete", True)
    assert again.status_code == 404
    assert second.asked == ["New", "Received", "Renew", "ShippedReturn"]
    assert len(await two.ill.announced(BorrowedItemLeft)) == 1
    assert (await make.steps(request)).count("check-out") == 1


async def test_a_patron_whom_circulation_stops_asks_nobody_until_that_is_settled(two: Two) -> None:
    make = two.world.make
    await make.configure(patron_check="ask")
    other = await two.world.other()
    patron = await two.desk.patron(expires_at=(NOW - DAY).isoformat())
    await two.carry()

    request = await make.request(UUID(patron["id"]), pickup="main-desk")
    await two.carry()
    stopped = await make.now(request)
    path = f"/v1/patrons/{patron['id']}"
    version = (await two.circulation.get(path)).headers["etag"]
    later = {"expires_at": (NOW + 99 * DAY).isoformat()}
    renewed = await two.circulation.patch(path, json=later, headers={"If-Match": version})
    await make.act(request, "check-again")
    await two.carry()
    await two.world.deliver()

    assert (stopped["state"], stopped["holding"]["stops"]) == ("invalid-patron", ["card-expired"])
    assert renewed.status_code == 200, renewed.text
    assert ((await make.now(request))["state"], other.asked) == ("sent", ["New"])


async def test_what_cannot_be_kept_for_the_patron_is_for_staff_to_look_at(two: Two) -> None:
    make = two.world.make
    other = await two.world.other()
    patron = await two.desk.patron()
    await two.carry()
    request = await make.request(UUID(patron["id"]), pickup="nowhere")
    await two.world.deliver()
    await other.says("Loaned", dueDate=(NOW + 30 * DAY).isoformat())

    await make.act(request, "receive")
    await two.carry()

    told = await make.now(request)
    steps = (await two.ill.get(f"/v1/ill/requests/{request['id']}/steps")).json()["items"]
    assert (told["state"], told["attention"]) == ("received", "hold-not-placed")
    assert steps[-1]["note"] == "pickup-unknown"


async def test_a_parcel_that_goes_back_unfetched_ends_the_hold_and_is_found_by_nobody(two: Two) -> None:
    make = two.world.make
    other = await two.world.other()
    patron = await two.desk.patron()
    await two.carry()
    request = await make.request(UUID(patron["id"]), pickup="main-desk")
    await two.world.deliver()
    await other.says("WillSupply", loanCondition="LibraryUseOnly")
    await make.act(request, "accept-conditions")
    await other.says("Loaned", dueDate=(NOW + 30 * DAY).isoformat(), loanCondition="LibraryUseOnly")
    await make.act(request, "receive")
    await two.carry()
    (arrived,) = await two.ill.announced(BorrowedItemArrived)
    shown = await two.circulation.get(f"/v1/titles/{arrived.title_id}/availability?detail=items")

    await make.act(request, "ship-back")
    await two.carry()

    assert arrived.use_here_only
    assert shown.status_code == 404
    assert (await two.hold(patron))["state"] == "cancelled"


async def test_a_patrons_loan_never_runs_past_its_owners_date(two: Two) -> None:
    make = two.world.make
    await make.configure(times={"send_back_days": 3})
    other = await two.world.other()
    patron = await two.desk.patron()
    await two.carry()
    request = await make.request(UUID(patron["id"]), pickup="main-desk")
    await two.world.deliver()
    await other.says("Loaned", dueDate=(NOW + 10 * DAY).isoformat())
    await make.act(request, "receive")
    await two.carry()
    body = {"patron_id": patron["id"], "item_barcode": request["number"], "service_point_id": two.desk.desk}

    # lent for four weeks, as the rules have it; its owner wants it in ten days, and it travels for three
    lent = (await two.circulation.post("/v1/loans", json=body)).json()
    await two.carry()
    shortened = await two.loan(patron)

    # the patron renews it at the desk: the owner is asked, and until it agrees the date stays
    renewed = await two.circulation.post(f"/v1/loans/{shortened['id']}/renewals", json={})
    await two.carry()
    pending = await make.now(request)
    held = await two.loan(patron)
    await two.world.deliver()
    await other.says("Loaned", "RenewResponse", answerYesNo="N")
    await two.carry()

    assert lent["due_at"][:10] == (NOW + 28 * DAY).date().isoformat()
    assert shortened["due_at"] == (NOW + 7 * DAY).isoformat().replace("+00:00", "Z")
    assert renewed.status_code == 201, renewed.text
    assert pending["renewal_pending"]
    assert held["due_at"] == shortened["due_at"] == (await two.loan(patron))["due_at"]
    assert other.asked == ["New", "Received", "Renew"]


async def test_interlibrary_loan_that_is_new_asks_who_is_there(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circulation.interlibrary.telling.SLICE", 2)
    make = two.world.make
    await two.world.other()
    patrons = [await two.desk.patron() for _ in range(5)]
    path = f"/v1/patrons/{patrons[4]['id']}/blocks"
    await two.circulation.post(path, json={"actions": ["hold"], "note": "n", "message": "m"})
    two.carrier.seen["circulation"] = len(await two.circulation.envelopes())  # long before anybody listened
    unknown = await make.request(UUID(patrons[0]["id"]))

    for _ in range(2):
        await two.ill.tick("ask-for-patrons")
        await two.carry()
        await two.circulation.tick("tell-patrons")
        await two.carry()

    states = [(await make.request(UUID(patron["id"])))["state"] for patron in patrons[1:]]
    told = await two.circulation.announced(PatronsAnnounced)
    assert unknown["state"] == "invalid-patron"
    assert (await make.act(unknown, "check-again"))["state"] == "sent"
    assert states == ["sent", "sent", "sent", "invalid-patron"]
    assert [(len(one.patrons), len(one.blocks), one.last) for one in told] == [
        (2, 0, False),
        (2, 0, False),
        (1, 1, True),
    ]
    assert await two.ill.resources.pool.fetchval("SELECT known_at FROM patrons_asked") is not None


async def test_what_was_heard_since_is_newer_than_what_was_asked_for(two: Two) -> None:
    make = two.world.make
    await two.world.other()
    patron = await two.desk.patron()
    path = f"/v1/patrons/{patron['id']}/blocks"
    block = await two.circulation.post(path, json={"actions": ["hold"], "note": "n", "message": "m"})
    await two.carry()
    await two.ill.tick("ask-for-patrons")
    await two.carry()
    await two.circulation.tick("tell-patrons")
    late = await two.circulation.announced(PatronsAnnounced)
    two.carrier.seen["circulation"] = len(await two.circulation.envelopes())
    lifted = await two.circulation.delete(f"{path}/{block.json()['id']}?reason=mended")
    assert lifted.status_code < 300, lifted.text
    await two.carry()

    await two.ill.deliver(*late, source="circulation")

    assert (await make.request(UUID(patron["id"])))["state"] == "sent"
