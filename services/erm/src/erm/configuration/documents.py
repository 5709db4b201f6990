"""The document, as it is exported, compared and applied."""

from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from erm.instances.likeness import Limits
from erm.money.rules import NotAnAmount, read
from erm.platforms.rules import BARE, is_address
from erm.wire import AmountIn, Currency


def _zone(told: str) -> str:
    try:
        ZoneInfo(told)
    except (KeyError, ValueError, OSError):
        raise ValueError("there is no such time zone in the IANA database") from None
    return told


def _prefix(told: str) -> str:
    if not is_address(told.replace(BARE, "x")):
        raise ValueError(
            "a proxy's prefix is an http or https address; {url} in it stands for what is linked to"
        )
    return told


ProxyPrefix = Annotated[str, Field(max_length=500), AfterValidator(_prefix)]
"""What goes before an address to come through the proxy, or an address with `{url}` where the other goes, escaped."""


def _form(told: str) -> str:
    if told.count("{openurl}") != 1 or not is_address(told.replace("{openurl}", "x")):
        raise ValueError("a form is an http or https address with {openurl} where the citation goes")
    if "{openurl}" in told.partition("?")[0]:
        raise ValueError("{openurl} stands behind the question mark")
    return told


class ResolverDoc(BaseModel):
    """How links are resolved."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    free_first: bool = False
    """What is free for everybody before what the library pays for; else behind it."""
    request_form: Annotated[str, Field(max_length=500), AfterValidator(_form)] | None = None
    """Where readers ask the library to get something from elsewhere; `{openurl}` stands for the citation, as keys and
    encoded values: `https://discovery.example/request?{openurl}`."""


class NamesDoc(BaseModel):
    """What is made of titles that are called alike when no number tells which title a list's row is about."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ask_from: Annotated[int, Field(ge=50, le=100)] | None = 80
    """Percent of likeness from which staff are asked (`GET /v1/title-reviews`); none: names are not compared."""
    take_from: Annotated[int, Field(ge=50, le=100)] | None = None
    """Percent from which the one title that is so like it, and against which nothing speaks, is taken for it by itself;
    none: never."""

    @model_validator(mode="after")
    def _asked_before_taken(self) -> "NamesDoc":
        if self.take_from is not None and (self.ask_from is None or self.take_from < self.ask_from):
            raise ValueError("take_from is not below ask_from")
        return self

    @property
    def limits(self) -> Limits:
        """As names are weighed by."""
        return Limits(self.ask_from, self.take_from)


Affix = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,12}$")]


class ConfigurationDoc(BaseModel):
    """How this library buys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_prefix: Affix = "PO-"
    """Before the running number of an order: `PO-000123`."""
    order_suffix: Affix = ""
    """Behind it."""
    order_digits: Annotated[int, Field(ge=1, le=12)] = 6
    """Of the running number; a longer one is told whole."""
    approval_limits: dict[Currency, AmountIn] = Field(default_factory=dict, max_length=50)
    """By the ledger's currency: what may be approved with `orders:approve` or `invoices:approve`; above it takes
    `orders:unlimited` or `invoices:unlimited`. A currency that is not named has no limit."""
    four_eyes: bool = False
    """Whoever entered an order or invoice may not approve it."""
    exchange_rate_days: Annotated[int, Field(ge=0, le=366)] = 7
    """How many days before its day a source's rate of exchange may be of, to be taken for an order or invoice: sources
    tell none on weekends and holidays."""
    time_zone: Annotated[str, Field(max_length=60), AfterValidator(_zone)] = "UTC"
    """Whose midnight moves the walls of embargoes and ends access."""
    proxy_prefix: ProxyPrefix | None = None
    """The library's proxy, for platforms that name none of their own."""
    resolver: ResolverDoc = ResolverDoc()
    names: NamesDoc = NamesDoc()
    """Titles that are called alike."""

    @model_validator(mode="after")
    def _limits_are_amounts(self) -> "ConfigurationDoc":
        for currency, told in self.approval_limits.items():
            try:
                read(told, currency)
            except NotAnAmount as wrong:
                raise ValueError(f"{currency}: {wrong}") from wrong
        return self

    def today(self, now: datetime) -> date:
        """The library's date."""
        return now.astimezone(ZoneInfo(self.time_zone)).date()

    def order_number(self, running: int) -> str:
        """What an order is called."""
        return f"{self.order_prefix}{running:0{self.order_digits}}{self.order_suffix}"

    def limit(self, currency: str) -> int | None:
        """Minor units; none: no limit."""
        told = self.approval_limits.get(currency)
        return None if told is None else read(told, currency)
