"""Requests on the wire: placed, read, changed until they are sent, and led on by actions that explain themselves."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import Principal, demand, may, principal_of
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    ReasonOut,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from ill.configuration.queries import in_force
from ill.iso18626.rules import BY_ACTION, RANK, SupplierSays, tells_of_duplicate
from ill.partners.routes import NoSuchPartner
from ill.requests import commands, queries
from ill.requests.case import AgencyMissing, Case
from ill.requests.commands import ActionRefused, NoSuchRequest, Wish
from ill.requests.hearing import hear_partner, hear_supplier
from ill.requests.model import model_of
from ill.requests.rules import TEXTS, Told, citation_flaws, likeness, refusals

router = new_router("/v1/ill", tag="interlibrary loan")

MayRead = Annotated[Principal, Depends(may("ill:read", "ill:write"))]
MayWrite = Annotated[Principal, Depends(may("ill:write"))]


async def _patron_or_staff(request: Request) -> Principal:
    """Patrons, whose own requests the loader tells apart, and whoever works with requests."""
    asker = principal_of(request)
    if asker.patron_id is None:
        demand(asker, "ill:read" if request.method == "GET" else "ill:write")
    return asker


Asker = Annotated[Principal, Depends(_patron_or_staff)]


class RequestSent(Refused):
    """The supplier has been asked: what is wanted cannot be changed any more."""

    code, title = "request-sent", "The supplier has been asked already."


Short = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(min_length=1, max_length=1000)]


class CitationIn(BaseModel):
    """What is wanted. The more is told, the surer it is found."""

    model_config = ConfigDict(extra="forbid")

    title: Long | None = None
    """Of the book, or of the journal or book that an article is in."""
    author: Long | None = None
    edition: Short | None = None
    publisher: Short | None = None
    place: Short | None = None
    year: Short | None = None
    isbn: Short | None = None
    issn: Short | None = None
    eissn: Short | None = None
    doi: Short | None = None
    pmid: Short | None = None
    oclc: Short | None = None
    record_id: Short | None = None
    """The supplier's number for it."""
    article_title: Long | None = None
    article_author: Long | None = None
    volume: Short | None = None
    issue: Short | None = None
    pages: Short | None = None


Service = Literal["loan", "copy", "copy-or-loan"]
Level = Annotated[str, Field(min_length=1, max_length=60)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class MoneyIn(BaseModel):
    """Minor units of a currency (ISO 4217)."""

    model_config = ConfigDict(extra="forbid")

    minor: int = Field(ge=0, le=10**12)
    currency: Currency


class WishIn(BaseModel):
    """A patron's wish."""

    model_config = ConfigDict(extra="forbid")

    service: Service
    citation: CitationIn
    patron_id: UUID | None = None
    """For whom; a patron who asks in person leaves it out."""
    pickup: Short | None = None
    """The code of the service point where it is fetched."""
    service_level: Level | None = None
    """Normal, Rush, Express …: an open list (ISO 18626)."""
    need_before: Moment | None = None
    max_cost: MoneyIn | None = None
    """What it may cost; where left out, what the configuration says."""
    any_edition: bool = True
    note: Long | None = None
    """For the supplier: no names in it."""


class WishChange(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    service: Service | None = None
    citation: CitationIn | None = None
    """As a whole."""
    pickup: Short | None = None
    service_level: Level | None = None
    need_before: Moment | None = None
    max_cost: MoneyIn | None = None
    any_edition: bool | None = None
    note: Long | None = None


class OfferOut(BaseModel):
    """What the partner offers, or was offered."""

    conditions: list[str] = []
    cost: int | None = None
    currency: str | None = None
    reason: str | None = None
    link: str | None = None
    retry_after: datetime | None = None
    retry_before: datetime | None = None


class InterlibraryRequestOut(BaseModel):
    """A request as it stands."""

    id: UUID
    number: str
    side: str
    state: str
    says: str
    """The state in plain words."""
    ended: bool
    service: str
    citation: dict[str, Any]
    patron_id: UUID | None
    pickup: str | None
    partner_id: UUID | None
    """Lending: who asks."""
    partners_request_id: str | None
    service_level: str | None
    need_before: datetime | None
    max_cost: int | None
    currency: str | None
    any_edition: bool
    note: str | None
    status: str | None
    """The status of ISO 18626 that counted last."""
    offer: OfferOut
    due_at: datetime | None
    item_barcode: str | None
    received_at: datetime | None
    renewal_pending: bool
    attention: str | None
    """Why staff should look, as a code."""
    look_at: datetime | None
    """When a timer acts, unless something happens before."""
    created_at: datetime
    changed_at: datetime
    version: int


def _out(row: Any) -> InterlibraryRequestOut:
    told = dict(row)
    told["patron_id"] = told["patron_ref"]
    told["says"] = model_of(told["side"]).states[told["state"]].says
    return InterlibraryRequestOut(**{name: told[name] for name in InterlibraryRequestOut.model_fields})


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


async def _own(connection: Connection | asyncpg.Pool, request_id: UUID, asker: Principal) -> Any:
    """The request, if the asker may see it: for a patron, others' do not exist."""
    row = await connection.fetchrow("SELECT * FROM request WHERE id = $1", request_id)
    if row is None or (asker.patron_id is not None and row["patron_ref"] != asker.patron_id):
        raise NoSuchRequest
    return row


def _sound(citation: CitationIn | None, need_before: datetime | None, now: datetime) -> dict[str, Any]:
    """The citation as kept; `Invalid` with everything that cannot be right."""
    told = citation.model_dump(exclude_none=True) if citation is not None else {}
    reasons = [Reason(flaw.code, flaw.text, flaw.pointer, flaw.mend) for flaw in citation_flaws(told)]
    if need_before is not None and need_before <= now:
        reasons.append(
            Reason("moment-not-ahead", "That day has passed.", "/need_before", "Name a later moment.")
        )
    if reasons:
        raise Invalid(reasons=reasons)
    return told


@router.post(
    "/requests",
    status_code=201,
    response_model=InterlibraryRequestOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, InFlight),
)
async def place_request(
    request: Request, body: WishIn, asker: Asker, once: OnceRequired, now: Now
) -> Response:
    """Ask for what the library does not have. It is checked, and goes to the first partner that may be asked."""
    citation = _sound(body.citation, body.need_before, now)
    patron = body.patron_id or asker.patron_id
    if asker.patron_id is not None and patron != asker.patron_id:
        demand(asker, "ill:write")
    if patron is None:
        text = "Whose wish it is, is not said."
        raise Invalid(reasons=[Reason("patron-missing", text, "/patron_id", "Name the patron.")])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        doc = await in_force(connection)
        cost, currency = doc.max_cost, doc.currency if doc.max_cost is not None else None
        if body.max_cost is not None:
            cost, currency = body.max_cost.minor, body.max_cost.currency
        wish = Wish(
            service=body.service,
            citation=citation,
            patron_ref=patron,
            pickup=body.pickup,
            service_level=body.service_level,
            need_before=body.need_before,
            max_cost=cost,
            currency=currency,
            any_edition=body.any_edition,
            note=body.note,
        )
        row = await commands.place(
            connection, wish, actor=str(asker.actor), now=now, in_person=patron == asker.patron_id
        )
        where = {"location": f"/v1/ill/requests/{row['id']}", "etag": etags.etag(row["version"])}
        return 201, _out(row), where

    return await whole(_pool(request), once, act)


def _listed(limit: int, attention: bool, **wanted: Any) -> tuple[str, list[Any]]:
    """One page by an index of its own, whichever filters are named."""
    told = {condition: value for condition, value in wanted.items() if value is not None}
    tests = {"patron": "patron_ref =", "side": "side =", "state": "state =", "after": "id <"}
    where = [f"{tests[name]} ${at}" for at, name in enumerate(told, 2)]
    where += ["attention IS NOT NULL"] if attention else []
    filters = f"WHERE {' AND '.join(where)} " if where else ""
    return f"SELECT * FROM request {filters}ORDER BY id DESC LIMIT $1", [limit, *told.values()]  # noqa: S608 - our words


@router.get(
    "/requests",
    response_model=cursors.Page[InterlibraryRequestOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_requests(
    request: Request,
    response: Response,
    asker: Asker,
    patron_id: UUID | None = None,
    side: Literal["borrowing", "lending"] | None = None,
    state: Annotated[str | None, Query(max_length=40)] = None,
    attention: Annotated[bool, Query(description="Only those that staff should look at")] = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[InterlibraryRequestOut]:
    """Requests, newest first; a patron's own."""
    patron = asker.patron_id if asker.patron_id is not None and not asker.may("ill:read") else patron_id
    after = cursors.uuid_in(cursor) if cursor is not None else None
    statement, told = _listed(limit + 1, attention, patron=patron, side=side, state=state, after=after)
    rows = await _pool(request).fetch(statement, *told)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/requests/{request_id}",
    response_model=InterlibraryRequestOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def get_request(
    request: Request, response: Response, request_id: UUID, asker: Asker
) -> InterlibraryRequestOut:
    """One request."""
    told = _out(await _own(_pool(request), request_id, asker))
    etags.tag(response, told.version)
    return told


_CHANGE = """
UPDATE request SET version = version + 1, changed_at = $2, service = $3, citation = $4, likeness = $5, pickup = $6,
    service_level = $7, need_before = $8, max_cost = $9, currency = $10, any_edition = $11, note = $12
WHERE id = $1 RETURNING *
"""
UNSENT = frozenset(
    {"invalid-patron", "duplicate-review", "review", "validated", "supplier-identified", "end-of-rota"}
)


@router.patch(
    "/requests/{request_id}",
    response_model=InterlibraryRequestOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchRequest, RequestSent, Stale, Invalid, PreconditionRequired
    ),
)
async def change_request(
    request: Request,
    response: Response,
    request_id: UUID,
    body: WishChange,
    asker: Asker,
    expected: IfMatch,
    now: Now,
) -> InterlibraryRequestOut:
    """Change what is wanted, as long as no supplier has been asked."""
    given = body.model_fields_set
    citation = _sound(body.citation, body.need_before, now)
    async with _pool(request).acquire() as connection, connection.transaction():
        await _own(connection, request_id, asker)
        row = await queries.locked(connection, request_id)
        assert row is not None
        etags.guard(expected=expected, found=row["version"])
        if row["side"] != "borrowing" or row["state"] not in UNSENT:
            text, mend = f"The request is {row['state']}.", "Cancel it, and ask anew."
            raise RequestSent(reasons=[Reason("request-sent", text, mend=mend)])
        told = {name: getattr(body, name) for name in given if name not in ("citation", "max_cost")}
        row |= {name: value for name, value in told.items() if value is not None or name not in _NEVER_EMPTY}
        if body.citation is not None:
            row["citation"] = citation
        if "max_cost" in given:
            row |= {
                "max_cost": body.max_cost.minor if body.max_cost else None,
                "currency": body.max_cost.currency if body.max_cost else None,
            }
        row["likeness"] = likeness(row["service"], row["citation"])
        changed = await connection.fetchrow(
            _CHANGE,
            request_id,
            now,
            *(
                row[name]
                for name in (
                    "service",
                    "citation",
                    "likeness",
                    "pickup",
                    "service_level",
                    "need_before",
                    "max_cost",
                    "currency",
                    "any_edition",
                    "note",
                )
            ),
        )
        case = Case(connection, dict(changed or {}), await in_force(connection), str(asker.actor), now)
        case.row["version"] -= 1  # one change, one version: writing the step raises it
        await connection.execute(
            "UPDATE request SET version = $2 WHERE id = $1", request_id, case.row["version"]
        )
        case.steps.append(("changed", row["state"], row["state"]))
        case.entered = True  # it may be needed before another day now
        await case.write()
        told_out = _out(await _own(connection, request_id, asker))
    etags.tag(response, told_out.version)
    return told_out


_NEVER_EMPTY = frozenset({"service", "any_edition"})


class ActIn(BaseModel):
    """What is done, and what it needs to be told."""

    model_config = ConfigDict(extra="forbid")

    action: str = Field(min_length=1, max_length=40)
    note: Annotated[str, Field(min_length=1, max_length=2000)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """A code of ISO 18626's open lists, or a word of one's own."""
    condition: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    cost: MoneyIn | None = None
    due_at: Moment | None = None
    item_barcode: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    link: Annotated[str, Field(pattern=r"^https?://\S{1,1000}$")] | None = None
    retry_after: Moment | None = None
    retry_before: Moment | None = None


class PossibleOut(BaseModel):
    """An action, and whether it is possible now."""

    action: str
    says: str
    possible: bool
    needs: list[str]
    """What must be told with it."""
    takes: list[str]
    reasons: list[ReasonOut]
    """Why it is not possible, every one."""
    leads_to: str | None
    """The state that follows at once; what the partner answers comes later."""


class PossibilitiesOut(BaseModel):
    """What can be done with a request now, and what is waited for."""

    state: str
    says: str
    actions: list[PossibleOut]
    waits_for: str | None
    """What happens by itself when nothing else does …"""
    at: datetime | None
    """… and when."""


def _kind(asker: Principal) -> str:
    return "staff" if asker.may("ill:write") else "patron"


@router.get(
    "/requests/{request_id}/actions",
    response_model=PossibilitiesOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def explain_actions(request: Request, request_id: UUID, asker: Asker, now: Now) -> PossibilitiesOut:
    """Every action of the asker's, whether it is possible now, and each reason why not."""
    row = await _own(_pool(request), request_id, asker)
    model = model_of(row["side"])
    facts = queries.facts(row)
    found = []
    for action in model.actions.values():
        if _kind(asker) not in action.by:
            continue
        move = model.move(row["state"], action.name)
        told = Told(may_exceed_cost=asker.may("ill:costs"), condition="any")
        why = refusals(row["side"], action.name, facts, told, allowed=move is not None, now=now)
        leads = None
        if move is not None:
            leads = {"same": row["state"], "former": row["former_state"]}.get(move.to, move.to)
        found.append(
            PossibleOut(
                action=action.name,
                says=action.says,
                possible=not why,
                needs=list(action.needs),
                takes=list(action.takes),
                reasons=[
                    ReasonOut(code=refusal, text=TEXTS[refusal][0], mend=TEXTS[refusal][1]) for refusal in why
                ],
                leads_to=leads,
            )
        )
    state = model.states[row["state"]]
    waits = state.timeout.on if state.timeout and row["look_at"] else None
    if row["look_at"] is not None and row["look_at"] == row["need_before"] and state.before_shipping:
        waits = "need-passed"
    return PossibilitiesOut(
        state=state.name, says=state.says, actions=found, waits_for=waits, at=row["look_at"]
    )


@router.post(
    "/requests/{request_id}/actions",
    response_model=InterlibraryRequestOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchRequest, ActionRefused, AgencyMissing, InFlight, Invalid
    ),
)
async def act_on_request(
    request: Request, request_id: UUID, body: ActIn, asker: Asker, once: OnceRequired, now: Now
) -> Response:
    """Lead a request on; refused with every reason where its state or the facts stand against it."""
    pool = _pool(request)
    row = await _own(pool, request_id, asker)
    action = model_of(row["side"]).actions.get(body.action)
    if action is None or _kind(asker) not in action.by:
        known = ", ".join(
            name for name, one in model_of(row["side"]).actions.items() if _kind(asker) in one.by
        )
        text = f"There is no action {body.action!r} here."
        raise Invalid(reasons=[Reason("action-unknown", text, "/action", f"Those that are: {known}.")])
    given = {name for name in body.model_fields_set - {"action"} if getattr(body, name) is not None}
    reasons = [
        Reason("value-missing", f"{body.action} needs {name}.", f"/{name}", "Say it.")
        for name in action.needs
        if name not in given
    ] + [
        Reason("value-unwanted", f"{body.action} takes no {name}.", f"/{name}", "Leave it out.")
        for name in sorted(given - set(action.needs + action.takes))
    ]
    if reasons:
        raise Invalid(reasons=reasons)
    told = Told(
        note=body.note,
        reason=body.reason,
        condition=body.condition,
        cost=body.cost.minor if body.cost else None,
        currency=body.cost.currency if body.cost else None,
        due_at=body.due_at,
        item_barcode=body.item_barcode,
        link=body.link,
        retry_after=body.retry_after,
        retry_before=body.retry_before,
        may_exceed_cost=asker.may("ill:costs"),
    )

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        case = await commands.take_up(connection, request_id, actor=str(asker.actor), now=now, told=told)
        await commands.act(case, body.action)
        return 200, _out(case.row), {"etag": etags.etag(case.row["version"])}

    return await whole(pool, once, act)


class ReportIn(BaseModel):
    """What a partner has said by mail or telephone."""

    model_config = ConfigDict(extra="forbid")

    reason_for_message: Literal[
        "RequestResponse", "RenewResponse", "CancelResponse", "StatusChange", "Notification"
    ] = "StatusChange"
    """Of a supplier."""
    status: Annotated[str, Field(max_length=40)] | None = None
    """Of a supplier: a status of ISO 18626."""
    answer: bool | None = None
    """Of a supplier, to a renewal or a cancellation."""
    action: Annotated[str, Field(max_length=40)] | None = None
    """Of a partner that borrows: an action of ISO 18626."""
    note: Long | None = None
    reason: Short | None = None
    condition: Short | None = None
    cost: MoneyIn | None = None
    due_at: Moment | None = None
    item_barcode: Short | None = None
    link: Annotated[str, Field(pattern=r"^https?://\S{1,1000}$")] | None = None
    retry_after: Moment | None = None
    retry_before: Moment | None = None


@router.post(
    "/requests/{request_id}/reports",
    response_model=InterlibraryRequestOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchRequest, ActionRefused, AgencyMissing, InFlight, Invalid
    ),
)
async def report_partner(
    request: Request, request_id: UUID, body: ReportIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Write down what a partner without ISO 18626 has said: the same rules hold as for a message."""
    pool = _pool(request)
    row = await _own(pool, request_id, by)
    lending = row["side"] == "lending"
    known: Iterable[str] = BY_ACTION if lending else RANK
    said, pointer = (body.action, "/action") if lending else (body.status, "/status")
    if (said is not None and said not in known) or (lending and said is None):
        text = f"{said!r} is none of ISO 18626's."
        raise Invalid(
            reasons=[Reason("value-unknown", text, pointer, f"Those that are: {', '.join(known)}.")]
        )
    told = Told(
        note=body.note,
        reason=body.reason,
        condition=body.condition,
        cost=body.cost.minor if body.cost else None,
        currency=body.cost.currency if body.cost else None,
        due_at=body.due_at,
        item_barcode=body.item_barcode,
        link=body.link,
        retry_after=body.retry_after,
        retry_before=body.retry_before,
    )
    says = SupplierSays(
        reason=body.reason_for_message,
        status=body.status,
        answer=None if body.answer is None else "Y" if body.answer else "N",
        conditional=body.condition is not None or body.cost is not None,
        duplicate=tells_of_duplicate(body.reason, body.note),
    )

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        case = await commands.take_up(connection, request_id, actor=str(by.actor), now=now)
        version = case.row["version"]
        if lending:
            await hear_partner(case, body.action or "", told)
        elif (wrong := await hear_supplier(case, says, told)) is not None:
            text = "The answer contradicts the status, or is missing."
            raise Invalid(reasons=[Reason("answer-contradicts", text, f"/{wrong}", "See ISO 18626.")])
        if case.row["version"] == version:
            text, mend = "The request is past that, or not there yet.", "See which steps it has taken."
            raise ActionRefused(reasons=[Reason("report-changes-nothing", text, mend=mend)])
        return 200, _out(case.row), {"etag": etags.etag(case.row["version"])}

    return await whole(pool, once, act)


class StepOut(BaseModel):
    """A step of a request."""

    at: datetime
    actor: str | None
    what: str
    from_state: str
    to_state: str
    says: str
    """The state it led to, in plain words."""
    note: str | None


class StepsOut(BaseModel):
    """Every step, first to last."""

    items: list[StepOut]


@router.get(
    "/requests/{request_id}/steps",
    response_model=StepsOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def list_steps(request: Request, request_id: UUID, asker: Asker) -> StepsOut:
    """What has happened to a request, first to last. A patron sees it without staff's and partners' words."""
    pool = _pool(request)
    row = await _own(pool, request_id, asker)
    states = model_of(row["side"]).states
    staff = _kind(asker) == "staff" or asker.may("ill:read")
    steps = await pool.fetch("SELECT * FROM step WHERE request_id = $1 ORDER BY id LIMIT 1000", request_id)
    return StepsOut(
        items=[
            StepOut(
                at=step["at"],
                actor=step["actor"] if staff else None,
                what=step["what"],
                from_state=step["from_state"],
                to_state=step["to_state"],
                says=states[step["to_state"]].says,
                note=step["note"] if staff else None,
            )
            for step in steps
        ]
    )


class RotaEntryOut(BaseModel):
    """A supplier of a request."""

    partner_id: UUID
    name: str
    symbol: str
    state: str
    """waiting, active, skipped or left."""
    reason: str | None
    request_id: str | None
    """The id it was asked under."""
    asked_at: datetime | None
    left_at: datetime | None


class RotaOut(BaseModel):
    """In the order in which they are asked; one at a time."""

    items: list[RotaEntryOut]


class RotaIn(BaseModel):
    """Whom to ask, in this order, before anybody else."""

    model_config = ConfigDict(extra="forbid")

    partner_ids: list[UUID] = Field(min_length=1, max_length=100)


_ROTA = """
SELECT e.partner_id, p.name, p.symbol, e.state, e.reason, e.wire_id AS request_id, e.asked_at, e.left_at
FROM rota_entry e JOIN partner p ON p.id = e.partner_id WHERE e.request_id = $1 ORDER BY e.position
"""


@router.get(
    "/requests/{request_id}/rota",
    response_model=RotaOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def read_rota(request: Request, request_id: UUID, asker: MayRead) -> RotaOut:
    """Who was asked, who is, and who may be; and why somebody was skipped or left."""
    pool = _pool(request)
    await _own(pool, request_id, asker)
    return RotaOut(items=[RotaEntryOut(**dict(row)) for row in await pool.fetch(_ROTA, request_id)])


@router.put(
    "/requests/{request_id}/rota",
    response_model=RotaOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchRequest, NoSuchPartner, Stale, Invalid, PreconditionRequired
    ),
)
async def order_rota(
    request: Request, request_id: UUID, body: RotaIn, by: MayWrite, expected: IfMatch, now: Now
) -> RotaOut:
    """Put suppliers first, in an order of one's own. Those asked already keep their places; the rest follow."""
    async with _pool(request).acquire() as connection, connection.transaction():
        case = await commands.take_up(connection, request_id, actor=str(by.actor), now=now)
        etags.guard(expected=expected, found=case.row["version"])
        if case.row["side"] != "borrowing":
            text = "A partner's request has no rota."
            raise Invalid(reasons=[Reason("rota-of-lending", text, "path/request_id")])
        wanted = list(dict.fromkeys(body.partner_ids))
        known = {one.partner_id for one in await queries.candidates(connection, wanted)}
        if unknown := [partner_id for partner_id in wanted if partner_id not in known]:
            raise NoSuchPartner(
                reasons=[
                    Reason(
                        "partner-unknown",
                        "There is no such partner.",
                        f"/partner_ids/{wanted.index(partner_id)}",
                    )
                    for partner_id in unknown
                ]
            )
        rows = await connection.fetch(
            "SELECT id, partner_id, state FROM rota_entry WHERE request_id = $1 ORDER BY position", request_id
        )
        done = [row["partner_id"] for row in rows if row["state"] not in ("waiting", "skipped")]
        rest = [row["partner_id"] for row in rows if row["partner_id"] not in {*done, *wanted}]
        order = [*done, *(one for one in wanted if one not in done), *rest]
        for position, partner_id in enumerate(order, 1):
            await connection.execute(
                "INSERT INTO rota_entry (id, request_id, partner_id, position, state) "
                "VALUES ($1, $2, $3, $4, 'waiting') ON CONFLICT (request_id, partner_id) DO UPDATE "
                "SET position = $4, state = CASE WHEN rota_entry.state = 'skipped' AND $5 THEN 'waiting' "
                "ELSE rota_entry.state END",
                uuid7(),
                request_id,
                partner_id,
                position,
                partner_id in wanted,
            )
        case.steps.append(("rota-ordered", case.row["state"], case.row["state"]))
        await case.write()
        return RotaOut(items=[RotaEntryOut(**dict(row)) for row in await connection.fetch(_ROTA, request_id)])
