"""`POST /iso18626`, where partners' messages come in; and the log of them, for staff."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.principal import Anyone, Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    Malformed,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from ill.iso18626.receiving import receive
from ill.requests.commands import NoSuchRequest

router = new_router(tag="interlibrary loan")

MayRead = Annotated[Principal, Depends(may("ill:read", "ill:write"))]
XML = frozenset({"application/xml", "text/xml"})


async def _body(request: Request, limit: int) -> bytes:
    """The message, read no further than it may be long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in XML:
        raise Unsupported("A message is application/xml.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise TooLarge(f"A message may have {limit} bytes here.")
    return bytes(body)


_XML = {
    "application/xml": {
        "schema": {"type": "string", "description": "An ISO18626Message, version 1.2 or 2021-2"}
    }
}


@router.post(
    "/iso18626",
    response_class=Response,
    responses={
        200: {"description": "The confirmation; errors of ISO 18626 are told in it", "content": _XML},
        **problems(Malformed, Unauthenticated, Forbidden, TooLarge, Unsupported),
    },
    openapi_extra={"requestBody": {"required": True, "content": _XML}},
)
@streamed
async def take_message(request: Request, asker: Anyone, now: Now) -> Response:
    """A partner's message, answered at once by its confirmation: OK means that it is kept and acted upon."""
    resources = request.app.state.resources
    body = await _body(request, resources.settings.message_limit)
    return Response(await receive(resources, body, asker, now), media_type="application/xml")


class MessageOut(BaseModel):
    """A message, and what was answered."""

    id: UUID
    partner_id: UUID
    direction: str
    kind: str
    what: str
    version: str | None
    """Of ISO 18626."""
    state: str
    """queued, sent, refused, failed, withdrawn (undone before it was sent); taken or refused for one that came in."""
    at: datetime
    attempts: int
    next_at: datetime | None
    last_error: str | None
    document: dict[str, Any]
    answer: dict[str, Any] | None


@router.get(
    "/v1/ill/requests/{request_id}/messages",
    response_model=cursors.Page[MessageOut],
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest, Invalid),
)
async def list_messages(
    request: Request, response: Response, request_id: UUID, _: MayRead, cursor: str | None = None
) -> cursors.Page[MessageOut]:
    """Every message about a request, first to last."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    after = cursors.uuid_in(cursor) if cursor is not None else None
    if not await pool.fetchval("SELECT true FROM request WHERE id = $1", request_id):
        raise NoSuchRequest
    rows = await pool.fetch(
        "SELECT * FROM message WHERE request_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT 101",
        request_id,
        after,
    )
    more = cursors.encode(str(rows[99]["id"])) if len(rows) > 100 else None
    cursors.link_next(request, response, more)
    items = [MessageOut(**{name: row[name] for name in MessageOut.model_fields}) for row in rows[:100]]
    return cursors.Page(items=items, next_cursor=more)
