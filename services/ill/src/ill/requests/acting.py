"""Requests led on: by actions that explain themselves, and by what a partner has said otherwise."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.moments import Moment
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    Reason,
    ReasonOut,
    Unauthenticated,
    problems,
)
from ill.configuration.queries import in_force
from ill.iso18626.rules import BY_ACTION, OF_RETURNS, RANK, SupplierSays, tells_of_duplicate
from ill.requests import commands, queries
from ill.requests.case import AgencyMissing, runs_out
from ill.requests.commands import ActionRefused, NoSuchRequest
from ill.requests.hearing import hear_partner, hear_supplier
from ill.requests.holdings import NotReservable
from ill.requests.model import model_of
from ill.requests.rules import TEXTS, Told, refusals
from ill.requests.seeing import (
    Asker,
    InterlibraryRequestOut,
    Long,
    MayRead,
    MayWrite,
    MoneyIn,
    Short,
    kind_of,
    out,
    own,
    pool_of,
)

router = new_router("/v1/ill", tag="interlibrary loan")


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
    title_id: UUID | None = None
    """Of ours, for `reserve`."""
    compliance: Short | None = None
    """copyrightCompliance: an open list."""
    made_from: Literal["print", "electronic-print", "electronic-file"] | None = None
    """What a copy is made from: paper, the electronic copy printed, or its file. Our licences are asked of the last
    two; it has to be said where we have it electronically."""
    grounds: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Why a copy goes out where our licences say neither yes nor no; kept with the request."""
    volumes: Annotated[list[Short], Field(min_length=1, max_length=50)] | None = None
    """Of the request's, which."""
    library: Short | None = None
    """The code of a branch of ours."""


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


@router.get(
    "/requests/{request_id}/actions",
    response_model=PossibilitiesOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def explain_actions(request: Request, request_id: UUID, asker: Asker, now: Now) -> PossibilitiesOut:
    """Every action of the asker's, whether it is possible now, and each reason why not."""
    row = await own(pool_of(request), request_id, asker)
    model = model_of(row["side"], row["model"])
    facts = queries.facts(row)
    found = []
    for action in model.actions.values():
        if kind_of(asker) not in action.by:
            continue
        move = model.move(row["state"], action.name)
        told = Told(may_exceed_cost=asker.may("ill:costs"), condition="any", link="any", made_from="print")
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
    if row["look_at"] is not None and row["look_at"] == runs_out(row) and state.before_shipping:
        waits = "need-passed"
    return PossibilitiesOut(
        state=state.name, says=state.says, actions=found, waits_for=waits, at=row["look_at"]
    )


@router.post(
    "/requests/{request_id}/actions",
    response_model=InterlibraryRequestOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NoSuchRequest,
        ActionRefused,
        NotReservable,
        AgencyMissing,
        InFlight,
        Invalid,
    ),
)
async def act_on_request(
    request: Request, request_id: UUID, body: ActIn, asker: Asker, once: OnceRequired, now: Now
) -> Response:
    """Lead a request on; refused with every reason where its state or the facts stand against it."""
    pool = pool_of(request)
    row = await own(pool, request_id, asker)
    action = model_of(row["side"], row["model"]).actions.get(body.action)
    if action is None or kind_of(asker) not in action.by:
        known = ", ".join(
            name
            for name, one in model_of(row["side"], row["model"]).actions.items()
            if kind_of(asker) in one.by
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
    told = told_of(body, may_exceed_cost=asker.may("ill:costs"))

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        case = await commands.take_up(connection, request_id, actor=str(asker.actor), now=now, told=told)
        await commands.act(case, body.action)
        return 200, out(case.row), {"etag": etags.etag(case.row["version"])}

    return await whole(pool, once, act)


class UnfilledReasonOut(BaseModel):
    """A reason for not supplying."""

    code: str
    text: str
    own: bool
    """The library's own, from `lending.reasons`."""


class UnfilledReasonsOut(BaseModel):
    """What `cannot-supply` takes as its reason."""

    items: list[UnfilledReasonOut]


@router.get(
    "/unfilled-reasons", response_model=UnfilledReasonsOut, responses=problems(Unauthenticated, Forbidden)
)
async def list_unfilled_reasons(request: Request, _: MayRead) -> UnfilledReasonsOut:
    """Why something may not be supplied: the usual reasons, then the library's own."""
    lending = (await in_force(pool_of(request))).lending
    own = {reason.code for reason in lending.reasons}
    return UnfilledReasonsOut(
        items=[
            UnfilledReasonOut(code=code, text=text, own=code in own)
            for code, text in lending.unfilled.items()
        ]
    )


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


def told_of(body: ActIn | ReportIn, *, may_exceed_cost: bool) -> Told:
    """What a move is told, from what was sent."""
    return Told(
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
        title_id=body.title_id if isinstance(body, ActIn) else None,
        compliance=body.compliance if isinstance(body, ActIn) else None,
        made_from=body.made_from if isinstance(body, ActIn) else None,
        grounds=body.grounds if isinstance(body, ActIn) else None,
        volumes=tuple(body.volumes or ()) if isinstance(body, ActIn) else (),
        library=body.library if isinstance(body, ActIn) else None,
        may_exceed_cost=may_exceed_cost,
    )


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
    pool = pool_of(request)
    row = await own(pool, request_id, by)
    lending = row["side"] == "lending"
    known: Iterable[str] = BY_ACTION if lending else (*RANK, *OF_RETURNS)
    said, pointer = (body.action, "/action") if lending else (body.status, "/status")
    if (said is not None and said not in known) or (lending and said is None):
        text = f"{said!r} is none of ISO 18626's."
        raise Invalid(
            reasons=[Reason("value-unknown", text, pointer, f"Those that are: {', '.join(known)}.")]
        )
    told = told_of(body, may_exceed_cost=False)
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
        return 200, out(case.row), {"etag": etags.etag(case.row["version"])}

    return await whole(pool, once, act)
