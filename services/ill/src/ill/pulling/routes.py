"""Pull slips: what is kept for partners, to be fetched from the shelves; taken a batch at a time."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from ill.pulling import commands, queries
from ill.pulling.slips import PullSlipOut, page
from ill.requests.seeing import MayRead, MayWrite, Short, pool_of

router = new_router("/v1/ill/pull-slips", tag="interlibrary loan")


PRINTED = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}
"""How a page to print is sent."""


class PullSlipsOut(BaseModel):
    """Slips, as the shelves are walked along: by library, location and call number."""

    items: list[PullSlipOut]
    more: bool
    """Whether there are more."""
    batch_id: UUID | None = None
    """The batch that was made of them; none where nothing was taken."""


class PullIn(BaseModel):
    """Which."""

    model_config = ConfigDict(extra="forbid")

    library: Short | None = None
    location: Short | None = None
    most: int = Field(default=50, ge=1, le=200)


@router.get("", response_model=PullSlipsOut, responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_pull_slips(
    request: Request,
    _: MayRead,
    library: Annotated[str | None, Query(max_length=200)] = None,
    location: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PullSlipsOut:
    """What waits to be fetched: the oldest, in the order of the shelves."""
    slips, more = await queries.waiting(pool_of(request), library, location, limit)
    return PullSlipsOut(items=slips, more=more)


@router.get(
    "/page",
    response_class=HTMLResponse,
    responses={
        200: {"description": "A page to print", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(Unauthenticated, Forbidden, Invalid),
    },
)
async def print_pull_slips(
    request: Request,
    _: MayRead,
    now: Now,
    library: Annotated[str | None, Query(max_length=200)] = None,
    location: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> HTMLResponse:
    """The same, as a page to print (or to keep as PDF): one block for each, by shelves."""
    slips, more = await queries.waiting(pool_of(request), library, location, limit)
    return HTMLResponse(page(slips, more=more, at=now), headers=PRINTED)


@router.post(
    "",
    response_model=PullSlipsOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, InFlight),
)
async def take_pull_slips(
    request: Request, body: PullIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Take slips to the shelves: these requests are being fetched from now on, and nobody else is given them. They stay
    together as a batch, to be printed again."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        made = await commands.make_batch(
            connection,
            library=body.library,
            location=body.location,
            most=body.most,
            actor=str(by.actor),
            now=now,
        )
        if made is None:
            return 200, PullSlipsOut(items=[], more=False), {}
        slips = [PullSlipOut.model_validate(slip) for slip in made["slips"]]
        where = {"location": f"/v1/ill/pull-batches/{made['id']}"}
        return 200, PullSlipsOut(items=slips, more=made["more"], batch_id=made["id"]), where

    return await whole(pool_of(request), once, act)
