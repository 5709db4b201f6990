"""Covers: brought by cataloguers, shown to everybody who sees the title."""

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from catalog.covers import queries
from catalog.covers.rules import MOST_BYTES, Unfit, drawn
from catalog.marc.extract import isbn13
from catalog.titles import media
from catalog.titles.commands import TitleUnknown
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx, streamed
from chassis.etags import IfMatch
from chassis.principal import Anyone, Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Stale,
    TooLarge,
    Unauthenticated,
    problems,
)

router = new_router(tag="covers")

MayWrite = Annotated[Principal, Depends(may("titles:write"))]
KINDS = ("image/jpeg", "image/png", "image/webp")
FRESH = "public, max-age=86400"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in KINDS},
    }
}
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
    304: {"description": "What is held already is what is here"},
}


LED: dict[int | str, dict[str, Any]] = {303: {"description": "Where the cover is"}}


class CoverUnknown(NotFound):
    """The title has no cover, or is not shown to you."""

    code, title = "cover-unknown", "There is no such cover."


class CoverOut(BaseModel):
    """A cover; its picture is at the title's `/cover`."""

    title_id: UUID
    version: int
    alternative: str | None
    width: int
    height: int


_TITLE = text("SELECT id FROM title WHERE id = :id AND deleted_at IS NULL FOR SHARE")
_VERSION = text("SELECT version FROM cover WHERE title_id = :id FOR UPDATE")
_PUT = text("""
INSERT INTO cover (title_id, version, alternative, width, height, image, thumbnail, updated_at, updated_by)
VALUES (:id, 1 + coalesce((SELECT version FROM cover_gone WHERE title_id = :id), 0), :alternative, :width, :height,
    :image, :thumbnail, :now, :by)
ON CONFLICT (title_id) DO UPDATE SET version = cover.version + 1, alternative = excluded.alternative,
    width = excluded.width, height = excluded.height, image = excluded.image, thumbnail = excluded.thumbnail,
    updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE cover.version = :expected
RETURNING version
""")
_DELETE = text("""
WITH gone AS (DELETE FROM cover WHERE title_id = :id RETURNING title_id, version)
INSERT INTO cover_gone (title_id, version) SELECT title_id, version FROM gone
ON CONFLICT (title_id) DO UPDATE SET version = excluded.version
""")


@router.put(
    "/v1/titles/{title_id}/cover",
    response_model=CoverOut,
    openapi_extra=BODY,
    responses=problems(
        Unauthenticated, Forbidden, TitleUnknown, Invalid, TooLarge, Stale, PreconditionRequired
    ),
)
@streamed
async def write_cover(
    title_id: UUID,
    request: Request,
    by: MayWrite,
    expected: IfMatch,
    tx: Tx,
    now: Now,
    response: Response,
    alternative: Annotated[
        str | None, Query(min_length=1, max_length=500, description="What is to be seen on it, in words")
    ] = None,
) -> CoverOut:
    """Give a title a cover: JPEG, PNG or WebP, as its bytes say. It is drawn anew, upright and within bounds; places
    and other notes of the camera are left behind. A title without one is at version 0: `If-Match: "0"`; its first one
    is at version 1, or behind the one that was taken away."""
    if alternative is not None and "\0" in alternative:
        raise Invalid(reasons=[Reason("unstorable-value", "A text holds no NUL.", "query/alternative")])
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise TooLarge(f"A picture may have {MOST_BYTES} bytes here.")
    request._body = bytes(body)  # what an Idempotency-Key is checked against
    try:
        found = await asyncio.to_thread(drawn, bytes(body))
    except Unfit as unfit:
        raise Invalid(
            reasons=[Reason(unfit.code, unfit.text, mend="Send it as JPEG, PNG or WebP.")]
        ) from unfit
    if (await tx.execute(_TITLE, {"id": title_id})).first() is None:
        raise TitleUnknown
    etags.guard(expected=expected, found=int(await tx.scalar(_VERSION, {"id": title_id}) or 0))
    told: dict[str, Any] = {
        "id": title_id,
        "alternative": alternative,
        "width": found.width,
        "height": found.height,
        "image": found.image,
        "thumbnail": found.thumbnail,
        "now": now,
        "by": str(by.actor),
    }
    version = await tx.scalar(_PUT, told | {"expected": expected})
    if version is None:  # somebody else has just put the first one
        etags.guard(expected=expected, found=expected + 1)
    etags.tag(response, version)
    return CoverOut(
        title_id=title_id,
        version=version,
        alternative=alternative,
        width=found.width,
        height=found.height,
    )


@router.delete(
    "/v1/titles/{title_id}/cover",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, CoverUnknown, Stale, PreconditionRequired),
)
async def delete_cover(title_id: UUID, _: MayWrite, expected: IfMatch, tx: Tx) -> Response:
    """Take a cover away."""
    found = await tx.scalar(_VERSION, {"id": title_id})
    if found is None:
        raise CoverUnknown
    etags.guard(expected=expected, found=int(found))
    await tx.execute(_DELETE, {"id": title_id})
    return Response(status_code=204)


@router.get(
    "/v1/titles/{title_id}/cover",
    response_class=Response,
    responses=PICTURE
    | {308: {"description": "The title was merged into the one whose cover Location names"}}
    | problems(CoverUnknown),
)
async def read_cover(
    title_id: UUID,
    tx: ReadTx,
    asker: Anyone,
    size: Literal["small", "large"] = "large",
    if_none_match: Annotated[str | None, Header(description="ETags of what is held already")] = None,
) -> Response:
    """A title's cover, up to 1 000 pixels high and wide, or its thumbnail, up to 200."""
    staff = asker.may("titles:write")
    row = await queries.picture(tx, title_id, small=size == "small", hidden_too=staff)
    if row is None:
        if (into := await queries.merged_into(tx, title_id)) is not None:
            led = {"Location": f"/v1/titles/{into}/cover?size={size}", "Cache-Control": FRESH}
            return Response(status_code=308, headers=led)
        raise CoverUnknown
    headers = {
        "ETag": etags.etag(row.version),
        "Cache-Control": "private, no-cache" if staff else FRESH,
        "X-Content-Type-Options": "nosniff",
    }
    if media.held(if_none_match, etags.etag(row.version)):
        return Response(status_code=304, headers=headers)
    return Response(row.picture, headers=headers, media_type="image/jpeg")


@router.get(
    "/v1/covers",
    status_code=303,
    response_class=Response,
    responses=LED | problems(CoverUnknown, Invalid),
)
async def find_cover(
    tx: ReadTx,
    isbn: Annotated[str, Query(min_length=9, max_length=40)],
    size: Literal["small", "large"] = "large",
) -> Response:
    """The cover of a title with this ISBN, in any usual form."""
    number = isbn13("".join(char for char in isbn if char.isalnum()))
    if number is None:
        raise Invalid(reasons=[Reason("isbn-wrong", "This is no ISBN.", "query/isbn")])
    title_id = await queries.title_with_isbn(tx, number)
    if title_id is None:
        raise CoverUnknown
    headers = {"Location": f"/v1/titles/{title_id}/cover?size={size}", "Cache-Control": FRESH}
    return Response(status_code=303, headers=headers)
