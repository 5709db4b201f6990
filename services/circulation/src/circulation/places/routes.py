"""Service points and patron groups to read; the configuration in memory; rules as they are told."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel
from sqlalchemy import text

from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Unauthenticated, problems
from circulation.configuration import applying
from circulation.places.documents import CalendarDoc
from circulation.places.library import Library, Shelf

router = new_router(tag="places")


async def shelf_of(request: Request) -> Shelf:
    """The process's own."""
    found: Shelf = request.app.state.resources.own["shelf"]
    return found


TheShelf = Annotated[Shelf, Depends(shelf_of)]


async def current_library(shelf: TheShelf) -> Library:
    """The configuration as it now stands."""
    return await shelf.fresh()


TheLibrary = Annotated[Library, Depends(current_library)]


class ServicePointOut(BaseModel):
    """A desk."""

    id: UUID
    code: str
    name: str
    library: str
    serves: list[str]
    pickup: bool
    calendar: CalendarDoc


class ServicePointsOut(BaseModel):
    """Every desk."""

    items: list[ServicePointOut]


@router.get("/v1/service-points", response_model=ServicePointsOut)
async def list_service_points(tx: ReadTx) -> ServicePointsOut:
    """Every desk with its opening hours."""
    _, doc = await applying.current(tx)
    ids = {row.code: row.id for row in await tx.execute(text("SELECT id, code FROM service_point"))}
    return ServicePointsOut(
        items=[
            ServicePointOut(
                id=ids[point.code],
                code=point.code,
                name=point.name,
                library=point.library,
                serves=point.serves or [point.library],
                pickup=point.pickup,
                calendar=point.calendar,
            )
            for point in doc.service_points
        ]
    )


@router.get("/v1/patron-groups", responses=problems(Unauthenticated, Forbidden))
async def list_patron_groups(
    tx: ReadTx, staff: Annotated[Principal, Depends(may("patrons:read"))]
) -> dict[str, list[dict[str, Any]]]:
    """Every patron group and its limits."""
    _, doc = await applying.current(tx)
    return {"items": [group.model_dump() for group in doc.patron_groups]}


class ConsideredOut(BaseModel):
    """A rule, and what became of it."""

    line: int
    won: bool
    matched: bool
    why: str
    loan: str
    fine: str
    hold: str
    lost: str | None = None
    max_loans: int | None = None


def told(library: Library, facts: dict[str, str | None]) -> list[ConsideredOut]:
    """Every rule considered, on the wire."""
    return [
        ConsideredOut(
            line=each.rule.line,
            won=each.won,
            matched=each.matched,
            why=each.why,
            loan=each.rule.loan,
            fine=each.rule.fine,
            hold=each.rule.hold,
            lost=each.rule.lost,
            max_loans=each.rule.max_loans,
        )
        for each in library.rules.explain(facts)
    ]
