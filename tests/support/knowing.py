"""A knowledge base for tests: a platform, packages, titles, and what a test is about."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from erm.kbart.rules import COLUMNS
from erm.kbart.worker import work_once
from support.harness import Harness

USUAL = {
    "coverage_depth": "fulltext",
    "publication_type": "serial",
    "access_type": "P",
    "title_url": "https://p.example/j",
}


@dataclass
class Knowledge:
    """Makes what a test is about; says only what matters."""

    erm: Harness
    platform: dict[str, Any] = field(default_factory=dict)
    made: int = 0

    async def post(self, path: str, body: dict[str, Any], *, expect: int = 201) -> dict[str, Any]:
        """Something that works."""
        return self._told(await self.erm.post(path, json=body), expect)

    async def get(self, path: str, *, expect: int = 200) -> dict[str, Any]:
        """Something that is there."""
        return self._told(await self.erm.get(path), expect)

    async def put(
        self, path: str, body: dict[str, Any], version: int, *, expect: int = 200
    ) -> dict[str, Any]:
        """Something that is changed."""
        return self._told(await self.erm.put(path, json=body, headers={"If-Match": f'"{version}"'}), expect)

    @staticmethod
    def _told(answer: httpx.Response, expect: int) -> dict[str, Any]:
        assert answer.status_code == expect, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def package(self, **more: Any) -> dict[str, Any]:
        """A package without titles."""
        self.made += 1
        body = {
            "source": "example-press",
            "reference": f"P{self.made}",
            "name": f"Package {self.made}",
            "platform_id": self.platform["id"],
        }
        return await self.post("/v1/packages", body | more)

    async def title(self, name: str, *identifiers: str, **more: Any) -> dict[str, Any]:
        """A title by hand: `issn:2049-3630`."""
        told = [dict(zip(("namespace", "value"), each.split(":", 1), strict=True)) for each in identifiers]
        return await self.post(
            "/v1/title-instances", {"name": name, "kind": "serial", "identifiers": told} | more
        )

    async def item(self, package: dict[str, Any], title: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A title in a package by hand."""
        return await self.post(f"/v1/packages/{package['id']}/items", {"title_id": title["id"]} | more)

    async def send(self, package: dict[str, Any], content: bytes, query: str = "") -> httpx.Response:
        """A title list for a package, not yet taken up."""
        return await self.erm.post(
            f"/v1/packages/{package['id']}/loads{query}",
            content=content,
            headers={"Content-Type": "text/tab-separated-values"},
        )

    async def work(self) -> None:
        """Take up what waits to be."""
        while await work_once(self.erm.resources):
            pass

    async def load(self, package: dict[str, Any], content: bytes, query: str = "") -> dict[str, Any]:
        """A title list that was taken up as far as it goes."""
        told = self._told(await self.send(package, content, query), 202)
        await self.work()
        return await self.get(f"/v1/package-loads/{told['id']}")

    async def items(self, package: dict[str, Any], query: str = "") -> dict[str, dict[str, Any]]:
        """What a package holds, by name."""
        found = await self.get(f"/v1/packages/{package['id']}/items?limit=500{query}")
        return {each["listed"].get("publication_title", ""): each for each in found["items"]}

    async def codes(self, answer: httpx.Response, status: int) -> list[str]:
        """Why it was refused."""
        assert answer.status_code == status, answer.text
        return [each["code"] for each in answer.json()["reasons"]]


async def knowing(erm: Harness) -> Knowledge:
    """A knowledge base with one platform."""
    made = Knowledge(erm)
    body = {"code": "p", "name": "Example Platform", "domains": ["p.example"]}
    made.platform = await made.post("/v1/platforms", body)
    return made


def listing(*rows: dict[str, str] | str, columns: tuple[str, ...] = COLUMNS) -> bytes:
    """A title list: rows by column, over those of a sound serial; a text is a line as it is."""
    lines = ["\t".join(columns)]
    for row in rows:
        told = row if isinstance(row, str) else "\t".join((USUAL | row).get(name, "") for name in columns)
        lines.append(told)
    return ("\n".join(lines) + "\n").encode()
