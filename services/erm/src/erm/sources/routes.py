"""Sources of title lists on the wire, and lists that are pushed in chunks."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    Stale,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from erm.kbart.answers import ListLoadOut, out
from erm.kbart.receiving import PART
from erm.kbart.routes import MEDIA_TYPES, LoadRefused, MayRead, MayWrite
from erm.packages.commands import PackageUnknown
from erm.rows import page, pool_of
from erm.sources import commands
from erm.sources.commands import LASTS, SessionRefused, SessionUnknown, SourceUnknown
from erm.sources.rules import Fetched
from erm.sources.sealing import NotSealable
from erm.sources.wire import (
    ListChunkErrorOut,
    ListChunkOut,
    ListCompletionIn,
    ListSessionIn,
    ListSessionOut,
    ListSourceIn,
    ListSourceOut,
)
from erm.wire import Limit

router = new_router("/v1", tag="knowledge base")


def _source(row: Any) -> ListSourceOut:
    told = {name: row[name] for name in ListSourceOut.model_fields if name != "has_key"}
    return ListSourceOut(**told, has_key=row["sealed"] is not None)


@router.get(
    "/list-sources",
    response_model=cursors.Page[ListSourceOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_list_sources(
    request: Request,
    response: Response,
    _: MayRead,
    outcome: Fetched | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ListSourceOut]:
    """Where lists are fetched, newest first; those that want looking after have `outcome` failed or refused."""
    rows, more = await page(
        request, response, "SELECT * FROM list_source", {"outcome =": outcome}, cursor=cursor, limit=limit
    )
    return cursors.Page(items=[_source(row) for row in rows], next_cursor=more)


@router.get(
    "/packages/{package_id}/source",
    response_model=ListSourceOut,
    responses=problems(Unauthenticated, Forbidden, SourceUnknown),
)
async def get_list_source(
    request: Request, response: Response, package_id: UUID, _: MayRead
) -> ListSourceOut:
    """Where a package's list is fetched, and what came of it last."""
    told = _source(await commands.source(pool_of(request), package_id))
    etags.tag(response, told.version)
    return told


@router.put(
    "/packages/{package_id}/source",
    response_model=ListSourceOut,
    responses=problems(Unauthenticated, Forbidden, PackageUnknown, NotSealable, Stale, Invalid),
)
async def put_list_source(
    request: Request, response: Response, package_id: UUID, body: ListSourceIn, _: MayWrite, now: Now
) -> ListSourceOut:
    """Have a package's list fetched on schedule; it is asked for at once. An existing one wants `If-Match`.

    Only addresses of the public internet are asked, by https, but for networks that the operator has allowed.
    """
    settings = request.app.state.resources.settings
    told = request.headers.get("if-match")
    expected = await etags.expected_version(told) if told is not None else None
    async with pool_of(request).acquire() as connection, connection.transaction():
        await commands.put_source(
            connection,
            package_id,
            body,
            expected=expected,
            networks=settings.networks,
            sealing_key=settings.sealing_key,
            now=now,
        )
        row = await commands.source(connection, package_id)
    etags.tag(response, row["version"])
    return _source(row)


@router.delete(
    "/packages/{package_id}/source",
    status_code=204,
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, SourceUnknown),
)
async def remove_list_source(request: Request, package_id: UUID, _: MayWrite) -> Response:
    """Its list is not fetched any more, and the key is forgotten; the package stays as it is."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        row = await commands.source(connection, package_id, lock=True)
        await connection.execute("DELETE FROM list_source WHERE id = $1", row["id"])
    return Response(status_code=204)


_CHUNKS = "SELECT ordinal, lines, digest, received_at FROM list_chunk WHERE load_id = $1 ORDER BY ordinal LIMIT 1000"
_ERRORS = "SELECT ordinal, reasons, at FROM list_chunk_error WHERE load_id = $1 ORDER BY id DESC LIMIT 100"


async def _session(connection: Any, load_id: UUID) -> ListSessionOut:
    row = await connection.fetchrow(commands.SESSION, load_id)
    if row is None:
        raise SessionUnknown
    return ListSessionOut(
        load_id=load_id,
        package_id=row["package_id"],
        dry_run=row["dry_run"],
        chunks=[
            ListChunkOut(**dict(each) | {"digest": bytes(each["digest"]).hex()})
            for each in await connection.fetch(_CHUNKS, load_id)
        ],
        errors=[ListChunkErrorOut(**dict(each)) for each in await connection.fetch(_ERRORS, load_id)],
        expires_at=row["created_at"] + LASTS,
    )


@router.post(
    "/packages/{package_id}/load-sessions",
    status_code=201,
    response_model=ListSessionOut,
    responses=problems(Unauthenticated, Forbidden, PackageUnknown, SessionRefused, InFlight, Invalid),
)
async def open_load_session(
    request: Request, package_id: UUID, body: ListSessionIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Push a package's list in chunks (`PUT …/chunks/1`, `2` … in any order, also again), then complete it.

    Nothing is taken up before it is complete. A session lasts a day.
    """

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        load_id = await commands.open_session(connection, package_id, body, by=str(by.actor), now=now)
        return 201, await _session(connection, load_id), {"location": f"/v1/load-sessions/{load_id}"}

    return await whole(pool_of(request), once, act)


@router.get(
    "/load-sessions/{load_id}",
    response_model=ListSessionOut,
    responses=problems(Unauthenticated, Forbidden, SessionUnknown),
)
async def get_load_session(request: Request, load_id: UUID, _: MayRead) -> ListSessionOut:
    """The first thousand chunks that are there, and why others were not taken."""
    return await _session(pool_of(request), load_id)


@router.put(
    "/load-sessions/{load_id}/chunks/{ordinal}",
    status_code=204,
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
        }
    },
    responses=problems(Unauthenticated, Forbidden, SessionUnknown, Invalid, TooLarge, Unsupported),
)
async def send_chunk(
    request: Request, load_id: UUID, ordinal: Annotated[int, Path(ge=0, le=2**31 - 1)], _: MayWrite, now: Now
) -> Response:
    """A chunk: whole lines of the list in UTF-8, without the columns; up to 256 KiB. The same again changes nothing."""
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise Unsupported(f"Send {MEDIA_TYPES[0]} or text/plain.")
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > 4 * PART:
            raise TooLarge(f"A chunk may have {PART} bytes.")
    async with pool_of(request).acquire() as connection, connection.transaction():
        reasons = await commands.take_chunk(connection, load_id, ordinal, bytes(content), now=now)
    if reasons:
        raise Invalid("The chunk was not taken.", reasons=reasons)
    return Response(status_code=204)


@router.post(
    "/load-sessions/{load_id}/completions",
    status_code=202,
    response_model=ListLoadOut,
    responses=problems(
        Unauthenticated, Forbidden, SessionUnknown, SessionRefused, LoadRefused, InFlight, Invalid
    ),
)
async def complete_load_session(
    request: Request, load_id: UUID, body: ListCompletionIn, _: MayWrite, once: OnceRequired
) -> Response:
    """All chunks were sent: they are one list, taken up as one that comes in a file (`GET /v1/package-loads/{id}`)."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await commands.complete(connection, load_id, body)
        row = await connection.fetchrow("SELECT * FROM kbart_load WHERE id = $1", load_id)
        return 202, out(row), {"location": f"/v1/package-loads/{load_id}"}

    return await whole(pool_of(request), once, act)
