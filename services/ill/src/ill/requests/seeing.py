"""A request as it is told, and who may see it."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from chassis.database import Connection
from chassis.principal import Principal, demand, may, principal_of
from ill.requests.commands import NoSuchRequest
from ill.requests.model import model_of

MayRead = Annotated[Principal, Depends(may("ill:read", "ill:write"))]
MayWrite = Annotated[Principal, Depends(may("ill:write"))]


async def _patron_or_staff(request: Request) -> Principal:
    """Patrons, whose own requests the loader tells apart, and whoever works with requests."""
    asker = principal_of(request)
    if asker.patron_id is None:
        demand(asker, "ill:read" if request.method == "GET" else "ill:write")
    return asker


Asker = Annotated[Principal, Depends(_patron_or_staff)]


Short = Annotated[str, Field(min_length=1, max_length=200)]
Long = Annotated[str, Field(min_length=1, max_length=1000)]


class CitationIn(BaseModel):
    """What is wanted. The more is told, the surer it is found."""

    model_config = ConfigDict(extra="forbid")

    title: Long | None = None
    """Of the book, or of the journal or book that an article is in."""
    author: Long | None = None
    edition: Short | None = None
    publisher: Short | None = None
    place: Short | None = None
    year: Short | None = None
    isbn: Short | None = None
    issn: Short | None = None
    eissn: Short | None = None
    doi: Short | None = None
    pmid: Short | None = None
    oclc: Short | None = None
    record_id: Short | None = None
    """The supplier's number for it."""
    article_title: Long | None = None
    article_author: Long | None = None
    volume: Short | None = None
    volumes: Annotated[list[Short], Field(min_length=2, max_length=50)] | None = None
    """Several of one work, asked for as one; each is received and sent back by itself."""
    issue: Short | None = None
    pages: Short | None = None


Service = Literal["loan", "copy", "copy-or-loan"]
Level = Annotated[str, Field(min_length=1, max_length=60)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class MoneyIn(BaseModel):
    """Minor units of a currency (ISO 4217)."""

    model_config = ConfigDict(extra="forbid")

    minor: int = Field(ge=0, le=10**12)
    currency: Currency


class OfferOut(BaseModel):
    """What the partner offers, or was offered."""

    conditions: list[str] = []
    cost: int | None = None
    currency: str | None = None
    reason: str | None = None
    link: str | None = None
    retry_after: datetime | None = None
    retry_before: datetime | None = None
    licence: str | None = None
    """Of a free copy."""
    version: str | None = None
    """Of a free copy: submittedVersion, acceptedVersion, publishedVersion."""
    wants: dict[str, Any] = {}
    """What a retry should ask for besides, by the names of `retryInfo` (ISO 18626:2021)."""


class VolumeOut(BaseModel):
    """One of several volumes that are asked for as one."""

    volume: str
    received_at: datetime | None = None
    """Borrowing: it has come."""
    returned_at: datetime | None = None
    """Borrowing: it was sent back; lending: it has come back."""


class CandidateOut(BaseModel):
    """A title of ours that it may be."""

    title_id: UUID
    title: str
    author: str | None = None
    year: int | None = None
    by: str
    """What it was found by: record, isbn, oclc, issn or title."""


class HoldingOut(BaseModel):
    """What the catalogue and circulation told of what a partner asks for."""

    titles: list[CandidateOut] = []
    certain: bool | None = None
    """They were found by a number of theirs, or nothing was; none: the catalogue has not answered."""
    title_id: UUID | None = None
    library: str | None = None
    location: str | None = None
    call_number: str | None = None
    reasons: list[str] = []
    """Why nothing is kept, or why it is not lent."""
    stops: list[str] = []
    """Borrowing: what stops the patron, as circulation has told when it was asked."""
    missed: list[UUID] = []
    """Lending: items of ours that were looked for in vain."""
    added: list[str] = []
    """Borrowing: what a source on the net has completed of the citation."""
    index: str | None = None
    """Borrowing: what the union catalogue told: found, nothing or silent."""


class OnlineOut(BaseModel):
    """A way to read it online, as acquisitions told."""

    url: str
    platform: str
    package: str | None = None
    title: str
    free: bool
    """For everybody: no licence of the library's is needed."""
    certain: bool
    """False: the citation tells too little to know whether it is covered."""
    licence_id: UUID | None = None


class SuppliedOut(BaseModel):
    """What a copy was made from, and what our licence said of that on its day."""

    made_from: str
    """print, electronic-print or electronic-file."""
    on: date
    way: str | None = None
    answer: str | None = None
    licence_id: UUID | None = None
    licence: str | None = None
    term: str | None = None
    note: str | None = None
    grounds: str | None = None
    """Why it went out though the licence did not say so."""


class AccessOut(BaseModel):
    """What our readers have of it online."""

    known: bool | None = None
    """The knowledge base has heard of the title; none: it was not asked, or has not answered."""
    targets: list[OnlineOut] = []
    refused: list[str] = []
    """Why other ways are none, as codes."""
    supplied: SuppliedOut | None = None
    """Lending: of the copy that went out."""


class InterlibraryRequestOut(BaseModel):
    """A request as it stands."""

    id: UUID
    number: str
    side: str
    state: str
    says: str
    """The state in plain words."""
    ended: bool
    service: str
    citation: dict[str, Any]
    openurl: str | None
    """The OpenURL that it was asked by, without who asked."""
    access: AccessOut
    citation_told: dict[str, Any] | None
    """As it was told at first, where a source on the net has completed it."""
    patron_id: UUID | None
    pickup: str | None
    partner_id: UUID | None
    """Lending: who asks."""
    partners_request_id: str | None
    service_level: str | None
    need_before: datetime | None
    expires_at: datetime | None
    """Where no such day was told: when it is given up, if nothing is on its way; none: never."""
    max_cost: int | None
    currency: str | None
    any_edition: bool
    preferred_edition: str | None
    """any, this or most-recent, if it was said."""
    named: str | None
    """Lending: who asks through a transparent broker, as `scheme:symbol`."""
    volumes: list[VolumeOut]
    """Where several were asked for."""
    note: str | None
    status: str | None
    """The status of ISO 18626 that counted last."""
    offer: OfferOut
    due_at: datetime | None
    item_barcode: str | None
    item_id: UUID | None
    """Circulation's item, while the request is open."""
    loan_id: UUID | None
    """Lending: circulation's loan to the partner."""
    holding: HoldingOut
    compliance: str | None
    """The code of the law that a copy is asked for under."""
    royalty: int | None
    """Paid for the copy, in minor units of `royalty_currency`."""
    royalty_currency: str | None
    declared: str | None
    """The version of the declaration that was agreed to."""
    has_document: bool
    """The copy was kept as a file: `GET …/document`, as long as it may be fetched."""
    received_at: datetime | None
    renewal_pending: bool
    attention: str | None
    """Why staff should look, as a code."""
    look_at: datetime | None
    """When a timer acts, unless something happens before."""
    created_at: datetime
    changed_at: datetime
    model: int
    """The version of the state model that it runs by."""
    version: int


def out(row: Any) -> InterlibraryRequestOut:
    told = dict(row)
    told["patron_id"] = told["patron_ref"]
    told["has_document"] = told["document_id"] is not None
    told["says"] = model_of(told["side"], told["model"]).states[told["state"]].says
    return InterlibraryRequestOut(**{name: told[name] for name in InterlibraryRequestOut.model_fields})


def pool_of(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


async def own(connection: Connection | asyncpg.Pool, request_id: UUID, asker: Principal) -> Any:
    """The request, if the asker may see it: for a patron, others' do not exist."""
    row = await connection.fetchrow("SELECT * FROM request WHERE id = $1", request_id)
    if row is None or (asker.patron_id is not None and row["patron_ref"] != asker.patron_id):
        raise NoSuchRequest
    return row


def kind_of(asker: Principal) -> str:
    return "staff" if asker.may("ill:write") else "patron"
