"""Perpetual rights as they are told and read."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from erm.coverage.rules import first_day, last_day
from erm.licences.wire import DocumentIn
from erm.packages.entering import Day, Numbering
from erm.rights.rules import RightStatus
from erm.wire import Note, Strict


class PerpetualRightIn(Strict):
    """Years of a title that stay the library's."""

    title_id: UUID
    agreement_id: UUID | None = None
    """By which it came; it stays when that is closed."""
    platform_id: UUID | None = None
    """Where it is exercised today; none: nowhere that readers could be led (a dark archive, say)."""
    starts: Day | None = None
    """The first year, month or day that was published and stays; none: from the beginning."""
    start_volume: Numbering | None = None
    ends: Day | None = None
    """The last; none: everything after `starts`."""
    end_volume: Numbering | None = None
    status: RightStatus = RightStatus.CLAIMED
    documents: list[DocumentIn] = Field(default_factory=list, max_length=50)
    """What proves it: the clause, an invoice, a letter."""
    note: Note | None = None

    @model_validator(mode="after")
    def _runs_forwards(self) -> "PerpetualRightIn":
        if self.starts and self.ends and last_day(self.ends) < first_day(self.starts):
            raise ValueError("it ends before it starts")
        return self


class PerpetualRightOut(PerpetualRightIn):
    """A perpetual right."""

    id: UUID
    line_id: UUID | None
    """The line of the agreement that it was made from."""
    title: str
    platform: str | None
    start_on: date | None
    end_on: date | None
    created_at: datetime
    version: int


class PerpetualEntryOut(BaseModel):
    """What became of a right."""

    at: datetime
    actor: str
    what: Literal["entered", "changed", "moved"]
    told: PerpetualRightIn
    """As it stood afterwards."""


class RightsFromLineIn(Strict):
    """Make rights of what a line of an agreement has let be used."""

    line_id: UUID
    status: RightStatus = RightStatus.CLAIMED
    documents: list[DocumentIn] = Field(default_factory=list, max_length=50)
    note: Note | None = None


class MadeRightOut(BaseModel):
    """A right that was made, or with `dry_run` would be."""

    title_id: UUID
    title: str
    platform_id: UUID
    start_on: date | None
    end_on: date | None


class RightsFromLineOut(BaseModel):
    """What came of it."""

    made: int
    known: int
    """Stretches that were there already."""
    without_years: int
    """Titles that were never to be had by the line."""
    dry_run: bool
    rights: list[MadeRightOut]
    """The first 500 of them."""
