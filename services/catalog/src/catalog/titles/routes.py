"""Titles on the wire: records in and out by media type, a JSON view, earlier versions, export."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.holdings.embedding import embedded
from catalog.marc.extract import extract
from catalog.marc.reading import MEDIA_TYPES, METS
from catalog.marc.record import Field as MarcField
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.oai.routes import address_of
from catalog.pages.queries import copies as public_copies
from catalog.search.filing import Filing
from catalog.specifications.commands import hold_against
from catalog.specifications.queries import SpecificationUnknown
from catalog.specifications.rules import Finding
from catalog.specifications.wire import FindingOut, findings_out
from catalog.titles import bibliography, commands, exporting, media, queries
from catalog.titles.commands import ControlNumberTaken, TitleGone, TitleUnknown
from catalog.works.queries import work_of
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx, streamed
from chassis.etags import IfMatch
from chassis.json import Json
from chassis.principal import Anyone, Principal, may
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

router = new_router(tag="titles")

MayWrite = Annotated[Principal, Depends(may("titles:write"))]
Accept = Annotated[str | None, Header(description="application/json or a format of records")]
Specified = Annotated[
    str | None,
    Query(
        pattern=r"^[a-z][a-z0-9-]{0,39}$",
        description="The specification that the record is held against; errors are refused",
    ),
]
RECORD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES},
    }
}
RECORD_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in media.OFFERS
            if kind != media.JSON
        }
    }
}


class IdentifiersOut(BaseModel):
    """What identifies a title elsewhere."""

    control_number: str | None
    control_agency: str | None
    isbn: list[str]
    invalid_isbn: list[str]
    issn: list[str]
    lccn: str | None
    invalid_lccn: list[str]
    """Cancelled, or wrong (010 $z); searched like the others."""
    other: list[str]


class TitleOut(BaseModel):
    """A title, as read from its record."""

    id: UUID
    hrid: int
    record_number: str
    """The number that people read out, with its prefix; given once, never again."""
    version: int
    suppressed: bool
    title: str
    subtitle: str | None
    responsibility: str | None
    other_titles: list[str]
    author: str | None
    contributors: list[str]
    publisher: str | None
    place: str | None
    year: int | None
    edition: str | None
    languages: list[str]
    format: str
    subjects: list[str]
    genres: list[str]
    series: list[str]
    identifiers: IdentifiersOut
    call_numbers: list[str]
    summary: str | None
    contents: list[str]
    notes: list[str]
    urls: list[str]
    statistical_codes: list[str]
    """What it counts as in reports; for staff."""
    tags: list[str]
    custom: dict[str, Any]
    """Facts of the library's own; to others than staff those that are public."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    """Since when it is out of the catalogue; only staff see it then."""
    findings: list[FindingOut] | None = None
    """What was found wrong when it was saved, by the specification that it was held against."""


class TitleIn(BaseModel):
    """What can be changed beside the record."""

    model_config = ConfigDict(extra="forbid")

    suppressed: bool | None = None
    statistical_codes: list[Annotated[str, Field(min_length=1, max_length=60)]] | None = Field(
        default=None, max_length=50
    )
    """What it is to count as in reports, of those in the configuration."""
    tags: list[Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]] | None = Field(
        default=None, max_length=50
    )
    custom: dict[str, Any] | None = Field(default=None, max_length=100)
    """Facts of the library's own, by the codes of its configuration: what is left out stays, null clears."""

    @model_validator(mode="after")
    def something(self) -> Self:
        """A merge patch of nothing is a mistake; null clears none of these."""
        if not self.model_fields_set or any(getattr(self, name) is None for name in self.model_fields_set):
            raise ValueError("name what is to be changed; [] clears statistical_codes and tags")
        return self


class VersionOut(BaseModel):
    """An earlier version of the record."""

    version: int
    replaced_at: datetime
    replaced_by: str


class VersionsOut(BaseModel):
    """Newest first."""

    items: list[VersionOut]


async def record_in(request: Request) -> Record:
    """The record that the body holds."""
    kind = media.told(request.headers.get("content-type"))
    limit: int = request.app.state.resources.settings.record_limit
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"A record may have {limit} bytes here.")
    request._body = bytes(body)  # what an Idempotency-Key is checked against
    return await asyncio.to_thread(media.one_record, bytes(body), kind, limit=limit)


RecordIn = Annotated[Record, Depends(record_in)]


def answer(
    row: Any,
    kind: str,
    status: int = 200,
    headers: dict[str, str] | None = None,
    findings: Sequence[Finding] | None = None,
    accept: str | None = None,
    *,
    staff: bool = True,
    address: str = "",
    work: str = "",
    copies: Sequence[Any] = (),
    embedded: Sequence[MarcField] = (),
) -> Response:
    """A title's row in the media type that was chosen; what was found wrong is counted in a header."""
    record = unpack(row.record)
    told = {"ETag": etags.etag(row.version), "Vary": "Accept", **(headers or {})}
    if findings:
        told["Carrel-Findings"] = str(len(findings))
    if kind != media.JSON:
        content = media.written(
            record,
            kind,
            key=f"t{row.hrid}",
            accept=accept,
            address=address,
            work=work,
            copies=copies,
            embedded=embedded,
        )
        if kind in media.GRAPHS and address:
            told["Link"] = f'<{media.vocabulary(accept, kind)}>; rel="profile", <{address}>; rel="describes"'
        return Response(content, status, told, media_type=kind)
    view = queries.as_json(
        title_id=row.id,
        hrid=row.hrid,
        record_number=f"{row.hrid_prefix}{row.hrid}",
        version=row.version,
        suppressed=row.suppressed,
        facts=extract(record),
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted_at=row.deleted_at,
        statistical_codes=row.statistical_codes if staff else [],
        tags=row.tags if staff else [],
        custom=row.custom if staff else row.custom_public,
    )
    if findings:
        view["findings"] = [each.model_dump() for each in findings_out(findings)]
    return Json(view, status, told)


@router.post(
    "/v1/titles",
    status_code=201,
    response_model=TitleOut,
    openapi_extra=RECORD_BODY,
    responses=problems(
        Unauthenticated,
        Forbidden,
        SpecificationUnknown,
        ControlNumberTaken,
        Invalid,
        Unsupported,
        TooLarge,
        NotAcceptable,
    ),
)
@streamed
async def create_title(
    _: MayWrite,
    record: RecordIn,
    tx: Tx,
    now: Now,
    accept: Accept = None,
    suppressed: Annotated[bool, Query(description="Not shown to the public")] = False,
    specification: Specified = None,
) -> Response:
    """Add a title from a MARC record."""
    kind = media.chosen(accept, media.OFFERS)
    findings = await hold_against(tx, record, named=specification)
    title_id = await commands.create(tx, record, suppressed=suppressed, now=now)
    row = await queries.title(tx, title_id)
    return answer(row, kind, 201, {"Location": f"/v1/titles/{title_id}"}, findings, accept)


async def shown(tx: Tx, title_id: UUID, asker: Principal, version: int | None = None) -> Any:
    """A title's row, unless it is not there or not this asker's to see."""
    return await _allowed(tx, await queries.title(tx, title_id), asker, version)


async def _allowed(tx: Tx, row: Any | None, asker: Principal, version: int | None) -> Any:
    if row is not None and row.merged_into is not None and version is None:
        raise TitleUnknown("It was merged into another title.", title_id=str(row.merged_into))
    if row is None or (row.suppressed and not asker.may("titles:write")):
        raise TitleUnknown
    if version is None or version == row.version:
        return row
    row = await queries.earlier(tx, row.id, version)
    if row is None or not asker.may("titles:write"):
        raise TitleUnknown("This version is not kept, or is not shown to you.")
    return row


@router.get(
    "/v1/titles/{title_id}",
    response_model=TitleOut,
    responses=RECORD_ANSWER
    | {304: {"description": "What is held already is what is here"}}
    | {308: {"description": "It was merged into the title that Location names"}}
    | problems(TitleUnknown, NotAcceptable),
)
async def read_title(
    title_id: UUID,
    request: Request,
    tx: ReadTx,
    asker: Anyone,
    accept: Accept = None,
    if_none_match: Annotated[str | None, Header(description="ETags of what is held already")] = None,
    version: Annotated[int | None, Query(ge=1, lt=2**62, description="An earlier version")] = None,
) -> Response:
    """A title in the format that is asked for: JSON, MARC, MARCXML, MARC-in-JSON, Dublin Core, MODS, METS, RIS,
    EndNote, BibTeX, CSL-JSON, schema.org as JSON-LD, linked data as Turtle, RDF/XML or JSON-LD (`profile` says
    BIBFRAME or schema.org), or cited in a style (`text/x-bibliography; style=apa; locale=de-DE`)."""
    kind = media.chosen(accept, media.OFFERS)
    found = await queries.title(tx, title_id)
    if found is not None and found.merged_into is not None and version is None:
        leads_to = {"Location": f"/v1/titles/{found.merged_into}", "Vary": "Accept"}
        return Response(status_code=308, headers=leads_to)
    row = await _allowed(tx, found, asker, version)
    of_copies = kind in media.GRAPHS or kind == METS
    if not of_copies and media.held(if_none_match, tag := etags.etag(row.version)):
        return Response(status_code=304, headers={"ETag": tag, "Vary": "Accept"})
    public_url = request.app.state.resources.settings.public_url
    address = address_of(request, public_url, f"/titles/{row.id}")
    copies: Sequence[Any] = ()
    work = ""
    if kind in media.GRAPHS:
        copies = await public_copies(tx, row.id)
        if (work_id := await work_of(tx, row.id)) is not None:
            work = address_of(request, public_url, f"/v1/works/{work_id}")
    staff = asker.may("titles:write")
    held: dict[UUID, list[MarcField]] = {}
    if kind == METS:
        held = await embedded(request.app.state.resources.pool, [row.id], hidden_too=staff)
    told = answer(
        row,
        kind,
        accept=accept,
        staff=staff,
        address=address,
        work=work,
        copies=copies,
        embedded=held.get(row.id, ()),
    )
    if of_copies:  # they come and go without a new version of the title
        told.headers["ETag"] = tag = media.content_tag(bytes(told.body))
        if media.held(if_none_match, tag):
            return Response(status_code=304, headers={"ETag": tag, "Vary": "Accept"})
    return told


@router.get(
    "/v1/titles/{title_id}/versions",
    response_model=VersionsOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown),
)
async def list_versions(title_id: UUID, tx: ReadTx, asker: MayWrite) -> VersionsOut:
    """The last hundred earlier versions of the record."""
    await shown(tx, title_id, asker)
    rows = await queries.earlier_versions(tx, title_id, limit=100)
    return VersionsOut(items=[VersionOut(**row._mapping) for row in rows])


@router.put(
    "/v1/titles/{title_id}",
    response_model=TitleOut,
    openapi_extra=RECORD_BODY,
    responses=problems(
        Unauthenticated,
        Forbidden,
        TitleUnknown,
        SpecificationUnknown,
        ControlNumberTaken,
        TitleGone,
        Invalid,
        Unsupported,
        Stale,
        PreconditionRequired,
        NotAcceptable,
    ),
)
@streamed
async def replace_title(
    title_id: UUID,
    by: MayWrite,
    expected: IfMatch,
    record: RecordIn,
    tx: Tx,
    now: Now,
    accept: Accept = None,
    specification: Specified = None,
) -> Response:
    """Put another record in its place; the old one is kept."""
    kind = media.chosen(accept, media.OFFERS)
    findings = await hold_against(tx, record, named=specification)
    await commands.replace(tx, title_id, record, expected=expected, by=str(by.actor), now=now)
    return answer(await queries.title(tx, title_id), kind, findings=findings, accept=accept)


@router.patch(
    "/v1/titles/{title_id}",
    response_model=TitleOut,
    responses=problems(
        Unauthenticated, Forbidden, TitleUnknown, TitleGone, Invalid, Stale, PreconditionRequired
    ),
)
async def change_title(
    title_id: UUID, by: MayWrite, expected: IfMatch, body: TitleIn, tx: Tx, now: Now
) -> Response:
    """Hide a title from the public, or show it again; say what it counts as in reports, its tags and facts of the
    library's own."""
    beside = body.model_dump(exclude_unset=True)
    hidden = beside.pop("suppressed", None)
    await commands.replace(
        tx, title_id, None, suppressed=hidden, beside=beside, expected=expected, by=str(by.actor), now=now
    )
    return answer(await queries.title(tx, title_id), media.JSON)


@router.get(
    "/v1/titles:export",
    response_class=StreamingResponse,
    responses=RECORD_ANSWER | problems(Unauthenticated, Forbidden, Invalid, NotAcceptable),
)
async def export_titles(
    request: Request,
    asker: Annotated[Principal, Depends(may("titles:read"))],
    accept: Accept = None,
    media_type: Annotated[str | None, Query(max_length=100, description="Instead of Accept")] = None,
    query: Annotated[str | None, Query(max_length=2000, description="See docs/search-query.md")] = None,
    ids: Annotated[str | None, Query(max_length=40_000, description="Title ids, separated by commas")] = None,
    list_id: Annotated[
        UUID | None, Query(description="Titles in this saved list; those of its holdings or items")
    ] = None,
) -> Response:
    """Records in one stream: all, those that match or are in a list (up to 10 000), or those named (up to 1 000).

    As MARC, MARCXML or MARC-in-JSON, or cited as RIS, EndNote, BibTeX or CSL-JSON. A record that ISO 2709 cannot
    say is left out of `application/marc` and counted in the log; the other forms have them all. As
    `text/x-bibliography; style=apa; locale=de-DE` they are a list of citations, a line each, sorted or numbered as
    the style has it; not of all titles.
    """
    kind = media.chosen(media_type or accept, exporting.OFFERS)
    resources = request.app.state.resources
    wanted = await exporting.wanted(resources, query, ids, asker, list_id)
    if kind == media.BIBLIOGRAPHY:
        if wanted is None:
            raise bibliography.not_of_all()
        style, locale = media.styled(media_type or accept)
        told = await bibliography.bibliography(
            resources.pool,
            wanted,
            style=style,
            locale=locale,
            filing=Filing(resources.settings.filing),
            hidden_too=asker.may("titles:write"),
        )
        return Response(told, media_type=f"{kind}; charset=utf-8", headers={"Vary": "Accept"})
    stream = exporting.stream(
        request.app.state.resources.pool, wanted, kind, hidden_too=asker.may("titles:write")
    )
    return StreamingResponse(stream, media_type=kind, headers={"Vary": "Accept"})
