"""Holdings on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

from catalog.callnumbers.rules import Scheme
from catalog.holdings import commands, describing
from catalog.holdings.commands import HoldingsInUse, HoldingsNotDeleted
from catalog.holdings.describing import RecordUnknown, record_of
from catalog.holdings.policy_rules import policies
from catalog.holdings.rules import statements
from catalog.items import commands as items
from catalog.items import queries
from catalog.items.commands import HoldingsTaken, HoldingsUnknown
from catalog.items.routes import Codes, OtherNumber, OtherNumbers
from catalog.marc.reading import MARC, MARC_JSON, MARCXML
from catalog.marc.storage import unpack
from catalog.specifications.commands import hold_against
from catalog.specifications.queries import SpecificationUnknown
from catalog.titles import media
from catalog.titles.commands import TitleUnknown
from catalog.titles.routes import RECORD_BODY, Accept, RecordIn, Specified, shown
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

router = new_router(tag="holdings")

MayWrite = Annotated[Principal, Depends(may("items:write"))]
Words = Annotated[str, Field(min_length=1, max_length=500)]
FORMATS = (media.JSON, MARC, MARCXML, MARC_JSON)
RECORDS: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in FORMATS[1:]}}
}
_REFUSALS = (Unauthenticated, Forbidden, HoldingsUnknown, Invalid, Stale, PreconditionRequired)


class StatementOut(BaseModel):
    """What is held, in a line (ANSI/NISO Z39.71)."""

    kind: Literal["basic", "supplement", "index"]
    text: str
    notes: list[str]
    written: bool
    """Somebody has written it so; otherwise it was made from captions and numbers."""


class PoliciesOut(BaseModel):
    """What holdings are received, kept and lent by, as their record says (MARC 21 Holdings, 008/06 to 21), in the words
    of `GET /v1/fixed-fields/008/holdings`; null is what it does not say."""

    receipt_status: str | None = None
    acquisition_method: str | None = None
    acquisition_ends: str | None = None
    """Year and month (yymm) in which what comes is expected to end, or was."""
    retention: str | None = None
    retention_of: str | None = None
    """Of a limited retention: the `latest` or `previous` ones."""
    retention_units: int | None = None
    retention_unit: str | None = None
    completeness: str | None = None
    copies: int | None = None
    """Copies that the record tells of."""
    lending_policy: str | None = None
    """Whether they are lent to other libraries."""
    reproduction_policy: str | None = None


class HoldingsOut(BaseModel):
    """What of a title stands at one location under one call number."""

    id: UUID
    record_number: str | None
    """The number that people read out, with its prefix; given once, never again. null: it is of an earlier release, and
    will have one in minutes."""
    version: int
    title_id: UUID
    location_id: UUID
    """Where they belong: their permanent location."""
    temporary_location_id: UUID | None
    """Where they stand for a time, and with them all items that have no place of their own."""
    temporary_location_ends_at: datetime | None
    """From when on that does not count; null: nobody has said."""
    effective_location_id: UUID
    """Where they stand now."""
    location: str
    """The code of where they stand now."""
    library: str
    call_number: str | None
    other_call_numbers: list[OtherNumber]
    """Further ones, by another scheme or former; nothing is shelved by them."""
    call_number_scheme: Scheme | None
    suppressed: bool
    """Neither it nor its items are shown to the public."""
    statistical_codes: list[str]
    """What they count as in reports; for staff."""
    items: int
    described: bool
    """They have a record of their own (MARC 21 Holdings)."""
    statements: list[StatementOut]
    """What is held, by that record."""
    policies: PoliciesOut
    digitisation_policy: str | None
    """Whether and how they are digitised, by a code of the configuration."""
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    """Since when it is out of the catalogue; only staff see it then."""


class HoldingsIn(BaseModel):
    """New holdings."""

    model_config = ConfigDict(extra="forbid")

    title_id: UUID
    location_id: UUID
    temporary_location_id: UUID | None = None
    temporary_location_ends_at: AwareDatetime | None = None
    """From when on that does not count; null: until somebody clears it."""
    call_number: Words | None = None
    call_number_scheme: Scheme | None = None
    other_call_numbers: OtherNumbers = Field(default_factory=list)


class HoldingsChange(BaseModel):
    """A merge patch (RFC 7396): what is left out stays, null clears."""

    model_config = ConfigDict(extra="forbid")

    location_id: UUID | None = None
    """Items that belong where the holdings belong come along."""
    temporary_location_id: UUID | None = None
    """Where they stand for a time, with every item that has no place of its own; null: where they belong."""
    temporary_location_ends_at: AwareDatetime | None = None
    """From when on that does not count; null: until somebody clears it."""
    call_number: Words | None = None
    call_number_scheme: Scheme | None = None
    other_call_numbers: OtherNumbers = Field(default_factory=list)
    suppressed: bool | None = None
    statistical_codes: Codes = Field(default_factory=list)
    digitisation_policy: Annotated[str, Field(min_length=1, max_length=60)] | None = None

    @field_validator("statistical_codes")
    @classmethod
    def once(cls, told: list[str]) -> list[str]:
        """Each counts once."""
        return sorted(set(told))

    @model_validator(mode="after")
    def kept(self) -> "HoldingsChange":
        """Holdings stand somewhere, and are hidden or not."""
        if cleared := [
            name
            for name in ("location_id", "suppressed")
            if name in self.model_fields_set and getattr(self, name) is None
        ]:
            raise ValueError(f"cannot be cleared: {', '.join(cleared)}")
        return self


class MoveIn(BaseModel):
    """The title that the holdings are to belong to."""

    model_config = ConfigDict(extra="forbid")

    title_id: UUID


class ItemsMoveIn(BaseModel):
    """Items, and where they are to belong: to holdings, or to a title at a location (found or made)."""

    model_config = ConfigDict(extra="forbid")

    item_ids: list[UUID] = Field(min_length=1, max_length=500)
    holdings_id: UUID | None = None
    title_id: UUID | None = None
    location_id: UUID | None = None
    call_number: Words | None = None
    call_number_scheme: Scheme | None = None

    @model_validator(mode="after")
    def placed(self) -> "ItemsMoveIn":
        """Exactly one way to say where."""
        if (self.holdings_id is None) == (self.title_id is None):
            raise ValueError("name either holdings_id or title_id")
        if self.title_id is not None and self.location_id is None:
            raise ValueError("title_id needs a location_id")
        if self.holdings_id is not None and (self.location_id or self.call_number):
            raise ValueError("holdings have their location and call number already")
        return self


class ItemsMovedOut(BaseModel):
    """Where the items are now."""

    holdings_id: UUID
    title_id: UUID
    moved: int
    """Those that were there already are not counted."""


class HoldingsListOut(BaseModel):
    """A title's holdings."""

    items: list[HoldingsOut]


@router.get(
    "/v1/titles/{title_id}/holdings", response_model=HoldingsListOut, responses=problems(TitleUnknown)
)
async def list_holdings(
    title_id: UUID,
    tx: ReadTx,
    asker: Anyone,
    deleted: Annotated[bool, Query(description="For staff: those that were deleted, too")] = False,
) -> HoldingsListOut:
    """A title's holdings."""
    await shown(tx, title_id, asker)
    staff = asker.may("titles:write")
    rows = await queries.holdings_of(tx, title_id, hidden_too=staff, deleted_too=deleted and staff)
    return HoldingsListOut(items=[holdings_out(row) for row in rows])


def holdings_out(row: Any) -> HoldingsOut:
    told = {
        name: getattr(row, name)
        for name in HoldingsOut.model_fields
        if name not in ("described", "statements", "policies")
    }
    record = unpack(row.record) if row.record is not None else None
    held = statements(record) if record is not None else []
    return HoldingsOut(
        **told,
        described=record is not None,
        policies=PoliciesOut(**(policies(record) if record is not None else {})),
        statements=[
            StatementOut(kind=each.kind, text=each.text, notes=list(each.notes), written=each.written)
            for each in held
        ],
    )


def _answered(
    row: Any, kind: str, status: int = 200, headers: dict[str, str] | None = None, findings: int = 0
) -> Response:
    """Holdings in the media type that was chosen; what was found wrong is counted in a header."""
    told = {"ETag": etags.etag(row.version), "Vary": "Accept", **(headers or {})}
    if findings:
        told["Carrel-Findings"] = str(findings)
    if kind == media.JSON:
        return Json(holdings_out(row).model_dump(), status, told)
    return Response(media.written(record_of(row), kind, key=f"h{row.id.hex}"), status, told, media_type=kind)


@router.get(
    "/v1/holdings/{holdings_id}",
    response_model=HoldingsOut,
    responses=RECORDS | problems(HoldingsUnknown, RecordUnknown, NotAcceptable),
)
async def read_holdings(
    holdings_id: UUID,
    tx: ReadTx,
    asker: Anyone,
    accept: Accept = None,
    version: Annotated[
        int | None, Query(ge=1, lt=2**62, description="For staff: a record as it was, not as JSON")
    ] = None,
) -> Response:
    """One holdings, as JSON with statements of what is held, or as a record of MARC 21 Holdings: its own, or one made
    from what is known. 004 and 852 say where they belong and stand now."""
    kind = media.chosen(accept, FORMATS)
    row = await queries.holdings(tx, holdings_id)
    if row is not None and row.merged_into is not None:
        raise HoldingsUnknown("They were merged into others.", holdings_id=str(row.merged_into))
    hidden = row is None or row.hidden or row.suppressed or row.deleted_at is not None
    if row is None or (hidden and not asker.may("titles:write")):
        raise HoldingsUnknown
    if version is not None and version != row.version:
        if not asker.may("titles:write") or kind == media.JSON:
            raise RecordUnknown("An earlier record is for staff, and is given as a record.")
        record = await describing.earlier(tx, holdings_id, version)
        return Response(media.written(record, kind, key=""), headers={"Vary": "Accept"}, media_type=kind)
    return _answered(row, kind)


@router.post(
    "/v1/holdings",
    status_code=201,
    response_model=HoldingsOut,
    responses=problems(Unauthenticated, Forbidden, HoldingsTaken, Invalid),
)
async def create_holdings(
    body: HoldingsIn, response: Response, by: MayWrite, tx: Tx, now: Now
) -> HoldingsOut:
    """Add holdings."""
    holdings_id = await items.add_holdings(tx, **body.model_dump(), now=now)
    response.headers["Location"] = f"/v1/holdings/{holdings_id}"
    row = await queries.holdings(tx, holdings_id)
    assert row is not None
    etags.tag(response, row.version)
    return holdings_out(row)


async def _answer(tx: Tx, holdings_id: UUID, response: Response) -> HoldingsOut:
    row = await queries.holdings(tx, holdings_id)
    assert row is not None
    etags.tag(response, row.version)
    return holdings_out(row)


@router.patch(
    "/v1/holdings/{holdings_id}", response_model=HoldingsOut, responses=problems(*_REFUSALS, HoldingsTaken)
)
async def change_holdings(
    holdings_id: UUID,
    body: HoldingsChange,
    expected: IfMatch,
    response: Response,
    _: MayWrite,
    tx: Tx,
    now: Now,
) -> HoldingsOut:
    """Change where holdings stand or under which call number; hide them and their items, or show them again."""
    changes = body.model_dump(exclude_unset=True)
    await commands.change(tx, holdings_id, changes, expected=expected, now=now)
    return await _answer(tx, holdings_id, response)


@router.delete("/v1/holdings/{holdings_id}", status_code=204, responses=problems(*_REFUSALS, HoldingsInUse))
async def delete_holdings(holdings_id: UUID, expected: IfMatch, _: MayWrite, tx: Tx, now: Now) -> Response:
    """Take holdings out of the catalogue; refused while an item of them is here."""
    await commands.delete(tx, holdings_id, expected=expected, now=now)
    return Response(status_code=204)


@router.post(
    "/v1/holdings/{holdings_id}/undeletions",
    response_model=HoldingsOut,
    responses=problems(*_REFUSALS, HoldingsNotDeleted),
)
async def undelete_holdings(
    holdings_id: UUID, expected: IfMatch, response: Response, _: MayWrite, tx: Tx, now: Now
) -> HoldingsOut:
    """Bring deleted holdings back."""
    await commands.undelete(tx, holdings_id, expected=expected, now=now)
    return await _answer(tx, holdings_id, response)


@router.post(
    "/v1/holdings/{holdings_id}/moves",
    response_model=HoldingsOut,
    responses=problems(*_REFUSALS, HoldingsTaken),
)
async def move_holdings(
    holdings_id: UUID, body: MoveIn, expected: IfMatch, response: Response, _: MayWrite, tx: Tx, now: Now
) -> HoldingsOut:
    """Let holdings belong to another title, with all their items; loans, and holds on an item, follow."""
    await commands.move(tx, holdings_id, title_id=body.title_id, expected=expected, now=now)
    return await _answer(tx, holdings_id, response)


@router.post(
    "/v1/items:move",
    response_model=ItemsMovedOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def move_items(body: ItemsMoveIn, _: MayWrite, tx: Tx, now: Now) -> ItemsMovedOut:
    """Let items belong to other holdings, of whatever title: all of them or none. Loans, and holds on one of the items
    or served by it, follow; what waits for the old title goes on waiting for that."""
    holdings_id, title_id, moved = await commands.move_items(tx, body.model_dump(), now=now)
    return ItemsMovedOut(holdings_id=holdings_id, title_id=title_id, moved=moved)


@router.put(
    "/v1/holdings/{holdings_id}",
    response_model=HoldingsOut,
    openapi_extra=RECORD_BODY,
    responses=problems(*_REFUSALS, HoldingsTaken, SpecificationUnknown, Unsupported, TooLarge, NotAcceptable),
)
@streamed
async def describe_holdings(
    holdings_id: UUID,
    by: MayWrite,
    expected: IfMatch,
    record: RecordIn,
    tx: Tx,
    now: Now,
    accept: Accept = None,
    specification: Specified = None,
) -> Response:
    """Give holdings a record of MARC 21 Holdings, or another; the old one is kept. Where its 852 names a library ($b)
    and location ($c) or a call number, holdings stand there from now on."""
    kind = media.chosen(accept, FORMATS)
    findings = await hold_against(tx, record, named=specification, kind="holdings")
    await describing.describe(tx, holdings_id, record, expected=expected, by=str(by.actor), now=now)
    return _answered(await queries.holdings(tx, holdings_id), kind, findings=len(findings))


@router.post(
    "/v1/titles/{title_id}/holdings",
    status_code=201,
    response_model=HoldingsOut,
    openapi_extra=RECORD_BODY,
    responses=problems(
        Unauthenticated,
        Forbidden,
        HoldingsTaken,
        SpecificationUnknown,
        Invalid,
        Unsupported,
        TooLarge,
        NotAcceptable,
    ),
)
@streamed
async def create_described_holdings(
    title_id: UUID,
    by: MayWrite,
    record: RecordIn,
    tx: Tx,
    now: Now,
    accept: Accept = None,
    location_id: Annotated[UUID | None, Query(description="Where 852 does not say")] = None,
    specification: Specified = None,
) -> Response:
    """Add a title's holdings by a record of MARC 21 Holdings."""
    kind = media.chosen(accept, FORMATS)
    findings = await hold_against(tx, record, named=specification, kind="holdings")
    holdings_id = await describing.create(
        tx, title_id, record, location_id=location_id, by=str(by.actor), now=now
    )
    headers = {"Location": f"/v1/holdings/{holdings_id}"}
    return _answered(await queries.holdings(tx, holdings_id), kind, 201, headers, len(findings))


@router.delete(
    "/v1/holdings/{holdings_id}/record",
    status_code=204,
    responses=problems(*_REFUSALS, RecordUnknown),
)
async def undescribe_holdings(
    holdings_id: UUID, by: MayWrite, expected: IfMatch, tx: Tx, now: Now
) -> Response:
    """Take the holdings' own record away. The holdings stay; the record is kept as an earlier version."""
    await describing.undescribe(tx, holdings_id, expected=expected, by=str(by.actor), now=now)
    return Response(status_code=204)
