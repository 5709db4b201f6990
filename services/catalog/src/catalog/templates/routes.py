"""Templates on the wire."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Response
from pydantic import BaseModel
from sqlalchemy import text

from catalog.marc.reading import MEDIA_TYPES
from catalog.marc.storage import pack, unpack
from catalog.templates.rules import begun
from catalog.titles import media
from catalog.titles.routes import RECORD_BODY, Accept, RecordIn
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx, streamed
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotAcceptable,
    NotFound,
    PreconditionRequired,
    Reason,
    Stale,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)

router = new_router(tag="templates")

MayWrite = Annotated[Principal, Depends(may("titles:write"))]
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


RECORDS: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES}}
}


class TemplateUnknown(NotFound):
    """There is no such template."""

    code, title = "template-unknown", "There is no such template."


class TemplateOut(BaseModel):
    """A template; its record is at `/record`."""

    code: str
    version: int
    name: str
    updated_at: datetime
    updated_by: str


class TemplatesOut(BaseModel):
    """By code."""

    items: list[TemplateOut]


_ALL = text("SELECT code, version, name, updated_at, updated_by FROM record_template ORDER BY code")
_RECORD = text("SELECT record, version FROM record_template WHERE code = :code")
_VERSION = text("SELECT version FROM record_template WHERE code = :code FOR UPDATE")
_PUT = text("""
INSERT INTO record_template (code, version, name, record, updated_at, updated_by)
VALUES (:code, 1, :name, :record, :now, :by)
ON CONFLICT (code) DO UPDATE SET version = record_template.version + 1, name = excluded.name,
    record = excluded.record, updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE record_template.version = :expected
RETURNING code, version, name, updated_at, updated_by
""")
_DELETE = text("DELETE FROM record_template WHERE code = :code")


@router.get(
    "/v1/record-templates", response_model=TemplatesOut, responses=problems(Unauthenticated, Forbidden)
)
async def list_templates(tx: ReadTx, _: MayWrite) -> dict[str, Any]:
    """Every template."""
    return {"items": [row._mapping for row in await tx.execute(_ALL)]}


@router.get(
    "/v1/record-templates/{code}/record",
    response_class=Response,
    responses=RECORDS | problems(Unauthenticated, Forbidden, TemplateUnknown, NotAcceptable),
)
async def begin_record(code: Code, tx: ReadTx, _: MayWrite, now: Now, accept: Accept = None) -> Response:
    """A new record, begun with the template: without 001, 003 and 005, new by leader/05, entered today by 008."""
    kind = media.chosen(accept, MEDIA_TYPES)
    row = (await tx.execute(_RECORD, {"code": code})).first()
    if row is None:
        raise TemplateUnknown
    record = begun(unpack(row.record), on=now.date())
    headers = {"ETag": etags.etag(row.version), "Vary": "Accept"}
    return Response(media.written(record, kind, key=code), headers=headers, media_type=kind)


@router.put(
    "/v1/record-templates/{code}",
    response_model=TemplateOut,
    openapi_extra=RECORD_BODY,
    responses=problems(
        Unauthenticated, Forbidden, Invalid, Unsupported, TooLarge, Stale, PreconditionRequired
    ),
)
@streamed
async def write_template(
    code: Code,
    by: MayWrite,
    expected: IfMatch,
    record: RecordIn,
    tx: Tx,
    now: Now,
    response: Response,
    name: Annotated[str, Query(min_length=1, max_length=200)],
) -> dict[str, Any]:
    """Write a template. One that is not there yet is at version 0: `If-Match: "0"`."""
    if "\0" in name:
        raise Invalid(reasons=[Reason("unstorable-value", "A name holds no NUL.", "query/name")])
    etags.guard(expected=expected, found=int(await tx.scalar(_VERSION, {"code": code}) or 0))
    told = {"code": code, "name": name, "record": pack(record), "by": str(by.actor), "now": now}
    row = (await tx.execute(_PUT, told | {"expected": expected})).first()
    if row is None or row.version != expected + 1:
        etags.guard(expected=expected, found=expected + 1)
    assert row is not None
    etags.tag(response, row.version)
    return dict(row._mapping)


@router.delete(
    "/v1/record-templates/{code}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, TemplateUnknown, Stale, PreconditionRequired),
)
async def delete_template(code: Code, _: MayWrite, expected: IfMatch, tx: Tx) -> Response:
    """Take a template away."""
    found = await tx.scalar(_VERSION, {"code": code})
    if found is None:
        raise TemplateUnknown
    etags.guard(expected=expected, found=int(found))
    await tx.execute(_DELETE, {"code": code})
    return Response(status_code=204)
