"""Interchanges on the wire: in by upload, out by pick-up."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired, streamed
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Reason,
    ReasonOut,
    Refused,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from erm.edifact import sight
from erm.edifact.accounts import MayRead, MayWrite, demand_account
from erm.edifact.intake import gathered, take_in
from erm.edifact.sending import AccountUnknown, make_interchange
from erm.rows import change, page, pool_of
from erm.units.rules import Standing
from erm.units.standing import Seen, held
from erm.wire import Note, Strict

router = new_router("/v1", tag="edifact")

EDIFACT = "application/edifact"
MEDIA_TYPES = (EDIFACT, "application/octet-stream", "text/plain")


class InterchangeUnknown(NotFound):
    """There is no such interchange."""

    code, title = "edifact-interchange-unknown", "There is no such interchange."


class InterchangeRefused(Refused):
    """The interchange is none of ours, or its state stands against it."""

    code, title = "edifact-interchange-refused", "This cannot be done with the interchange."


class EdifactInterchangeOut(BaseModel):
    """An interchange."""

    id: UUID
    direction: Literal["in", "out"]
    account_id: UUID | None
    """Of one that goes out."""
    state: Literal["taken", "made", "sent", "failed"]
    """`taken`: it came in; `made`: it is to be picked up; `sent`, `failed`: as whoever carries it has said."""
    sender: str
    sender_qualifier: str
    recipient: str
    recipient_qualifier: str
    reference: str
    prepared: str
    """Date and time as its sender says."""
    character_set: str
    test: bool
    findings: list[ReasonOut]
    """What was odd, and was read all the same."""
    messages: int
    file_name: str | None
    failure: str | None
    sent_at: datetime | None
    created_at: datetime
    created_by: str
    version: int


class EdifactTakenOut(BaseModel):
    """What was in a file."""

    items: list[EdifactInterchangeOut]
    repeated: int
    """Interchanges that were here before: nothing comes of them."""


class EdifactInterchangeAct(Strict):
    """What has become of an interchange that goes out."""

    action: Literal["sent", "failed", "again"]
    """`sent`: the vendor has it; `failed`: it could not be brought there; `again`: it is to be picked up once more,
    as it is and with the same reference, by which the vendor knows it."""
    reason: Note | None = None
    """Why it failed; needed for that."""


class EdifactMadeOut(BaseModel):
    """What goes out next."""

    interchange: EdifactInterchangeOut | None
    """None: there was nothing to send."""
    withdrawn: int
    """Orders that were waiting and are not open any more."""


_HEAD = ", ".join(name for name in EdifactInterchangeOut.model_fields)


def _interchange(row: Any) -> EdifactInterchangeOut:
    return EdifactInterchangeOut(**{name: row[name] for name in EdifactInterchangeOut.model_fields})


async def _read_interchange(
    connection: Connection | asyncpg.Pool, row_id: UUID, *, lock: bool = False
) -> EdifactInterchangeOut:
    row = await connection.fetchrow(
        f"SELECT {_HEAD} FROM edifact_interchange WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        row_id,
    )
    if row is None:
        raise InterchangeUnknown
    return _interchange(row)


async def _demand_sight(connection: Connection | asyncpg.Pool, interchange_id: UUID, seen: Standing) -> None:
    """Raise `InterchangeUnknown` unless somebody may see all that is in it."""
    if not await sight.is_seen(connection, "edifact_interchange", sight.INTERCHANGE, interchange_id, seen):
        raise InterchangeUnknown


@router.post(
    "/edifact-interchanges",
    status_code=202,
    response_model=EdifactTakenOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
        }
    },
    responses=problems(Unauthenticated, Forbidden, Invalid, TooLarge, Unsupported),
)
@streamed
async def take_file(
    request: Request,
    by: MayWrite,
    now: Now,
    file_name: Annotated[
        str | None, Query(max_length=300, pattern=r"^[^\x00-\x1f]+$", description="What the file is called")
    ] = None,
) -> EdifactTakenOut:
    """Send a file of a vendor's: QUOTES, ORDRSP, DESADV, INVOIC (D.96A), any number of interchanges and messages.

    A file that is not whole is refused as a whole, with the place of each flaw. Its messages are taken up in the
    background, each applied, or held with every reason why not. The same interchange again changes nothing.
    """
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise Unsupported(f"Send {' or '.join(MEDIA_TYPES)}.")
    if (coding := request.headers.get("content-encoding", "identity")) != "identity":
        raise Unsupported(f"Content-Encoding {coding[:40]!r} is not taken here; send the file as it is.")
    pool = pool_of(request)
    content = await gathered(request.stream())
    taken = await take_in(pool, content, file_name=file_name, by=by, now=now)
    items = [await _read_interchange(pool, row_id) for row_id, _ in taken]
    return EdifactTakenOut(items=items, repeated=sum(not new for _, new in taken))


@router.get(
    "/edifact-interchanges",
    response_model=cursors.Page[EdifactInterchangeOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_interchanges(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    state: Literal["taken", "made", "sent", "failed"] | None = None,
    account_id: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> cursors.Page[EdifactInterchangeOut]:
    """Interchanges, newest first; those in a state (`made`: to be picked up), or to a vendor."""
    rows, more = await page(
        request,
        response,
        f"SELECT {_HEAD} FROM edifact_interchange",  # noqa: S608 - our own names
        {"state =": state, "account_id =": account_id},
        cursor=cursor,
        limit=limit,
        within=sight.of(sight.INTERCHANGE, seen),
    )
    return cursors.Page(items=[_interchange(row) for row in rows], next_cursor=more)


@router.get(
    "/edifact-interchanges/{interchange_id}",
    response_model=EdifactInterchangeOut,
    responses=problems(Unauthenticated, Forbidden, InterchangeUnknown),
)
async def get_interchange(
    request: Request, response: Response, interchange_id: UUID, _: MayRead, seen: Seen
) -> EdifactInterchangeOut:
    """One interchange."""
    await _demand_sight(pool_of(request), interchange_id, seen)
    told = await _read_interchange(pool_of(request), interchange_id)
    etags.tag(response, told.version)
    return told


@router.get(
    "/edifact-interchanges/{interchange_id}/content",
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, InterchangeUnknown, InterchangeRefused)
    | {200: {"content": {EDIFACT: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def fetch_interchange(request: Request, interchange_id: UUID, _: MayRead, seen: Seen) -> Response:
    """The file that goes out, as often as it is asked for: always the same bytes."""
    await _demand_sight(pool_of(request), interchange_id, seen)
    row = await pool_of(request).fetchrow(
        "SELECT content, reference FROM edifact_interchange WHERE id = $1", interchange_id
    )
    if row is None:
        raise InterchangeUnknown
    if row["content"] is None:
        text = "It came in; its messages have its text."
        raise InterchangeRefused(reasons=[Reason("interchange-came-in", text)])
    name = f'attachment; filename="{row["reference"]}.edi"'
    return Response(bytes(row["content"]), media_type=EDIFACT, headers={"content-disposition": name})


_AFTER = {"sent": "sent", "failed": "failed", "again": "made"}
_FROM = {"sent": {"made", "failed"}, "failed": {"made", "sent"}, "again": {"sent", "failed"}}


@router.post(
    "/edifact-interchanges/{interchange_id}/actions",
    response_model=EdifactInterchangeOut,
    responses=problems(Unauthenticated, Forbidden, InterchangeUnknown, InterchangeRefused, InFlight, Invalid),
)
async def act_on_interchange(
    request: Request,
    interchange_id: UUID,
    body: EdifactInterchangeAct,
    by: MayWrite,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Say that it was sent, or could not be; or have it picked up again."""
    if body.action == "failed" and body.reason is None:
        raise Invalid(reasons=[Reason("reason-missing", "Say why.", "/reason", "Send a reason.")])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await _demand_sight(connection, interchange_id, await held(connection, by))
        found = await _read_interchange(connection, interchange_id, lock=True)
        if found.state not in _FROM[body.action]:
            text = f"The interchange is {found.state}."
            raise InterchangeRefused(
                reasons=[
                    Reason(
                        "interchange-state",
                        text,
                        None,
                        f"It must be {' or '.join(sorted(_FROM[body.action]))}.",
                    )
                ]
            )
        await change(
            connection,
            "edifact_interchange",
            interchange_id,
            state=_AFTER[body.action],
            failure=body.reason if body.action == "failed" else None,
            sent_at=now if body.action == "sent" else found.sent_at,
        )
        told = await _read_interchange(connection, interchange_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.post(
    "/edifact-accounts/{account_id}/interchanges",
    response_model=EdifactMadeOut,
    responses=problems(Unauthenticated, Forbidden, AccountUnknown, InFlight, Invalid),
)
async def make_next_interchange(
    request: Request, account_id: UUID, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Put the orders that wait for a vendor into its next interchange, each once; numbered without gaps."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        await demand_account(connection, account_id, standing)
        made, withdrawn = await make_interchange(
            connection, account_id, actor=str(by.actor), now=now, standing=standing
        )
        told = None if made is None else await _read_interchange(connection, made)
        where = {} if made is None else {"location": f"/v1/edifact-interchanges/{made}"}
        return 200, EdifactMadeOut(interchange=told, withdrawn=withdrawn), where

    return await whole(pool_of(request), once, act)
