"""What hosts were told and are to be told, for staff: who tell it again, tick it off, or say that it cannot be done."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Reason,
    Refused,
    Unauthenticated,
    problems,
)
from ill.hosts.documents import ActActionIn, ActOut, act_out
from ill.hosts.rules import Act, Means, Outcome
from ill.hosts.settling import settle
from ill.requests.seeing import MayRead, MayWrite, pool_of

router = new_router("/v1/ill/circulation-acts", tag="interlibrary loan")

PAGE = 50
_SELECT = """
SELECT a.*, h.code AS host, r.number FROM host_act a JOIN circulation_host h ON h.id = a.host_id
JOIN request r ON r.id = a.request_id
"""
_LIST = (
    _SELECT
    + """
WHERE ($1::text IS NULL OR a.state = $1) AND ($2::uuid IS NULL OR a.request_id = $2)
  AND ($3::uuid IS NULL OR a.id > $3) ORDER BY a.id LIMIT $4
"""
)
_AGAIN = """
UPDATE host_act SET state = 'waiting', reason = NULL, attempts = 0, next_at = $2 WHERE id = $1 AND state = 'staff'
RETURNING true
"""
_TAKES = {"retry": frozenset[str](), "done": {"item_barcode", "due_at"}, "refuse": {"reason"}}


class NoSuchAct(NotFound):
    """There is no such act."""

    title = "There is no such act."


class ActNotForStaff(Refused):
    """It is not, or no more, for staff."""

    code, title = "act-not-for-staff", "This is not waiting for staff."


@router.get("", response_model=cursors.Page[ActOut], responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_circulation_acts(
    request: Request,
    response: Response,
    _: MayRead,
    state: Annotated[Literal["waiting", "staff", "done", "refused", "withdrawn"] | None, Query()] = None,
    request_id: Annotated[UUID | None, Query()] = None,
    cursor: str | None = None,
) -> cursors.Page[ActOut]:
    """What hosts were to be told, first to last. `state=staff` is what is to be done by hand, or mended."""
    after = cursors.uuid_in(cursor) if cursor is not None else None
    rows = await pool_of(request).fetch(_LIST, state, request_id, after, PAGE + 1)
    more = cursors.encode(str(rows[PAGE - 1]["id"])) if len(rows) > PAGE else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[act_out(dict(row)) for row in rows[:PAGE]], next_cursor=more)


@router.get("/{act_id}", response_model=ActOut, responses=problems(Unauthenticated, Forbidden, NoSuchAct))
async def get_circulation_act(request: Request, act_id: UUID, _: MayRead) -> ActOut:
    """One of them."""
    return act_out(await _read(pool_of(request), act_id))


async def _read(by: Connection | asyncpg.Pool, act_id: UUID) -> dict[str, Any]:
    row = await by.fetchrow(_SELECT + "WHERE a.id = $1", act_id)
    if row is None:
        raise NoSuchAct
    return dict(row)


def _checked(body: ActActionIn) -> None:
    given = {
        name for name in ("item_barcode", "due_at", "reason") if getattr(body, name) is not None
    } - _TAKES[body.action]
    reasons = [
        Reason("value-unwanted", f"{body.action} takes no {name}.", f"/{name}", "Leave it out.")
        for name in sorted(given)
    ]
    if body.action == "refuse" and body.reason is None:
        reasons.append(Reason("value-missing", "refuse needs reason.", "/reason", "Say why, as a code."))
    if reasons:
        raise Invalid(reasons=reasons)


@router.post(
    "/{act_id}/actions",
    response_model=ActOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchAct, ActNotForStaff, InFlight, Invalid),
)
async def act_on_circulation_act(
    request: Request, act_id: UUID, body: ActActionIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Tell the host again, say that it was done there by hand, or that it cannot be done; the request goes on as if
    circulation had answered so."""
    _checked(body)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await _read(connection, act_id)
        await connection.execute("SELECT id FROM request WHERE id = $1 FOR UPDATE", row["request_id"])
        row = await _read(connection, act_id)
        if row["state"] != "staff":
            words = f"It is {row['state']}."
            raise ActNotForStaff(reasons=[Reason("act-not-for-staff", words, "/action", "Read it again.")])
        if body.action == "retry":
            await connection.execute(_AGAIN, act_id, now)
        else:
            await settle(connection, row, _outcome(body, row["kind"]), now=now, by=str(by.actor))
        return 200, act_out(await _read(connection, act_id)), {}

    return await whole(pool_of(request), once, act)


def _outcome(body: ActActionIn, kind: str) -> Outcome:
    if body.action == "refuse":
        return Outcome(Means.REFUSED, (body.reason or "refused",))
    told: dict[str, Any] = {"barcode": body.item_barcode, "due_at": _told(body.due_at)}
    if Act(kind) is not Act.LEND:
        told.pop("due_at")
    return Outcome(Means.DONE, told={name: value for name, value in told.items() if value is not None})


def _told(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
