"""A knowledge base for tests: a platform, packages, titles, and what a test is about."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from support.harness import Harness


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
