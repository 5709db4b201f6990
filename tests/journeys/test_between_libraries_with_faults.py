"""One of our books goes to another library, and one of theirs comes, while the broker and processes are away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from catalog.lookups.worker import answer_lookups
from chassis.consuming import Consumer
from chassis.relay import Relay
from chassis.transport.rabbitmq import RabbitTransport
from support.box import until
from support.harness import Harness
from support.interlibrary import DAY, ISBN, NOW, Three, three_services
from support.processes import Role
from support.rabbitmq import Broker

pytestmark = [pytest.mark.journey, pytest.mark.slow]


@asynccontextmanager
async def background(three: Three) -> AsyncIterator[None]:
    """Whatever goes on by itself and is not killed: in this process, on the real broker."""
    stop = asyncio.Event()
    holds, lends, asks = three.carrier.services
    tasks = [
        *(
            Relay(one.resources.pool, one.resources.transport, one.service.name).run(stop)
            for one in (holds, lends)
        ),
        *(Consumer(one.resources, one.service.subscriptions).run(stop) for one in (holds, asks)),
        answer_lookups(holds.resources, stop),
    ]
    running = [asyncio.create_task(task) for task in tasks]
    try:
        yield
    finally:
        stop.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*running, return_exceptions=True), 10)


async def state(three: Three, request: dict[str, Any], wanted: str) -> dict[str, Any]:
    """The request, once it is in this state."""

    async def look() -> dict[str, Any] | None:
        told = await three.world.make.now(request)
        return told if told["state"] == wanted else None

    found: dict[str, Any] = await until(look, seconds=40)
    return found


async def test_both_directions_end_well_whatever_is_away_or_killed(
    database: Callable[..., Awaitable[str]], tmp_path: Path, broker: Broker
) -> None:
    address = broker.url()
    async with three_services(database, tmp_path, lambda: RabbitTransport(address)) as three:
        _, lends, asks = three.carrier.services
        consume = Role("circulation", "consume", lends.dsn, address, tmp_path)
        relay = Role("ill", "relay", asks.dsn, address, tmp_path)
        try:
            async with background(three):
                consume.start()
                relay.start()
                await until(lambda: _copies_known(lends), seconds=60)
                await _lent_to_them(three, broker, consume)
                await _borrowed_from_them(three, broker, relay)
        finally:
            consume.kill()
            relay.kill()
            print(consume.said.read_text()[-1500:], relay.said.read_text()[-1500:])


async def _copies_known(lends: Harness) -> bool:
    """Whether circulation has heard of both copies and where they stand: what two services tell has no order."""
    return bool(
        await lends.resources.pool.fetchval(
            "SELECT count(*) = 2 FROM item JOIN location ON location.id = item.location_id"
        )
    )


async def _lent_to_them(three: Three, broker: Broker, consume: Role) -> None:
    """The broker is away when it is sent, and whoever is to lend it is killed."""
    make, other = three.world.make, three.other
    await other.asks(isbn=ISBN)
    request = await three.request()
    kept = await state(three, request, "will-supply")

    broker.stop()
    await make.act(request, "ship", due_at=(NOW + 30 * DAY).isoformat())
    consume.kill()
    assert (await make.now(request))["state"] == "checking-out"
    broker.start()
    consume.start()

    shipped = await state(three, request, "shipped")
    loans = await three.circulation.get(f"/v1/loans?patron_id={three.partner['id']}&state=open")
    assert [loan["id"] for loan in loans.json()["items"]] == [shipped["loan_id"]]
    await three.scan(kept["item_barcode"])
    await state(three, request, "complete")
    await three.world.deliver()
    assert other.asked == ["RequestResponse WillSupply", "StatusChange Loaned", "StatusChange LoanCompleted"]


async def _borrowed_from_them(three: Three, broker: Broker, relay: Role) -> None:
    """The first cannot; from the second it arrives while the broker is away, and whoever tells of it is killed."""
    make, second = three.world.make, three.other
    first = await three.world.other("XX-SUPB", rank=1)
    second.heard.clear()
    reader = await three.desk.patron()

    async def known() -> bool:
        return bool(
            await three.ill.resources.pool.fetchval(
                "SELECT EXISTS (SELECT FROM known_patron WHERE patron_ref = $1)", UUID(reader["id"])
            )
        )

    await until(known, seconds=30)
    request = await make.request(UUID(reader["id"]), pickup="main-desk")
    await three.world.deliver()
    await first.says("Unfilled", "RequestResponse", reasonUnfilled="NotOwned")
    await three.world.deliver()
    await second.says("WillSupply", "RequestResponse")
    await second.says("Loaned", dueDate=(NOW + 20 * DAY).isoformat())

    broker.stop()
    await make.act(request, "receive")
    relay.kill()
    broker.start()
    relay.start()

    async def shelved() -> bool:
        told = await three.scan(request["number"])
        return bool(told.get("next_step", {}).get("step") == "hold-shelf")

    await until(shelved, seconds=40)
    loan = (await three.lend(reader, request["number"])).json()
    await state(three, request, "on-loan")

    async def due() -> str:
        told: str = (await three.circulation.get(f"/v1/loans/{loan['id']}")).json()["due_at"]
        return told[:10]

    async def moved(to: str) -> None:
        async def look() -> bool:
            return await due() == to

        await until(look, seconds=40)

    await make.act(request, "renew")
    later, sooner = (NOW + 25 * DAY).isoformat(), (NOW + 5 * DAY).isoformat()
    await second.says("Loaned", "RenewResponse", answerYesNo="Y", dueDate=later)
    await moved(later[:10])
    await second.says("Recalled", dueDate=sooner)
    await moved(sooner[:10])
    await three.scan(request["number"])
    await state(three, request, "returned-by-patron")
    await make.act(request, "ship-back")
    await three.world.deliver()
    await second.says("LoanCompleted")

    done = await make.now(request)
    assert (done["state"], done["ended"]) == ("complete", True)
    assert second.asked == ["New", "Received", "Renew", "ShippedReturn"]
