"""Orders under their lock, with their lines and shares."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.orders.rules import Place, Progress
from erm.units.rules import Standing
from erm.units.standing import within

_LOCK = "SELECT id FROM purchase_order WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_ORDERS = "SELECT * FROM purchase_order WHERE id = ANY ($1::uuid[])"
_LINES = """
SELECT l.*, o.order_type FROM order_line l JOIN purchase_order o ON o.id = l.order_id
WHERE l.order_id = ANY ($1::uuid[]) ORDER BY l.order_id, l.position
"""
_SHARES = """
SELECT s.* FROM order_line_share s JOIN order_line l ON l.id = s.order_line_id
WHERE l.order_id = ANY ($1::uuid[]) ORDER BY s.order_line_id, s.position
"""
_PLACES = """
SELECT p.*, c.physical AS received_physical, c.electronic AS received_electronic
FROM order_line_location p JOIN order_line l ON l.id = p.order_line_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT r.electronic) AS physical, count(*) FILTER (WHERE r.electronic) AS electronic
    FROM receipt r JOIN piece x ON x.receipt_id = r.id AND x.state <> 'undone'
    WHERE r.order_line_id = p.order_line_id AND r.location_id = p.location_id
) c
WHERE l.order_id = ANY ($1::uuid[]) ORDER BY p.order_line_id, p.position
"""
_OF_LINES = "SELECT DISTINCT order_id FROM order_line WHERE id = ANY ($1::uuid[])"


@dataclass
class Line:
    """A line with its shares."""

    row: dict[str, Any]
    shares: list[dict[str, Any]] = field(default_factory=list)
    kept_places: list[Place] = field(default_factory=list)
    """As they are kept, where copies go to several locations or some are electronic."""

    @property
    def id(self) -> UUID:
        told: UUID = self.row["id"]
        return told

    @property
    def places(self) -> list[Place]:
        """Where its copies go, and how many of them have come there; none: nowhere that is told."""
        row = self.row
        if self.kept_places or row["location_id"] is None:
            return self.kept_places
        return [Place(row["location_id"], row["quantity"], 0, row["received"])]

    @property
    def locations(self) -> list[UUID]:
        """Where its copies go."""
        return [place.location_id for place in self.places]

    @property
    def progress(self) -> Progress:
        """What has come and been paid."""
        row = self.row
        return Progress(
            quantity=row["quantity"],
            received=row["received"],
            paid=row["paid"],
            paid_last=row["paid_last"] > 0,
            total=row["total"],
            receipt=row["receipt"],
            cancelled=row["cancelled"],
            ongoing=row["order_type"] != "one-time",
        )


@dataclass
class Order:
    """An order with its lines."""

    row: dict[str, Any]
    lines: list[Line] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        told: UUID = self.row["id"]
        return told

    @property
    def units(self) -> list[UUID]:
        """The acquisition units that it belongs to."""
        told: list[UUID] = self.row["acquisition_unit_ids"]
        return told

    @property
    def total(self) -> int:
        """Of its lines, in its currency; what is cancelled counted as it was ordered."""
        return sum(line.row["total"] for line in self.lines)

    def line(self, line_id: UUID) -> Line:
        """One of its lines."""
        return next(line for line in self.lines if line.id == line_id)


async def orders(
    connection: Connection | asyncpg.Pool, ids: Collection[UUID], *, lock: bool = False
) -> dict[UUID, Order]:
    """Whole orders; locked in one order everywhere, then read."""
    wanted = sorted(set(ids))
    if lock:
        await connection.fetch(_LOCK, wanted)
    found = {row["id"]: Order(dict(row)) for row in await connection.fetch(_ORDERS, wanted)}
    lines: dict[UUID, Line] = {}
    for row in await connection.fetch(_LINES, wanted):
        lines[row["id"]] = line = Line(dict(row))
        found[row["order_id"]].lines.append(line)
    for row in await connection.fetch(_SHARES, wanted):
        lines[row["order_line_id"]].shares.append(dict(row))
    for row in await connection.fetch(_PLACES, wanted):
        lines[row["order_line_id"]].kept_places.append(
            Place(
                row["location_id"],
                row["physical"],
                row["electronic"],
                row["received_physical"],
                row["received_electronic"],
            )
        )
    return found


async def order(connection: Connection | asyncpg.Pool, order_id: UUID, *, lock: bool = False) -> Order | None:
    """One order."""
    return (await orders(connection, [order_id], lock=lock)).get(order_id)


_UNITS_OF_LINE = """
SELECT o.acquisition_unit_ids FROM order_line l JOIN purchase_order o ON o.id = l.order_id WHERE l.id = $1
"""


async def units_of_line(connection: Connection | asyncpg.Pool, line_id: UUID) -> list[UUID]:
    """The acquisition units of the order that a line is in; none where there is no such line."""
    told: list[UUID] | None = await connection.fetchval(_UNITS_OF_LINE, line_id)
    return told or []


_IN_SIGHT = """
SELECT l.id FROM order_line l JOIN purchase_order o ON o.id = l.order_id WHERE l.id = ANY ($1::uuid[]) AND {}
"""


async def lines_in_sight(
    connection: Connection | asyncpg.Pool, line_ids: Collection[UUID], standing: Standing
) -> set[UUID]:
    """Which of these lines are of orders that somebody may see."""
    condition = within(standing, "o.acquisition_unit_ids")
    text, values = ("true", ()) if condition is None else (condition.numbered(2), condition.values)
    rows = await connection.fetch(_IN_SIGHT.format(text), list(line_ids), *values)
    return {row["id"] for row in rows}


async def orders_of(connection: Connection | asyncpg.Pool, line_ids: Sequence[UUID]) -> list[UUID]:
    """The orders that these lines are in."""
    return [row["order_id"] for row in await connection.fetch(_OF_LINES, list(line_ids))]
