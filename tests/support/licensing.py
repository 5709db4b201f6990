"""A library that licenses, for tests: titles of a knowledge base, licences, agreements and their lines."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from support.harness import Harness

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
ISSN, EISSN, OTHER_ISSN = "2049-3630", "2049-3649", "0306-4522"
ISBN = "9780306406157"
_TITLE = """
INSERT INTO title_instance (id, work_id, name, sort_name, kind, medium, created_at)
VALUES ($1, $2, $3, lower($3), $4, $5, $6)
"""
_IDENTIFIER = (
    "INSERT INTO title_identifier (id, title_id, namespace, value, medium) VALUES ($1, $2, $3, $4, $5)"
)
_PLATFORM = """
INSERT INTO platform (id, code, name, link_templates, proxied, state, created_at)
VALUES ($1, $2, $3, $4, $5, 'active', $6)
"""
_PACKAGE = """
INSERT INTO package (id, source, reference, name, platform_id, scope, region, state, created_at)
VALUES ($1, 'tests', $2, $2, $3, 'global', 'Global', 'current', $4)
"""
_ON = "INSERT INTO platform_title (id, title_id, platform_id, url) VALUES ($1, $2, $3, $4)"
_ITEM = """
INSERT INTO package_item (id, package_id, platform_title_id, key, listed, sort_name, access_start_on, access_end_on,
    origin, created_at) VALUES ($1, $2, $3, $4, $5, $4, $6, $7, 'list', $8)
"""
_COVERAGE = """
INSERT INTO coverage_statement (id, item_id, ordinal, starts, start_on, ends, end_on, start_volume, end_volume, depth,
    embargo, access_type) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'fulltext', $10, $11)
"""


@dataclass
class Shelf:
    """What is known of electronic titles; says only what a test is about."""

    erm: Harness
    made: int = 0

    async def _run(self, statement: str, *told: Any) -> UUID:
        row_id = uuid7()
        await self.erm.resources.pool.execute(statement, row_id, *told)
        return row_id

    async def title(
        self,
        name: str = "Journal of Imaginary Hydrology",
        *,
        kind: str = "serial",
        work: UUID | None = None,
        medium: str = "electronic",
        **identifiers: str,
    ) -> UUID:
        """A title with identifiers (`issn`, `isbn`, `doi`)."""
        title = await self._run(_TITLE, work or uuid7(), name, kind, medium, NOW)
        for namespace, value in (identifiers or {"issn": ISSN}).items():
            await self._run(_IDENTIFIER, title, namespace, value, medium)
        return title

    async def platform(self, name: str = "Riverbase", *templates: str, proxied: bool = False) -> UUID:
        """Where titles lie."""
        self.made += 1
        told = list(templates or ("{url}",))
        return await self._run(_PLATFORM, f"p{self.made}", name, told, proxied, NOW)

    async def package(self, platform: UUID, name: str = "Rivers Complete") -> UUID:
        """What a provider sells."""
        return await self._run(_PACKAGE, name, platform, NOW)

    async def on(
        self, title: UUID, platform: UUID, url: str | None = "https://riverbase.example/jih"
    ) -> UUID:
        """A title on a platform."""
        return await self._run(_ON, title, platform, url)

    async def item(
        self,
        package: UUID,
        on: UUID,
        *coverage: dict[str, Any],
        start: date | None = None,
        end: date | None = None,
    ) -> UUID:
        """A title on a platform, in a package."""
        self.made += 1
        item = await self._run(
            _ITEM, package, on, f"k{self.made}", {"title_id": f"t{self.made}"}, start, end, NOW
        )
        for ordinal, told in enumerate(coverage or ({},)):
            first, last = told.get("start"), told.get("end")
            await self._run(
                _COVERAGE, item, ordinal, str(first) if first else None, first, str(last) if last else None, last,
                told.get("start_volume"), told.get("end_volume"), told.get("embargo"), told.get("access", "P"),
            )  # fmt: skip
        return item

    async def listed(
        self, *coverage: dict[str, Any], name: str = "Rivers Complete", **of_title: Any
    ) -> "Listed":
        """A title on a platform of its own, in a package of its own."""
        title, platform = await self.title(**of_title), await self.platform(f"{name} platform")
        package = await self.package(platform, name)
        on = await self.on(title, platform)
        return Listed(title, platform, package, on, await self.item(package, on, *coverage))

    async def post(self, path: str, body: dict[str, Any], *, expect: int = 201) -> dict[str, Any]:
        """Something that works."""
        answer = await self.erm.post(path, json=body)
        assert answer.status_code == expect, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def put(self, path: str, told: dict[str, Any], **changed: Any) -> Any:
        """What was read, changed and put back, whatever comes of it."""
        named = {"name"} if "agreement_id" in told else set()
        body = {name: value for name, value in told.items() if name not in READ_ONLY | named} | changed
        return await self.erm.put(path, json=body, headers={"If-Match": f'"{told["version"]}"'})

    async def licence(self, **told: Any) -> dict[str, Any]:
        """A licence in force; `terms` by their codes: a use, or a whole saying."""
        terms = [
            {"term": code} | ({"use": said} if isinstance(said, str) else said)
            for code, said in told.pop("terms", {}).items()
        ]
        return await self.post(
            "/v1/licences", {"name": "Riverbase licence", "status": "active", "terms": terms} | told
        )

    async def agreement(self, *licences: dict[str, Any], **told: Any) -> dict[str, Any]:
        """An agreement in force, governed by the first licence."""
        governing = [{"licence_id": one["id"], "standing": "controlling"} for one in licences[:1]]
        body = {"name": "Riverbase 2027", "status": "active", "licences": governing}
        return await self.post("/v1/agreements", body | told)

    async def line(
        self, agreement: dict[str, Any], resource: str, resource_id: UUID, **told: Any
    ) -> dict[str, Any]:
        """What it lets be used."""
        body = {"resource": resource, "resource_id": str(resource_id)} | told
        return await self.post(f"/v1/agreements/{agreement['id']}/lines", body)


READ_ONLY = frozenset(
    {
        *(
            "id",
            "created_at",
            "version",
            "in_force",
            "related",
            "agreement_id",
            "usable_today",
            "reasons",
        ),
        *("knowledge_base_coverage", "orders", "cost"),
    }
)


@dataclass(frozen=True)
class Listed:
    """A title in a package."""

    title: UUID
    platform: UUID
    package: UUID
    on: UUID
    item: UUID


_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def all_wait(holder: Any, wanted: int) -> None:
    """Until so many others wait for a lock, of what is held on this connection."""
    for _ in range(300):
        await holder.execute("SELECT pg_stat_clear_snapshot()")
        if await holder.fetchval(_WAITING) >= wanted:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("they do not wait")


async def shelf(erm: Harness) -> Shelf:
    """Nothing licensed yet; the library's clock stands."""
    erm.at(NOW)
    return Shelf(erm)
