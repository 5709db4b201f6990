"""Imports on the wire."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel

from catalog.imports import commands, queries, uploading
from catalog.imports.commands import ImportEnded, ImportUnknown
from catalog.imports.rules import JobState, Outcome
from catalog.marc.items import PROFILES
from catalog.marc.reading import MEDIA_TYPES
from catalog.titles import media
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
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)

router = new_router(tag="imports")

MayImport = Annotated[Principal, Depends(may("imports:create"))]
MayRead = Annotated[Principal, Depends(may("imports:read", "imports:create"))]
NO_ITEMS = "none"
PROFILE_NAMES = ", ".join((*PROFILES, NO_ITEMS))


class CountsOut(BaseModel):
    """What became of the records; together they are the records read."""

    created: int
    updated: int
    unchanged: int
    duplicate: int
    discarded: int
    rejected: int
    failed: int


class ItemCountsOut(BaseModel):
    """What became of the items that the records told of."""

    created: int
    updated: int
    unchanged: int
    problems: int


class ImportOut(BaseModel):
    """An import."""

    id: UUID
    state: JobState
    cancelling: bool
    media_type: str
    profile: str
    create_locations: bool
    default_location_id: UUID | None
    size: int
    position: int
    """Bytes of the file that are done."""
    records_read: int
    counts: CountsOut
    items: ItemCountsOut
    error: str | None
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ReasonOut(BaseModel):
    """A reason: a code that does not change, words, and where in the record."""

    code: str
    text: str
    where: str | None = None


class OutcomeOut(BaseModel):
    """What became of one record."""

    ordinal: int
    position: int
    control_number: str | None
    outcome: Outcome
    title_id: UUID | None
    reasons: list[ReasonOut]
    has_original: bool


def _out(row: Any) -> ImportOut:
    return ImportOut(
        id=row.id,
        state=row.state,
        cancelling=row.cancelling,
        media_type=row.media_type,
        profile=row.profile or NO_ITEMS,
        create_locations=row.create_locations,
        default_location_id=row.default_location_id,
        size=row.size,
        position=row.position,
        records_read=row.records_read,
        counts=CountsOut(**{name: getattr(row, name) for name in CountsOut.model_fields}),
        items=ItemCountsOut(
            created=row.items_created,
            updated=row.items_updated,
            unchanged=row.items_unchanged,
            problems=row.item_problems,
        ),
        error=row.error,
        requested_by=row.requested_by,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _tagged(row: Any, response: Response) -> ImportOut:
    etags.tag(response, row.version)
    return _out(row)


def _profile(told: str) -> str | None:
    if told in PROFILES:
        return told
    if told == NO_ITEMS:
        return None
    raise Invalid(
        reasons=[
            Reason(
                "profile-unknown",
                f"There is no profile {told!r}.",
                "query/profile",
                f"Choose one of {PROFILE_NAMES}.",
            )
        ]
    )


@router.post(
    "/v1/imports",
    status_code=202,
    response_model=ImportOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
        }
    },
    responses=problems(Unauthenticated, Forbidden, Invalid, TooLarge, Unsupported),
)
@streamed
async def create_import(
    request: Request,
    response: Response,
    by: MayImport,
    now: Now,
    profile: Annotated[
        str, Query(max_length=40, description=f"Where items stand in the records: {PROFILE_NAMES}")
    ] = "standard",
    create_locations: Annotated[
        bool, Query(description="Make libraries, locations and types that are not known yet")
    ] = False,
    default_location: Annotated[
        str | None,
        Query(max_length=130, description="Where items without a known place go: id or LIBRARY/CODE"),
    ] = None,
    idempotency_key: Annotated[str | None, Header(max_length=KEY_LIMIT)] = None,
) -> ImportOut:
    """Send a file of records of any size; it is imported in the background."""
    kind = media.told(request.headers.get("content-type"))
    chosen = _profile(profile)
    if (coding := request.headers.get("content-encoding", "identity")) != "identity":
        raise Unsupported(f"Content-Encoding {coding[:40]!r} is not taken here; send the file as it is.")
    edge: Edge = request.state.edge
    settings = edge.resources.settings
    job_id = uuid7()
    upload = await uploading.receive(
        request.stream(),
        settings.data_dir,
        job_id,
        limit=settings.upload_limit,
        declared=request.headers.get("content-length"),
    )
    try:
        asked = None
        if idempotency_key and idempotency_key.strip():
            print_ = fingerprint(request, upload.digest.encode())
            asked = Once(str(by.actor), idempotency_key, print_)
        session = await edge.open(asked)
        row = await commands.queue(
            session,
            job_id,
            upload,
            media_type=kind,
            profile=chosen,
            create_locations=create_locations,
            location=default_location,
            by=str(by.actor),
            now=now,
        )
    except BaseException:
        _forget(upload.path)
        raise
    response.headers["Location"] = f"/v1/imports/{job_id}"
    return _tagged(row, response)


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


@router.get(
    "/v1/imports", response_model=cursors.Page[ImportOut], responses=problems(Unauthenticated, Forbidden)
)
async def list_imports(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayRead,
    state: JobState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[ImportOut]:
    """Imports, newest first."""
    rows = await queries.jobs(
        tx, before=cursors.uuid_in(cursor) if cursor else None, state=state, limit=limit + 1
    )
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[ImportOut](items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/imports/{import_id}",
    response_model=ImportOut,
    responses=problems(Unauthenticated, Forbidden, ImportUnknown),
)
async def read_import(import_id: UUID, response: Response, tx: ReadTx, _: MayRead) -> ImportOut:
    """How far an import has come."""
    row = await queries.job(tx, import_id)
    if row is None:
        raise ImportUnknown
    return _tagged(row, response)


@router.get(
    "/v1/imports/{import_id}/outcomes",
    response_model=cursors.Page[OutcomeOut],
    responses=problems(Unauthenticated, Forbidden, ImportUnknown),
)
async def list_outcomes(
    request: Request,
    response: Response,
    import_id: UUID,
    tx: ReadTx,
    _: MayRead,
    outcome: Outcome | None = None,
    with_reasons: Annotated[bool, Query(description="Only records with something to say")] = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[OutcomeOut]:
    """What became of each record, in the file's order."""
    if await queries.job(tx, import_id) is None:
        raise ImportUnknown
    rows = await queries.outcomes(
        tx,
        import_id,
        outcome=outcome,
        with_reasons=with_reasons,
        after=_ordinal(cursor),
        limit=limit + 1,
    )
    more = cursors.encode(rows[limit - 1].ordinal) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[OutcomeOut](
        items=[OutcomeOut(**row._mapping) for row in rows[:limit]], next_cursor=more
    )


def _ordinal(cursor: str | None) -> int:
    if cursor is None:
        return 0
    (told,) = cursors.decode(cursor, parts=1)
    if not isinstance(told, int) or not 0 <= told < 2**31:
        raise cursors.wrong_cursor()
    return told


@router.get(
    "/v1/imports/{import_id}/outcomes/{ordinal}/original",
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def read_original(import_id: UUID, ordinal: int, tx: ReadTx, _: MayRead) -> Response:
    """The bytes of a record that was not taken (of a huge one, its beginning)."""
    if not 0 < ordinal < 2**31:
        raise NotFound("There is no such outcome.")
    found = await queries.original(tx, import_id, ordinal)
    if found is None:
        raise NotFound("No original is kept for this record.")
    return Response(bytes(found), media_type="application/octet-stream")


@router.post(
    "/v1/imports/{import_id}/cancellations",
    status_code=202,
    response_model=ImportOut,
    responses=problems(Unauthenticated, Forbidden, ImportUnknown, ImportEnded),
)
async def cancel_import(import_id: UUID, response: Response, tx: Tx, _: MayImport) -> ImportOut:
    """Stop at the end of the slice under way; what is committed stays."""
    return _tagged(await commands.cancel(tx, import_id), response)
