"""The budgets as a document; passes for strangers."""

from typing import Annotated

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from gateway.budgets.documents import BudgetsDoc, of
from gateway.budgets.door import PASSES, Entrance
from gateway.budgets.work import BITS, PASS_SECONDS, WorkRefused
from gateway.signon.routes import SignOnAppliedOut, SignOnSectionDiff

router = new_router(tag="budgets")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]
_READ = text("SELECT version, document FROM budget_document")
_LOCK = text("SELECT version, document FROM budget_document FOR UPDATE")
_WRITE = text(
    "UPDATE budget_document SET version = version + 1, document = CAST(:document AS jsonb), applied_at = :now, "
    "applied_by = :by RETURNING version"
)


class BudgetsAppliedOut(BaseModel):
    """What was, or with `dry_run` would be, changed."""

    version: int
    applied: bool
    sections: dict[str, SignOnSectionDiff]


assert BudgetsAppliedOut.model_fields.keys() == SignOnAppliedOut.model_fields.keys()


@router.get(
    "/v1/configuration/budgets", response_model=BudgetsDoc, responses=problems(Unauthenticated, Forbidden)
)
async def export_budgets(tx: ReadTx, _: MayRead, response: Response) -> BudgetsDoc:
    """How much each sort of asker may ask in a minute."""
    row = (await tx.execute(_READ)).one()
    etags.tag(response, row.version)
    return of(row.document)


@router.put(
    "/v1/configuration/budgets",
    response_model=BudgetsAppliedOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def apply_budgets(
    tx: Tx,
    by: MayWrite,
    body: BudgetsDoc,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would change")] = False,
) -> BudgetsAppliedOut:
    """Put the document in place as a whole; every process goes by it within seconds."""
    row = (await tx.execute(_READ if dry_run else _LOCK)).one()
    was, becomes = of(row.document).model_dump(mode="json"), body.model_dump(mode="json")
    changed = sorted(name for name in becomes if was[name] != becomes[name])
    version = row.version
    if changed and not dry_run:
        told = {"document": body.model_dump_json(), "now": now, "by": str(by.actor)}
        version = await tx.scalar(_WRITE, told)
    sections = {"settings": SignOnSectionDiff(added=[], changed=changed, removed=[])} if changed else {}
    return BudgetsAppliedOut(version=version, applied=bool(changed) and not dry_run, sections=sections)


class WorkOut(BaseModel):
    """What a machine is to work at."""

    challenge: str
    zero_bits: int = Field(
        description="Find an answer so that SHA-256 of `challenge:answer` begins with so many"
    )


class WorkDone(BaseModel):
    """A challenge and its answer."""

    model_config = ConfigDict(extra="forbid")

    challenge: str = Field(max_length=300)
    answer: str = Field(max_length=300)


class GuardPassOut(BaseModel):
    """Send it as header `Guard-Pass`, from the address that it was given to."""

    guard_pass: str
    expires_in: int


@router.get(PASSES, response_model=WorkOut)
async def read_work(request: Request, response: Response, now: Now) -> WorkOut:
    """A challenge for a stranger whose budget is not enough."""
    entrance: Entrance = request.app.state.entrance
    response.headers["Cache-Control"] = "no-store"
    address = request.client.host if request.client else None
    return WorkOut(challenge=entrance.work.challenge(address, now=now), zero_bits=BITS)


@router.post(PASSES, status_code=201, response_model=GuardPassOut, responses=problems(WorkRefused, Invalid))
async def give_guard_pass(request: Request, body: WorkDone, response: Response, now: Now) -> GuardPassOut:
    """A pass for an answer: a second budget, for an hour."""
    entrance: Entrance = request.app.state.entrance
    response.headers["Cache-Control"] = "no-store"
    address = request.client.host if request.client else None
    told = entrance.work.answered(body.challenge, body.answer, address, now=now)
    return GuardPassOut(guard_pass=told, expires_in=PASS_SECONDS)
