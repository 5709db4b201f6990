"""A partner on the wire: what the directory holds of a library."""

from datetime import date
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ill.ageing.documents import Levels
from ill.partners.rules import closing_contradicts, symbol_key

Word = Annotated[str, Field(min_length=1, max_length=200)]
Symbol = Annotated[str, Field(pattern=r"^\S.{0,59}$")]


class ClosingDoc(BaseModel):
    """Days on which a partner is closed."""

    model_config = ConfigDict(extra="forbid")

    first: date
    last: date
    """Included."""
    reason: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Told where it is passed over: `closed: Christmas`."""


class LoanPolicyDoc(BaseModel):
    """What a partner lends of what stands in a place of its; where no place is named, of all the rest."""

    model_config = ConfigDict(extra="forbid")

    location: Word | None = None
    """As an index has it in 852$b, or its own catalogue as localLocation."""
    shelving_location: Word | None = None
    """852$c, shelvingLocation."""
    lends: Literal["all", "physical", "electronic", "nothing"]
    """physical: loans and no copies; electronic: copies and no loans."""


class MembershipDoc(BaseModel):
    """That a partner is in a network."""

    model_config = ConfigDict(extra="forbid")

    network: Annotated[str, Field(max_length=40)]
    """Its code."""
    tier: Word | None = None
    """In which of its tiers; none: in all of them."""


class SymbolDoc(BaseModel):
    """A symbol that a library has besides its first."""

    model_config = ConfigDict(extra="forbid")

    scheme: Annotated[str, Field(pattern=r"^[^\s:][^:]{0,59}$")] = "ISIL"
    """The namespace."""
    symbol: Symbol
    branch: Word | None = None
    """The code of the branch that goes by it; none: the whole library."""
    preferred_for: list[Literal["messages", "slips"]] = Field(default=[], max_length=2)
    """For what it stands in the place of the first: in messages that ask it for something, or on slips of paper."""


class BranchDoc(BaseModel):
    """A branch of a library, with days of its own on which it is closed."""

    model_config = ConfigDict(extra="forbid")

    code: Word
    name: Word
    locations: list[Word] = Field(default=[], max_length=100)
    """The places in it, as an index has them in 852$b."""
    closings: list[ClosingDoc] = Field(default=[], max_length=100)


class EndpointDoc(BaseModel):
    """Another service of a library: told to whoever looks, and never called by us."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["ncip", "z3950", "sru", "openurl", "oai-pmh", "opac", "mail"]
    address: Annotated[
        str,
        Field(
            max_length=500,
            pattern=r"^(?:(?:https?|z3950s?|ncips?)://[^\s/@]+(?:/\S*)?|mailto:[^\s@]{1,100}@[^\s@]{1,200})$",
        ),
    ]
    note: Word | None = None


MOST_SYMBOLS: Final = 20
Subfield = Annotated[str, Field(pattern=r"^[0-9]{3}\$[a-z0-9]$")]
Attributes = dict[
    Annotated[str, Field(pattern=r"^(record_id|isbn|issn|oclc|title|author)$")],
    Annotated[int, Field(ge=1, le=9999)],
]


class CopiesDoc(BaseModel):
    """Where a MARC record tells which copies are in, for a catalogue that gives no holdings beside it."""

    model_config = ConfigDict(extra="forbid")

    status: Subfield
    """`876$j`, say: each such field is a copy."""
    location: Subfield | None = "852$b"
    """In the same field; or in one that goes before its copies."""
    shelving_location: Subfield | None = None
    """In the field of the location."""
    is_in: list[Word] = Field(default=["available"], max_length=50)
    """Values that say so, in whatever case; `*`: every other value."""
    is_out: list[Word] = Field(default=["*"], max_length=50)
    absent: Literal["in", "out", "unknown"] = "unknown"
    """Where the status is not told."""

    @model_validator(mode="after")
    def _stand_together(self) -> "CopiesDoc":
        if self.shelving_location is not None and self.shelving_location[:3] != (self.location or "")[:3]:
            raise ValueError("the shelf stands in the field of the location")
        if set(map(str.casefold, self.is_in)) & set(map(str.casefold, self.is_out)):
            raise ValueError("a value says either that a copy is in or that it is out")
        return self


class PartnerIn(BaseModel):
    """A library that we exchange requests with."""

    model_config = ConfigDict(extra="forbid")

    name: Word
    scheme: Symbol = "ISIL"
    symbol: Symbol
    """The first: as which it is known here, and addressed unless another is preferred for that."""
    symbols: list[SymbolDoc] = Field(default=[], max_length=MOST_SYMBOLS)
    """Others that it has. Its messages may come from any of them, and are answered to the one that they came from."""
    branches: list[BranchDoc] = Field(default=[], max_length=100)
    endpoints: list[EndpointDoc] = Field(default=[], max_length=30)
    """Services of its besides `address` and `catalogue_url`."""
    address: Annotated[str, Field(max_length=500)] | None = None
    """Where its messages go: the URL of its ISO 18626 service. None: staff write to it, and record what it says."""
    lends_books: bool = True
    lends_copies: bool = True
    borrows: bool = True
    """Whether its requests are taken."""
    rank: int = Field(default=100, ge=0, le=100_000)
    """Lower is asked first."""
    last_resort: bool = False
    """Asked when nobody else is left."""
    days_to_respond: int = Field(default=4, ge=1, le=90)
    """Working days."""
    respond_levels: Levels = {}
    """At service levels of which it says something else: working days, or hours of days on which it is open. Goes
    before what the library has for the level (`times.respond`)."""
    max_open: int | None = Field(default=None, ge=1, le=100_000)
    """How many requests of ours it takes at a time."""
    closed_from: date | None = None
    closed_until: date | None = None
    """The last day, included."""
    zone: str = Field(default="UTC", max_length=60)
    """Its time zone (IANA): days begin and end there."""
    closings: list[ClosingDoc] = Field(default=[], max_length=100)
    """More of them: holidays, say."""
    closed_weekdays: list[Annotated[int, Field(ge=0, le=6)]] = Field(default=[5, 6], max_length=6)
    """Closed every week: 0 is Monday. These days do not count for `days_to_respond`."""
    charges_loan: int | None = Field(default=None, ge=0, le=10**9)
    charges_copy: int | None = Field(default=None, ge=0, le=10**9)
    charges_currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    """What it takes, in minor units: of equal rank, the cheaper is asked first, and none that is above a request's
    `max_cost`."""
    policies: list[LoanPolicyDoc] = Field(default=[], max_length=200)
    """Of several that are about a place the first decides. What is nowhere lent from is not asked for there."""
    networks: list[MembershipDoc] = Field(default=[], max_length=20)
    """Networks that it is in with us: the best of their terms counts before its own rank and charges."""
    speaks: Literal["1.2", "2021-2"] = "1.2"
    """The version of ISO 18626 in which it is written to; its own messages are read in either."""
    broker: Literal["opaque", "transparent"] | None = None
    """It passes requests on to others: opaque, it stands for them and names them in notes; transparent, messages name
    them as the agency, and come with its key."""
    holdings_code: Word | None = None
    """As which the index of `lookups.index` names it, where that is not its symbol."""
    catalogue_url: Annotated[str, Field(max_length=1000)] | None = None
    """SRU of its own catalogue, or `z3950://host:210/DATABASE`: looked into before it is asked, and what is not there
    or not in is not asked for."""
    catalogue_version: Literal["1.1", "1.2", "2.0"] = "1.2"
    catalogue_schema: Annotated[str, Field(min_length=1, max_length=200)] = "marcxml"
    """`opac` or what else has holdings, where it is to tell whether a copy is in. By Z39.50: `opac`, or else MARC."""
    catalogue_attributes: Attributes = {}
    """By Z39.50: use attributes of Bib-1 that are other ones than the index's (`lookups.index.attributes`)."""
    catalogue_copies: CopiesDoc | None = None
    """Where its records tell whether copies are in, if they come without holdings."""
    catalogue_silent: Literal["ask", "skip"] = "ask"
    """When its catalogue does not answer."""
    lenient: bool = False
    """Take messages with elements that the standard does not know."""
    client_id: str | None = Field(default=None, min_length=1, max_length=100)
    """The machine at the gateway as which it sends (with the scope ill:exchange)."""
    patron_id: UUID | None = None
    """Its registration with circulation, as which our items are lent to it."""
    note: str | None = Field(default=None, min_length=1, max_length=2000)
    active: bool = True

    @field_validator("address")
    @classmethod
    def _is_a_url(cls, told: str | None) -> str | None:
        if told is None:
            return None
        parts = urlsplit(told)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.fragment:
            raise ValueError("an address begins with http:// or https://, and holds no user and no fragment")
        return told

    @model_validator(mode="after")
    def _closes_forwards(self) -> "PartnerIn":
        if closing_contradicts(self.closed_from, self.closed_until):
            raise ValueError("a closing has a first and a last day, in this order")
        closings = [*self.closings, *(one for branch in self.branches for one in branch.closings)]
        if any(one.first > one.last for one in closings):
            raise ValueError("a closing has a first and a last day, in this order")
        if self.charges_currency is None and (self.charges_loan, self.charges_copy) != (None, None):
            raise ValueError("what it takes has a currency")
        return self

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, told: str) -> str:
        if told not in available_timezones():
            raise ValueError("a zone is one of IANA's: Europe/Berlin")
        return told

    @model_validator(mode="after")
    def _is_told_apart(self) -> "PartnerIn":
        codes = [branch.code for branch in self.branches]
        if len(set(codes)) < len(codes):
            raise ValueError("each branch has a code of its own")
        if unknown := [one.branch for one in self.symbols if one.branch not in (None, *codes)]:
            raise ValueError(f"there is no branch {unknown[0]!r}")
        keys = [symbol_key(one.scheme, one.symbol) for one in self.symbols]
        keys.append(symbol_key(self.scheme, self.symbol))
        if len(set(keys)) < len(keys):
            raise ValueError("each symbol is told once")
        uses = [use for one in self.symbols for use in one.preferred_for]
        if len(set(uses)) < len(uses):
            raise ValueError("for each use one symbol is preferred at most")
        return self
