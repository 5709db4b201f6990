"""Lists for a service point: what to fetch, what to clear, what is on its way."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.arrivals.rules import is_found
from circulation.floating.rules import Place, floats_to
from circulation.loans.facts import home_of
from circulation.loans.rules import NextStep, Step, next_step
from circulation.places.library import Desk, Library, NotConfigured
from circulation.places.routes import TheLibrary
from circulation.shelves import queries
from circulation.shelves.rules import shelf_key

router = new_router("/v1/service-points", tag="shelves")

MayRead = Annotated[Principal, Depends(may("holds:read"))]
Limit = Annotated[int, Query(ge=1, le=1000)]
SINCE_EVER = datetime(1000, 1, 1, tzinfo=UTC)
MAY_BE = problems(Unauthenticated, Forbidden, NotFound, Invalid, NotConfigured)


class ShelvedOut(BaseModel):
    """An item, as its label and its shelf tell it."""

    item_id: UUID
    barcode: str | None
    title: str
    author: str | None
    call_number: str | None
    volume: str | None
    copy_number: str | None
    library: str | None
    location: str | None


class PickOut(ShelvedOut):
    """An item to be fetched from its shelf, for which hold and for where."""

    hold_id: UUID
    kind: str
    patron_id: UUID
    pickup_id: UUID
    pickup: str | None
    placed_at: datetime


class LeftOut(ShelvedOut):
    """An item on the hold shelf for which nobody comes any more, and where it goes."""

    hold_id: UUID
    """The hold that has ended."""
    ended: Literal["cancelled", "shelf-expired"]
    ended_at: datetime
    step: Step
    """What a scan will say."""
    to_service_point_id: UUID | None
    to_service_point: str | None


class TransitOut(ShelvedOut):
    """An item on its way."""

    from_service_point_id: UUID | None
    from_service_point: str | None
    to_service_point_id: UUID
    to_service_point: str | None
    since: datetime | None
    hold_id: UUID | None


def point(library: Library, desk_id: UUID, asker: Principal) -> Desk:
    """The service point, in one of the staff's libraries."""
    desk = library.desks.get(desk_id)
    if desk is None:
        raise NotFound("There is no such service point.")
    if asker.libraries is not None and desk.library not in asker.libraries:
        raise Forbidden(f"You do not work for the library {desk.library}.")
    return desk


def _name(library: Library, desk_id: UUID | None) -> str | None:
    desk = library.desks.get(desk_id) if desk_id else None
    return desk.name if desk else None


def shelved(row: asyncpg.Record) -> dict[str, object]:
    """An item, as `ShelvedOut` has it."""
    return {
        "item_id": row["id"],
        "barcode": row["barcode"],
        "title": row["short_title"],
        "author": row["short_author"],
        "call_number": row["call_number"],
        "volume": row["volume"],
        "copy_number": row["copy_number"],
        "library": row["library"],
        "location": row["location"],
    }


def shelf_order(row: asyncpg.Record) -> tuple[object, ...]:
    """As one walks along the shelves."""
    return (
        row["location"] or "",
        shelf_key(row["call_number"]),
        shelf_key(row["volume"]),
        shelf_key(row["copy_number"]),
        row["id"],
    )


@router.get("/{service_point_id}/pick-list", response_model=cursors.Page[PickOut], responses=MAY_BE)
async def pick_list(
    request: Request,
    response: Response,
    service_point_id: UUID,
    asker: MayRead,
    library: TheLibrary,
    cursor: str | None = None,
    limit: Limit = 500,
) -> cursors.Page[PickOut]:
    """Items to be fetched for holds, of the libraries that are at home here, as they stand on the shelves.

    What was left on a hold shelf is listed by the desk where it lies.
    """
    desk = point(library, service_point_id, asker)
    at_home = [served for served in desk.serves if library.homes[served].id == desk.id]
    rows = sorted(await queries.picks(request.app.state.resources.pool, at_home, desk.id), key=shelf_order)
    start = _after(cursor, rows)
    page = rows[start : start + limit]
    more = cursors.encode(str(page[-1]["id"])) if len(rows) > start + limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(
        items=[
            PickOut.model_validate(
                shelved(row)
                | {
                    "hold_id": row["hold_id"],
                    "kind": row["hold_kind"],
                    "patron_id": row["patron_id"],
                    "pickup_id": row["pickup_id"],
                    "pickup": _name(library, row["pickup_id"]),
                    "placed_at": row["placed_at"],
                }
            )
            for row in page
        ],
        next_cursor=more,
    )


def _after(cursor: str | None, rows: list[asyncpg.Record]) -> int:
    """Where a page begins: behind the item that ended the last one; fetched meanwhile, the list begins anew."""
    if cursor is None:
        return 0
    last = cursors.uuid_in(cursor)
    return next((place + 1 for place, row in enumerate(rows) if row["id"] == last), 0)


@router.get("/{service_point_id}/shelf-clearance", response_model=list[LeftOut], responses=MAY_BE)
async def shelf_clearance(
    request: Request,
    service_point_id: UUID,
    asker: MayRead,
    library: TheLibrary,
    now: Now,
    days: Annotated[int, Query(ge=1, le=3650, description="How far back to look")] = 90,
) -> list[LeftOut]:
    """Items on the hold shelf here whose hold was cancelled or ran out, and what to do with each.

    Scanned, lent or put aside for the next patron, an item is no longer listed.
    """
    desk = point(library, service_point_id, asker)
    pool = request.app.state.resources.pool
    rows = await queries.left_on_shelf(pool, desk.id, now - timedelta(days=days))
    return [_left(library, desk, row) for row in sorted(rows, key=lambda row: (row["closed_at"], row["id"]))]


def _left(library: Library, desk: Desk, row: asyncpg.Record) -> LeftOut:
    home, settings = home_of(library, row["library"]), library.desk_rules
    found = is_found(base=row["base"], missing=settings.missing, withdrawn=settings.withdrawn)
    barred = library.barred_from(desk, material_type=row["material_type"], loan_type=row["loan_type"])
    step = next_step(
        base="active" if found else row["base"],
        withdrawing=row["withdrawal_id"] is not None,
        here=desk.id,
        serves_home=(row["library"] or "") in desk.serves,
        home=home.id if home else None,
        hold_id=row["hold_id"],
        pickup=row["pickup_id"],
        sendable=home is None or home.id not in barred,
    )
    place = Place(row["library"] or "", row["location"] or "")
    stays = floats_to(library.floating, place, desk_library=desk.library, serves=desk.serves) is not None
    if step.step in (Step.TRANSIT, Step.KEEP_HERE) and step.hold_id is None and stays:
        step = NextStep(Step.RESHELVE)
    if step.step is Step.HOLD_SHELF and row["fulfilment"] == "delivery":
        step = replace(step, step=Step.DELIVERY)
    return LeftOut.model_validate(
        shelved(row)
        | {
            "hold_id": row["ended_id"],
            "ended": row["ended_state"],
            "ended_at": row["closed_at"],
            "step": step.step,
            "to_service_point_id": step.to,
            "to_service_point": _name(library, step.to),
        }
    )


@router.get("/{service_point_id}/transits", response_model=cursors.Page[TransitOut], responses=MAY_BE)
async def list_transits(
    request: Request,
    response: Response,
    service_point_id: UUID,
    asker: MayRead,
    library: TheLibrary,
    direction: Literal["incoming", "outgoing"] = "incoming",
    other_end: Annotated[UUID | None, Query(description="Only from there, or only to there")] = None,
    before: Annotated[Moment | None, Query(description="Only what set out before that")] = None,
    cursor: str | None = None,
    limit: Limit = 500,
) -> cursors.Page[TransitOut]:
    """Items on their way here, or sent off from here and not yet arrived; the longest under way first.

    Scanned at a third desk, an item is still on its way from where it set out.
    """
    desk = point(library, service_point_id, asker)
    after = cursors.moment_and_id(cursor) if cursor else (SINCE_EVER, UUID(int=0))
    rows = await queries.transits(
        request.app.state.resources.pool,
        desk.id,
        incoming=direction == "incoming",
        after=after,
        limit=limit + 1,
        other_end=other_end,
        before=before,
    )
    page = rows[:limit]
    more = cursors.encode(page[-1]["transit_since"], page[-1]["id"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(
        items=[
            TransitOut.model_validate(
                shelved(row)
                | {
                    "from_service_point_id": row["transit_from"],
                    "from_service_point": _name(library, row["transit_from"]),
                    "to_service_point_id": row["transit_to"],
                    "to_service_point": _name(library, row["transit_to"]),
                    "since": row["transit_since"],
                    "hold_id": row["hold_id"],
                }
            )
            for row in page
        ],
        next_cursor=more,
    )
