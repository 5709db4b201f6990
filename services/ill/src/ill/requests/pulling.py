"""Pull slips: what is kept for partners, to be fetched from the shelves; taken a handful at a time."""

from datetime import datetime
from typing import Annotated, Any
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
from ill.requests import commands
from ill.requests.seeing import MayRead, MayWrite, Short, pool_of
from ill.requests.slips import page as slips_page

router = new_router("/v1/ill/pull-slips", tag="interlibrary loan")

_WAITING = """
SELECT r.id, r.number, r.service, r.service_level, r.need_before, r.citation, r.note, r.item_barcode, r.item_id,
    r.holding, r.offer, p.name AS partner, p.symbol, p.scheme
FROM request r JOIN partner p ON p.id = r.partner_id
WHERE r.state = 'will-supply' AND r.item_id IS NOT NULL
  AND ($1::text IS NULL OR r.holding ->> 'library' = $1) AND ($2::text IS NULL OR r.holding ->> 'location' = $2)
ORDER BY r.id LIMIT $3
"""


class PullSlipOut(BaseModel):
    """What to fetch, from where, for whom."""

    request_id: UUID
    number: str
    partner: str
    symbol: str
    service: str
    service_level: str | None
    need_before: datetime | None
    citation: dict[str, Any]
    note: str | None
    conditions: list[str]
    item_barcode: str | None
    library: str | None
    location: str | None
    call_number: str | None


class PullSlipsOut(BaseModel):
    """Slips, as the shelves are walked along: by library, location and call number."""

    items: list[PullSlipOut]
    more: bool
    """Whether there are more."""


class PullIn(BaseModel):
    """Which."""

    model_config = ConfigDict(extra="forbid")

    library: Short | None = None
    location: Short | None = None
    most: int = Field(default=50, ge=1, le=200)


async def _slips(
    connection: Any, library: str | None, location: str | None, most: int
) -> tuple[list[PullSlipOut], bool]:
    rows = await connection.fetch(_WAITING, library, location, most + 1)
    slips = [
        PullSlipOut(
            request_id=row["id"],
            conditions=row["offer"].get("conditions", []),
            **{name: row["holding"].get(name) for name in ("library", "location", "call_number")},
            **{
                name: row[name]
                for name in (
                    "number",
                    "partner",
                    "symbol",
                    "service",
                    "service_level",
                    "need_before",
                    "citation",
                    "note",
                    "item_barcode",
                )
            },
        )
        for row in rows[:most]
    ]
    return sorted(slips, key=_place), len(rows) > most


def _place(slip: PullSlipOut) -> tuple[str, str, str, str]:
    return (slip.library or "", slip.location or "", slip.call_number or "", slip.number)


@router.get("", response_model=PullSlipsOut, responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_pull_slips(
    request: Request,
    _: MayRead,
    library: Annotated[str | None, Query(max_length=200)] = None,
    location: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PullSlipsOut:
    """What waits to be fetched: the oldest, in the order of the shelves."""
    slips, more = await _slips(pool_of(request), library, location, limit)
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
    slips, more = await _slips(pool_of(request), library, location, limit)
    told = slips_page([slip.model_dump() for slip in slips], more=more, now=now)
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    }
    return HTMLResponse(told, headers=headers)


@router.post(
    "",
    response_model=PullSlipsOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, InFlight),
)
async def take_pull_slips(
    request: Request, body: PullIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Take slips to the shelves: these requests are being fetched from now on, and nobody else is given them."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        found, more = await _slips(connection, body.library, body.location, body.most)
        taken = []
        for slip in sorted(found, key=lambda one: str(one.request_id)):
            case = await commands.take_up(connection, slip.request_id, actor=str(by.actor), now=now)
            if case.row["state"] == "will-supply" and await commands.happen(case, "pick"):
                taken.append(slip)
        return 200, PullSlipsOut(items=sorted(taken, key=_place), more=more), {}

    return await whole(pool_of(request), once, act)
