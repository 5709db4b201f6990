"""Renewals of many loans in one call."""

from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import InFlight, OnceRequired
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.asking import patron_or, whose
from circulation.loans import renewing
from circulation.loans.answers import LoanOut
from circulation.loans.several import Act, Outcome, RefusalOut, one_by_one
from circulation.places.library import NotConfigured
from circulation.places.routes import TheShelf

router = new_router(tag="loans")


class RenewalsIn(BaseModel):
    """Which loans: some, or all that are open."""

    model_config = ConfigDict(extra="forbid")

    loan_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=200)
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _names_them_once(self) -> "RenewalsIn":
        if (self.loan_ids is None) == (self.all is None):
            raise ValueError("name the loans once: loan_ids, or all")
        return self


class RenewalResultOut(BaseModel):
    """What became of one loan."""

    loan_id: UUID
    renewed: bool
    loan: LoanOut | None = None
    problem: RefusalOut | None = None


class RenewalsOut(BaseModel):
    """What became of each, in the order they were named; of all, the one due first comes first."""

    patron_id: UUID
    renewed: int
    refused: int
    results: list[RenewalResultOut]


_OPEN = "SELECT id FROM loan WHERE patron_id = $1 AND returned_at IS NULL ORDER BY due_at, id"
_THEIRS = "SELECT id FROM loan WHERE patron_id = $1 AND id = ANY ($2::uuid[])"


@router.post(
    "/v1/patrons/{patron_id}/loans:renew",
    response_model=RenewalsOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, InFlight, Invalid, NotConfigured),
)
async def renew_several(
    request: Request,
    patron_id: str,
    body: RenewalsIn,
    asker: Annotated[Principal, Depends(patron_or("loans:renew"))],
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Renew many of a patron's loans (`me`: one's own). Every loan is decided on its own; each tells its reasons.

    Late ones are charged as ever, in this order: a fee may bring the patron over the group's limit.
    """
    pool: asyncpg.Pool = request.app.state.resources.pool
    patron = whose(asker, patron_id, "loans:renew")
    if body.loan_ids is None:
        if await pool.fetchval("SELECT true FROM patron WHERE id = $1", patron) is None:
            raise NotFound("There is no such patron.")
        wanted = [row["id"] for row in await pool.fetch(_OPEN, patron)]
        theirs = set(wanted)
    else:
        wanted = list(dict.fromkeys(body.loan_ids))
        theirs = {row["id"] for row in await pool.fetch(_THEIRS, patron, wanted)}

    def renewal_of(loan_id: UUID) -> Act:
        async def act(once: OnceRequired) -> Response:
            if loan_id not in theirs:
                reason = Reason("loan-unknown", "The patron has no such loan.", mend="Name a loan of theirs.")
                raise NotFound("There is no such loan.", reasons=[reason])
            return await renewing.renew(pool, shelf, renewing.Renewal(loan_id, once), asker, now=now)

        return act

    def told(outcomes: list[Outcome]) -> RenewalsOut:
        results = [
            RenewalResultOut(
                loan_id=loan_id,
                renewed=outcome.body is not None,
                loan=LoanOut.model_validate_json(outcome.body) if outcome.body is not None else None,
                problem=outcome.refusal(),
            )
            for loan_id, outcome in zip(wanted, outcomes, strict=True)
        ]
        renewed = sum(result.renewed for result in results)
        return RenewalsOut(patron_id=patron, renewed=renewed, refused=len(results) - renewed, results=results)

    return await one_by_one(pool, once, [(str(loan_id), renewal_of(loan_id)) for loan_id in wanted], told)
