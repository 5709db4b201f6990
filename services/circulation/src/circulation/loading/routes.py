"""Loads of patrons on the wire."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from sqlalchemy import text

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KEY_LIMIT, Edge, Once, ReadTx, Tx, fingerprint, streamed
from chassis.ids import uuid7
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Reason,
    Refused,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from circulation.loading.lines import CSV, JSON_LINES, MEDIA_TYPES
from circulation.loading.receiving import forget, receive
from circulation.loading.rules import LoadState, Outcome
from circulation.places.documents import LoadProfileDoc
from circulation.places.routes import TheLibrary

router = new_router("/v1/patron-loads", tag="patrons")

MayLoad = Annotated[Principal, Depends(may("patrons:write"))]
"""A file is whole people: who may not write patrons does not read it either."""


class LoadUnknown(NotFound):
    """There is no such load, or it is forgotten."""

    code, title = "load-unknown", "There is no such load of patrons."


class LoadEnded(Refused):
    """The load has ended already."""

    code, title = "load-ended", "This load has ended already."


class LoadCountsOut(BaseModel):
    """What became of the lines; together they are those that are done."""

    created: int
    updated: int
    unchanged: int
    rejected: int


class LoadOut(BaseModel):
    """A file of patrons on its way in."""

    id: UUID
    state: LoadState
    cancelling: bool
    dry_run: bool
    profile: LoadProfileDoc
    media_type: str
    lines: int
    done: int
    counts: LoadCountsOut
    deactivated: int
    """Patrons who were missing."""
    error: str | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class LineReasonOut(BaseModel):
    """What is wrong with a line; its own words are not repeated."""

    code: str
    text: str
    pointer: str


class LineOut(BaseModel):
    """What became of a line."""

    line: int
    """Counted from 1, without the header and without blank ones."""
    outcome: Outcome
    external_id: str | None
    patron_id: UUID | None
    changed: list[str]
    reasons: list[LineReasonOut]


def _out(row: Any, response: Response) -> LoadOut:
    etags.tag(response, row.version)
    told = row._asdict()
    counts = {name: told[name] for name in LoadCountsOut.model_fields}
    return LoadOut.model_validate(told | {"counts": counts})


async def _load(tx: Tx, load_id: UUID) -> Any:
    row = (
        await tx.execute(
            text("SELECT * FROM patron_load WHERE id = :id AND state <> 'receiving'"), {"id": load_id}
        )
    ).first()
    if row is None:
        raise LoadUnknown
    return row


_QUEUE = text("""
UPDATE patron_load SET state = 'queued', lines = :lines, columns = :columns WHERE id = :id RETURNING *
""")


@router.post(
    "",
    status_code=202,
    response_model=LoadOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
        }
    },
    responses=problems(Unauthenticated, Forbidden, Invalid, TooLarge, Unsupported),
)
@streamed
async def load_patrons(
    request: Request,
    response: Response,
    by: MayLoad,
    library: TheLibrary,
    now: Now,
    profile: Annotated[str, Query(max_length=60, description="One of the configured load_profiles")],
    dry_run: Annotated[
        bool, Query(description="Tell what would become of each line; nothing written")
    ] = False,
    idempotency_key: Annotated[str | None, Header(max_length=KEY_LIMIT)] = None,
) -> LoadOut:
    """Send a file of patrons, JSON lines or CSV with a header; it is taken up in the background.

    A patron is found by `external_id`. What a line leaves out stays as it is, what it says is empty is emptied, and
    what the profile keeps for the library is left alone. The same file again changes nothing.
    """
    chosen = library.load_profiles.get(profile)
    if chosen is None:
        known = ", ".join(sorted(library.load_profiles)) or "none"
        reason = Reason(
            "load-profile-unknown",
            f"There is no load profile {profile!r}.",
            "query/profile",
            f"Those that are configured: {known}.",
        )
        raise Invalid(reasons=[reason])
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind not in MEDIA_TYPES:
        raise Unsupported(f"Send {JSON_LINES} or {CSV}.")
    edge: Edge = request.state.edge
    pool, load_id = edge.resources.pool, uuid7()
    try:
        received = await receive(
            pool,
            request.stream(),
            load_id=load_id,
            media_type=kind,
            dry_run=dry_run,
            profile=chosen,
            by=str(by.actor),
            now=now,
        )
        asked = None
        if idempotency_key and idempotency_key.strip():
            asked = Once(str(by.actor), idempotency_key, fingerprint(request, received.digest))
        session = await edge.open(asked)
        told = {"id": load_id, "lines": received.lines, "columns": received.columns}
        row = (await session.execute(_QUEUE, told)).one()
    except BaseException:
        await forget(pool, load_id)
        raise
    response.headers["Location"] = f"/v1/patron-loads/{load_id}"
    return _out(row, response)


@router.get(
    "",
    response_model=cursors.Page[LoadOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_loads(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayLoad,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> cursors.Page[LoadOut]:
    """Loads, newest first."""
    rows = (
        await tx.execute(
            text(
                "SELECT * FROM patron_load WHERE state <> 'receiving' "
                "AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
            ),
            {"before": cursors.uuid_in(cursor) if cursor else None, "limit": limit + 1},
        )
    ).all()
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    page = cursors.Page[LoadOut](items=[_out(row, response) for row in rows[:limit]], next_cursor=more)
    if "etag" in response.headers:
        del response.headers["etag"]
    return page


@router.get("/{load_id}", response_model=LoadOut, responses=problems(Unauthenticated, Forbidden, LoadUnknown))
async def read_load(load_id: UUID, response: Response, tx: ReadTx, _: MayLoad) -> LoadOut:
    """How far a load has come."""
    return _out(await _load(tx, load_id), response)


@router.get(
    "/{load_id}/outcomes",
    response_model=cursors.Page[LineOut],
    responses=problems(Unauthenticated, Forbidden, LoadUnknown, Invalid),
)
async def list_outcomes(
    request: Request,
    response: Response,
    load_id: UUID,
    tx: ReadTx,
    _: MayLoad,
    outcome: Outcome | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> cursors.Page[LineOut]:
    """What became of each line that is done, in the file's order."""
    await _load(tx, load_id)
    rows = (
        await tx.execute(
            text(
                "SELECT line, outcome, external_id, patron_id, coalesce(changed, '{}') AS changed, "
                "coalesce(reasons, '[]') AS reasons FROM patron_load_line WHERE load_id = :id AND line > :after "
                "AND outcome IS NOT NULL AND (CAST(:outcome AS text) IS NULL OR outcome = :outcome) "
                "ORDER BY line LIMIT :limit"
            ),
            {"id": load_id, "after": _line(cursor), "outcome": outcome, "limit": limit + 1},
        )
    ).all()
    more = cursors.encode(rows[limit - 1].line) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[LineOut](
        items=[LineOut.model_validate(row._asdict()) for row in rows[:limit]], next_cursor=more
    )


def _line(cursor: str | None) -> int:
    if cursor is None:
        return 0
    (told,) = cursors.decode(cursor, parts=1)
    if not isinstance(told, int) or not 0 <= told < 2**31:
        raise cursors.wrong_cursor()
    return told


@router.get(
    "/{load_id}/errors",
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, LoadUnknown),
)
async def read_errors(request: Request, load_id: UUID, tx: ReadTx, _: MayLoad) -> Response:
    """The lines that were rejected, byte for byte and in the file's form: to be mended and sent again."""
    load = await _load(tx, load_id)
    pool = request.app.state.resources.pool

    async def lines() -> AsyncIterator[bytes]:
        if load.columns is not None:
            yield ",".join(load.columns).encode() + b"\n"
        after = 0
        while rows := await pool.fetch(
            "SELECT line, told FROM patron_load_line WHERE load_id = $1 AND outcome = 'rejected' AND line > $2 "
            "ORDER BY line LIMIT 500",
            load_id,
            after,
        ):
            after = rows[-1]["line"]
            yield b"".join(bytes(row["told"]) + b"\n" for row in rows)

    return StreamingResponse(lines(), media_type=load.media_type)


@router.post(
    "/{load_id}/cancellations",
    status_code=202,
    response_model=LoadOut,
    responses=problems(Unauthenticated, Forbidden, LoadUnknown, LoadEnded),
)
async def cancel_load(load_id: UUID, response: Response, tx: Tx, _: MayLoad) -> LoadOut:
    """Stop at the end of the slice under way; what is committed stays."""
    row = (
        await tx.execute(
            text(
                "UPDATE patron_load SET cancelling = true, version = version + 1 "
                "WHERE id = :id AND state IN ('queued', 'running') RETURNING *"
            ),
            {"id": load_id},
        )
    ).first()
    if row is None:
        await _load(tx, load_id)
        raise LoadEnded
    return _out(row, response)
