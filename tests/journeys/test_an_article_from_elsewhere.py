"""An article that cannot be read here becomes a request, comes as a file, and ends without a loan; and the licence is
asked before one of ours goes out. Also while the broker is away and whoever answers is killed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.consuming import Consumer
from chassis.relay import Relay
from chassis.transport.rabbitmq import RabbitTransport
from contracts.ill import BorrowedItemArrived
from support.box import until
from support.lending import NOW, themselves
from support.licensing import ISSN
from support.online import Two, two_services
from support.processes import Role
from support.rabbitmq import Broker

pytestmark = pytest.mark.journey

ARTICLE = (
    f"rft.genre=article&rft.issn={ISSN}&rft.jtitle=Hydrology&rft.atitle=Sediment&rft.volume=12&rft.date="
)
NINETIES = {"start": date(1990, 1, 1), "end": date(1999, 12, 31)}
FILE = b"%PDF-1.7\n" + b"river " * 100 + b"\n%%EOF\n"
PDF = {"Content-Type": "application/pdf"}


@pytest.fixture
async def two(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Two]:
    """Both services, and what is carried between them by hand."""
    async with two_services(database) as made:
        yield made


@pytest.mark.parametrize("twice", [False, True], ids=["once", "every event twice"])
async def test_what_the_resolver_does_not_find_is_asked_for_and_comes_as_a_file(
    two: Two, twice: bool
) -> None:
    two.carrier.twice = twice
    make, patron = two.world.make, await two.world.make.patron()
    listed = await two.shelf.listed(NINETIES)
    await two.shelf.line(await two.shelf.agreement(), "package", listed.package)

    # not here: the resolver says why, and how to ask
    told = await two.resolve(ARTICLE + "2020")
    request = await two.wish(told["request"]["openurl"], patron)
    await two.carrier.carry()
    sent = await make.now(request)
    assert told["refused"][0]["reasons"][0]["code"] == "after-coverage"
    assert (request["service"], request["state"], sent["state"]) == ("copy", "looking-online", "sent")
    assert sent["access"]["refused"] == ["after-coverage"]

    # asked of another library, which copies it
    await two.world.deliver()
    assert two.other.last["bibliographicInfo"]["titleOfComponent"] == "Sediment"
    await two.other.says("CopyCompleted", "RequestResponse", sentVia="URL")
    path = f"/v1/ill/requests/{request['id']}/document"
    kept = await two.ill.put(path, content=FILE, headers=PDF)
    with two.ill.asking(themselves(patron)):
        fetched = [await two.ill.get(path) for _ in range(3)]

    assert kept.status_code == 200, kept.text
    assert [answer.status_code for answer in fetched] == [200, 200, 410]
    assert fetched[0].content == FILE

    # and that is all of it: no item, no loan
    two.ill.at(NOW + timedelta(days=14))
    await two.ill.tick("watch-requests")
    await two.ill.tick("forget-documents")
    await two.carrier.carry()
    done = await make.now(request)
    assert (done["state"], done["ended"], done["item_id"], done["loan_id"]) == ("complete", True, None, None)
    assert await two.ill.announced(BorrowedItemArrived) == []
    assert await two.ill.resources.pool.fetchval("SELECT content FROM document") is None


async def test_what_is_licensed_meanwhile_is_read_here_and_goes_out_as_its_licence_lets_it(two: Two) -> None:
    make, patron = two.world.make, await two.world.make.patron()
    listed = await two.shelf.listed(NINETIES)
    licence = await two.shelf.licence(terms={"ill-print": "permitted", "ill-electronic": "prohibited"})
    line = await two.shelf.line(await two.shelf.agreement(licence), "package", listed.package)

    # ours: the link is the patron's
    request = await two.wish(ARTICLE + "1995", patron)
    await two.carrier.carry()
    here = await make.now(request)
    assert (here["state"], here["offer"]["link"]) == ("available-online", "https://riverbase.example/jih")

    # a partner wants it: printed it may go, as a file not
    lent = await _wanted_by_a_partner(two)
    refused = await make.try_to(lent, "supply-copy", made_from="electronic-file")
    sent = await make.act(lent, "supply-copy", made_from="electronic-print")
    await two.world.deliver()
    assert refused.status_code == 409
    assert (sent["access"]["supplied"]["answer"], sent["access"]["supplied"]["licence"]) == (
        "permitted",
        "Riverbase licence",
    )
    assert two.other.last["messageInfo"]["note"].startswith("https://library.example/v1/ill/documents/")

    # given up: the next one is asked of others
    await two.shelf.put(f"/v1/agreement-lines/{line['id']}", line, active_to="2027-02-28")
    again = await two.wish(ARTICLE + "1996", await make.patron())
    await two.carrier.carry()
    assert (await make.now(again))["state"] == "sent"


async def _wanted_by_a_partner(two: Two) -> dict[str, Any]:
    """A request of theirs for the same journal, and the file that we would send."""
    await two.other.send(
        two.other.written(
            "request",
            {
                "header": two.other._header(supplier=False, request_id="T1"),
                "bibliographicInfo": {
                    "title": "Hydrology",
                    "titleOfComponent": "Sediment",
                    "bibliographicItemId": [
                        {"bibliographicItemIdentifier": ISSN, "bibliographicItemIdentifierCode": "ISSN"}
                    ],
                },
                "publicationInfo": {"publicationDate": "1995"},
                "serviceInfo": {"requestType": "New", "serviceType": "Copy"},
            },
        )
    )
    await two.carrier.carry()
    found: dict[str, Any] = (await two.ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
    await two.ill.put(f"/v1/ill/requests/{found['id']}/document", content=FILE, headers=PDF)
    return found


@pytest.mark.slow
async def test_nothing_is_lost_while_the_broker_is_away_and_whoever_answers_is_killed(
    database: Callable[..., Awaitable[str]], tmp_path: Path, broker: Broker
) -> None:
    address = broker.url()
    async with two_services(database, lambda: RabbitTransport(address)) as two:
        patron = await two.world.make.patron()
        listed = await two.shelf.listed(NINETIES)
        await two.shelf.line(await two.shelf.agreement(), "package", listed.package)
        answers = Role("erm", "consume", two.erm.dsn, address, tmp_path)
        stop = asyncio.Event()
        running = [
            asyncio.create_task(task)
            for task in (
                *(
                    Relay(one.resources.pool, one.resources.transport, one.service.name).run(stop)
                    for one in (two.erm, two.ill)
                ),
                Consumer(two.ill.resources, two.ill.service.subscriptions).run(stop),
            )
        ]
        try:
            answers.start()
            await _becomes(two, await two.wish(ARTICLE + "1995", patron), "available-online")

            # asked while the broker is away, and whoever would answer is killed: the patron is told that it waits
            broker.stop()
            here, elsewhere = [
                await two.wish(ARTICLE + year, await two.world.make.patron()) for year in ("1996", "2020")
            ]
            answers.kill()
            assert (here["state"], elsewhere["state"]) == ("looking-online", "looking-online")
            broker.start()
            answers.start()

            await _becomes(two, here, "available-online")
            await _becomes(two, elsewhere, "sent")
        finally:
            answers.kill()
            stop.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 10)
            print(answers.said.read_text()[-1500:])


async def _becomes(two: Two, request: dict[str, Any], wanted: str) -> None:
    async def look() -> bool:
        return bool((await two.world.make.now(request))["state"] == wanted)

    await until(look, seconds=40)
