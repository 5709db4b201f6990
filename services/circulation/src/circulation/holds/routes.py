"""Holds on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired, StoredAnswer, busy, plain
from chassis.once import whole
from chassis.principal import Principal, may, principal_of
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.asking import patron_or
from circulation.holds import commands, ending, looking
from circulation.holds.choosing import ranking
from circulation.holds.commands import Decided, HoldRefused
from circulation.holds.considering import Considered, Row, facts_of
from circulation.holds.ending import HoldClosed, ReasonWrong
from circulation.holds.overriding import Override
from circulation.holds.rules import HoldRefusal, HoldState, fitting, kind_for, serves
from circulation.loans.desk import answer_of
from circulation.loans.races import persistently
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import ConsideredOut, TheLibrary, TheShelf, told
from circulation.proxies.queries import Named
from circulation.waits.queries import queues_of

router = new_router("/v1/holds", tag="holds")
placing = new_router("/v1/holds", tag="holds")
"""Asked all day: stands before others, which are tried one by one."""

MayPlace = Annotated[Principal, Depends(patron_or("holds:create"))]
MayCancel = Annotated[Principal, Depends(patron_or("holds:manage"))]
MayRead = Annotated[Principal, Depends(patron_or("holds:read"))]


Fulfilment = Literal["hold-shelf", "delivery"]


class HoldOverrideIn(BaseModel):
    """What to set aside, and why. Needs the scope loans:override, or each kind's own (overrides:limits …)."""

    model_config = ConfigDict(extra="forbid")

    refusals: list[HoldRefusal] = Field(min_length=1, max_length=20)
    comment: str = Field(min_length=1, max_length=1000)


class HoldIn(BaseModel):
    """Who wants what, and where it is picked up."""

    model_config = ConfigDict(extra="forbid")

    patron_id: UUID | None = None
    patron_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    proxy_id: UUID | None = None
    """Who places it for the patron, if somebody does; a patron's proxy names themselves."""
    proxy_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    title_id: UUID | None = None
    volume: str | None = Field(default=None, min_length=1, max_length=200)
    """Of the title, as its label has it; any copy of that volume will do."""
    item_id: UUID | None = None
    pickup_id: UUID
    """A service point."""
    fulfilment: Fulfilment = "hold-shelf"
    """Whether the patron comes for it, or the pickup point sends it."""
    delivery_address_type: str | None = Field(default=None, min_length=1, max_length=60)
    """With `delivery`: to which of the patron's addresses."""
    kind: Literal["hold", "page", "recall"] | None = None
    """Left out: a page when a copy is on the shelf, else a hold."""
    override: HoldOverrideIn | None = None

    @model_validator(mode="after")
    def _names_one(self) -> "HoldIn":
        if (self.title_id is None) == (self.item_id is None):
            raise ValueError("name either title_id or item_id")
        if self.item_id is not None and self.volume is not None:
            raise ValueError("an item is of its volume: name title_id and volume, or item_id")
        if (self.fulfilment == "delivery") != (self.delivery_address_type is not None):
            raise ValueError("a delivery, and no other, has a delivery_address_type")
        if self.patron_id is not None and self.patron_barcode is not None:
            raise ValueError("name the patron once: patron_id or patron_barcode")
        if self.proxy_id is not None and self.proxy_barcode is not None:
            raise ValueError("name the proxy once: proxy_id or proxy_barcode")
        return self

    @property
    def proxy(self) -> Named | None:
        """The proxy, if one is named."""
        if self.proxy_id is None and self.proxy_barcode is None:
            return None
        return Named(self.proxy_id, self.proxy_barcode)

    @property
    def set_aside(self) -> Override | None:
        """What is to be set aside, if anything is."""
        told = self.override
        return Override(frozenset(told.refusals), told.comment) if told else None


class HoldOut(BaseModel):
    """A hold."""

    id: UUID
    kind: str
    level: str
    title_id: UUID
    item_id: UUID | None
    volume: str | None = None
    """The volume that is wanted, at the level of volumes."""
    patron_id: UUID
    proxy_id: UUID | None = None
    """Who placed it for the patron, if somebody did."""
    pickup_id: UUID
    fulfilment: str
    delivery_address_type: str | None = None
    state: str
    position: int | None
    placed_at: datetime
    expires_at: datetime | None
    ready_at: datetime | None
    shelf_expires_at: datetime | None
    closed_at: datetime | None
    reason: str | None
    """The code of why it ended."""
    reason_wording: dict[str, str] | None = None
    """What the patron reads of that, by language; told when one hold is read."""
    suspended_at: datetime | None = None
    """Since when it is passed over, keeping its place; null: it is not."""
    suspended_until: datetime | None = None
    version: int
    ahead: int | None = None
    """How many come before and are not suspended; told when one hold is read."""
    estimated_ready_at: datetime | None = None
    """When it will probably be ready (docs/holds.md); told when one hold is read."""
    explanation: "HoldExplanation | None" = None


class CopyConsideredOut(BaseModel):
    """A copy that might fill the hold: what its state takes, what its policy allows, and which rule chose that."""

    item_id: UUID
    serves: bool
    takes: list[str]
    policy: str
    kinds: list[str]
    levels: list[str]
    volume: str | None
    pickup_points: list[str] | None
    transfer_allowed: bool
    """Whether it may be sent from its library to the pickup point."""
    facts: dict[str, str | None]
    rules: list[ConsideredOut]


class RankedOut(BaseModel):
    """A copy that could be fetched, and what gives it its place."""

    item_id: UUID
    distance: Literal["pickup-point", "library", "campus", "institution", "elsewhere"]
    weight: int
    closed: bool
    """Its library does not open soon enough."""
    missed: bool
    """It was looked for in vain, for this hold."""
    cost: int
    """Of sending it, as `transfers` say."""


class HoldExplanation(BaseModel):
    """Why it was decided so, copy by copy."""

    kind: str | None
    copies: list[CopyConsideredOut]
    ranking: list[RankedOut] = []
    """Copies on their shelves in the order in which they would be fetched, up to a screenful."""


EXPLAINED_COPIES = 50


class RefusalOut(BaseModel):
    """A reason against it."""

    code: HoldRefusal
    text: str
    value: int | None = None
    """Of a limit: how much there is …"""
    limit: int | None = None
    """… and how much is allowed."""


class HoldDryRunOut(BaseModel):
    """What would happen; nothing was written."""

    allowed: bool
    kind: str | None
    refusals: list[RefusalOut]
    position: int | None
    overridden: list[HoldRefusal] = []
    """What the override would set aside."""
    explanation: HoldExplanation | None = None


_FOUND_OUT = ("ahead", "estimated_ready_at", "explanation", "reason_wording")


def hold_out(row: Row, explanation: HoldExplanation | None = None) -> HoldOut:
    """A hold's row on the wire."""
    told = {name: row[name] for name in HoldOut.model_fields if name not in _FOUND_OUT}
    return HoldOut(**told, explanation=explanation)


def ranking_out(library: Library, seen: Considered, pickup_id: UUID, *, now: datetime) -> list[RankedOut]:
    """In which order copies would be fetched; nowhere to bring them: in none."""
    if pickup_id not in library.desks:
        return []
    return [
        RankedOut(
            item_id=copy.item_id,
            distance=copy.distance.name.lower().replace("_", "-"),
            weight=copy.weight,
            closed=copy.closed,
            missed=copy.missed,
            cost=copy.cost,
        )
        for copy in ranking(seen, library, pickup_id, now=now)[:EXPLAINED_COPIES]
    ]


def explained(library: Library, seen: Considered, pickup_id: UUID, *, now: datetime) -> HoldExplanation:
    """Every copy that was considered, up to a screenful."""
    kind, about = kind_for(seen.wish), fitting(seen.wish)
    copies = []
    for candidate, item in list(zip(seen.wish.candidates, seen.items, strict=True))[:EXPLAINED_COPIES]:
        facts = facts_of(seen.patron_group, item)
        points = candidate.policy.pickup_points
        copies.append(
            CopyConsideredOut(
                item_id=candidate.item_id,
                serves=kind is not None and candidate in about and serves(candidate, seen.wish, kind),
                takes=sorted(candidate.takes),
                policy=candidate.policy.code,
                kinds=sorted(candidate.policy.kinds),
                levels=sorted(candidate.policy.levels),
                volume=item["volume"],
                pickup_points=None if points is None else sorted(points),
                transfer_allowed=seen.wish.pickup_code not in candidate.barred,
                facts=facts,
                rules=told(library, facts),
            )
        )
    return HoldExplanation(kind=kind, copies=copies, ranking=ranking_out(library, seen, pickup_id, now=now))


_HOLD_IN = TypeAdapter(HoldIn)


async def _plain_hold(request: Request) -> dict[str, Any] | None:
    """The arguments of a plain request by somebody who may place holds."""
    asker = principal_of(request)
    if asker.patron_id is None and not asker.may("holds:create"):
        return None
    if (told := await plain(request, _HOLD_IN)) is None:
        return None
    resources = request.app.state.resources
    return {
        "request": request,
        "body": told[0],
        "asker": asker,
        "shelf": resources.own["shelf"],
        "once": told[1],
        "now": resources.clock(),
    }


@placing.post(
    "",
    status_code=201,
    response_model=HoldOut | HoldDryRunOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, HoldRefused, Invalid, NotConfigured),
)
@busy(_plain_hold)
async def place_hold(
    request: Request,
    body: HoldIn,
    asker: MayPlace,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell whether it could be placed")] = False,
    explain: Annotated[bool, Query(description="Tell which rule applied to which copy")] = False,
) -> Response:
    """Place a hold: staff for any patron, a patron for themselves. Staff may set aside what stands against it."""
    named = body.patron_id or (None if body.patron_barcode else asker.patron_id)
    asked = looking.Placing(
        named,
        body.patron_barcode,
        body.title_id,
        body.item_id,
        body.pickup_id,
        body.kind,
        body.volume,
        body.fulfilment,
        body.delivery_address_type,
        body.proxy,
        body.set_aside,
    )
    pool = request.app.state.resources.pool
    if dry_run:
        known, seen = await looking.consider(pool, shelf, asked, asker, now=now, every=explain)
        told = HoldDryRunOut(
            allowed=not seen.refusals,
            kind=kind_for(seen.wish),
            refusals=[
                RefusalOut(code=HoldRefusal(each.code), text=each.text, value=each.value, limit=each.limit)
                for each in commands.reasons_for(seen)
            ],
            position=None if seen.refusals else seen.facts["queue_length"] + 1,
            overridden=list(seen.overridden.refusals) if seen.overridden else [],
            explanation=explained(known, seen, body.pickup_id, now=now) if explain else None,
        )
        return Response(told.model_dump_json(), 200, media_type="application/json")

    def answer(decided: Decided) -> StoredAnswer:
        row, why = decided.row, None
        if explain:
            why = explained(decided.library, decided.seen, body.pickup_id, now=now)
        headers = {"location": f"/v1/holds/{row['id']}", "etag": etags.etag(row["version"])}
        return answer_of(hold_out(row, why), 201, headers)

    asking = commands.Asking(asked, asker, now, once, answer, explain)
    return await persistently(lambda: commands.place(pool, shelf, asking))


class CancellationIn(BaseModel):
    """Why it is given up."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="patron-wish", min_length=1, max_length=60)
    """One of /v1/holds/cancellation-reasons."""
    text: str | None = Field(default=None, min_length=1, max_length=1000)
    """In words, for staff; some reasons need it."""


class CancellationReasonOut(BaseModel):
    """Why a hold may be given up."""

    code: str
    name: str
    wording: dict[str, str]
    """What the patron reads, by language; empty: the name."""
    needs_text: bool
    used_by: list[Literal["patron", "staff"]]


class CancellationReasonsOut(BaseModel):
    """Those that the asker may give."""

    items: list[CancellationReasonOut]


@router.get(
    "/cancellation-reasons",
    response_model=CancellationReasonsOut,
    responses=problems(Unauthenticated, NotConfigured),
)
async def list_cancellation_reasons(asker: MayCancel, library: TheLibrary) -> CancellationReasonsOut:
    """The reasons for which the asker may give a hold up, in the library's order."""
    by = "staff" if asker.may("holds:manage") else "patron"
    return CancellationReasonsOut(
        items=[
            CancellationReasonOut(
                code=reason.code,
                name=reason.name,
                wording=dict(reason.wording),
                needs_text=reason.needs_text,
                used_by=sorted(reason.used_by),
            )
            for reason in library.cancellation_reasons.values()
            if by in reason.used_by
        ]
    )


@router.post(
    "/{hold_id}/cancellations",
    status_code=201,
    response_model=HoldOut,
    responses=problems(Unauthenticated, NotFound, HoldClosed, ReasonWrong),
)
async def cancel_hold(
    request: Request,
    hold_id: UUID,
    body: CancellationIn,
    asker: MayCancel,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Give a hold up: staff anybody's, a patron their own."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await ending.cancel(
            connection, library, hold_id, asker, reason=body.reason, text=body.text, now=now
        )
        return 201, hold_out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


@router.get("/{hold_id}", response_model=HoldOut, responses=problems(Unauthenticated, NotFound))
async def get_hold(
    request: Request, hold_id: UUID, asker: MayRead, response: Response, library: TheLibrary, now: Now
) -> HoldOut:
    """One hold, with its place in the queue and when it will probably be ready."""
    pool = request.app.state.resources.pool
    row = await pool.fetchrow(
        "SELECT h.*, p.group_code FROM hold h JOIN patron p ON p.id = h.patron_id WHERE h.id = $1", hold_id
    )
    if row is None or (not asker.may("holds:read") and row["patron_id"] != asker.patron_id):
        raise NotFound("There is no such hold.")
    etags.tag(response, row["version"])
    told = hold_out(row)
    if (reason := library.cancellation_reasons.get(row["reason"] or "")) is not None:
        told.reason_wording = dict(reason.wording)
    if row["position"] is not None:
        queues = await queues_of(pool, library, [row["title_id"]])
        if (wait := queues.wait_of(hold_id, row["title_id"], row["group_code"], now=now)) is not None:
            told.ahead, told.estimated_ready_at = wait.ahead, wait.estimated_ready_at
    return told


_LIST = """
SELECT * FROM hold
WHERE ($1::uuid IS NULL OR patron_id = $1) AND ($2::uuid IS NULL OR title_id = $2)
  AND ($3::uuid IS NULL OR pickup_id = $3) AND ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR id > $5)
  AND ($7::text IS NULL OR fulfilment = $7)
ORDER BY id LIMIT $6
"""


@router.get("", response_model=cursors.Page[HoldOut], responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_holds(
    request: Request,
    response: Response,
    _: Annotated[Principal, Depends(may("holds:read"))],
    patron_id: UUID | None = None,
    title_id: UUID | None = None,
    pickup_id: UUID | None = None,
    state: HoldState | None = None,
    fulfilment: Fulfilment | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[HoldOut]:
    """Holds, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await request.app.state.resources.pool.fetch(
        _LIST, patron_id, title_id, pickup_id, state, after, limit + 1, fulfilment
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[hold_out(row) for row in rows[:limit]], next_cursor=more)
