"""Trials as they are told and read."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from erm.packages.entering import Address
from erm.trials.rules import TrialDecision, TrialStatus
from erm.wire import Note, Strict, Word


class TrialContactIn(Strict):
    """Whom to ask: at the provider, or here."""

    name: Word
    role: Annotated[str, Field(min_length=1, max_length=60)] = "provider"
    email: Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    phone: Annotated[str, Field(max_length=60, pattern=r"^[0-9+() /.-]+$")] | None = None


class TrialQuestionIn(Strict):
    """A question of the form."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    text: Word
    kind: Literal["rating", "yes-no", "choice", "text"] = "rating"
    """rating: 1 to 5."""
    choices: list[Word] = Field(default_factory=list, max_length=20)
    required: bool = False

    @model_validator(mode="after")
    def _choices_fit(self) -> "TrialQuestionIn":
        if (self.kind == "choice") != bool(self.choices) or len(set(self.choices)) < len(self.choices):
            raise ValueError("choices belong to a choice, and each is named once")
        return self


class TrialIn(Strict):
    """A resource for a while."""

    name: Word
    status: TrialStatus = TrialStatus.REQUESTED
    organisation_id: UUID | None = None
    package_id: UUID | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    """The last day of access."""
    feedback_until: date | None = None
    """The last day to say something of it; none: until it is decided."""
    access_url: Address | None = None
    contacts: list[TrialContactIn] = Field(default_factory=list, max_length=20)
    questions: list[TrialQuestionIn] = Field(default_factory=list, max_length=40)
    """The form; once somebody has answered it stays as it is."""
    for_readers: bool = False
    """Readers see it and say what they think; else staff alone."""
    note: Note | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> "TrialIn":
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("a trial ends after it has begun")
        if self.feedback_until and self.ends_on and self.feedback_until < self.ends_on:
            raise ValueError("feedback is given until the trial ends, at least")
        if len({each.key for each in self.questions}) < len(self.questions):
            raise ValueError("each question has a key of its own")
        return self


class TrialDecisionOut(BaseModel):
    """A decision, or an extension."""

    decision: TrialDecision
    reason: str
    on: date
    by: str
    ends_on: date | None


class TrialOut(TrialIn):
    """A trial."""

    id: UUID
    agreement_id: UUID | None
    """By which it was bought."""
    decision: Literal["buy", "drop"] | None
    decisions: list[TrialDecisionOut]
    """Extensions included, in their order."""
    created_at: datetime
    version: int


class TrialDecisionIn(Strict):
    """What came of a trial."""

    decision: TrialDecision
    reason: Note
    ends_on: date | None = None
    """Of an extension: the new last day."""
    agreement_id: UUID | None = None
    """Of what is bought: by which agreement."""


class TrialFeedbackIn(Strict):
    """What somebody says."""

    answers: dict[Annotated[str, Field(max_length=40)], Any] = Field(default_factory=dict, max_length=40)
    """By the keys of the questions."""
    comment: Annotated[str, Field(min_length=1, max_length=4000)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "TrialFeedbackIn":
        if not self.answers and self.comment is None:
            raise ValueError("answer something, or comment")
        return self


class TrialFormOut(BaseModel):
    """What readers are told of a trial."""

    id: UUID
    name: str
    access_url: str | None
    ends_on: date | None
    feedback_until: date | None
    questions: list[TrialQuestionIn]
    open: bool
    """Whether something may be said of it today."""


class TrialFeedbackOut(BaseModel):
    """What somebody said; who it was is not kept."""

    id: UUID
    kind: Literal["staff", "patron"]
    answers: dict[str, Any]
    comment: str | None
    at: datetime


class TrialQuestionSummaryOut(BaseModel):
    """What all answers to a question come to."""

    key: str
    text: str
    kind: str
    answered: int
    counts: dict[str, int]
    mean: float | None
    """Of ratings."""


class TrialSummaryOut(BaseModel):
    """What people say of a trial, in numbers."""

    trial_id: UUID
    staff: int
    patrons: int
    comments: int
    questions: list[TrialQuestionSummaryOut]
