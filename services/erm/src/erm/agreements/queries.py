"""Agreements with all that belongs to them, and lines with what they are of."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.agreements.rules import ACTIVE, Days, Line
from erm.units.rules import Standing
from erm.units.standing import within

_LOCK = "SELECT id FROM agreement WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_AGREEMENTS = "SELECT * FROM agreement WHERE id = ANY ($1::uuid[])"
_PERIODS = (
    "SELECT * FROM agreement_period WHERE agreement_id = ANY ($1::uuid[]) ORDER BY agreement_id, position"
)
_PARTIES = """
SELECT * FROM agreement_organisation WHERE agreement_id = ANY ($1::uuid[]) ORDER BY agreement_id, role, organisation_id
"""
_LICENCES = """
SELECT * FROM agreement_licence WHERE agreement_id = ANY ($1::uuid[]) ORDER BY agreement_id, standing, licence_id
"""
_RELATIONS = """
SELECT * FROM agreement_relation WHERE agreement_id = ANY ($1::uuid[]) OR other_id = ANY ($1::uuid[])
ORDER BY agreement_id, kind, other_id LIMIT 5000
"""


@dataclass
class Agreement:
    """An agreement without its lines."""

    row: dict[str, Any]
    periods: list[dict[str, Any]] = field(default_factory=list)
    organisations: list[dict[str, Any]] = field(default_factory=list)
    licences: list[dict[str, Any]] = field(default_factory=list)
    relations: list[dict[str, Any]] = field(default_factory=list)
    """Its own."""
    related: list[dict[str, Any]] = field(default_factory=list)
    """Those that others have to it."""

    @property
    def id(self) -> UUID:
        told: UUID = self.row["id"]
        return told

    @property
    def days(self) -> tuple[Days, ...]:
        """Its periods, as the rules take them."""
        return tuple(Days(row["starts_on"], row["ends_on"]) for row in self.periods)

    def in_force(self, on: date) -> bool:
        """Whether it is active, and a day within a period (or there are none)."""
        days = self.days
        return self.row["status"] == ACTIVE and (not days or any(one.hold(on) for one in days))


async def agreements(
    connection: Connection | asyncpg.Pool, ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, Agreement]:
    """Whole agreements; locked in one order everywhere, then read."""
    wanted = sorted(set(ids))
    if lock:
        await connection.fetch(_LOCK, wanted)
    found = {row["id"]: Agreement(dict(row)) for row in await connection.fetch(_AGREEMENTS, wanted)}
    for row in await connection.fetch(_PERIODS, wanted):
        found[row["agreement_id"]].periods.append(dict(row))
    for row in await connection.fetch(_PARTIES, wanted):
        found[row["agreement_id"]].organisations.append(dict(row))
    for row in await connection.fetch(_LICENCES, wanted):
        found[row["agreement_id"]].licences.append(dict(row))
    for row in await connection.fetch(_RELATIONS, wanted):
        if row["agreement_id"] in found:
            found[row["agreement_id"]].relations.append(dict(row))
        if row["other_id"] in found:
            found[row["other_id"]].related.append(dict(row))
    return found


async def agreement(
    connection: Connection | asyncpg.Pool, agreement_id: UUID, *, lock: bool = False
) -> Agreement | None:
    """One agreement."""
    return (await agreements(connection, [agreement_id], lock=lock)).get(agreement_id)


# --- lines ---

_LINES: Final = """
SELECT l.*, coalesce(p.name, t.name, l.description, l.reference) AS name, a.status AS agreement_status,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(d.starts_on, d.ends_on) ORDER BY d.position), '[]')
        FROM agreement_period d WHERE d.agreement_id = l.agreement_id) AS periods,
    (SELECT coalesce(jsonb_agg(to_jsonb(c) ORDER BY c.item_id, c.ordinal), '[]')
        FROM package_item n JOIN coverage_statement c ON c.item_id = n.id
        WHERE n.id = l.item_id OR n.platform_title_id = l.platform_title_id) AS listed,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('order_line_id', o.id, 'order_id', h.id, 'order_number', h.number,
            'minor', o.total, 'currency', h.currency, 'cancelled', o.cancelled) ORDER BY h.number, o.position), '[]')
        FROM agreement_line_order x JOIN order_line o ON o.id = x.order_line_id
        JOIN purchase_order h ON h.id = o.order_id WHERE x.line_id = l.id AND {seen}) AS orders
FROM agreement_line l
JOIN agreement a ON a.id = l.agreement_id
LEFT JOIN package p ON p.id = l.package_id
LEFT JOIN package_item i ON i.id = l.item_id
LEFT JOIN platform_title pt ON pt.id = coalesce(l.platform_title_id, i.platform_title_id)
LEFT JOIN title_instance t ON t.id = pt.title_id
WHERE l.id = ANY ($1::uuid[])
ORDER BY l.id DESC
"""


async def lines(
    connection: Connection | asyncpg.Pool, ids: Sequence[UUID], standing: Standing
) -> list[asyncpg.Record]:
    """Lines with names, coverage of the knowledge base and those of their orders that somebody may see, newest
    first."""
    seen = within(standing, "h.acquisition_unit_ids")
    text, values = ("true", ()) if seen is None else (seen.numbered(2), seen.values)
    return list(await connection.fetch(_LINES.replace("{seen}", text), list(ids), *values))


def days_of(told: Sequence[Sequence[str | None]]) -> tuple[Days, ...]:
    """Periods as JSON tells them."""
    return tuple(Days(*(date.fromisoformat(day) if day else None for day in pair)) for pair in told)


def facts(row: Mapping[str, Any]) -> Line:
    """A line as the rules take it."""
    return Line(
        row["agreement_status"],
        days_of(row["periods"]),
        Days(row["active_from"], row["active_to"]),
        row["suppressed"],
    )


_TITLE: Final = """
SELECT t.id, t.name FROM title_instance t WHERE t.id = $1
"""
_THROUGH: Final = """
SELECT l.id, l.resource, i.package_id, p.name AS package_name, l.active_from, l.active_to,
    i.access_start_on, i.access_end_on
FROM platform_title pt
LEFT JOIN package_item i ON i.platform_title_id = pt.id
LEFT JOIN package p ON p.id = i.package_id
JOIN agreement_line l
    ON (l.package_id = i.package_id OR l.item_id = i.id OR l.platform_title_id = pt.id) AND l.agreement_id = $1
WHERE pt.title_id = $2
ORDER BY l.id, i.id LIMIT 1000
"""


async def title(connection: Connection | asyncpg.Pool, title_id: UUID) -> asyncpg.Record | None:
    """A title of the knowledge base."""
    return await connection.fetchrow(_TITLE, title_id)


async def through(
    connection: Connection | asyncpg.Pool, agreement_id: UUID, title_id: UUID
) -> list[asyncpg.Record]:
    """Lines of an agreement that let a title be used, and from when until when it is listed."""
    return list(await connection.fetch(_THROUGH, agreement_id, title_id))


def line_days(row: Mapping[str, Any]) -> tuple[Days, Days]:
    """From when until when a line is active, and a title listed."""
    return (
        Days(row["active_from"], row["active_to"]),
        Days(row["access_start_on"], row["access_end_on"]),
    )
