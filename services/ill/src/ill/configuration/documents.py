"""The document, as it is exported, compared and applied."""

from datetime import time
from typing import Annotated, Final, Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ill.ageing.documents import Levels, spans_of
from ill.ageing.rules import Span, Spans
from ill.iso18626.rules import UNFILLED
from ill.partners.documents import Attributes
from ill.partners.rules import ALWAYS, Calendar
from ill.routing.rules import CRITERIA, Route

Word = Annotated[str, Field(min_length=1, max_length=200)]
Days = Annotated[int, Field(ge=1, le=365)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AgencyDoc(_Strict):
    """A library's symbol."""

    scheme: Annotated[str, Field(min_length=1, max_length=60)] = "ISIL"
    symbol: Annotated[str, Field(min_length=1, max_length=60)]


class TimesDoc(_Strict):
    """How long is waited for what, in working days unless said otherwise."""

    answer_minutes: Annotated[int, Field(ge=1, le=10_000)] = 30
    """For circulation to answer a question of ours; then staff are told."""
    respond: Levels = {}
    """For a supplier to respond, by service level: working days, or hours of days on which it is open. What the partner
    says of the level goes before; at any other level it is its `days_to_respond`."""
    expire_days: Days | None = None
    """Calendar days until a patron's request without a `need_before` is given up, if nothing is on its way; none:
    never."""
    expire: Levels = {}
    """The same by service level, which goes before."""
    condition_days: Days = 4
    """For an answer to a condition; then the next supplier is tried."""
    not_received_days: Days = 14
    """For something that was shipped."""
    copy_days: Days = 7
    """Until a delivered copy counts as handed over."""
    return_days: Days = 30
    """For the owner to say that it is back."""
    stale_days: Days | None = None
    """Until a partner's request that nobody answers is declined by itself; none: never."""
    stale_rush_hours: Annotated[int, Field(ge=1, le=500)] | None = None
    """The same for Rush and Express, in hours."""
    overdue_grace_days: Annotated[int, Field(ge=0, le=365)] = 14
    """Calendar days after the due date."""
    send_back_days: Annotated[int, Field(ge=0, le=60)] = 0
    """Calendar days before the owner's date on which a patron's loan is due."""
    messages_kept_days: Annotated[int, Field(ge=1, le=3650)] = 365
    """Calendar days."""


class ReasonDoc(_Strict):
    """Why something is not supplied, in the library's own words."""

    code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,59}$")]
    """Sent as reasonUnfilled, which is an open list."""
    text: Word


MailAddress = Annotated[str, Field(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}$")]
"""RFC 5321, in ASCII and without quotes."""


class PullScheduleDoc(_Strict):
    """When slips of a place are made by themselves."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    library: Word | None = None
    """The code of a branch of ours; none: of all."""
    location: Word | None = None
    at: Annotated[tuple[time, ...], Field(min_length=1, max_length=24)]
    """Times of day there: `08:30`."""
    weekdays: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1, max_length=7)] = (
        0,
        1,
        2,
        3,
        4,
    )
    """0 is Monday."""
    zone: Annotated[str, Field(max_length=60)] = "UTC"
    """IANA's: `Europe/Berlin`."""
    most: Annotated[int, Field(ge=1, le=200)] = 50
    """Slips in one batch; what waits besides goes into others."""
    mail_to: Annotated[tuple[MailAddress, ...], Field(max_length=10)] = ()
    """To whom each batch is mailed as PDF."""

    @model_validator(mode="after")
    def _is_of_a_clock(self) -> "PullScheduleDoc":
        if self.zone not in available_timezones():
            raise ValueError("a zone is one of IANA's: Europe/Berlin")
        if any(one.tzinfo is not None for one in self.at):
            raise ValueError("a time of day is told without a zone; `zone` says where")
        return self


class LendingDoc(_Strict):
    """How our own items go out to partners."""

    desk: Word | None = None
    """The code of circulation's service point from which they go and to which they come back; none: circulation is
    told nothing, and staff lend them there by hand."""
    licences: Literal["ask", "off"] = "ask"
    """Whether acquisitions are asked, for each copy that a partner wants, where we have it electronically and what the
    licence says of sending it."""
    responder: Literal["off", "will-supply", "will-or-cannot"] = "off"
    """Whether a request that names its title by a number is answered by itself: not at all, only when a copy could be
    kept, or with Unfilled when none can."""
    copies: Literal["off", "cannot", "send"] = "off"
    """Copies of articles: left to staff; or a journal that was looked for by its number and is not here is answered
    with Unfilled; or (send) besides, a file that staff have kept goes out by itself."""
    reasons: Annotated[tuple[ReasonDoc, ...], Field(max_length=100)] = ()
    """Reasons of our own for not supplying, beside the usual ones."""
    renew_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """Calendar days by which a partner's loan is renewed by itself; none: staff answer each."""
    most_renewals: Annotated[int, Field(ge=0, le=100)] = 1
    """How often; then it is declined."""
    pulling: Annotated[tuple[PullScheduleDoc, ...], Field(max_length=50)] = ()
    """When slips of what is to be fetched are made by themselves, by place."""

    @model_validator(mode="after")
    def _schedules_are_told_apart(self) -> "LendingDoc":
        if len({one.code for one in self.pulling}) < len(self.pulling):
            raise ValueError("each schedule of slips has a code of its own")
        return self

    @property
    def unfilled(self) -> dict[str, str]:
        """Every reason for not supplying, and what it says."""
        return UNFILLED | {reason.code: reason.text for reason in self.reasons}


class DocumentsDoc(_Strict):
    """How long the file of a copy is kept, for a patron or behind a partner's link."""

    days: Annotated[int, Field(ge=1, le=365)] = 21
    downloads: Annotated[int, Field(ge=1, le=100)] = 5


class DeclarationDoc(_Strict):
    """What whoever asks for a copy declares."""

    version: Annotated[str, Field(min_length=1, max_length=40)]
    """Kept with each request, so that it stays known what was declared."""
    text: Annotated[str, Field(min_length=1, max_length=4000)]


class CopyrightDoc(_Strict):
    """Copies of articles."""

    contu: bool = False
    """Count copies of journals by the guidelines of the United States."""
    contu_limit: Annotated[int, Field(ge=0, le=1000)] = 5
    """Copies of one journal in a calendar year; what goes beyond is for staff to clear."""
    contu_years: Annotated[int, Field(ge=1, le=100)] = 5
    """How old an article may be to count."""
    compliance: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """The code of copies that the guidelines do not judge (copyrightCompliance: an open list)."""
    code_needed: bool = False
    """Whether a copy without a code waits for staff, who name one (`clear-copyright`), and is not sent."""
    declaration: DeclarationDoc | None = None
    """None: nothing has to be declared."""


Source = Annotated[str, Field(pattern=r"^https?://[^\s{}]+.*$", max_length=1000)]


def _has(template: str | None, name: str) -> str | None:
    if template is not None and "{" + name + "}" not in template.partition("//")[2].partition("/")[2]:
        raise ValueError(f"the URL has a place for the number behind its host: {{{name}}}")
    return template


class CitationSourcesDoc(_Strict):
    """Where a citation is completed by its number: URLs that answer with CSL-JSON."""

    doi: Source | None = None
    """`https://doi.org/{doi}`, say."""
    pmid: Source | None = None
    isbn: Source | None = None

    @model_validator(mode="after")
    def _placed(self) -> "CitationSourcesDoc":
        for name in ("doi", "pmid", "isbn"):
            _has(getattr(self, name), name)
        return self


class OpenAccessDoc(_Strict):
    """Whether a free copy of an article is looked for first."""

    mode: Literal["off", "offer", "fill"] = "off"
    """Not at all; offered to the patron; or the request is closed with its link."""
    doi: Source | None = None
    """`https://api.unpaywall.org/v2/{doi}?email=…`, or what answers like it."""

    @model_validator(mode="after")
    def _placed(self) -> "OpenAccessDoc":
        _has(self.doi, "doi")
        return self


QUERIES: Final = {
    "record_id": "rec.identifier={record_id}",
    "isbn": "bath.isbn={isbn}",
    "issn": "bath.issn={issn}",
    "title": "dc.title={title} and dc.creator={author}",
    "title_alone": "dc.title={title}",
}


ATTRIBUTES: Final = {"record_id": 12, "isbn": 7, "issn": 8, "title": 4, "author": 1003}


class IndexDoc(_Strict):
    """The union catalogue in which suppliers are found, by SRU or Z39.50."""

    url: Annotated[str, Field(pattern=r"^(https?|z3950)://[^\s?#]+(\?\S*)?$", max_length=1000)] | None = None
    """`z3950://host:210/DATABASE` is asked by Z39.50. None: every partner that lends is asked, in the order of the
    rota's rules."""
    version: Literal["1.1", "1.2", "2.0"] = "1.2"
    record_schema: Annotated[str, Field(min_length=1, max_length=200)] = "marcxml"
    """By Z39.50: `opac`, or else MARC 21."""
    queries: Annotated[
        dict[Annotated[str, Field(max_length=20)], Annotated[str, Field(max_length=300)]], Field(max_length=8)
    ] = QUERIES
    """CQL by what is known, the surest first (record_id, isbn, issn, oclc, title); values are put in quoted."""
    attributes: Attributes = ATTRIBUTES
    """By Z39.50: the use attributes of Bib-1 by which the same is searched."""
    holders: Annotated[
        list[Annotated[str, Field(pattern=r"^[0-9]{3}\$[a-z0-9]$")]], Field(min_length=1, max_length=10)
    ] = ["852$a", "924$b"]
    """Where a record names who has it."""
    most: Annotated[int, Field(ge=1, le=100)] = 20
    """Records that are looked at."""
    when_nothing: Literal["ask-all", "end"] = "end"
    """When it names none of our partners: end, but for last resorts and whom staff choose."""
    when_silent: Literal["ask-all", "end"] = "ask-all"
    """When it does not answer."""


class LookupsDoc(_Strict):
    """What is asked on the net before a library is."""

    citation: CitationSourcesDoc = CitationSourcesDoc()
    open_access: OpenAccessDoc = OpenAccessDoc()
    index: IndexDoc = IndexDoc()

    def addresses(self) -> dict[str, str]:
        """Every URL, by where it stands in the document."""
        told = {f"/lookups/citation/{name}": url for name, url in self.citation.model_dump().items()}
        told |= {"/lookups/open_access/doi": self.open_access.doi, "/lookups/index/url": self.index.url}
        return {pointer: url for pointer, url in told.items() if url is not None}


Several = Field(default=(), max_length=50)


class RouteDoc(_Strict):
    """Whom requests of a kind are put to first. What is left out fits everything.

    Of the routes that fit the most specific counts: patron group, pickup, kind, service, level, each more than all that
    follow it; of equal ones the later.
    """

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    patron_groups: Annotated[tuple[Word, ...], Several] = ()
    """As circulation has them."""
    pickups: Annotated[tuple[Word, ...], Several] = ()
    """Codes of the service points where patrons fetch it."""
    kinds: tuple[Literal["article", "chapter", "serial", "book"], ...] = ()
    """What is cited."""
    services: tuple[Literal["loan", "copy", "copy-or-loan"], ...] = ()
    """A request for a copy or a loan fits each of them."""
    levels: Annotated[tuple[Word, ...], Several] = ()
    """Service levels, in whatever case; a request without one counts as Normal."""
    partners: Annotated[tuple[AgencyDoc, ...], Field(min_length=1, max_length=50)]
    """In the order in which they are asked, by any of their symbols; whatever an index says."""
    then: Literal["directory", "last-resorts", "end"] = "directory"
    """Who is asked when none of them supplies: all others in the order of the rules, then last resorts; last resorts
    alone; or nobody."""

    @property
    def route(self) -> Route:
        """As the rules take it."""
        return Route(self.code, {name: frozenset(getattr(self, name)) for name in CRITERIA}, self.then)


class RoutingDoc(_Strict):
    """To whom requests go first."""

    routes: Annotated[tuple[RouteDoc, ...], Field(max_length=200)] = ()
    default_peer: AgencyDoc | None = None
    """Where no route fits: asked before all others; or, where an index is asked, after those that it names."""

    @model_validator(mode="after")
    def _routes_are_told_apart(self) -> "RoutingDoc":
        if len({one.code for one in self.routes}) < len(self.routes):
            raise ValueError("each route has a code of its own")
        return self

    def agencies(self) -> dict[str, AgencyDoc]:
        """Every partner that is named, by where that is in the document."""
        told = {
            f"/routing/routes/{at}/partners/{place}": one
            for at, route in enumerate(self.routes)
            for place, one in enumerate(route.partners)
        }
        return told | ({"/routing/default_peer": self.default_peer} if self.default_peer else {})


class ConfigurationDoc(_Strict):
    """How this library takes part."""

    agency: AgencyDoc | None = None
    """Our own symbol; until it is set, nothing is sent or taken."""
    name: Word | None = None
    address: Annotated[list[Word], Field(max_length=6)] = []
    """Where items are sent and sent back to, line by line."""
    email: Word | None = None
    number_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,12}$")] = "ILL-"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    max_cost: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """Minor units a request may cost unless it says otherwise; none: whatever it costs."""
    max_open_requests: Annotated[int, Field(ge=1, le=10_000)] = 25
    """Of one patron."""
    patron_check: Literal["known", "ask"] = "known"
    """By what a patron is checked: by what circulation has told of them and their blocks until now; or (ask) it is
    asked at each request, which tells limits, fees and an expired card, too. Without an answer what is known counts."""
    duplicate_days: Annotated[int, Field(ge=0, le=3650)] = 30
    """How far back the same wish of the same patron is looked for."""
    send: Literal["at-once", "by-hand"] = "at-once"
    """Whether a request that passed the checks goes out by itself."""
    own_shelves: Literal["off", "review", "fill"] = "off"
    """Whether the catalogue is asked before other libraries are. What it may have is for staff to look into; or (fill)
    what was found by a number is held for the patron by itself, and where it cannot be, others are asked."""
    losses: Literal["charge", "staff"] = "charge"
    """Whether a patron is charged what an owner wants for what did not come back, or staff see to it. Circulation
    charges in the currency of its accounts alone; what it cannot is shown to staff."""
    licensed_access: Literal["off", "first"] = "off"
    """Whether acquisitions are asked first if the patron can read it online: then the link is shown, and no library is
    asked unless the patron wants it so."""
    cancel: Literal["at-once", "by-hand"] = "at-once"
    """Whether a partner may cancel by itself what was not shipped."""
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$", max_length=500)] | None = None
    """Where partners reach our front door; links to copies begin with it."""
    lookups: LookupsDoc = LookupsDoc()
    routing: RoutingDoc = RoutingDoc()
    lending: LendingDoc = LendingDoc()
    copyright: CopyrightDoc = CopyrightDoc()
    documents: DocumentsDoc = DocumentsDoc()
    times: TimesDoc = TimesDoc()

    def expiry(self) -> tuple[Span | None, dict[str, Span]]:
        """How old requests without a day may grow: those of any level, and by level."""
        days = self.times.expire_days
        return Span(days=days) if days is not None else None, spans_of(self.times.expire)

    def spans(self, respond: Span | None = None, calendar: Calendar | None = None) -> Spans:
        """The times as the rules take them; `respond`: what the supplier has for its answer."""
        respond = respond or Span(days=4)
        return Spans(
            answer=self.times.answer_minutes,
            respond=respond.days or 4,
            respond_hours=respond.hours,
            calendar=calendar or ALWAYS,
            condition=self.times.condition_days,
            not_received=self.times.not_received_days,
            copy=self.times.copy_days,
            back=self.times.return_days,
            stale=self.times.stale_days,
            stale_hours=self.times.stale_rush_hours,
            grace=self.times.overdue_grace_days,
        )
