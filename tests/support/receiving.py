"""Webhooks under test: what services publish, receivers that note what reaches them, and the sending by hand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from aiohttp import web
from standardwebhooks import Webhook

from chassis import outbox
from chassis.feed import PositionLost
from chassis.guard import Guard
from chassis.outbox import Origin
from contracts.events import Actor, Event
from gateway.tokens.keys import Sealer
from gateway.webhooks.feeds import FeedAway, Piece
from gateway.webhooks.recording import Recorder
from gateway.webhooks.sending import Sender
from support.front import OPERATOR, SEALING, Front, bearer


class Published:
    """A service's change feed, in memory."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.events: list[tuple[int, datetime, dict[str, Any]]] = []
        self.oldest = 0
        self.away = False
        self.asked: list[tuple[int, Sequence[str]]] = []
        self.gate: asyncio.Event | None = None
        """Holds the next one up who asks."""
        self.held = asyncio.Event()

    def tell(self, *events: Event, at: datetime | None = None) -> list[str]:
        """Publish events; their ids."""
        ids = []
        for event in events:
            around = Origin(
                self.source, 1, Actor("system", "test"), "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
            )
            row = outbox.sealed(event, around=around)
            self.events.append((len(self.events) + 1, at or event.occurred_at, json.loads(row.envelope)))
            ids.append(str(row.id))
        return ids

    async def after(self, position: int, types: Sequence[str], limit: int) -> Piece:
        """As a service answers."""
        if self.away:
            raise FeedAway("it is away")
        self.asked.append((position, types))
        if self.gate is not None:
            gate, self.gate = self.gate, None
            self.held.set()
            await gate.wait()
        if position > len(self.events) or 0 < position < self.oldest:
            raise PositionLost("position-expired", "Events after this position are no longer kept.")
        kept = [
            each for each in self.events if each[0] > max(position, self.oldest) and each[2]["type"] in types
        ]
        piece, more = kept[:limit], len(kept) > limit
        at = piece[-1][0] if more else len(self.events)
        return Piece([each[2] for each in piece], [each[0] for each in piece], at, more)

    async def since(self, moment: datetime) -> int:
        """The position before the first event from then on."""
        return next((at - 1 for at, when, _ in self.events if when >= moment), len(self.events))


@dataclass
class Received:
    """One delivery as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def told(self) -> dict[str, Any]:
        """What it says."""
        return dict(json.loads(self.body))

    def verify(self, secret: str) -> Any:
        """Check it with the public library of Standard Webhooks."""
        return Webhook(secret).verify(self.body, self.headers)


Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """A vendor's program: echoes challenges, notes the rest, and answers as it is told to."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    answer: Answering | None = None
    """How it answers events; None: 204."""
    echoes: bool = True
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Take one delivery."""
        told = Received(
            {name.lower(): value for name, value in request.headers.items()}, await request.read()
        )
        self.received.append(told)
        self.arrived.set()
        if told.told["type"] == "webhook.verify" and self.echoes:
            return web.json_response({"challenge": told.told["data"]["challenge"]})
        return web.Response(status=204) if self.answer is None else await self.answer(request)

    @property
    def events(self) -> list[Received]:
        """What it got but challenges."""
        return [each for each in self.received if each.told["type"] != "webhook.verify"]

    @property
    def ids(self) -> list[str]:
        """Their ids, in the order of arrival."""
        return [each.id for each in self.events]

    async def has(self, many: int) -> None:
        """Wait until so many events have arrived."""
        async with asyncio.timeout(20):
            while len(self.events) < many:
                self.arrived.clear()
                await self.arrived.wait()

    def says(self, status: int, **more: Any) -> None:
        """Answer so from now on."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(status=status, **more)

        self.answer = answer


@asynccontextmanager
async def receivers() -> AsyncIterator[Callable[[], Receiver]]:
    """Makes receivers, each at a path of one server on loopback."""
    known: dict[str, Receiver] = {}

    async def hand(request: web.Request) -> web.StreamResponse:
        return await known[request.path](request)

    app = web.Application(client_max_size=10**7)
    app.router.add_route("*", "/{tail:.*}", hand)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    def make() -> Receiver:
        path = f"/hooks/{len(known)}"
        known[path] = Receiver(f"http://127.0.0.1:{port}{path}")
        return known[path]

    try:
        yield make
    finally:
        await runner.cleanup()


@dataclass
class Hooks:
    """The gateway with its background part in the test's hands."""

    gateway: Front
    recorder: Recorder
    sender: Sender
    circulation: Published
    receiver: Receiver
    another: Callable[[], Receiver]
    now: datetime

    def later(self, **by: float) -> None:
        """Time passes."""
        self.now += timedelta(**by)

    async def subscribe(
        self, *types: str, credential: str = OPERATOR, receiver: Receiver | None = None, **more: Any
    ) -> dict[str, Any]:
        """A subscription as it is made."""
        body = {"url": (receiver or self.receiver).url, "types": list(types), **more}
        answer = await self.gateway.post("/v1/webhooks", json=body, headers=bearer(credential))
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def subscribed(self, *types: str, **more: Any) -> dict[str, Any]:
        """A subscription that is verified and level."""
        await self.read()
        made = await self.subscribe(*types, **more)
        await self.deliver()
        return made

    async def read(self) -> None:
        """Read every feed to its end."""
        while any([await self.recorder.read(source) for source in self.recorder.feeds]):
            continue

    async def deliver(self) -> None:
        """Read the feeds on and send what is due, until there is nothing more."""
        await self.read()
        while await self.sender.begin():
            await self.sender.finish()
            await self.sender.settle()
            await self.read()

    async def ask(self, method: str, path: str, credential: str = OPERATOR, **more: Any) -> httpx.Response:
        """A request with a credential, and a key where one is taken."""
        headers = {**bearer(credential), **more.pop("headers", {})}
        if method == "POST":
            return await self.gateway.post(path, headers=headers, **more)
        return await self.gateway.client.request(method, path, headers=headers, **more)

    async def told(self, webhook: dict[str, Any], credential: str = OPERATOR) -> dict[str, Any]:
        """The subscription as it is now."""
        answer = await self.ask("GET", f"/v1/webhooks/{webhook['id']}", credential)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def log(self, webhook: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        """Its deliveries but challenges, newest first."""
        answer = await self.ask("GET", f"/v1/webhooks/{webhook['id']}/deliveries", params=query)
        assert answer.status_code == 200, answer.text
        return [each for each in answer.json()["items"] if each["kind"] != "verification"]

    async def history(self, webhook: dict[str, Any], delivery: UUID | str) -> list[dict[str, Any]]:
        """The tries of one delivery, the last one first."""
        answer = await self.ask("GET", f"/v1/webhooks/{webhook['id']}/deliveries/{delivery}")
        assert answer.status_code == 200, answer.text
        return list(answer.json()["history"])


@asynccontextmanager
async def hooked(gateway: Front, now: datetime) -> AsyncIterator[Hooks]:
    """Open the background part beside the gateway; one clock for both."""
    circulation = Published("circulation")
    guard: Guard = gateway.app.state.webhook_guard
    sender = Sender(gateway.resources, guard, Sealer(SEALING), seconds=2.0, draw=lambda: 0.5)
    recorder = Recorder(gateway.resources, {"circulation": circulation}, sender.wake)
    async with receivers() as make, sender.open():
        hooks = Hooks(gateway, recorder, sender, circulation, make(), make, now)
        gateway.resources.clock = lambda: hooks.now
        yield hooks
