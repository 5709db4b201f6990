"""A pile at the desk: many items lent to one patron, or taken back, in one call."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    model_validator,
)

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import InFlight, Once, OnceRequired
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.loans import lending, returning
from circulation.loans.answers import LoanOut, ReturnOut, UseCountedOut
from circulation.loans.dating import backdated
from circulation.loans.desk import UnknownServicePoint, desk_for
from circulation.loans.several import Act, Outcome, RefusalOut, one_by_one
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary, TheShelf
from circulation.registration.aliases import alias_of

router = new_router(tag="loans")

Barcode = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Barcodes = Annotated[list[Barcode], Field(min_length=1, max_length=200)]


class LoansIn(BaseModel):
    """Which items to whom, in the order they were scanned; one that was scanned twice is lent once."""

    model_config = ConfigDict(extra="forbid")

    patron_id: UUID | None = None
    patron_barcode: Barcode | None = None
    item_barcodes: Barcodes
    service_point_id: UUID | None = None

    @model_validator(mode="after")
    def _names_the_patron_once(self) -> "LoansIn":
        if (self.patron_id is None) == (self.patron_barcode is None):
            raise ValueError("name the patron once: patron_id or patron_barcode")
        return self


class LoanResultOut(BaseModel):
    """What became of one item."""

    item_barcode: str
    lent: bool
    loan: LoanOut | None = None
    used_in_house: bool = False
    """The card only counts uses: the item's was counted, and nothing was lent."""
    problem: RefusalOut | None = None


class LoansOut(BaseModel):
    """What became of each, in the order they were named."""

    lent: int
    refused: int
    results: list[LoanResultOut]


class ReturnsIn(BaseModel):
    """Which items came in, in the order they were scanned."""

    model_config = ConfigDict(extra="forbid")

    item_barcodes: Barcodes
    service_point_id: UUID | None = None
    returned_at: AwareDatetime | None = None
    """When they were really returned, from the book drop say (scope loans:backdate); now where left out."""


class ReturnResultOut(BaseModel):
    """What became of one item."""

    item_barcode: str
    taken_back: bool
    back: ReturnOut | None = None
    problem: RefusalOut | None = None


class ReturnsOut(BaseModel):
    """What became of each, in the order they were named."""

    taken_back: int
    refused: int
    results: list[ReturnResultOut]


MAY_BE = problems(Unauthenticated, Forbidden, NotFound, InFlight, UnknownServicePoint, Invalid, NotConfigured)


@router.post("/v1/loans:batch", response_model=LoansOut, responses=MAY_BE)
async def check_out_pile(
    request: Request,
    body: LoansIn,
    staff: Annotated[Principal, Depends(may("loans:create"))],
    shelf: TheShelf,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Lend up to 200 items to a patron. Each is decided on its own, with every reason against it."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    desk_for(library, staff, body.service_point_id)
    found = await pool.fetchval(
        "SELECT id FROM patron WHERE id = $1 OR barcode = $2", body.patron_id, body.patron_barcode
    )
    alias = None if found else await alias_of(pool, patron_id=body.patron_id, barcode=body.patron_barcode)
    if found is None and alias is None:
        pointer = "/patron_barcode" if body.patron_id is None else "/patron_id"
        raise NotFound(reasons=[Reason("patron-unknown", "There is no such patron.", pointer)])

    def lending_of(barcode: str) -> Act:
        async def act(once: Once) -> Response:
            asked = lending.CheckOut(
                patron_id=body.patron_id,
                patron_barcode=body.patron_barcode,
                item_id=None,
                item_barcode=barcode,
                desk_id=body.service_point_id,
                lent_at=now,
                override=None,
                once=once,
            )
            return await lending.check_out(pool, shelf, asked, staff, now=now)

        return act

    barcodes = list(dict.fromkeys(body.item_barcodes))

    def told(outcomes: list[Outcome]) -> LoansOut:
        results = [_result(barcode, outcome) for barcode, outcome in zip(barcodes, outcomes, strict=True)]
        lent = sum(result.lent for result in results)
        refused = sum(result.problem is not None for result in results)
        return LoansOut(lent=lent, refused=refused, results=results)

    return await one_by_one(pool, once, [(barcode, lending_of(barcode)) for barcode in barcodes], told)


_TOLD: TypeAdapter[LoanOut | UseCountedOut] = TypeAdapter(LoanOut | UseCountedOut)


def _result(barcode: str, outcome: Outcome) -> LoanResultOut:
    told = None if outcome.body is None else _TOLD.validate_json(outcome.body)
    loan = told if isinstance(told, LoanOut) else None
    used = isinstance(told, UseCountedOut)
    return LoanResultOut(
        item_barcode=barcode,
        lent=loan is not None,
        loan=loan,
        used_in_house=used,
        problem=outcome.refusal(),
    )


@router.post("/v1/returns:batch", response_model=ReturnsOut, responses=MAY_BE)
async def take_back_pile(
    request: Request,
    body: ReturnsIn,
    staff: Annotated[Principal, Depends(may("returns:create"))],
    shelf: TheShelf,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Check up to 200 items in; each tells what the desk does next with it."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    desk_for(library, staff, body.service_point_id)
    moment = backdated(body.returned_at, now, staff, "/returned_at")

    def taking_back(barcode: str) -> Act:
        async def act(once: Once) -> Response:
            asked = returning.Return(None, barcode, body.service_point_id, moment, once)
            return await returning.take_back(pool, shelf, asked, staff, now=now)

        return act

    barcodes = list(dict.fromkeys(body.item_barcodes))

    def told(outcomes: list[Outcome]) -> ReturnsOut:
        results = [
            ReturnResultOut(
                item_barcode=barcode,
                taken_back=outcome.body is not None,
                back=ReturnOut.model_validate_json(outcome.body) if outcome.body is not None else None,
                problem=outcome.refusal(),
            )
            for barcode, outcome in zip(barcodes, outcomes, strict=True)
        ]
        done = sum(result.taken_back for result in results)
        return ReturnsOut(taken_back=done, refused=len(results) - done, results=results)

    return await one_by_one(pool, once, [(barcode, taking_back(barcode)) for barcode in barcodes], told)
