"""The shelf on the wire: a window around a call number, and on from there both ways."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from catalog.callnumbers import queries
from catalog.callnumbers.queries import Place
from catalog.callnumbers.rules import Scheme, guessed, place_before, shelf_end
from chassis import cursors
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Anyone
from chassis.problems import Invalid, Reason, problems

router = new_router(tag="shelf")


class StandingOut(BaseModel):
    """One place on the shelf: a title's holdings, or an item with a call number of its own."""

    call_number: str
    title_id: UUID
    title: str
    author: str | None
    year: int | None
    holdings_id: UUID
    item_id: UUID | None
    location_id: UUID
    location: str
    library: str


class ShelfOut(BaseModel):
    """A stretch of one scheme's shelf, in order."""

    scheme: Scheme
    items: list[StandingOut]
    position: int | None
    """Where in the list the number that was asked for stands, or would stand; null for a further page."""
    previous_cursor: str | None
    next_cursor: str | None


def _cursor(scheme: Scheme, way: str, row: Any) -> str:
    return cursors.encode(scheme.value, way, row.shelving_key, str(row.id))


def _place(cursor: str) -> tuple[Scheme, bool, Place]:
    scheme, way, key, told = cursors.decode(cursor, parts=4)
    try:
        if way not in ("on", "back") or not isinstance(key, str) or "\0" in key:
            raise ValueError
        key.encode()
        return Scheme(scheme), way == "back", Place(key, UUID(str(told)))
    except ValueError:
        raise cursors.wrong_cursor() from None


@router.get("/v1/shelf", response_model=ShelfOut, responses=problems(Invalid))
async def browse_shelf(
    tx: ReadTx,
    asker: Anyone,
    near: Annotated[str | None, Query(max_length=500, description="A call number, or how one begins")] = None,
    scheme: Annotated[
        Scheme | None, Query(description="Unless told, what the number looks like; without a number, lc")
    ] = None,
    location_id: Annotated[UUID | None, Query(description="Only what stands at this location")] = None,
    before: Annotated[int, Query(ge=0, le=100, description="How many to show that stand before it")] = 5,
    limit: Annotated[int, Query(ge=1, le=200, description="How many from there on")] = 20,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> ShelfOut:
    """Look along the shelf: around a call number, then on or back by cursor. What others add or take away
    meanwhile moves nothing."""
    if cursor is not None and near is not None:
        raise Invalid(
            reasons=[
                Reason("one-of", "A cursor goes on from where it was given.", "query/near", "Leave near out.")
            ]
        )
    more: dict[str, Any] = {"location_id": location_id, "hidden_too": asker.may("titles:write")}
    if cursor is not None:
        shelf, back, place = _place(cursor)
        edge = place_before(shelf, "") if back else shelf_end(shelf)
        rows = await queries.along(tx, place, back=back, edge=edge, limit=limit + 1, **more)
        beyond = len(rows) > limit
        rows = rows[-limit:] if back else rows[:limit]
        further_back, further_on = (beyond, True) if back else (True, beyond)
        return _shelf(shelf, rows, None, further_back=further_back, further_on=further_on)
    shelf = scheme or (guessed(near) if near else Scheme.LC)
    start = Place(place_before(shelf, near or ""))
    there = await queries.along(tx, start, back=False, edge=shelf_end(shelf), limit=limit + 1, **more)
    earlier = (
        await queries.along(
            tx,
            Place(start.key, UUID(int=0)),
            back=True,
            edge=place_before(shelf, ""),
            limit=before + 1,
            **more,
        )
        if near
        else []
    )
    shown = earlier[len(earlier) - min(before, len(earlier)) :]
    return _shelf(
        shelf,
        [*shown, *there[:limit]],
        len(shown),
        further_back=len(earlier) > before,
        further_on=len(there) > limit,
    )


def _shelf(
    scheme: Scheme, rows: list[Any], position: int | None, *, further_back: bool, further_on: bool
) -> ShelfOut:
    return ShelfOut(
        scheme=scheme,
        items=[
            StandingOut(**{name: getattr(row, name) for name in StandingOut.model_fields}) for row in rows
        ],
        position=position,
        previous_cursor=_cursor(scheme, "back", rows[0]) if rows and further_back else None,
        next_cursor=_cursor(scheme, "on", rows[-1]) if rows and further_on else None,
    )
