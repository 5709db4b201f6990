"""Cash drawers on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.drawers import queries
from circulation.drawers.rules import difference, expected
from circulation.fees.rules import Money
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import TheLibrary

router = new_router("/v1/cash-drawers", tag="cash drawers")

MayOperate = Annotated[Principal, Depends(may("drawers:operate"))]
MayRead = Annotated[Principal, Depends(may("drawers:operate", "fees:read"))]
MinorUnits = Annotated[int, Field(ge=0, le=10**12)]


class DrawerRefused(Refused):
    """The drawer cannot be opened or closed."""

    code, title = "drawer-refused", "The drawer cannot be opened or closed."


class DrawerIn(BaseModel):
    """What lies in the drawer as the day begins, in minor units of the library's currency."""

    model_config = ConfigDict(extra="forbid")

    service_point_id: UUID
    opening: MinorUnits = 0


class ClosingIn(BaseModel):
    """What was counted in the drawer."""

    model_config = ConfigDict(extra="forbid")

    counted: MinorUnits
    comment: str | None = Field(default=None, min_length=1, max_length=1000)


class MovementOut(BaseModel):
    """Money in (payments) less money out (refunds), by method and owner."""

    method: str
    owner: str | None
    amount: int


class DrawerOut(BaseModel):
    """A drawer and its reconciliation; amounts in minor units."""

    id: UUID
    service_point_id: UUID
    currency: str
    opening: int
    expected: int
    """The opening, with what was paid in cash, without what was given back in cash."""
    counted: int | None
    difference: int | None
    """Negative where something is missing."""
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None
    closed_by: str | None
    comment: str | None
    movements: list[MovementOut]


async def _told(connection: Connection | asyncpg.Pool, row: asyncpg.Record) -> DrawerOut:
    moved = await queries.movements(connection, row["id"], row["currency"])
    opening = Money(row["opening"], row["currency"])
    counted = Money(row["counted"], row["currency"]) if row["counted"] is not None else None
    return DrawerOut(
        **dict(row) | {"expected": expected(opening, moved).minor},
        difference=difference(counted, opening, moved).minor if counted is not None else None,
        movements=[MovementOut(method=m.method, owner=m.owner, amount=m.amount.minor) for m in moved],
    )


def _points(library: Library, staff: Principal) -> list[UUID] | None:
    """The service points whose drawers are the asker's business; None: all."""
    if staff.libraries is None:
        return None
    return [desk.id for desk in library.desks.values() if desk.library in staff.libraries]


@router.post(
    "",
    status_code=201,
    response_model=DrawerOut,
    responses=problems(Unauthenticated, Forbidden, DrawerRefused, InFlight, Invalid, NotConfigured),
)
async def open_drawer(
    request: Request, body: DrawerIn, staff: MayOperate, library: TheLibrary, once: OnceRequired, now: Now
) -> Response:
    """Open the drawer of a service point: payments and refunds there are counted to it from now on."""
    if body.service_point_id not in library.desks:
        text, mend = "There is no such service point.", "Name one of /v1/service-points."
        raise Invalid(reasons=[Reason("service-point-unknown", text, "/service_point_id", mend)])
    desk = library.desks[body.service_point_id]
    if staff.libraries is not None and desk.library not in staff.libraries:
        raise Forbidden(f"You do not work for the library {desk.library}.")

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await connection.fetchrow(
            "INSERT INTO drawer (id, service_point_id, currency, opening, opened_at, opened_by) "
            "VALUES ($1, $2, $3, $4, $5, $6) "
            "ON CONFLICT (service_point_id) WHERE closed_at IS NULL DO NOTHING RETURNING *",
            uuid7(),
            body.service_point_id,
            library.currency,
            body.opening,
            now,
            str(staff.actor),
        )
        if row is None:
            text, mend = "A drawer is open there already.", "Count and close it first."
            raise DrawerRefused(reasons=[Reason("drawer-open", text, "/service_point_id", mend)])
        return 201, await _told(connection, row), {"location": f"/v1/cash-drawers/{row['id']}"}

    return await whole(request.app.state.resources.pool, once, act)


@router.post(
    "/{drawer_id}/closings",
    status_code=201,
    response_model=DrawerOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, DrawerRefused, InFlight, Invalid),
)
async def close_drawer(
    request: Request,
    drawer_id: UUID,
    body: ClosingIn,
    staff: MayOperate,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Close a drawer with what was counted in it: the answer tells what should have been."""
    points = _points(library, staff)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await connection.fetchrow("SELECT * FROM drawer WHERE id = $1 FOR UPDATE", drawer_id)
        if row is None or (points is not None and row["service_point_id"] not in points):
            raise NotFound("There is no such drawer.")
        if row["closed_at"] is not None:
            text, mend = "The drawer is closed already.", "Open another one."
            raise DrawerRefused(reasons=[Reason("drawer-closed", text, None, mend)])
        moved = await queries.movements(connection, drawer_id, row["currency"])
        closed = await connection.fetchrow(
            "UPDATE drawer SET counted = $2, expected = $3, closed_at = $4, closed_by = $5, comment = $6 "
            "WHERE id = $1 RETURNING *",
            drawer_id,
            body.counted,
            expected(Money(row["opening"], row["currency"]), moved).minor,
            now,
            str(staff.actor),
            body.comment,
        )
        assert closed is not None
        return 201, await _told(connection, closed), {}

    return await whole(request.app.state.resources.pool, once, act)


@router.get(
    "/{drawer_id}", response_model=DrawerOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def get_drawer(request: Request, drawer_id: UUID, staff: MayRead, library: TheLibrary) -> DrawerOut:
    """A drawer with its reconciliation; that of a library one does not work for is not there."""
    pool = request.app.state.resources.pool
    row = await pool.fetchrow("SELECT * FROM drawer WHERE id = $1", drawer_id)
    points = _points(library, staff)
    if row is None or (points is not None and row["service_point_id"] not in points):
        raise NotFound("There is no such drawer.")
    return await _told(pool, row)


class DrawerLineOut(BaseModel):
    """A drawer in a list."""

    id: UUID
    service_point_id: UUID
    currency: str
    opening: int
    counted: int | None
    expected: int | None
    """Told when it is closed; ask for the drawer itself before."""
    opened_at: datetime
    closed_at: datetime | None


_LIST = """
SELECT id, service_point_id, currency, opening, counted, expected, opened_at, closed_at FROM drawer
WHERE ($1::uuid IS NULL OR service_point_id = $1) AND ($2::boolean IS NULL OR (closed_at IS NULL) = $2)
  AND ($3::uuid IS NULL OR id > $3) AND ($5::uuid[] IS NULL OR service_point_id = ANY ($5)) ORDER BY id LIMIT $4
"""


@router.get(
    "", response_model=cursors.Page[DrawerLineOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_drawers(
    request: Request,
    response: Response,
    staff: MayRead,
    library: TheLibrary,
    service_point_id: UUID | None = None,
    open: Annotated[bool | None, Query(description="Only open, or only closed ones")] = None,  # noqa: A002 - the wire's word
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[DrawerLineOut]:
    """Drawers of the libraries that one works for, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else None
    asked = (service_point_id, open, after, limit + 1, _points(library, staff))
    rows = await request.app.state.resources.pool.fetch(_LIST, *asked)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[DrawerLineOut(**dict(row)) for row in rows[:limit]], next_cursor=more)
