"""Licences as they are told and read."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from erm.finance.named import Versioned
from erm.wire import Note, Strict, Word

Status = Literal["draft", "in-negotiation", "active", "closed", "rejected"]
End = Literal["explicit", "open", "unknown"]
"""`explicit`: a last day; `open`: it says that it has none; `unknown`: nobody has entered one."""
Use = Literal["permitted", "prohibited", "silent", "interpreted"]
Kind = Literal["text", "integer", "decimal", "date", "money", "boolean", "choice", "multi-choice"]
TermCode = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
MOST: int = 200
"""Terms, and amendments, of one licence."""


def _web(told: str) -> str:
    if not told.isascii() or any(letter <= " " for letter in told):
        raise ValueError("an address has no spaces and no other letters than ASCII's")
    return told


WebAddress = Annotated[
    str, Field(max_length=2000, pattern=r"^https?://[^\s/?#]+([/?#]\S*)?$"), AfterValidator(_web)
]
"""http or https, and nothing else."""


class DocumentIn(Strict):
    """Where a document lies: the contract, an annex, a letter."""

    name: Word
    kind: Annotated[str, Field(min_length=1, max_length=60)] = "licence"
    url: WebAddress | None = None
    location: Word | None = None
    """Where paper is kept."""
    note: Note | None = None


class _Spanned(Strict):
    """Something with a first and a last day."""

    starts_on: date | None = None
    ends_on: date | None = None
    """The last day, included."""
    open_ended: bool = False
    """It says that it has no end; false without `ends_on`: none was told."""

    @model_validator(mode="after")
    def _runs_forwards(self) -> "_Spanned":
        if self.open_ended and self.ends_on is not None:
            raise ValueError("what is open-ended has no ends_on")
        if self.starts_on is not None and self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("it ends after it has begun")
        return self


class TermIn(Strict):
    """What is said of a term."""

    term: TermCode
    value: Any = None
    """Of the term's kind; a decimal as a text, an amount as `{"amount": "12.50", "currency": "EUR"}`."""
    use: Use | None = None
    """Whether the licence permits or prohibits it, is silent, or was interpreted as permitting it."""
    public_note: Note | None = None
    internal_note: Note | None = None
    internal: bool = False
    """Never shown to readers."""

    @model_validator(mode="after")
    def _says_something(self) -> "TermIn":
        if self.value is None and self.use is None:
            raise ValueError("give a value, or a use")
        return self


class AmendmentIn(_Spanned):
    """What was agreed later. Of two that are in force the later in the list counts."""

    name: Word
    status: Status = "draft"
    documents: list[DocumentIn] = Field(default_factory=list, max_length=50)
    note: Note | None = None
    terms: list[TermIn] = Field(default_factory=list, max_length=MOST)


class LicenceIn(_Spanned):
    """A licence as a whole, with its amendments and terms."""

    name: Word
    kind: Annotated[str, Field(min_length=1, max_length=60)] = "local"
    """local, consortial, alliance, open-access …: an open list."""
    status: Status = "draft"
    licensor_id: UUID | None = None
    documents: list[DocumentIn] = Field(default_factory=list, max_length=50)
    note: Note | None = None
    terms: list[TermIn] = Field(default_factory=list, max_length=MOST)
    amendments: list[AmendmentIn] = Field(default_factory=list, max_length=50)


class LicenceOut(LicenceIn):
    """A licence."""

    id: UUID
    created_at: datetime
    version: int


class LicenceTermIn(Strict):
    """A term that licences may say something of."""

    name: Word
    category: Word = "other"
    kind: Kind = "text"
    choices: list[Word] = Field(default_factory=list, max_length=100)
    weight: Annotated[int, Field(ge=0, le=100_000)] = 100
    """Where it stands in a list: small numbers first."""
    shown: bool = False
    """Readers see it beside a link."""
    standard: Word | None = None
    """What ERMI or ONIX-PL call it."""

    @model_validator(mode="after")
    def _choices_fit(self) -> "LicenceTermIn":
        if (self.kind in ("choice", "multi-choice")) != bool(self.choices):
            raise ValueError("choices belong to choice and multi-choice, and to nothing else")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError("a choice is named once")
        return self


class LicenceTermOut(LicenceTermIn, Versioned):
    """A term of the vocabulary."""

    code: str


class EffectiveTermOut(BaseModel):
    """What counts for a term on a day."""

    term: str
    name: str
    value: Any
    use: Use | None
    public_note: str | None
    internal_note: str | None
    internal: bool
    amendment: int
    """The amendment that says so; 0: the licence itself."""
    amendment_name: str | None


class EffectiveOut(BaseModel):
    """What a licence says on a day."""

    licence_id: UUID
    name: str
    on: date
    in_force: bool
    terms: list[EffectiveTermOut]


class ComparedSideOut(BaseModel):
    """What one of the licences says of a term; none of it where it says nothing, or is not in force."""

    licence_id: UUID
    value: Any = None
    use: Use | None = None
    public_note: str | None = None
    internal_note: str | None = None


class ComparedTermOut(BaseModel):
    """A term, side by side."""

    term: str
    name: str
    category: str
    differs: bool
    sides: list[ComparedSideOut]
    """In the order in which the licences were named."""


class ComparedLicenceOut(BaseModel):
    """One of those compared."""

    licence_id: UUID
    name: str
    in_force: bool


class ComparedOut(BaseModel):
    """Licences side by side, on a day."""

    on: date
    licences: list[ComparedLicenceOut]
    terms: list[ComparedTermOut]
