"""Files on the wire: put there by staff, fetched by the patron who asked, or by a partner through its link."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request, Response
from pydantic import BaseModel

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.principal import Anyone
from chassis.problems import (
    Forbidden,
    Invalid,
    Reason,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
    problems,
)
from ill.deliveries import commands
from ill.deliveries.commands import DocumentGone, NoDocument, NotDeliverable
from ill.deliveries.rules import is_pdf
from ill.deliveries.scanning import Infected, scan
from ill.requests.commands import NoSuchRequest, happen, take_up
from ill.requests.seeing import Asker, MayWrite, own, pool_of

router = new_router("/v1/ill", tag="interlibrary loan")

PDF = "application/pdf"
_PDF: dict[str, Any] = {PDF: {"schema": {"type": "string", "format": "binary"}}}
_SHOWN: dict[int | str, dict[str, Any]] = {200: {"description": "The document", "content": _PDF}}


class DocumentOut(BaseModel):
    """What is kept."""

    id: UUID
    size: int
    """Bytes."""
    expires_at: datetime
    downloads_left: int


async def _body(request: Request, limit: int) -> bytes:
    """The file, read no further than it may be long."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != PDF:
        raise Unsupported("A document is application/pdf.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise TooLarge(f"A document may have {limit} bytes here.")
    if not is_pdf(bytes(body)):
        text = "It has no PDF header, or was cut off before its end."
        raise Invalid(reasons=[Reason("document-unreadable", text, "", "Send the whole file.")])
    return bytes(body)


@router.put(
    "/requests/{request_id}/document",
    response_model=DocumentOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NoSuchRequest,
        NotDeliverable,
        TooLarge,
        Unsupported,
        Invalid,
        Unavailable,
    ),
    openapi_extra={"requestBody": {"required": True, "content": _PDF}},
)
@streamed
async def keep_document(request: Request, request_id: UUID, by: MayWrite, now: Now) -> DocumentOut:
    """Keep the copy that was asked for: for the patron, who has it then; or to be linked to when it is supplied.

    It replaces one that was kept before.
    """
    pool = pool_of(request)
    await own(pool, request_id, by)
    settings = request.app.state.resources.settings
    content = await _body(request, settings.document_limit)
    if settings.virus_scanner is not None:
        try:
            await scan(settings.virus_scanner, content, seconds=settings.virus_timeout)
        except Infected as found:
            text = f"The scanner has found {found} in it."
            raise Invalid(
                reasons=[Reason("document-infected", text, "", "Have a clean copy made.")]
            ) from None
    async with pool.acquire() as connection, connection.transaction():
        case = await take_up(connection, request_id, actor=str(by.actor), now=now)
        if case.row["service"] == "loan" or case.model.move(case.row["state"], "document-kept") is None:
            text = f"The request is {case.row['state']}, for a {case.row['service']}."
            mend = "See which actions it allows now."
            raise NotDeliverable(reasons=[Reason("document-unexpected", text, mend=mend)])
        document_id = await commands.keep(case, content)
        await happen(case, "document-kept")
        row = await connection.fetchrow("SELECT * FROM document WHERE id = $1", document_id)
    assert row is not None
    return DocumentOut(
        id=row["id"], size=row["size"], expires_at=row["expires_at"], downloads_left=row["downloads_left"]
    )


def _file(content: bytes, number: str) -> Response:
    name = "".join(sign for sign in number if sign.isalnum() or sign == "-")
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(content, media_type=PDF, headers=headers)


@router.get(
    "/requests/{request_id}/document",
    response_class=Response,
    responses={**_SHOWN, **problems(Unauthenticated, Forbidden, NoSuchRequest, NoDocument, DocumentGone)},
)
async def fetch_document(request: Request, request_id: UUID, asker: Asker, now: Now) -> Response:
    """The copy, for the patron who asked for it, so many times and until its day; staff look at it uncounted."""
    pool = pool_of(request)
    row = await own(pool, request_id, asker)
    if row["document_id"] is None:
        raise NoDocument
    mine = row["side"] == "borrowing" and asker.patron_id == row["patron_ref"]
    content, number = await commands.fetch(pool, document_id=row["document_id"], counts=mine, now=now)
    return _file(content, number)


@router.get(
    "/documents/{token}",
    response_class=Response,
    responses={**_SHOWN, **problems(NoDocument, DocumentGone)},
)
async def fetch_by_link(
    request: Request, token: Annotated[str, Path(max_length=100)], _: Anyone, now: Now
) -> Response:
    """A copy that we supply, for the partner that was given the link."""
    content, number = await commands.fetch(pool_of(request), token=token, counts=True, now=now)
    return _file(content, number)
