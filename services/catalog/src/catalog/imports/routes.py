"""Imports on the wire."""

import asyncio
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Path, Query, Request, Response
from pydantic import BaseModel

from catalog.imports import commands, queries, uploading
from catalog.imports.commands import ImportEnded, ImportUnknown, TooManyImports
from catalog.imports.rerunning import NothingSetAside, rerun
from catalog.imports.rules import JobState, Outcome
from catalog.marc.reading import IMPORTED
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.profiles.rules import NO_ITEMS
from catalog.titles import media
from catalog.titles import queries as titles
from catalog.titles.history import DifferenceOut, differences_out
from catalog.titles.rules import differences
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KEY_LIMIT, Edge, KeyMissing, Once, OnceRequired, ReadTx, Tx, fingerprint, streamed
from chassis.ids import uuid7
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)

router = new_router(tag="imports")

MayImport = Annotated[Principal, Depends(may("imports:create"))]
MayRead = Annotated[Principal, Depends(may("imports:read", "imports:create"))]
Ordinal = Annotated[int, Path(ge=1, lt=2**31)]

DRY_RUN_LIMIT = 200 * 1024 * 1024
"""Bytes of a file that may be tried: what it would make is kept in memory."""


class CountsOut(BaseModel):
    """What became of the records; together they are the records read."""

    created: int
    updated: int
    unchanged: int
    duplicate: int
    discarded: int
    matched_many: int
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
    profile_version: int | None
    """0 for one as it was shipped; null for jobs of an earlier release."""
    dry_run: bool
    """Nothing is written: the outcomes tell what would become of the records."""
    rerun_of: UUID | None
    """The import of which it takes up again what was set aside."""
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


class CandidateOut(BaseModel):
    """A title that a record was compared with."""

    title_id: UUID
    holds: bool
    """Whether the profile's condition does."""
    score: int
    """The weight of the points that hold."""
    points: list[str]


class OutcomeOut(BaseModel):
    """What became of one record, or would."""

    ordinal: int
    position: int
    control_number: str | None
    outcome: Outcome
    title_id: UUID | None
    """The title; null for one that a dry run would make."""
    title_version: int | None
    """The version that the record made, where it made one."""
    matching: list[CandidateOut] | None
    """What it was compared with, the best first; null where the control number alone decides."""
    reasons: list[ReasonOut]
    has_original: bool


class OutcomeWholeOut(OutcomeOut):
    """The same, with what the record changed."""

    differences: list[DifferenceOut] | None
    """Of the title's record; null where the record made no version, or what was before is not kept."""


def _out(row: Any) -> ImportOut:
    return ImportOut(
        id=row.id,
        state=row.state,
        cancelling=row.cancelling,
        media_type=row.media_type,
        profile=row.profile or NO_ITEMS,
        profile_version=row.profile_version,
        dry_run=row.dry_run,
        rerun_of=row.rerun_of,
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


def tagged(row: Any, response: Response) -> ImportOut:
    """A job on the wire, with its version as ETag."""
    etags.tag(response, row.version)
    return _out(row)


@router.post(
    "/v1/imports",
    status_code=202,
    response_model=ImportOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in IMPORTED},
        }
    },
    responses=problems(Unauthenticated, Forbidden, Invalid, TooLarge, Unsupported, TooManyImports),
)
@streamed
async def create_import(
    request: Request,
    response: Response,
    by: MayImport,
    now: Now,
    profile: Annotated[
        str, Query(max_length=40, description="By which import profile: GET /v1/import-profiles")
    ] = "standard",
    dry_run: Annotated[bool, Query(description="Only find out what would become of the records")] = False,
    create_locations: Annotated[
        bool, Query(description="Make libraries, locations and types that are not known yet")
    ] = False,
    default_location: Annotated[
        str | None,
        Query(max_length=130, description="Where items without a known place go: id or LIBRARY/CODE"),
    ] = None,
    idempotency_key: Annotated[str | None, Header(max_length=KEY_LIMIT)] = None,
) -> ImportOut:
    """Send a file of records of any size; it is imported in the background by a profile, as that is now. With
    `dry_run` the same is decided, and nothing is written but the outcomes. Of MODS and Dublin Core (`application/xml`)
    each outcome tells what MARC has no place for: reasons with the code `not-said`."""
    kind = media.told(request.headers.get("content-type"), known=IMPORTED)
    if (coding := request.headers.get("content-encoding", "identity")) != "identity":
        raise Unsupported(f"Content-Encoding {coding[:40]!r} is not taken here; send the file as it is.")
    edge: Edge = request.state.edge
    settings = edge.resources.settings
    most = settings.import_jobs_per_user
    async with edge.resources.sessions() as looking:  # before a long upload, not after it
        wish = await commands.wished(
            looking,
            media_type=kind,
            profile=profile,
            create_locations=create_locations,
            location=default_location,
            dry_run=dry_run,
        )
    job_id = uuid7()
    upload = await uploading.receive(
        request.stream(),
        settings.data_dir,
        job_id,
        limit=min(settings.upload_limit, DRY_RUN_LIMIT) if dry_run else settings.upload_limit,
        declared=request.headers.get("content-length"),
    )
    try:
        asked = None
        if idempotency_key and idempotency_key.strip():
            print_ = fingerprint(request, upload.digest.encode())
            asked = Once(str(by.actor), idempotency_key, print_)
        session = await edge.open(asked)
        row = await commands.queue(session, job_id, upload, wish, by=str(by.actor), most=most, now=now)
    except BaseException:
        _forget(upload.path)
        raise
    response.headers["Location"] = f"/v1/imports/{job_id}"
    return tagged(row, response)


def _forget(path: FilePath) -> None:
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
    return tagged(row, response)


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
        after=ordinal_in(cursor),
        limit=limit + 1,
    )
    more = cursors.encode(rows[limit - 1].ordinal) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[OutcomeOut](
        items=[OutcomeOut(**row._mapping) for row in rows[:limit]], next_cursor=more
    )


def ordinal_in(cursor: str | None) -> int:
    """The record that a page begins behind."""
    if cursor is None:
        return 0
    (told,) = cursors.decode(cursor, parts=1)
    if not isinstance(told, int) or not 0 <= told < 2**31:
        raise cursors.wrong_cursor()
    return told


@router.get(
    "/v1/imports/{import_id}/outcomes/{ordinal}",
    response_model=OutcomeWholeOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def read_outcome(import_id: UUID, ordinal: Ordinal, tx: ReadTx, _: MayRead) -> OutcomeWholeOut:
    """What became of one record, field by field; of a dry run, what would."""
    row = await queries.outcome(tx, import_id, ordinal)
    if row is None:
        raise NotFound("There is no such outcome.")
    told = {name: getattr(row, name) for name in OutcomeOut.model_fields}
    if row.title_version is None:
        return OutcomeWholeOut(**told, differences=None)
    before = await _record(tx, row.title_id, row.title_version - 1)
    after = bytes(row.proposal) if row.proposal else await _record(tx, row.title_id, row.title_version)
    if after is None or (before is None and row.title_version > 1):
        return OutcomeWholeOut(**told, differences=None)
    return OutcomeWholeOut(**told, differences=await asyncio.to_thread(_differences, before, after))


async def _record(tx: ReadTx, title_id: UUID | None, version: int) -> bytes | None:
    """A title's record as it was at a version."""
    if title_id is None or version < 1:
        return None
    row = await titles.title(tx, title_id)
    if row is not None and row.version != version:
        row = await titles.earlier(tx, title_id, version)
    return bytes(row.record) if row is not None else None


def _differences(before: bytes | None, after: bytes) -> list[DifferenceOut]:
    """Costs CPU."""
    made = unpack(after)
    return differences_out(differences(unpack(before) if before else Record(made.leader, []), made))


@router.get(
    "/v1/imports/{import_id}/outcomes/{ordinal}/original",
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def read_original(import_id: UUID, ordinal: Ordinal, tx: ReadTx, _: MayRead) -> Response:
    """The bytes of a record that was not taken (of a huge one, its beginning)."""
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
    return tagged(await commands.cancel(tx, import_id), response)


@router.post(
    "/v1/imports/{import_id}/reruns",
    status_code=202,
    response_model=ImportOut,
    responses=problems(
        Unauthenticated, Forbidden, ImportUnknown, NothingSetAside, TooManyImports, Invalid, KeyMissing
    ),
)
async def rerun_import(
    request: Request,
    import_id: UUID,
    response: Response,
    by: MayImport,
    _: OnceRequired,
    tx: Tx,
    now: Now,
    profile: Annotated[
        str | None, Query(max_length=40, description="Another import profile than it went by")
    ] = None,
    dry_run: Annotated[bool, Query(description="Only find out what would become of the records")] = False,
) -> ImportOut:
    """Take up again what an import has set aside (`matched-many`, `rejected`, `failed`), as an import of its own."""
    settings = request.state.edge.resources.settings
    row = await rerun(
        tx,
        import_id,
        profile=profile,
        dry_run=dry_run,
        data_dir=settings.data_dir,
        limit=settings.upload_limit,
        by=str(by.actor),
        most=settings.import_jobs_per_user,
        now=now,
    )
    response.headers["Location"] = f"/v1/imports/{row.id}"
    return tagged(row, response)
