"""Macros on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.bulkedits.fields import told
from catalog.macros import commands
from catalog.macros.commands import MacroRefused, MacroUnknown
from catalog.macros.documents import MacroDoc
from catalog.marc.reading import MEDIA_TYPES
from catalog.marc.storage import unpack
from catalog.specifications import queries as specifications
from catalog.specifications.commands import RecordFaulty, found_in
from catalog.specifications.wire import FindingOut, findings_out
from catalog.titles import media
from catalog.titles import queries as titles
from catalog.titles.commands import ControlNumberTaken, TitleGone, TitleUnknown
from catalog.titles.routes import RECORD_BODY, Accept, RecordIn, TitleOut, answer, shown
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
    PreconditionRequired,
    Stale,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)

router = new_router(tag="macros")

MayWrite = Annotated[Principal, Depends(may("titles:write"))]
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
RECORDS: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES}}
}


class MacroOut(MacroDoc):
    """A macro."""

    code: str
    version: int
    updated_at: datetime
    updated_by: str


class MacrosOut(BaseModel):
    """By code."""

    items: list[MacroOut]


class MacroTrialIn(BaseModel):
    """The title that a macro is tried on."""

    model_config = ConfigDict(extra="forbid")

    title_id: UUID


class MacroTrialOut(BaseModel):
    """What would become of a record."""

    title_id: UUID
    title_version: int
    """To be named when the macro is applied: `If-Match`."""
    differences: list[dict[str, Any]]
    """`field`, `kind`, `before` and `after`; none where nothing would change."""
    findings: list[FindingOut]
    """What would be wrong with it by the specification that records are held against on saving."""
    refused: bool
    """Whether that would refuse to save it."""


class MacroApplicationIn(BaseModel):
    """The macro that is applied."""

    model_config = ConfigDict(extra="forbid")

    macro: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")


def _out(row: Any) -> MacroOut:
    about = {name: getattr(row, name) for name in ("code", "version", "updated_at", "updated_by")}
    return MacroOut(**about, **dict(MacroDoc.model_validate(row.document)))


@router.get("/v1/record-macros", response_model=MacrosOut, responses=problems(Unauthenticated, Forbidden))
async def list_macros(tx: ReadTx, _: MayWrite) -> MacrosOut:
    """Every macro."""
    return MacrosOut(items=[_out(row) for row in await commands.every(tx)])


@router.get(
    "/v1/record-macros/{code}",
    response_model=MacroOut,
    responses=problems(Unauthenticated, Forbidden, MacroUnknown),
)
async def read_macro(code: Code, tx: ReadTx, _: MayWrite, response: Response) -> MacroOut:
    """A macro."""
    row = await commands.one(tx, code)
    etags.tag(response, row.version)
    return _out(row)


@router.put(
    "/v1/record-macros/{code}",
    response_model=MacroOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, Stale, PreconditionRequired),
)
async def write_macro(
    code: Code, body: MacroDoc, by: MayWrite, expected: IfMatch, tx: Tx, now: Now, response: Response
) -> MacroOut:
    """Write a macro; a new one by `If-Match: "0"`."""
    await commands.put(tx, code, body, expected=expected, by=str(by.actor), now=now)
    etags.tag(response, expected + 1)
    return _out(await commands.one(tx, code))


@router.delete(
    "/v1/record-macros/{code}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, MacroUnknown, Stale, PreconditionRequired),
)
async def delete_macro(code: Code, _: MayWrite, expected: IfMatch, tx: Tx) -> Response:
    """Take a macro away; records that it was applied to stay as they are."""
    await commands.delete(tx, code, expected=expected)
    return Response(status_code=204)


@router.post(
    "/v1/record-macros/{code}/trials",
    response_model=MacroTrialOut,
    responses=problems(Unauthenticated, Forbidden, MacroUnknown, TitleUnknown, MacroRefused, Invalid),
)
async def try_macro(code: Code, body: MacroTrialIn, tx: ReadTx, by: MayWrite) -> MacroTrialOut:
    """What a macro would make of a title: every difference, and what would be wrong with it. Nothing is saved."""
    row = await shown(tx, body.title_id, by)
    before = unpack(row.record)
    after = await commands.done(tx, code, before)
    doc = await specifications.on_save(tx, "bibliographic") if after is not before else None
    findings = await found_in(after, doc) if doc is not None else []
    return MacroTrialOut(
        title_id=row.id,
        title_version=row.version,
        differences=told(before, after),
        findings=findings_out(findings),
        refused=doc is not None
        and doc.on_save == "refuse"
        and any(each.severity == "error" for each in findings),
    )


@router.post(
    "/v1/record-macros/{code}/records",
    response_class=Response,
    openapi_extra=RECORD_BODY,
    responses=RECORDS
    | problems(
        Unauthenticated,
        Forbidden,
        MacroUnknown,
        MacroRefused,
        Invalid,
        Unsupported,
        TooLarge,
        NotAcceptable,
    ),
)
@streamed
async def do_macro(code: Code, _: MayWrite, record: RecordIn, tx: ReadTx, accept: Accept = None) -> Response:
    """A record with the macro done, for an editor that has not saved it yet. Nothing is saved."""
    kind = media.chosen(accept, MEDIA_TYPES)
    after = await commands.done(tx, code, record)
    return Response(media.written(after, kind, key=code), headers={"Vary": "Accept"}, media_type=kind)


@router.post(
    "/v1/titles/{title_id}/macro-applications",
    response_model=TitleOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        TitleUnknown,
        TitleGone,
        MacroUnknown,
        MacroRefused,
        RecordFaulty,
        ControlNumberTaken,
        Stale,
        PreconditionRequired,
    ),
)
async def apply_macro(
    title_id: UUID, body: MacroApplicationIn, by: MayWrite, expected: IfMatch, tx: Tx, now: Now
) -> Response:
    """Apply a macro to a title's record, which becomes the newest version; where it changes nothing, none is made."""
    row = await shown(tx, title_id, by)
    etags.guard(expected=expected, found=row.version)
    findings = await commands.apply(
        tx, body.macro, title_id, unpack(row.record), expected=expected, by=str(by.actor), now=now
    )
    return answer(await titles.title(tx, title_id), media.JSON, findings=findings)
