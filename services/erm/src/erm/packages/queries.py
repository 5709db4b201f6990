"""What packages hold: by what a title is known by, and one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.coverage.rules import Span, Statement, read_embargo

STATEMENTS: Final = """
(SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.ordinal), '[]') FROM coverage_statement c WHERE c.item_id = i.id)
    AS statements
"""
_KNOWN: Final = """
known AS MATERIALIZED (
    SELECT DISTINCT t.work_id FROM unnest($1::text[], $2::text[]) AS asked (namespace, value)
    JOIN title_identifier n ON n.namespace = asked.namespace AND n.value = asked.value
    JOIN title_instance t ON t.id = n.title_id
)
"""
_LISTED: Final = f"""
WITH {_KNOWN}
SELECT i.id AS item_id, i.package_id, p.name AS package_name, t.id AS title_id, t.name AS title_name, t.work_id,
    t.kind, f.id AS platform_id, f.name AS platform_name, f.link_templates, f.proxied, f.proxy_prefix,
    coalesce(i.url, pt.url) AS url, i.listed ->> 'title_id' AS title_key, i.access_start_on, i.access_end_on,
    i.removed_at IS NOT NULL AS removed, {STATEMENTS}
FROM known k
JOIN title_instance t ON t.work_id = k.work_id AND t.merged_into IS NULL
JOIN platform_title pt ON pt.title_id = t.id
JOIN platform f ON f.id = pt.platform_id AND f.state = 'active'
JOIN package_item i ON i.platform_title_id = pt.id
JOIN package p ON p.id = i.package_id AND p.state = 'current'
ORDER BY i.id
"""  # noqa: S608 - our own text
_IS_KNOWN: Final = f"WITH {_KNOWN} SELECT EXISTS (SELECT FROM known)"  # noqa: S608 - our own text


WITHDRAWN: Final = """
SELECT i.id AS item_id, i.package_id, p.name AS package, t.id AS title_id, t.name AS title, i.access_start_on,
    i.access_end_on, i.removed_at,
    (SELECT count(DISTINCT o.package_id) FROM platform_title ot JOIN package_item o ON o.platform_title_id = ot.id
        WHERE ot.title_id = t.id AND o.package_id <> i.package_id
            AND (o.access_end_on IS NULL OR o.access_end_on > i.access_end_on)) AS elsewhere,
    (SELECT count(*) FROM perpetual_right r WHERE r.title_id = t.id AND r.status = 'confirmed') AS stays
FROM package_item i JOIN package p ON p.id = i.package_id
JOIN platform_title pt ON pt.id = i.platform_title_id JOIN title_instance t ON t.id = pt.title_id
WHERE i.access_end_on BETWEEN $2 AND $3 AND (i.access_end_on, i.id) > ($4, $5::uuid)
ORDER BY i.access_end_on, i.id LIMIT $1
"""
"""Titles whose access ends within days, those that lists have left out and those whose end was entered."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A title that a package holds, and the way to it."""

    item_id: UUID
    package_id: UUID
    package_name: str
    title_id: UUID
    title_name: str
    work_id: UUID
    kind: str
    platform_id: UUID
    platform_name: str
    link_templates: tuple[str, ...]
    proxied: bool
    proxy_prefix: str | None
    """The platform's own; none: the library's."""
    url: str | None
    title_key: str | None
    """What the provider calls it."""
    access_start_on: date | None
    access_end_on: date | None
    removed: bool
    statements: tuple[Statement, ...]


def statement(told: Mapping[str, Any]) -> Statement:
    """A row of coverage (from JSON or from the table) as rules take it."""
    return Statement(
        Span(_day(told["start_on"]), _day(told["end_on"])),
        start_volume=told["start_volume"],
        start_issue=told["start_issue"],
        end_volume=told["end_volume"],
        end_issue=told["end_issue"],
        depth=told["depth"],
        embargo=read_embargo(told["embargo"]) if told["embargo"] else None,
        access_type=told["access_type"],
        note=told["note"],
    )


def _day(told: Any) -> date | None:
    return date.fromisoformat(told) if isinstance(told, str) else told


async def listed_by(
    connection: Connection | asyncpg.Pool, identifiers: Sequence[tuple[str, str]]
) -> list[Listed]:
    """What packages hold under any of these (namespace, value), their siblings in the other medium included."""
    rows = await connection.fetch(
        _LISTED, [name for name, _ in identifiers], [value for _, value in identifiers]
    )
    return [
        Listed(
            **{
                **row,
                "link_templates": tuple(row["link_templates"]),
                "statements": tuple(statement(each) for each in row["statements"]),
            }
        )
        for row in map(dict, rows)
    ]


async def known(connection: Connection | asyncpg.Pool, identifiers: Sequence[tuple[str, str]]) -> bool:
    """Whether the knowledge base has heard of any of them, be it in a package or not."""
    found: bool = await connection.fetchval(
        _IS_KNOWN, [name for name, _ in identifiers], [value for _, value in identifiers]
    )
    return found


_ITEMS: Final = f"""
SELECT i.id, i.package_id, pt.platform_id, coalesce(i.url, CASE WHEN i.origin = 'list' THEN pt.url END) AS url,
    i.access_start_on, i.access_end_on, i.removed_at, i.origin, i.key, i.listed, i.load_id, i.line, i.note,
    i.sort_name, i.created_at, i.version, {STATEMENTS},
    jsonb_build_object('id', t.id, 'work_id', t.work_id, 'name', t.name, 'kind', t.kind, 'medium', t.medium) AS title
FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id
JOIN title_instance t ON t.id = pt.title_id
"""  # noqa: S608 - our own text
_PAGE: Final = f"""
{_ITEMS} WHERE i.package_id = $1 AND (i.sort_name, i.id) > ($2, $3::uuid)
    AND ($5::bool IS NULL OR (i.removed_at IS NOT NULL) = $5)
ORDER BY i.sort_name, i.id LIMIT $4
"""
_OF_TITLE: Final = f"{_ITEMS} WHERE t.work_id = $1 ORDER BY i.id LIMIT $2"


async def item(connection: Connection | asyncpg.Pool, item_id: UUID) -> asyncpg.Record | None:
    """A title in a package."""
    return await connection.fetchrow(f"{_ITEMS} WHERE i.id = $1", item_id)


async def items(
    connection: Connection | asyncpg.Pool,
    package_id: UUID,
    *,
    after: tuple[str, UUID],
    removed: bool | None,
    limit: int,
) -> list[asyncpg.Record]:
    """Titles of a package by name."""
    rows: list[asyncpg.Record] = await connection.fetch(_PAGE, package_id, *after, limit, removed)
    return rows


async def items_of_work(
    connection: Connection | asyncpg.Pool, work_id: UUID, *, limit: int
) -> list[asyncpg.Record]:
    """Where a title, or its sibling in the other medium, is in packages."""
    rows: list[asyncpg.Record] = await connection.fetch(_OF_TITLE, work_id, limit)
    return rows
