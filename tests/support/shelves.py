"""A small catalogue for tests: configured, importing, searchable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from catalog.app import SERVICE
from catalog.imports.worker import work_once
from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from catalog.search.indexer import Indexer
from support.harness import Harness, migrated, running
from support.university import CATALOG

LEADER = "00000nam a2200000 i 4500"


def record(
    number: str | None = "r1", *, title: str = "Walden", author: str = "Thoreau, Henry David", **more: Any
) -> Record:
    """A bibliographic record."""
    leader: str = more.pop("leader", LEADER)
    fields = [Field.control("001", number)] if number is not None else []
    fields += [
        Field.control("008", "260101s1854    xx                  eng d"),
        Field.data("100", "1 ", ("a", author)),
        Field.data("245", "10", ("a", title)),
        Field.data("650", " 0", ("a", more.pop("subject", "Solitude"))),
    ]
    assert not more, more
    return Record(leader, fields)


def with_items(base: Record, *items: tuple[str | None, str, str]) -> Record:
    """With items as 999 fields: barcode, library, location."""
    fields = []
    for barcode, library, location in items:
        told = [("a", "PS3048 .A1"), ("l", location), ("m", library), ("t", "BOOK")]
        if barcode is not None:
            told.insert(1, ("i", barcode))
        fields.append(Field.data("999", "  ", *told))
    return base.having(*fields)


def file_of(*records: Record) -> bytes:
    """As a file."""
    return b"".join(map(dumps, records))


@dataclass
class Shelves:
    """What tests do with a catalogue."""

    catalog: Harness

    async def configure(self, **changed: Any) -> None:
        """Put the small university in place."""
        answer = await self.catalog.put("/v1/configuration/catalog", json=CATALOG | changed)
        assert answer.status_code == 200, answer.text

    async def location(self, library: str = "MAIN", code: str = "STACKS") -> str:
        """A location's id."""
        answer = await self.catalog.get("/v1/locations", params={"library": library, "code": code})
        (found,) = answer.json()["items"]
        return str(found["id"])

    async def title(self, made: Record | None = None, **params: Any) -> dict[str, Any]:
        """A title."""
        answer = await self.catalog.post(
            "/v1/titles",
            content=dumps(made or record()),
            headers={"Content-Type": "application/marc"},
            params=params,
        )
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def item(self, title: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """An item of a title at the main stacks."""
        title = title or await self.title()
        body = {"title_id": title["id"], "location_id": await self.location(), **more}
        answer = await self.catalog.post("/v1/items", json=body)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def send(
        self, content: bytes, media_type: str = "application/marc", **params: Any
    ) -> httpx.Response:
        """A file for import."""
        return await self.catalog.post(
            "/v1/imports", content=content, params=params, headers={"Content-Type": media_type}
        )

    async def imported(
        self, content: bytes, media_type: str = "application/marc", **params: Any
    ) -> dict[str, Any]:
        """The same, carried through by the worker."""
        answer = await self.send(content, media_type, **params)
        assert answer.status_code == 202, answer.text
        await self.work()
        told: dict[str, Any] = (await self.catalog.get(answer.headers["Location"])).json()
        return told

    async def work(self) -> None:
        """Let the worker do all there is."""
        while await work_once(self.catalog.resources, asyncio.Event()):
            pass

    async def outcomes(self, job: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
        """What became of a job's records."""
        answer = await self.catalog.get(f"/v1/imports/{job['id']}/outcomes", params={"limit": 1000, **params})
        assert answer.status_code == 200, answer.text
        told: list[dict[str, Any]] = answer.json()["items"]
        return told

    @asynccontextmanager
    async def indexed(self) -> AsyncIterator[Indexer]:
        """An indexer that has followed every change, and can follow more."""
        resources = self.catalog.resources
        indexer = Indexer(resources.pool, resources.settings.data_dir / "index", ready=resources.own["ready"])
        assert await indexer.open()
        try:
            while await indexer.follow():
                pass
            yield indexer
        finally:
            await indexer.close()


async def configured(dsn: str) -> None:
    """A database with the small university's places in it."""
    await migrated(SERVICE, dsn)
    async with running(SERVICE, dsn) as harness:
        await Shelves(harness).configure()
