"""The background part: feeds are read on, and deliveries sent, side by side until told to stop."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

from chassis.guard import Guard
from chassis.resources import Resources
from gateway.routing.upstream import Upstream
from gateway.settings import Settings
from gateway.tokens.keys import Sealer
from gateway.tokens.minting import Mint
from gateway.webhooks.feeds import FEEDS, Feed, Local, Remote
from gateway.webhooks.recording import Recorder
from gateway.webhooks.sending import Sender


async def webhooks(resources: Resources, stop: asyncio.Event) -> None:
    """Read and send until told to stop."""
    settings = cast(Settings, resources.settings)
    sealer = Sealer(settings.sealing_key.get_secret_value())
    sender = Sender(
        resources, guard_of(settings), sealer, slots=settings.webhook_slots, ca_file=settings.webhook_ca_file
    )
    async with feeds_of(resources, sealer) as feeds:
        recorder = Recorder(resources, feeds, sender.wake)
        async with asyncio.TaskGroup() as group:
            group.create_task(recorder.run(stop))
            group.create_task(sender.run(stop))


def guard_of(settings: Settings) -> Guard:
    """The guard with the networks that are allowed by setting."""
    return guard_within(settings.webhook_networks)


def guard_within(networks: Iterable[str]) -> Guard:
    """A guard that lets through to these networks besides the public internet."""
    return Guard([ipaddress.ip_network(told) for told in networks])


@asynccontextmanager
async def feeds_of(resources: Resources, sealer: Sealer) -> AsyncIterator[Mapping[str, Feed]]:
    """The feed of every service: as the launcher gave them, else at the settings' URLs; and the gateway's own."""
    feeds: dict[str, Feed] = {"gateway": Local(resources.pool), **resources.own.get(FEEDS, {})}
    mint = Mint(resources.pool, sealer)
    async with AsyncExitStack() as stack:
        for name, url in cast(Settings, resources.settings).services.items():
            upstream = Upstream(name, url, mint, timeout=30, concurrency=4)
            await upstream.open()
            stack.push_async_callback(upstream.close)
            feeds.setdefault(name, Remote(upstream, mint, resources.clock))
        yield feeds
