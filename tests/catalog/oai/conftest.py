"""A catalogue that harvesters may come to, in small pieces."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from catalog.app import SERVICE
from catalog.oai.following import Follower
from chassis.principal import ANONYMOUS
from support import schemas
from support.harness import Harness, running
from support.shelves import Shelves

PAGE = 7
OAI = "{http://www.openarchives.org/OAI/2.0/}"


@dataclass
class Harvester:
    """Asks without saying who it is; every answer is checked by the schemas."""

    catalog: Harness
    follower: Follower

    async def follow(self) -> None:
        """Let everything that has changed be carried over."""
        while await self.follower.step():
            pass

    async def ask(self, **arguments: str) -> etree._Element:
        """An answer."""
        if "from_" in arguments:
            arguments["from"] = arguments.pop("from_")
        with self.catalog.asking(ANONYMOUS):
            answer = await self.catalog.get("/oai", params=arguments)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        return schemas.valid(answer.content, schemas.oai())

    async def error(self, **arguments: str) -> str:
        """The code of the error that the answer is."""
        (found,) = (await self.ask(**arguments)).findall(f"{OAI}error")
        return str(found.get("code"))

    async def pages(self, verb: str = "ListRecords", **arguments: str) -> list[etree._Element]:
        """A list, all of it."""
        found = [await self.ask(verb=verb, **({"metadataPrefix": "oai_dc"} | arguments))]
        while token := found[-1].findtext(f".//{OAI}resumptionToken"):
            found.append(await self.ask(verb=verb, resumptionToken=token))
        return found

    async def headers(self, verb: str = "ListIdentifiers", **arguments: str) -> list[dict[str, Any]]:
        """The list's headers."""
        return [
            {
                "id": str(each.findtext(f"{OAI}identifier")).rpartition(":")[2],
                "datestamp": each.findtext(f"{OAI}datestamp"),
                "deleted": each.get("status") == "deleted",
                "sets": [str(told.text) for told in each.findall(f"{OAI}setSpec")],
            }
            for page in await self.pages(verb, **arguments)
            for each in page.iter(f"{OAI}header")
        ]


@pytest.fixture
async def catalog(catalog_dsn: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """The service, which gives harvesters seven records at a time."""
    chosen = {"data_dir": tmp_path, "harvest_page": PAGE, "repository_id": "library.example"}
    async with running(SERVICE, catalog_dsn, settings=chosen) as harness:
        yield harness


@pytest.fixture
async def harvester(catalog: Harness, shelves: Shelves) -> Harvester:
    """A harvester of a configured catalogue, which has nothing yet."""
    made = Harvester(catalog, Follower(catalog.resources.pool))
    await made.follow()
    return made
