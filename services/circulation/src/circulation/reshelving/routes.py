"""The shelving cart on the wire: what lies on it, and that something has been put back on its shelf."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.items.handlers import tell_availability
from circulation.items.rules import State, shown
from circulation.items.tables import LEFT
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary
from circulation.shelves.routes import MAY_BE, SINCE_EVER, Limit, MayRead, ShelvedOut, point, shelved

router = new_router("/v1/service-points", tag="shelves")

MayShelve = Annotated[Principal, Depends(may("returns:create"))]

_CART: Final = f"""
SELECT i.id, i.barcode, i.short_title, i.short_author, i.call_number, i.volume, i.copy_number, i.library, i.location,
    i.reshelving_until, i.last_seen_at
FROM item i
WHERE i.last_seen_by = $1 AND i.reshelving_until > $2 AND i.state = 'available' AND NOT i.{LEFT}
  AND (i.reshelving_until, i.id) > ($3::timestamptz, $4::uuid)
ORDER BY i.reshelving_until, i.id LIMIT $5
"""  # noqa: S608 - our own text
"""What was left on the hold shelf is listed for clearance.

It goes over what is on its way at any desk, by time: an index that named the desk would be written at every loan.
"""
_FOUND: Final = "SELECT id FROM item WHERE id = $1 OR barcode = $2 FOR NO KEY UPDATE"
_SHELVE: Final = """
UPDATE item SET reshelving_until = NULL, guard = guard + 1, last_seen_at = $2, last_seen_by = $3
WHERE id = $1 AND state = 'available' AND reshelving_until > $2 RETURNING true
"""


class OnCartOut(ShelvedOut):
    """An item on its way from the desk back to its shelf."""

    came_in_at: datetime
    reshelving_until: datetime
    """When it counts as standing on its shelf, unless somebody says so before."""


class ShelvingIn(BaseModel):
    """What was put back."""

    model_config = ConfigDict(extra="forbid")

    item_id: UUID | None = None
    item_barcode: str | None = Field(default=None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def _names_one(self) -> "ShelvingIn":
        if (self.item_id is None) == (self.item_barcode is None):
            raise ValueError("name either item_id or item_barcode")
        return self


class ShelvingOut(BaseModel):
    """An item that was put back, and its state now."""

    item_id: UUID
    item_barcode: str | None
    title: str
    state: State
    shelved: bool
    """Whether it was on its way to its shelf until now."""


@router.get("/{service_point_id}/shelving-cart", response_model=cursors.Page[OnCartOut], responses=MAY_BE)
async def shelving_cart(
    request: Request,
    response: Response,
    service_point_id: UUID,
    asker: MayRead,
    library: TheLibrary,
    now: Now,
    cursor: str | None = None,
    limit: Limit = 500,
) -> cursors.Page[OnCartOut]:
    """Items that came in here and are on their way back to their shelves; those due there soonest first."""
    desk = point(library, service_point_id, asker)
    after = cursors.moment_and_id(cursor) if cursor else (SINCE_EVER, UUID(int=0))
    rows = await request.app.state.resources.pool.fetch(_CART, desk.id, now, *after, limit + 1)
    page = rows[:limit]
    more = cursors.encode(page[-1]["reshelving_until"], page[-1]["id"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(
        items=[
            OnCartOut.model_validate(
                shelved(row)
                | {"came_in_at": row["last_seen_at"], "reshelving_until": row["reshelving_until"]}
            )
            for row in page
        ],
        next_cursor=more,
    )


@router.post(
    "/{service_point_id}/shelvings",
    status_code=201,
    response_model=ShelvingOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, InFlight, Invalid, NotConfigured),
)
async def shelve(
    request: Request,
    service_point_id: UUID,
    body: ShelvingIn,
    staff: MayShelve,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Say that an item stands on its shelf before its time is over; said of any other item it changes nothing."""
    point(library, service_point_id, staff)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        item_id = await connection.fetchval(_FOUND, body.item_id, body.item_barcode)
        if item_id is None:
            pointer = "/item_id" if body.item_id else "/item_barcode"
            raise NotFound(reasons=[Reason("item-unknown", "There is no such item.", pointer)])
        done = bool(await connection.fetchval(_SHELVE, item_id, now, service_point_id))
        if done:
            await tell_availability(connection, [item_id], now)
        row = await connection.fetchrow("SELECT * FROM item WHERE id = $1", item_id)
        assert row is not None
        told = ShelvingOut(
            item_id=item_id,
            item_barcode=row["barcode"],
            title=row["short_title"],
            state=shown(State(row["state"]), row["reshelving_until"], now=now),
            shelved=done,
        )
        return 201, told, {}

    return await whole(request.app.state.resources.pool, once, act)
