"""Electronic resources and interlibrary loan of one library, and a partner that copies."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import erm.app
import ill.app
from chassis.transport import EventTransport
from support import lending
from support.carrying import Carrier
from support.harness import Harness, migrated, running
from support.licensing import Shelf, shelf
from support.otherlibrary import Other, World


@dataclass
class Two:
    """Both, and what is carried between them."""

    erm: Harness
    ill: Harness
    shelf: Shelf
    world: World
    other: Other
    carrier: Carrier

    async def resolve(self, query: str) -> dict[str, Any]:
        """What the link resolver tells a stranger's program."""
        with self.erm.asking(None):
            told: dict[str, Any] = (await self.erm.get(f"/openurl?{query}")).json()
        return told

    async def wish(self, openurl: str, patron: Any, **more: Any) -> dict[str, Any]:
        """A patron's own wish, told as the resolver offers it."""
        with self.ill.asking(lending.themselves(patron)):
            answer = await self.ill.post("/v1/ill/requests", json={"openurl": openurl} | more)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told


@asynccontextmanager
async def two_services(
    database: Callable[..., Awaitable[str]], transport: Callable[[], EventTransport] | None = None
) -> AsyncIterator[Two]:
    """Both, configured: what readers have online goes before what others have."""
    services = (erm.app.SERVICE, ill.app.SERVICE)
    dsns = [
        await database(service.name, lambda dsn, service=service: migrated(service, dsn))
        for service in services
    ]
    told = {"sealing_key": "a key of the tests' own"}
    async with (
        running(services[0], dsns[0], transport=transport() if transport else None) as has,
        running(services[1], dsns[1], settings=told, transport=transport() if transport else None) as asks,
    ):
        world = World(await lending.furnished(asks))
        await world.make.configure(
            licensed_access="first",
            public_url="https://library.example",
            documents={"days": 7, "downloads": 2},
        )
        yield Two(has, asks, await shelf(has), world, await world.other(), Carrier([has, asks]))
