"""The whole way: a service's outbox, its feed in this process or over HTTP, the gateway's own role, a receiver."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from starlette.types import Receive, Scope, Send

import circulation.app
from chassis import outbox
from chassis.feed import PositionLost
from chassis.principal import SCOPE_KEY
from chassis.relay import Relay
from chassis.tokens import Verifier
from chassis.transport.memory import MemoryTransport
from contracts.circulation import HoldReady
from contracts.events import Actor
from gateway.tokens.keys import Sealer
from gateway.webhooks.feeds import FEEDS, NEWEST, Feed, FeedAway, Local
from gateway.webhooks.work import feeds_of, webhooks
from support.front import OPERATOR, SEALING, Front, bearer, fronting, listening
from support.harness import Harness, migrated, running
from support.library_events import HOLD_READY, hold_ready
from support.receiving import receivers


@pytest.fixture
async def service(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """Circulation, whose events are read."""
    dsn = await database("circulation", lambda dsn: migrated(circulation.app.SERVICE, dsn))
    async with running(circulation.app.SERVICE, dsn) as opened:
        yield opened


async def publish(service: Harness, *events: HoldReady) -> None:
    """As commands and relay do."""
    token = outbox.origin.set(service.resources.origin(Actor("system", "test")))
    async with service.resources.pool.acquire() as connection, connection.transaction():
        await outbox.record(connection, events)
    outbox.origin.reset(token)
    await Relay(service.resources.pool, MemoryTransport(), "circulation").carry()


@asynccontextmanager
async def distributed(service: Harness, dsn: str) -> AsyncIterator[Front]:
    """The gateway before circulation behind HTTP, which takes the gateway's tokens and nothing else."""
    async with AsyncExitStack() as stack:
        verifier: list[Verifier] = []

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            told = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
            scope[SCOPE_KEY] = await verifier[0].verify(told)
            await service.app(scope, receive, send)

        url = await stack.enter_async_context(listening(guarded))
        front = await stack.enter_async_context(
            fronting(dsn, circulation_url=url, webhook_networks="127.0.0.0/8")
        )
        keys = await stack.enter_async_context(listening(front.app))
        verifier.append(Verifier("circulation", f"{keys}/.well-known/jwks.json"))
        yield front


async def test_a_feed_over_http_and_one_in_the_process_tell_the_same(
    service: Harness, gateway_dsn: str
) -> None:
    await publish(service, hold_ready(), hold_ready())
    async with (
        distributed(service, gateway_dsn) as front,
        feeds_of(front.resources, Sealer(SEALING)) as feeds,
    ):
        local: Feed = Local(service.resources.pool)
        for feed in (feeds["circulation"], local):
            assert (await feed.after(0, NEWEST, 1)).position == 2
            piece = await feed.after(0, [HOLD_READY], 1)
            assert (len(piece.events), piece.positions, piece.position, piece.more) == (1, [1], 1, True)
            many = await feed.after(1, [HOLD_READY, *(f"x.{'y' * 30}-{n}.v1" for n in range(80))], 10)
            assert ([each["type"] for each in many.events], many.positions) == ([HOLD_READY], [2])
            assert await feed.since(datetime.now(UTC) - timedelta(days=1)) == 0
            assert await feed.since(datetime.now(UTC) + timedelta(days=1)) == 2
            with pytest.raises(PositionLost):
                await feed.after(99, [HOLD_READY], 1)
        await service.resources.pool.close()
        with pytest.raises(FeedAway):
            await feeds["circulation"].after(0, [HOLD_READY], 1)


@pytest.mark.parametrize("way", ["one-box", "distributed"])
async def test_the_role_brings_an_event_from_the_outbox_to_a_receiver_and_again_from_a_date(
    service: Harness, gateway_dsn: str, way: str
) -> None:
    async with AsyncExitStack() as stack:
        if way == "distributed":
            front = await stack.enter_async_context(distributed(service, gateway_dsn))
        else:
            opening = fronting(gateway_dsn, apps={"circulation": service.app}, webhook_networks="127.0.0.0/8")
            front = await stack.enter_async_context(opening)
            front.resources.own[FEEDS] = {"circulation": Local(service.resources.pool)}
        make = await stack.enter_async_context(receivers())
        receiver, stop = make(), asyncio.Event()
        role = asyncio.create_task(webhooks(front.resources, stop))
        made = await front.post(
            "/v1/webhooks", json={"url": receiver.url, "types": [HOLD_READY]}, headers=bearer(OPERATOR)
        )
        async with asyncio.timeout(10):
            await receiver.arrived.wait()
        place = made.headers["Location"]
        before = datetime.now(UTC)
        await publish(service, hold_ready(), hold_ready())
        await receiver.has(2)

        again = await front.post(
            f"{place}/replays", json={"since": before.isoformat()}, headers=bearer(OPERATOR)
        )
        await receiver.has(4)
        stop.set()
        await role

        assert again.status_code == 202, again.text
        assert sorted(receiver.ids[2:]) == sorted(receiver.ids[:2])
        rows = await front.resources.pool.fetch(
            "SELECT state, tries FROM webhook_delivery WHERE kind = 'event'"
        )
        assert [(row["state"], row["tries"]) for row in rows] == [("delivered", 2)] * 2
