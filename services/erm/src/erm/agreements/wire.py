"""Agreements and their lines as they are told and read."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from erm.licences.wire import DocumentIn
from erm.wire import Note, Strict, Word

Status = Literal["draft", "requested", "in-negotiation", "active", "closed"]
CloseReason = Literal["cancelled", "ceased", "superseded", "rejected"]
Resource = Literal["package", "package-item", "platform-title", "external", "detached"]
Short = Annotated[str, Field(min_length=1, max_length=60)]


class PeriodIn(Strict):
    """From when until when. Periods of one agreement do not overlap."""

    starts_on: date
    ends_on: date | None = None
    """The last day, included; none: it runs on."""
    open_ended: bool = False
    """It was agreed to have no end; false without `ends_on`: none was told."""
    cancel_by: date | None = None
    """The last day on which it can be cancelled."""
    note: Note | None = None

    @model_validator(mode="after")
    def _runs_forwards(self) -> "PeriodIn":
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("a period ends after it has begun")
        if self.open_ended and self.ends_on is not None:
            raise ValueError("what is open-ended has no ends_on")
        return self


class PartyIn(Strict):
    """Who takes part."""

    organisation_id: UUID
    role: Short = "content-provider"
    """content-provider, vendor, consortium, subscriber …: an open list."""


class GoverningIn(Strict):
    """A licence of the agreement."""

    licence_id: UUID
    standing: Literal["controlling", "future", "historical"] = "controlling"
    """One at most is `controlling`: its terms are those of what the agreement lets be used."""
    note: Note | None = None


class RelationIn(Strict):
    """How it stands to another agreement."""

    agreement_id: UUID
    kind: Literal["supersedes", "part-of", "related-to"]
    note: Note | None = None


class AgreementIn(Strict):
    """An agreement as a whole, without its lines."""

    name: Word
    kind: Short = "subscription"
    """subscription, purchase, open-access, trial …: an open list."""
    status: Status = "draft"
    close_reason: CloseReason | None = None
    """Why it is closed; needed then, and only then."""
    description: Note | None = None
    renewal_priority: Literal["definitely-renew", "for-review", "definitely-cancel"] | None = None
    review_on: date | None = None
    documents: list[DocumentIn] = Field(default_factory=list, max_length=50)
    periods: list[PeriodIn] = Field(default_factory=list, max_length=100)
    organisations: list[PartyIn] = Field(default_factory=list, max_length=50)
    licences: list[GoverningIn] = Field(default_factory=list, max_length=50)
    relations: list[RelationIn] = Field(default_factory=list, max_length=100)


class RelationOut(RelationIn):
    """How it stands to another; `of_this` is false where the other says so of it."""

    of_this: bool


class AgreementOut(AgreementIn):
    """An agreement."""

    id: UUID
    in_force: bool
    """Active, and today within a period."""
    related: list[RelationOut]
    """Its relations, and those that others have to it."""
    created_at: datetime
    version: int


class CoverageIn(Strict):
    """What we have of a title, where it is not what the knowledge base says."""

    starts: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]
    """A year, month or day."""
    ends: Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")] | None = None
    start_volume: Short | None = None
    start_issue: Short | None = None
    end_volume: Short | None = None
    end_issue: Short | None = None


class LineIn(Strict):
    """What an agreement lets be used: one resource, from when until when."""

    resource: Resource
    resource_id: UUID | None = None
    """The package, package item or platform title of the knowledge base."""
    authority: Short | None = None
    """Of an external one: whose knowledge base …"""
    reference: Word | None = None
    """… and what it is called there."""
    description: Note | None = None
    """Needed where nothing else says what it is (`detached`)."""
    active_from: date | None = None
    active_to: date | None = None
    """The last day, included."""
    suppressed: bool = False
    """Kept, and not shown to readers."""
    coverage: list[CoverageIn] = Field(default_factory=list, max_length=50)
    """Our own, of a package item or platform title; it counts before the knowledge base's."""
    order_line_ids: list[UUID] = Field(default_factory=list, max_length=100)
    """What was ordered for it."""
    note: Note | None = None

    @model_validator(mode="after")
    def _one_resource(self) -> "LineIn":
        known = self.resource in ("package", "package-item", "platform-title")
        if known != (self.resource_id is not None):
            raise ValueError(
                "a resource_id belongs to package, package-item and platform-title, and is needed there"
            )
        told = (self.authority is not None, self.reference is not None)
        if told != ((True, True) if self.resource == "external" else (False, False)):
            raise ValueError("authority and reference belong to what is external, and are both needed there")
        if self.resource == "detached" and self.description is None:
            raise ValueError("what is detached needs a description")
        if self.coverage and self.resource not in ("package-item", "platform-title"):
            raise ValueError("coverage of our own is of a package item or platform title")
        if None not in (self.active_from, self.active_to) and self.active_to < self.active_from:  # type: ignore[operator]
            raise ValueError("a line ends after it has begun")
        return self


class CoverageOut(BaseModel):
    """What is covered."""

    starts: str | None
    ends: str | None
    start_volume: str | None = None
    start_issue: str | None = None
    end_volume: str | None = None
    end_issue: str | None = None
    embargo: str | None = None


class OrderedOut(BaseModel):
    """An order line that a line is paid by."""

    order_line_id: UUID
    order_id: UUID
    order_number: str
    total: str
    currency: str
    cancelled: bool


class CostOut(BaseModel):
    """What its order lines sum to, in one currency; what is cancelled is left out."""

    currency: str
    total: Decimal


class LineOut(LineIn):
    """A line of an agreement."""

    id: UUID
    agreement_id: UUID
    name: str
    """What it is of: the package's or title's name, or what describes it."""
    usable_today: bool
    reasons: list[str]
    """Why not, as codes."""
    knowledge_base_coverage: list[CoverageOut]
    """What the knowledge base says of the title, whatever we say."""
    orders: list[OrderedOut]
    cost: list[CostOut]
    created_at: datetime
    version: int


class EntryOut(BaseModel):
    """What became of a line."""

    at: datetime
    actor: str
    what: str
    line_id: UUID
    active_from: date | None
    active_to: date | None
    suppressed: bool
    name: str


class UsableOut(BaseModel):
    """Days on which a title was, is or will be to be had."""

    first: date | None
    last: date | None


class TitleThroughOut(BaseModel):
    """A line by which an agreement lets a title be used."""

    line_id: UUID
    resource: Resource
    package_id: UUID | None
    package_name: str | None
    days: list[UsableOut]


class TitleInAgreementOut(BaseModel):
    """When a title was first and last to be had in an agreement, and by which lines."""

    agreement_id: UUID
    title_id: UUID
    title: str
    first: date | None
    """None: without a beginning, where there are lines at all."""
    last: date | None
    through: list[TitleThroughOut]
