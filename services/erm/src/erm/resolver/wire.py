"""What the resolver answers programs."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from erm.platforms.access import Method


class CitationOut(BaseModel):
    """What is asked for, as it was understood."""

    kind: str
    title: str | None
    article_title: str | None
    authors: list[str]
    issn: str | None
    eissn: str | None
    isbn: str | None
    doi: str | None
    pmid: str | None
    oclc: str | None
    date: str | None
    year: int | None
    volume: str | None
    issue: str | None
    start_page: str | None
    end_page: str | None
    edition: str | None
    publisher: str | None


class NoteOut(BaseModel):
    """Something in the OpenURL that was left out."""

    code: str
    key: str
    text: str


class CoveredOut(BaseModel):
    """What is there of it."""

    first: date | None
    """The first day that is open today; none: from the beginning."""
    last: date | None
    """The last; none: up to now."""
    start_volume: str | None
    end_volume: str | None
    embargo: str | None
    """Moving walls in the form of KBART: `R10Y;P30D`."""


class TermShownOut(BaseModel):
    """What the licence says, for readers."""

    term: str
    name: str
    use: Literal["permitted", "prohibited", "silent", "interpreted"] | None
    value: Any
    note: str | None


class AccessOut(BaseModel):
    """How readers get in."""

    method: Method
    text: str


class TargetOut(BaseModel):
    """A way to it."""

    url: str
    """http or https; made from the platform's template, through the library's proxy where readers come through it."""
    platform: str
    package: str | None
    title: str
    free: bool
    """For everybody: no licence of the library's is needed."""
    perpetual: bool
    """It stays, whatever becomes of the agreement: what was published while it was subscribed to."""
    certain: bool
    """False: the citation tells too little to know whether it is covered."""
    access: AccessOut | None = None
    """How readers get in; none: nobody has told, or it is free."""
    simultaneous_users: int | None = None
    """How many may read at once; none: any number, as far as is told."""
    coverage: list[CoveredOut]
    terms: list[TermShownOut]


class ReasonOut(BaseModel):
    """Why a way leads nowhere."""

    code: str
    text: str


class RefusedOut(BaseModel):
    """A way that leads nowhere, and every reason."""

    platform: str
    package: str | None
    title: str
    reasons: list[ReasonOut]
    coverage: list[CoveredOut]


class WayOfAskingOut(BaseModel):
    """How to have the library get it from elsewhere."""

    service: Literal["copy", "loan", "copy-or-loan"]
    openurl: str
    """The citation, as `POST /v1/ill/requests` takes it."""
    href: str | None
    """The library's own form, filled in; none: none is configured."""


class RightExplainedOut(BaseModel):
    """What a line of an agreement says of it; names are told to staff."""

    line_id: UUID | None
    perpetual_right_id: UUID | None
    agreement_id: UUID | None
    agreement: str | None
    licence: str | None
    against: list[ReasonOut]
    own_coverage: bool
    """Coverage of our own counts before the knowledge base's."""


class WayExplainedOut(BaseModel):
    """Everything that was looked at of one way."""

    platform: str
    package: str | None
    title_id: UUID
    item_id: UUID | None
    chosen: bool
    templates: list[str]
    proxied: bool
    access_methods: list[Method] = []
    """In the library's order; none: `proxied` says it."""
    access: Method | None = None
    """The one that the link goes by."""
    listed_from: date | None
    listed_until: date | None
    rights: list[RightExplainedOut]


class ExplainedOut(BaseModel):
    """How it was decided."""

    identifiers: list[tuple[str, str]]
    """By which the knowledge base was asked."""
    known: bool
    """It has heard of the title."""
    today: date
    time_zone: str
    asked_first: date | None
    asked_last: date | None
    order: str
    ways: list[WayExplainedOut]


class ResolvedOut(BaseModel):
    """What came of an OpenURL."""

    version: Literal["0.1", "1.0"]
    source: str | None
    citation: CitationOut
    notes: list[NoteOut]
    known: bool
    """The knowledge base has heard of the title."""
    reasons: list[ReasonOut]
    """Why there are no ways at all to look at, where there are none."""
    targets: list[TargetOut]
    """The best first."""
    refused: list[RefusedOut]
    elsewhere: str | None
    """Where its publisher has it (by its DOI), whoever may read it there."""
    request: WayOfAskingOut | None
    """Where nothing surely leads to it."""
    explained: ExplainedOut | None = None
