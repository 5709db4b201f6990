"""Uploads of what a desk did while the line was down."""

import hashlib
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.ids import uuid7
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import Principal, demand, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.blocks.rules import OVERRIDABLE, Block
from circulation.loans.batches import Barcode
from circulation.loans.desk import UnknownServicePoint, desk_for
from circulation.offline.rules import Action, Kind, Outcome, flaws
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import TheLibrary

router = new_router("/v1/offline-uploads", tag="loans")

MayUpload = Annotated[Principal, Depends(may("loans:backdate"))]


class ActionIn(BaseModel):
    """One scan: the desk's own id and time."""

    model_config = ConfigDict(extra="forbid")

    id: UUID
    kind: Kind
    at: Moment
    item_barcode: Barcode
    patron_barcode: Barcode | None = None


class SetAsideIn(BaseModel):
    """Blocks to set aside in check-outs, since the items have left already. Needs the scope loans:override."""

    model_config = ConfigDict(extra="forbid")

    blocks: list[Block] = Field(min_length=1, max_length=20)
    comment: str = Field(min_length=1, max_length=1000)


class UploadIn(BaseModel):
    """What was done at a service point, in any order."""

    model_config = ConfigDict(extra="forbid")

    service_point_id: UUID | None = None
    actions: list[ActionIn] = Field(min_length=1, max_length=5000)
    override: SetAsideIn | None = None


class UploadOut(BaseModel):
    """An upload, and how far it has come."""

    id: UUID
    service_point_id: UUID
    uploaded_at: datetime
    total: int
    waiting: int
    applied: int
    conflicts: int
    done: bool


class ActionReasonOut(BaseModel):
    """Why it was not applied."""

    code: str
    text: str
    pointer: str | None = None
    mend: str | None = None


class ActionOut(BaseModel):
    """What became of one action."""

    id: UUID
    kind: Kind
    at: datetime
    item_barcode: str
    patron_barcode: str | None
    """Forgotten once it is applied."""
    outcome: Outcome
    reasons: list[ActionReasonOut]
    loan_id: UUID | None
    applied_at: datetime | None


_KNOWN = "SELECT id, digest FROM offline_action WHERE id = ANY ($1::uuid[])"
_UPLOAD = """
SELECT u.id, u.service_point_id, u.uploaded_at, count(*) AS total,
    count(*) FILTER (WHERE a.outcome = 'waiting') AS waiting,
    count(*) FILTER (WHERE a.outcome = 'applied') AS applied,
    count(*) FILTER (WHERE a.outcome = 'conflict') AS conflicts
FROM offline_upload u JOIN offline_action a ON a.id = ANY (u.action_ids)
WHERE u.id = $1 GROUP BY u.id
"""
_ACTIONS = """
SELECT a.* FROM offline_upload u JOIN offline_action a ON a.id = ANY (u.action_ids)
WHERE u.id = $1 AND ($2::text IS NULL OR a.outcome = $2) AND ($3::uuid IS NULL OR a.id > $3)
ORDER BY a.id LIMIT $4
"""
_AGAIN = """
UPDATE offline_action SET outcome = 'waiting', reasons = '[]'
WHERE outcome = 'conflict' AND id = ANY ((SELECT action_ids FROM offline_upload WHERE id = $1)::uuid[])
"""


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


@router.post(
    "",
    status_code=202,
    response_model=UploadOut,
    responses=problems(
        Unauthenticated, Forbidden, NotFound, UnknownServicePoint, InFlight, Invalid, NotConfigured
    ),
)
async def upload_offline_actions(
    request: Request, body: UploadIn, staff: MayUpload, library: TheLibrary, once: OnceRequired, now: Now
) -> Response:
    """Hand in a desk's check-outs and check-ins; they are applied in the order of their times, each once.

    An action about an item that has been at another desk since is not applied (`newer-status`), nor is one that the
    rules refuse: it is listed as a conflict, with every reason. Whoever brings the same action again, in this file or
    another, changes nothing. Needs loans:backdate, loans:create and returns:create.
    """
    demand(staff, "loans:create")
    demand(staff, "returns:create")
    desk = desk_for(library, staff, body.service_point_id)
    if body.override is not None:
        demand(staff, "loans:override")
        if fixed := [block for block in body.override.blocks if block not in OVERRIDABLE]:
            reasons = [Reason(block, "It cannot be overridden.", "/override/blocks") for block in fixed]
            raise Invalid("These blocks cannot be overridden.", reasons=reasons)
    told = [
        Action(each.id, each.kind, each.at, each.item_barcode, each.patron_barcode) for each in body.actions
    ]
    wrong = [
        Reason(flaw.code, flaw.text, f"/actions/{flaw.place}/{flaw.field}") for flaw in flaws(told, now=now)
    ]
    if wrong:
        raise Invalid(reasons=wrong)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        upload_id = await _keep(connection, body, told, desk.id, staff, now)
        row = await connection.fetchrow(_UPLOAD, upload_id)
        assert row is not None
        return 202, _out(row), {"location": f"/v1/offline-uploads/{upload_id}"}

    return await whole(_pool(request), once, act)


async def _keep(
    connection: Connection, body: UploadIn, told: list[Action], desk_id: UUID, staff: Principal, now: datetime
) -> UUID:
    digests = {action.id: _digest(action, desk_id) for action in told}
    upload_id = uuid7()
    await connection.execute(
        "INSERT INTO offline_upload (id, service_point_id, action_ids, uploaded_at, uploaded_by, override) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        upload_id,
        desk_id,
        list(digests),
        now,
        staff.as_claims(),
        body.override.model_dump(mode="json") if body.override else {},
    )
    await connection.executemany(
        "INSERT INTO offline_action (id, upload_id, place, kind, at, item_barcode, patron_barcode, digest, "
        "  outcome, reasons) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', '[]') ON CONFLICT DO NOTHING",
        [
            (
                action.id,
                upload_id,
                place,
                action.kind.value,
                action.at,
                action.item_barcode,
                action.patron_barcode,
                digests[action.id],
            )
            for place, action in enumerate(sorted(told, key=lambda action: action.at))
        ],
    )
    known = await connection.fetch(_KNOWN, list(digests))
    places = {action.id: place for place, action in enumerate(told)}
    text, mend = "This id was used for another action.", "Give it an id of its own."
    if others := [row["id"] for row in known if bytes(row["digest"]) != digests[row["id"]]]:
        raise Invalid(
            reasons=[Reason("action-id-reused", text, f"/actions/{places[id_]}/id", mend) for id_ in others]
        )
    return upload_id


def _digest(action: Action, desk_id: UUID) -> bytes:
    told = [str(desk_id), action.kind, action.at.isoformat(), action.item_barcode, action.patron_barcode]
    return hashlib.sha256(orjson.dumps(told)).digest()


def _out(row: asyncpg.Record) -> UploadOut:
    return UploadOut(**dict(row), done=row["waiting"] == 0)


async def _found(pool: asyncpg.Pool, library: Library, upload_id: UUID, staff: Principal) -> UploadOut:
    """The upload, of a service point in one of the staff's libraries."""
    row = await pool.fetchrow(_UPLOAD, upload_id)
    desk = library.desks.get(row["service_point_id"]) if row else None
    elsewhere = staff.libraries is not None and (desk is None or desk.library not in staff.libraries)
    if row is None or elsewhere:
        raise NotFound("There is no such upload.")
    return _out(row)


@router.get(
    "/{upload_id}", response_model=UploadOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def read_offline_upload(
    request: Request, upload_id: UUID, staff: MayUpload, library: TheLibrary
) -> UploadOut:
    """How far an upload has come."""
    return await _found(_pool(request), library, upload_id, staff)


@router.get(
    "/{upload_id}/actions",
    response_model=cursors.Page[ActionOut],
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def list_offline_actions(
    request: Request,
    response: Response,
    upload_id: UUID,
    staff: MayUpload,
    library: TheLibrary,
    outcome: Outcome | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[ActionOut]:
    """What became of each action; `outcome=conflict` lists what wants a look, with every reason."""
    pool = _pool(request)
    await _found(pool, library, upload_id, staff)
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await pool.fetch(_ACTIONS, upload_id, outcome, after, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    told: list[dict[str, Any]] = [
        {name: row[name] for name in ActionOut.model_fields} for row in rows[:limit]
    ]
    return cursors.Page(items=[ActionOut(**each) for each in told], next_cursor=more)


@router.post(
    "/{upload_id}:retry",
    status_code=202,
    response_model=UploadOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, InFlight),
)
async def retry_offline_conflicts(
    request: Request, upload_id: UUID, staff: MayUpload, library: TheLibrary, once: OnceRequired
) -> Response:
    """Try the conflicts once more, when what stood against them is mended."""
    pool = _pool(request)
    await _found(pool, library, upload_id, staff)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await connection.execute(_AGAIN, upload_id)
        row = await connection.fetchrow(_UPLOAD, upload_id)
        assert row is not None
        return 202, _out(row), {}

    return await whole(pool, once, act)
