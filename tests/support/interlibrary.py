"""The catalogue, circulation and interlibrary loan of one library, a book in it, and a partner that borrows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import catalog.app
import circulation.app
import ill.app
from catalog.lookups.worker import answer_some
from catalog.marc.record import Field
from chassis.transport import EventTransport
from support import desk, lending
from support.carrying import Carrier
from support.harness import Harness, migrated, running
from support.otherlibrary import Other, World
from support.shelves import Shelves, record

NOW = lending.NOW
DAY = timedelta(days=1)
ISBN = "9780306406157"
LENDS = {"desk": "main-desk", "responder": "will-or-cannot"}


@dataclass
class Three:
    """The catalogue, circulation and interlibrary loan, and what is carried between them."""

    circulation: Harness
    ill: Harness
    shelves: Shelves
    desk: desk.Make
    world: World
    carrier: Carrier
    partner: dict[str, Any]
    other: Other

    async def carry(self) -> None:
        """Hand over what everybody tells, and let the catalogue's worker answer."""
        await self.carrier.carry()
        while await answer_some(self.shelves.catalog.resources, NOW):
            await self.carrier.carry()

    async def request(self) -> dict[str, Any]:
        """The newest request of a partner."""
        told: dict[str, Any] = (await self.ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
        return told

    async def scan(self, barcode: str) -> dict[str, Any]:
        """Check it in at the desk from which things go out."""
        body = {"item_barcode": barcode, "service_point_id": self.desk.desk}
        told: dict[str, Any] = (await self.circulation.post("/v1/returns", json=body)).json()
        return told

    async def lend(self, patron: dict[str, Any], barcode: str) -> Any:
        """Lend it to somebody else, whatever comes of it."""
        body = {"patron_id": patron["id"], "item_barcode": barcode, "service_point_id": self.desk.desk}
        return await self.circulation.post("/v1/loans", json=body)


@asynccontextmanager
async def three_services(
    database: Callable[..., Awaitable[str]],
    folder: Path,
    transport: Callable[[], EventTransport] | None = None,
) -> AsyncIterator[Three]:
    """All three, configured; a book with two copies; a partner that is registered with circulation."""
    services = (catalog.app.SERVICE, circulation.app.SERVICE, ill.app.SERVICE)
    dsns = [
        await database(service.name, lambda dsn, service=service: migrated(service, dsn))
        for service in services
    ]
    told = {"data_dir": folder, "import_niceness": 0}
    async with (
        running(services[0], dsns[0], settings=told, transport=transport() if transport else None) as holds,
        running(services[1], dsns[1], transport=transport() if transport else None) as lends,
        running(services[2], dsns[2], transport=transport() if transport else None) as asks,
    ):
        shelves, make = Shelves(holds), await desk.furnished(lends)
        await shelves.configure()
        world = World(await lending.furnished(asks))
        await world.make.configure(lending=LENDS)
        group = {"code": "library", "name": "Other libraries", "max_loans": 20, "max_owed": 0}
        await make.configure(patron_groups=[*desk.CONFIGURATION["patron_groups"], group])
        patron = await make.patron(group="library", family_name="Library XX-SUPA")
        other = await world.other(patron_id=patron["id"])
        title = await shelves.title(record("a").having(Field.data("020", "  ", ("a", ISBN))))
        for barcode in ("31000001", "31000002"):
            await shelves.item(title, barcode=barcode, material_type="BOOK", loan_type="standard")
        carrier = Carrier([holds, lends, asks])
        async with shelves.indexed():
            yield Three(lends, asks, shelves, make, world, carrier, patron, other)
