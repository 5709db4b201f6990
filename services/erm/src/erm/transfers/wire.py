"""Transfers of titles as they are told and read."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from erm.packages.entering import Address
from erm.transfers.rules import TaskKind, TaskState
from erm.wire import Note, Strict, Word

Status = Literal["announced", "moved", "done", "withdrawn"]
PerpetualAccess = Literal["transferring", "receiving", "both", "none", "unknown"]


class TransferNumberIn(Strict):
    """What alerts name a title by."""

    namespace: Annotated[str, Field(min_length=1, max_length=90, examples=["issn"])]
    value: Annotated[str, Field(min_length=1, max_length=400)]


class TitleTransferIn(Strict):
    """A title goes from one publisher to another (Transfer Code of Practice, NISO RP-24)."""

    title_id: UUID | None = None
    identifiers: list[TransferNumberIn] = Field(default_factory=list, max_length=10)
    """Instead of the title: print or online numbers, as alerts tell them."""
    from_organisation_id: UUID | None = None
    to_organisation_id: UUID | None = None
    from_platform_id: UUID | None = None
    """What lies on other platforms is not concerned; none: all of it is."""
    to_platform_id: UUID | None = None
    effective_on: date
    """From this day the receiving publisher answers for it."""
    perpetual_access: PerpetualAccess = "unknown"
    """Who grants what was bought before."""
    source: Annotated[str, Field(min_length=1, max_length=60)] = "hand"
    """Who told of it: an alerting service, a publisher."""
    reference: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """What the alert is called there; the same alert is taken once."""
    note: Note | None = None

    @model_validator(mode="after")
    def _of_one_title_elsewhere(self) -> "TitleTransferIn":
        if (self.title_id is None) == (not self.identifiers):
            raise ValueError("name the title by its id, or by identifiers")
        if self.from_platform_id is not None and self.from_platform_id == self.to_platform_id:
            raise ValueError("it goes to another platform")
        return self


class TransferTaskOut(BaseModel):
    """Something that it asks of the library."""

    id: UUID
    kind: TaskKind
    right_id: UUID | None
    line_id: UUID | None
    due_on: date
    state: TaskState
    note: str | None
    settled_at: datetime | None
    settled_by: str | None


class TitleTransferOut(BaseModel):
    """A transfer with its tasks."""

    id: UUID
    title_id: UUID
    title: str
    from_organisation_id: UUID | None
    to_organisation_id: UUID | None
    from_platform_id: UUID | None
    to_platform_id: UUID | None
    effective_on: date
    perpetual_access: PerpetualAccess
    source: str
    reference: str | None
    status: Status
    note: str | None
    tasks: list[TransferTaskOut]
    created_at: datetime
    version: int


class TitleMovementIn(Strict):
    """The title is on the receiving publisher's platform from now on."""

    platform_id: UUID | None = None
    """None: the one that the transfer names."""
    url: Address | None = None
    """Where it lies there."""
    move_rights: bool = False
    """The receiving publisher grants what was bought before: its rights are exercised there from now on."""


class TaskSettlementIn(Strict):
    """What came of a task."""

    state: Literal["done", "dropped"] = "done"
    note: Note | None = None


class DueTransferTaskOut(TransferTaskOut):
    """A task among those of all transfers."""

    transfer_id: UUID
    title_id: UUID
    title: Word
