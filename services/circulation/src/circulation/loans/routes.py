"""Loans and returns on the wire."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KEY_LIMIT, InFlight, Once, OnceRequired, busy, fingerprint, plain
from chassis.principal import Principal, may, principal_of
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.arrivals.commands import Looked, ReturnRefused
from circulation.asking import patron_or
from circulation.blocks.rules import Block
from circulation.loans import lending, renewing, returning
from circulation.loans.answers import DryRunOut, LoanOut, ReturnOut, UseCountedOut
from circulation.loans.dating import backdated
from circulation.loans.desk import Override, UnknownServicePoint
from circulation.loans.lending import CheckOutRefused
from circulation.loans.races import persistently
from circulation.loans.renewing import RenewalRefused
from circulation.loans.rush import Rush
from circulation.lost.rules import Resolution
from circulation.places.library import NotConfigured
from circulation.places.routes import TheShelf
from circulation.proxies.queries import Named

router = new_router(tag="loans")

MayLend = Annotated[Principal, Depends(may("loans:create"))]
MayRenew = Annotated[Principal, Depends(patron_or("loans:renew"))]
MayRead = Annotated[Principal, Depends(patron_or("loans:read"))]
MayReturn = Annotated[Principal, Depends(may("returns:create"))]
DryRun = Annotated[bool, Query(description="The same validations and policies, nothing written")]
Explain = Annotated[bool, Query(description="Tell which rule applied, which did not, and the facts")]
LONGEST = timedelta(days=3650)
MissingPieces = Annotated[str | None, Field(default=None, min_length=1, max_length=1000)]


class OverrideIn(BaseModel):
    """Blocks to set aside, and why. Needs the scope loans:override, or each kind's own (overrides:limits …)."""

    model_config = ConfigDict(extra="forbid")

    blocks: list[Block] = Field(min_length=1, max_length=20)
    comment: str = Field(min_length=1, max_length=1000)
    due_at: AwareDatetime | None = None
    hold: Literal["keep", "cancel"] = "keep"
    """What becomes of the hold for which the item was kept: it waits again, first in line, or ends."""

    def as_command(self, now: datetime) -> Override:
        """As commands take it; nothing is lent for longer than ten years."""
        if self.due_at is not None and self.due_at > now + LONGEST:
            text = "It lies more than ten years ahead."
            raise Invalid(reasons=[Reason("moment-out-of-range", text, "/override/due_at")])
        return Override(frozenset(self.blocks), self.comment, self.due_at, self.hold == "cancel")


class LoanIn(BaseModel):
    """Which item to whom."""

    model_config = ConfigDict(extra="forbid")

    patron_id: UUID | None = None
    patron_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    item_id: UUID | None = None
    item_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    proxy_id: UUID | None = None
    """Who borrows it for the patron, if somebody does."""
    proxy_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    service_point_id: UUID | None = None
    """The client's own where left out."""
    lent_at: AwareDatetime | None = None
    """When it was really lent (scope loans:backdate); now where left out."""
    override: OverrideIn | None = None
    confirm: Literal["pieces"] | None = None
    """`pieces`: somebody looked whether all its pieces are there."""
    missing_pieces: MissingPieces = None
    """What was not there; kept with the item, for whoever has it next."""
    confirm_second_copy: bool = False
    """The patron has another copy of it; the desk was asked, and means it all the same."""

    @model_validator(mode="after")
    def _names_each_once(self) -> "LoanIn":
        if (self.patron_id is None) == (self.patron_barcode is None):
            raise ValueError("name the patron once: patron_id or patron_barcode")
        if (self.item_id is None) == (self.item_barcode is None):
            raise ValueError("name the item once: item_id or item_barcode")
        if self.proxy_id is not None and self.proxy_barcode is not None:
            raise ValueError("name the proxy once: proxy_id or proxy_barcode")
        if self.missing_pieces is not None and self.confirm is None:
            raise ValueError("missing_pieces needs confirm: pieces")
        return self

    @property
    def looked(self) -> Looked | None:
        """What was said of its pieces."""
        return Looked(self.missing_pieces) if self.confirm else None

    @property
    def proxy(self) -> Named | None:
        """The proxy, if one is named."""
        if self.proxy_id is None and self.proxy_barcode is None:
            return None
        return Named(self.proxy_id, self.proxy_barcode)


class RenewalIn(BaseModel):
    """Nothing needs to be said."""

    model_config = ConfigDict(extra="forbid")

    service_point_id: UUID | None = None
    override: OverrideIn | None = None
    seen: bool = True
    """Whether staff have the item before their eyes; a patron's own renewal is never a seen one."""


class ReturnIn(BaseModel):
    """Which item came in."""

    model_config = ConfigDict(extra="forbid")

    item_id: UUID | None = None
    item_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    service_point_id: UUID | None = None
    returned_at: AwareDatetime | None = None
    """When it was really returned, from the book drop say (scope loans:backdate); now where left out."""
    claim_resolution: Literal[Resolution.RETURNED_BY_PATRON, Resolution.FOUND_BY_LIBRARY] | None = None
    """How a claim ends that the patron brought it back before; as the configuration says where left out."""
    confirm: Literal["pieces"] | None = None
    """`pieces`: somebody looked whether all its pieces are there."""
    missing_pieces: MissingPieces = None
    """What was not there; kept with the item, for whoever has it next."""

    @model_validator(mode="after")
    def _names_it_once(self) -> "ReturnIn":
        if (self.item_id is None) == (self.item_barcode is None):
            raise ValueError("name the item once: item_id or item_barcode")
        if self.missing_pieces is not None and self.confirm is None:
            raise ValueError("missing_pieces needs confirm: pieces")
        return self

    @property
    def looked(self) -> Looked | None:
        """What was said of its pieces."""
        return Looked(self.missing_pieces) if self.confirm else None


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


_LOAN_IN, _RETURN_IN, _RENEWAL_IN = TypeAdapter(LoanIn), TypeAdapter(ReturnIn), TypeAdapter(RenewalIn)


async def _plain_loan(request: Request) -> dict[str, Any] | None:
    return await _plain(request, _LOAN_IN, "loans:create")


async def _plain_return(request: Request) -> dict[str, Any] | None:
    return await _plain(request, _RETURN_IN, "returns:create")


async def _plain(request: Request, model: TypeAdapter[Any], scope: str) -> dict[str, Any] | None:
    """The arguments of a plain check-out or return by somebody who may."""
    staff = principal_of(request)
    if not staff.may(scope) or (told := await plain(request, model)) is None:
        return None
    resources = request.app.state.resources
    return {
        "request": request,
        "body": told[0],
        "staff": staff,
        "shelf": resources.own["shelf"],
        "once": told[1],
        "now": resources.clock(),
    }


async def _plain_renewal(request: Request) -> dict[str, Any] | None:
    """The arguments of a plain renewal by somebody who may; a body is not needed."""
    asker = principal_of(request)
    if asker.patron_id is None and not asker.may("loans:renew"):
        return None
    try:
        loan_id = UUID(request.path_params["loan_id"])
    except ValueError:
        return None
    if str(loan_id) != request.path_params["loan_id"]:
        return None
    told: tuple[RenewalIn | None, Once] | None = await plain(request, _RENEWAL_IN)
    if told is None and (told := await _without_body(request)) is None:
        return None
    resources = request.app.state.resources
    return {
        "request": request,
        "loan_id": loan_id,
        "body": told[0],
        "asker": asker,
        "shelf": resources.own["shelf"],
        "once": told[1],
        "now": resources.clock(),
    }


async def _without_body(request: Request) -> tuple[None, Once] | None:
    key = request.headers.get("idempotency-key")
    if request.scope["query_string"] or not key or len(key) > KEY_LIMIT or not key.strip():
        return None
    if await request.body():
        return None
    return None, Once(str(principal_of(request).actor), key, fingerprint(request, b""))


@router.post(
    "/v1/loans",
    status_code=201,
    response_model=LoanOut | UseCountedOut | DryRunOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NotFound,
        CheckOutRefused,
        InFlight,
        UnknownServicePoint,
        Invalid,
        NotConfigured,
    ),
)
@busy(_plain_loan)
async def check_out(
    request: Request,
    body: LoanIn,
    staff: MayLend,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
    explain: Explain = False,
) -> Response:
    """Lend an item. Every reason against it is told at once; a repetition with the same key changes nothing.

    To the card of a group that only counts uses nothing is lent: the answer is 200, and one more use in the house.
    """
    asked = lending.CheckOut(
        patron_id=body.patron_id,
        patron_barcode=body.patron_barcode,
        item_id=body.item_id,
        item_barcode=body.item_barcode,
        desk_id=body.service_point_id,
        lent_at=backdated(body.lent_at, now, staff, "/lent_at"),
        override=body.override.as_command(now) if body.override else None,
        once=once,
        explain=explain,
        confirmed=frozenset({Block.SECOND_COPY} if body.confirm_second_copy else ()),
        proxy=body.proxy,
        looked=body.looked,
    )
    if dry_run:
        return _told(await lending.would_check_out(_pool(request), shelf, asked, staff, now=now))
    rush: Rush = request.app.state.resources.own["rush"]
    return await persistently(
        lambda: lending.check_out(_pool(request), shelf, asked, staff, now=now, rush=rush)
    )


@router.post(
    "/v1/loans/{loan_id}/renewals",
    status_code=201,
    response_model=LoanOut | DryRunOut,
    responses=problems(
        Unauthenticated, Forbidden, NotFound, RenewalRefused, InFlight, Invalid, NotConfigured
    ),
)
@busy(_plain_renewal)
async def renew(
    request: Request,
    loan_id: UUID,
    asker: MayRenew,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    body: RenewalIn | None = None,
    dry_run: DryRun = False,
    explain: Explain = False,
) -> Response:
    """Extend a loan: staff anybody's, a patron their own."""
    told = body or RenewalIn()
    override = told.override.as_command(now) if told.override else None
    asked = renewing.Renewal(loan_id, once, override, told.service_point_id, explain, told.seen)
    if dry_run:
        return _told(await renewing.would_renew(_pool(request), shelf, asked, asker, now=now))
    return await persistently(lambda: renewing.renew(_pool(request), shelf, asked, asker, now=now))


@router.post(
    "/v1/returns",
    response_model=ReturnOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NotFound,
        ReturnRefused,
        InFlight,
        UnknownServicePoint,
        Invalid,
        NotConfigured,
    ),
)
@busy(_plain_return)
async def take_back(
    request: Request,
    body: ReturnIn,
    staff: MayReturn,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: DryRun = False,
    explain: Explain = False,
) -> Response:
    """Check an item in; the answer says what the desk does next. Harmless for an item that is not on loan."""
    asked = returning.Return(
        item_id=body.item_id,
        item_barcode=body.item_barcode,
        desk_id=body.service_point_id,
        returned_at=backdated(body.returned_at, now, staff, "/returned_at"),
        once=once,
        explain=explain,
        resolution=body.claim_resolution,
        looked=body.looked,
    )
    if dry_run:
        return _told(await returning.would_take_back(_pool(request), shelf, asked, staff, now=now))
    return await persistently(lambda: returning.take_back(_pool(request), shelf, asked, staff, now=now))


def _told(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), 200, media_type="application/json")


_LOAN = """
SELECT l.id, l.item_id, i.barcode AS item_barcode, l.title_id, i.short_title AS title, l.patron_id, l.proxy_id,
    l.service_point_id, l.lent_at, l.due_at, l.due_zone, l.renewals, l.policy, l.rules_version, l.recalled_at,
    l.returned_at, l.version, l.lost_at, l.lost_cause, l.claimed_at, l.ended, l.unseen, l.in_library, l.held_until
FROM loan l JOIN item i ON i.id = l.item_id
"""
_LIST = (
    _LOAN
    + """
WHERE ($1::uuid IS NULL OR l.patron_id = $1) AND ($2::uuid IS NULL OR l.item_id = $2)
  AND ($3::boolean IS NULL OR (l.returned_at IS NULL) = $3) AND ($4::uuid IS NULL OR l.id > $4)
ORDER BY l.id LIMIT $5
"""
)


@router.get(
    "/v1/loans", response_model=cursors.Page[LoanOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_loans(
    request: Request,
    response: Response,
    _: Annotated[Principal, Depends(may("loans:read"))],
    patron_id: UUID | None = None,
    item_id: UUID | None = None,
    open: Annotated[bool | None, Query(description="Only open, or only ended ones")] = None,  # noqa: A002 - the wire's word
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[LoanOut]:
    """Loans, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await _pool(request).fetch(_LIST, patron_id, item_id, open, after, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[LoanOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.get("/v1/loans/{loan_id}", response_model=LoanOut, responses=problems(Unauthenticated, NotFound))
async def get_loan(request: Request, loan_id: UUID, asker: MayRead, response: Response) -> LoanOut:
    """One loan."""
    row = await _pool(request).fetchrow(_LOAN + "WHERE l.id = $1", loan_id)
    if row is None or (not asker.may("loans:read") and row["patron_id"] != asker.patron_id):
        raise NotFound("There is no such loan.")
    etags.tag(response, row["version"])
    return LoanOut(**dict(row))
