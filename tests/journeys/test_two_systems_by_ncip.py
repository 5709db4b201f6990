"""Our interlibrary loan tells our circulation by NCIP, as if each were another's: both sides mean the same."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from circulation.app import SERVICE as CIRCULATION
from contracts.circulation import LoanCreated, LoanReturned
from ill.app import SERVICE as ILL
from support.circulating import Played, played
from support.desk import Make as Desk
from support.desk import furnished as desk_furnished
from support.driving import Hub
from support.harness import Harness, migrated, running
from support.lending import NOW, Make, furnished
from support.otherlibrary import World

DUE = NOW + timedelta(days=30)
SETTINGS = {"sealing_key": "a key of the tests' own", "host_networks": "127.0.0.0/8"}
SERVICES = ("AcceptItem", "CancelRequestItem", "CheckInItem", "CheckOutItem", "LookupItem", "LookupUser")


@pytest.fixture
async def ill(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    dsn = await database("ill", lambda dsn: migrated(ILL, dsn))
    async with running(ILL, dsn, settings=SETTINGS) as harness:
        yield harness


@pytest.fixture
async def desk(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Desk]:
    dsn = await database("circulation", lambda dsn: migrated(CIRCULATION, dsn))
    async with running(CIRCULATION, dsn) as harness:
        yield await desk_furnished(harness)


@pytest.fixture
async def host(desk: Desk) -> AsyncIterator[Played]:
    """What is said to it, our circulation answers."""
    hub = Hub(desk.circulation, desk.desks["main-desk"])

    async def ask(body: bytes) -> bytes:
        answer = await hub.post(body)
        assert answer.status_code == 200, answer.text
        return bytes(answer.content)

    async with played() as listening:
        listening.asks = ask
        yield listening


async def entered(ill: Harness, host: Played) -> tuple[Make, World]:
    make = await furnished(ill)
    body = {
        "code": "carrel",
        "name": "Circulation",
        "address": host.address,
        "our_agency": "HUB",
        "their_agency": "MAIN",
        "services": [*SERVICES, "RequestItem", "RenewItem"],
        "places": {"main-desk": "main-desk"},
        "patrons": "reference",
    }
    answer = await ill.post("/v1/ill/circulation-hosts", json=body)
    assert answer.status_code == 201, answer.text
    return make, World(make)


async def states(ill: Harness) -> list[str]:
    told = (await ill.get("/v1/ill/circulation-acts")).json()["items"]
    return [act["state"] for act in told]


async def test_what_arrives_by_ncip_is_held_lent_and_gone_again(
    ill: Harness, desk: Desk, host: Played
) -> None:
    make, world = await entered(ill, host)
    await make.configure(patron_check="ask")
    reader, other = await desk.patron(), await world.other()
    request = await make.request(reader["id"], pickup="main-desk")
    await host.work(ill)
    await world.deliver()
    await other.says("Loaned", dueDate=DUE.isoformat())
    await make.act(request, "receive")
    await host.work(ill)

    (held,) = (await desk.account(reader))["holds"]
    scanned = {"patron_id": reader["id"], "item_barcode": request["number"], "service_point_id": desk.desk}
    lent = await desk.circulation.post("/v1/loans", json=scanned)
    await make.act(request, "check-out")
    await make.act(request, "ship-back")
    await host.work(ill)

    account: dict[str, Any] = await desk.account(reader)
    assert host.told == ["LookupUser", "AcceptItem", "CheckInItem"]
    assert (held["title"], lent.status_code) == ("Rivers of the Northern Plain", 201)
    assert (account["loans"], account["holds"]) == ([], [])
    assert await states(ill) == ["done", "done", "done"]


async def test_a_partners_book_is_kept_lent_and_taken_back_by_ncip_once(
    ill: Harness, desk: Desk, host: Played
) -> None:
    make, world = await entered(ill, host)
    await make.configure(lending={"desk": "main-desk"})
    partner, book = await desk.patron(), await desk.item(call_number="QA 1")
    other = await world.other()
    card = {"user": partner["barcode"]}
    mapped = await ill.put(
        f"/v1/ill/circulation-hosts/carrel/users/{make.partners['XX-SUPA']['id']}", json=card
    )
    await other.asks()
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]

    await make.act(asked, "reserve", item_barcode=book.barcode)
    await host.work(ill)
    kept = await make.now(asked)
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat())
    host.loses_answers = 1
    await host.work(ill)
    unheard = await make.now(asked)
    ill.at(NOW + timedelta(minutes=2))
    await host.work(ill)
    shipped = await make.now(asked)
    await make.act(asked, "receive-back")
    await host.work(ill)

    assert mapped.status_code == 204
    assert kept["holding"]["call_number"] == "QA 1"
    assert (unheard["state"], shipped["state"]) == ("checking-out", "shipped")
    assert host.told == ["RequestItem", "CheckOutItem", "LookupItem", "CheckInItem"]
    assert (await make.now(asked))["state"] == "complete"
    assert len(await desk.circulation.announced(LoanCreated)) == 1
    assert len(await desk.circulation.announced(LoanReturned)) == 1
    assert await states(ill) == ["done"] * 3
