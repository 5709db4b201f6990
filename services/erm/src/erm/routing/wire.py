"""Routing lists and rounds as clients write and read them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from erm.routing.rules import Action, LegState, RoundState
from erm.wire import Day, Note, Strict, Word

KeepDays = Annotated[int, Field(ge=1, le=365)]


class StopIn(Strict):
    """A reader, or a room."""

    patron_ref: UUID | None = None
    """None: a room, a department, a shelf for everybody."""
    name: Word
    """As it stands on slips; it goes when they leave."""
    keep_days: KeepDays | None = None
    """Where it is not the list's."""
    away_from: Day | None = None
    away_until: Day | None = None

    @model_validator(mode="after")
    def _away_for_some_days(self) -> "StopIn":
        if (self.away_from is None) != (self.away_until is None):
            raise ValueError("say from when and until when they are away, or neither")
        if self.away_from and self.away_until and self.away_until < self.away_from:
            raise ValueError("they would be back before they go")
        return self


class RoutingListIn(Strict):
    """Who gets the issues of a copy, in order."""

    copy_number: Annotated[int, Field(ge=1, le=1000)] = 1
    """The first of the line, the second …"""
    name: Word
    keep_days: KeepDays = 7
    back_to: Word
    """Where an issue goes when everybody has had it."""
    active: bool = True
    note: Note | None = None
    stops: list[StopIn] = Field(default_factory=list, max_length=100)


class StopOut(BaseModel):
    """A reader, or a room."""

    position: int
    patron_ref: UUID | None
    name: str
    keep_days: int | None
    away_from: date | None
    away_until: date | None


class RoutingListOut(BaseModel):
    """Who gets the issues of a copy."""

    id: UUID
    order_line_id: UUID
    copy_number: int
    name: str
    keep_days: int
    back_to: str
    active: bool
    note: str | None
    created_at: datetime
    stops: list[StopOut]
    version: int


class RoundIn(Strict):
    """An issue that is to go round."""

    piece_id: UUID
    """Of a receipt of the list's order line."""
    issue: Word
    """`Vol. 12, no. 3 (March 2027)`, as it is to stand on the slip."""


class RoundAct(Strict):
    """What is done with a round."""

    action: Action
    """`hand-on`: who had it is done; `skip`: who would have it does not read it; `cancel`: it is called back."""


class LegOut(BaseModel):
    """A turn."""

    position: int
    patron_ref: UUID | None
    name: str
    keep_days: int
    state: LegState
    got_on: date | None
    due_on: date | None
    leaver: bool
    """They have left the library; the issue is to be fetched from them."""


class RoundOut(BaseModel):
    """An issue's round; of one that is over nobody is told who had it."""

    id: UUID
    list_id: UUID
    piece_id: UUID
    issue: str
    state: RoundState
    due_on: date | None
    readers: int
    """How many have had it."""
    started_at: datetime
    ended_at: datetime | None
    legs: list[LegOut]
    version: int
