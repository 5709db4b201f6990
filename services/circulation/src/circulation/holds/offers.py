"""What a hold may ask for, before it is placed or changed: kinds by state, and pickup points."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import BaseModel

from chassis.application import new_router
from chassis.clock import Now
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.asking import patron_or
from circulation.holds import changing
from circulation.holds.looking import Placing, consider
from circulation.holds.rules import KINDS, Candidate, fitting, pickup_points
from circulation.items.rules import matrix
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import TheShelf
from contracts.catalog import ItemBase

router = new_router("/v1/holds", tag="holds")

MayPlace = Annotated[Principal, Depends(patron_or("holds:create"))]
Kind = Literal["hold", "page", "recall"]


class StateOut(BaseModel):
    """An item's base state in the catalogue, its circulation state, and the kinds of hold that it takes."""

    base: str
    state: str
    kinds: list[str]


class MatrixOut(BaseModel):
    """Every state, before policies: a policy only ever takes kinds away, or makes a page a hold."""

    states: list[StateOut]


@router.get("/matrix", response_model=MatrixOut)
async def read_matrix() -> MatrixOut:
    """Which kinds of hold an item takes in which state: the rule itself, as data."""
    return MatrixOut(
        states=[
            StateOut(base=base, state=state, kinds=[kind for kind in KINDS if kind in kinds])
            for base, state, kinds in matrix([base.value for base in ItemBase])
        ]
    )


class PickupPointOut(BaseModel):
    """A service point, and the kinds of hold that may be picked up there."""

    id: UUID
    code: str
    name: str
    library: str
    kinds: list[str]


class PickupPointsOut(BaseModel):
    """By name."""

    items: list[PickupPointOut]


@router.get(
    "/pickup-points",
    response_model=PickupPointsOut,
    responses=problems(Unauthenticated, NotFound, Invalid, NotConfigured),
)
async def list_pickup_points(
    request: Request,
    asker: MayPlace,
    shelf: TheShelf,
    now: Now,
    patron_id: UUID | None = None,
    patron_barcode: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    title_id: UUID | None = None,
    item_id: UUID | None = None,
    volume: Annotated[str | None, Query(min_length=1, max_length=200, description="Of the title")] = None,
    hold_id: Annotated[UUID | None, Query(description="A hold that waits, to be picked up elsewhere")] = None,
    kind: Kind | None = None,
) -> PickupPointsOut:
    """Where this patron's hold may be picked up: what the policy allows, of the points that exist and offer it."""
    if sum(each is not None for each in (title_id, item_id, hold_id)) != 1:
        raise Invalid(
            reasons=[Reason("one-of", "Name one of title_id, item_id and hold_id.", "query/title_id")]
        )
    if volume is not None and title_id is None:
        raise Invalid(reasons=[Reason("one-of", "A volume is one of a title.", "query/volume")])
    pool = request.app.state.resources.pool
    library = await shelf.fresh()
    if hold_id is not None:
        async with pool.acquire() as connection:
            row, copies = await changing.copies_of(connection, library, hold_id, asker)
        return _points(library, copies, row["level"], [row["kind"]], placed=True)
    named = patron_id or (None if patron_barcode else asker.patron_id)
    asked = Placing(named, patron_barcode, title_id, item_id, UUID(int=0), kind, volume)
    library, seen = await consider(pool, shelf, asked, asker, now=now)
    wished = KINDS if kind is None else (kind,)
    return _points(library, fitting(seen.wish), seen.wish.level, wished, placed=False)


def _points(
    library: Library,
    copies: list[Candidate],
    level: str,
    kinds: tuple[str, ...] | list[str],
    *,
    placed: bool,
) -> PickupPointsOut:
    enabled = frozenset(desk.code for desk in library.desks.values() if desk.pickup)
    by_kind = {
        kind: pickup_points(copies, level, frozenset({kind}), enabled, placed=placed) for kind in kinds
    }
    return PickupPointsOut(
        items=[
            PickupPointOut(
                id=desk.id,
                code=desk.code,
                name=desk.name,
                library=desk.library,
                kinds=[kind for kind in kinds if desk.code in by_kind[kind]],
            )
            for desk in sorted(library.desks.values(), key=lambda desk: (desk.name.casefold(), desk.code))
            if any(desk.code in points for points in by_kind.values())
        ]
    )
