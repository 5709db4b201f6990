"""Catalogue, circulation and acquisitions in one process, for journeys of what is bought."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import catalog.app
import circulation.app
import erm.app
from contracts.events import event_types
from support import acquiring
from support.acquiring import NOW
from support.harness import Harness, migrated, running
from support.university import CATALOG, CIRCULATION


@dataclass
class House:
    """Catalogue, circulation and acquisitions, and what is carried between them."""

    services: Mapping[str, Harness]
    make: acquiring.Make
    twice: bool = False
    seen: dict[str, int] = field(default_factory=dict)

    async def carry(self) -> None:
        """Hand over what each has told, until nobody tells anything new; twice, if it is to be so."""
        kinds = {kind.type: kind for kind in event_types()}
        new = True
        while new:
            new = False
            for name, source in self.services.items():
                envelopes = await source.envelopes()
                fresh = envelopes[self.seen.get(name, 0) :]
                self.seen[name] = len(envelopes)
                for target in self.services.values():
                    heard = [
                        kinds[envelope.type].model_validate(envelope.data)
                        for envelope in fresh
                        if target is not source and kinds[envelope.type] in target.service.subscriptions
                    ]
                    for _ in range(2 if self.twice else 1):
                        await target.deliver(*heard, source=name)
                    new = new or bool(heard)

    async def location(self) -> str:
        """Where new books go."""
        told = (await self.services["catalog"].get("/v1/locations")).json()["items"]
        return str(next(each["id"] for each in told if (each["library"], each["code"]) == ("MAIN", "STACKS")))

    async def piece(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """The one copy of a receipt, as it now stands."""
        (piece,) = (await self.make.get(f"/v1/receipts/{receipt['id']}"))["pieces"]
        return dict(piece)

    async def lend(self, barcode: str, patron: dict[str, Any]) -> Any:
        """Try to check it out."""
        desk = self.services["circulation"]
        (point, *_) = (await desk.get("/v1/service-points")).json()["items"]
        body = {"patron_id": patron["id"], "item_barcode": barcode, "service_point_id": point["id"]}
        return await desk.post("/v1/loans", json=body)


@asynccontextmanager
async def buying(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[House]:
    """All three, configured."""
    async with AsyncExitStack() as stack:
        opened = {}
        for service, settings in (
            (catalog.app.SERVICE, {"data_dir": tmp_path}),
            (circulation.app.SERVICE, {}),
            (erm.app.SERVICE, {}),
        ):
            dsn = await database(service.name, lambda dsn, service=service: migrated(service, dsn))
            opened[service.name] = await stack.enter_async_context(running(service, dsn, settings=settings))
            opened[service.name].at(NOW)
        for name, told in (("catalog", CATALOG), ("circulation", CIRCULATION)):
            answer = await opened[name].put(f"/v1/configuration/{name}", json=told)
            assert answer.status_code == 200, answer.text
        made = House(opened, await acquiring.furnished(opened["erm"]))
        await made.carry()
        yield made
