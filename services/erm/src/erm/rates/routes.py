"""Sources of rates on the wire, and the rate of a day with how it came about."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field, model_validator

from chassis import cursors, etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from erm.configuration.queries import in_force
from erm.finance.named import CodeTaken, Named, Versioned
from erm.finance.routes import CHANGES, REFUSALS, MayRead, MayWrite
from erm.rates.commands import known
from erm.rates.rules import age, cross, explained, is_too_old
from erm.rows import pool_of
from erm.sources.rules import Fetched
from erm.sources.sealing import NotSealable, demanded, seal
from erm.sources.wire import Keyed
from erm.wire import Code, Currency, Day, Limit, Word

router = new_router("/v1", tag="finance")


class RateSourceUnknown(NotFound):
    """There is no such source of rates."""

    code, title = "exchange-rate-source-unknown", "There is no such source of rates of exchange."


class RateUnknown(NotFound):
    """No source tells a rate for this day or before it."""

    code, title = "exchange-rate-unknown", "No source tells a rate of these currencies for this day."


class RateSourceIn(Keyed):
    """Where rates of exchange are read."""

    code: Code
    name: Word
    format: Literal["ecb-xml", "json"]
    """`ecb-xml`: as the European Central Bank publishes them (eurofxref); `json`: an object with `base`, `date` and
    `rates`, each so many units for one of the base."""
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    """By https, of the public internet, or in a network that the operator allows (ERM_LIST_NETWORKS)."""
    every_hours: Annotated[int, Field(ge=1, le=24 * 31)] = 6
    active: bool = True
    """One that is not is neither asked nor taken from."""


class RateSourceOut(Versioned):
    """Where rates are read, and what came of it last."""

    id: UUID
    code: str
    name: str
    format: Literal["ecb-xml", "json"]
    url: str
    key_name: str | None
    key_in: Literal["query", "header"]
    has_key: bool
    every_hours: int
    active: bool
    next_at: datetime | None
    """None: it is not asked until somebody has changed it."""
    asked_at: datetime | None
    outcome: Fetched | None
    error: str | None
    failures: int
    """In a row."""
    last_rated_on: date | None
    """The newest day of which it has told rates."""
    created_at: datetime

    @model_validator(mode="before")
    @classmethod
    def _of_row(cls, told: Any) -> Any:
        return {**told, "has_key": told["sealed"] is not None} if "sealed" in told else told


class ExchangeRateOut(BaseModel):
    """A rate, and how it came about."""

    source: str
    target: str
    on: date
    """The day that it is for."""
    rate: Decimal
    """Units of the target for one of the source."""
    source_id: UUID
    source_code: str
    rated_on: date
    """The day that it is of."""
    age_days: int
    too_old: bool
    """Older than `exchange_rate_days` of the configuration: orders and invoices do not take it."""
    note: str


SOURCES = Named("rate_source", "/v1/exchange-rate-sources", RateSourceOut, RateSourceUnknown)


def _values(request: Request, body: RateSourceIn, row_id: UUID, found: Any, now: datetime) -> dict[str, Any]:
    """Columns as they are to be; a key stays where it was given for. `Invalid`, `NotSealable`."""
    settings = request.app.state.resources.settings
    if reasons := [
        Reason(one.code, one.text, "/url", one.mend) for one in refusals(body.url, settings.networks)
    ]:
        raise Invalid(reasons=reasons)
    sealed = found["sealed"] if found and body.key_name is not None else None
    if body.key is not None:
        sealed = seal(demanded(settings.sealing_key, "/key"), row_id, body.key.get_secret_value())
    elif sealed is not None and found["url"] != body.url:
        text, mend = "The key was given for another address.", "Send the key again with the new address."
        raise Invalid(reasons=[Reason("key-needed", text, "/key", mend)])
    return body.model_dump(exclude={"key"}) | {
        "sealed": sealed,
        "next_at": now if body.active else None,
        "failures": 0,
    }


@router.post(
    "/exchange-rate-sources",
    status_code=201,
    response_model=RateSourceOut,
    responses=problems(*REFUSALS, CodeTaken, NotSealable),
)
async def create_rate_source(
    request: Request, body: RateSourceIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Have rates read from a source; it is asked within ten minutes."""
    row_id = uuid7()
    values = _values(request, body, row_id, None, now)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        return await SOURCES.made(connection, now, row_id=row_id, **values)

    return await whole(pool_of(request), once, act)


@router.get(
    "/exchange-rate-sources",
    response_model=cursors.Page[RateSourceOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_rate_sources(
    request: Request,
    response: Response,
    _: MayRead,
    outcome: Fetched | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[RateSourceOut]:
    """Sources of rates, newest first; those that want looking after have `outcome` failed or refused."""
    return await SOURCES.listed(request, response, {"outcome =": outcome}, cursor=cursor, limit=limit)


@router.get(
    "/exchange-rate-sources/{rate_source_id}",
    response_model=RateSourceOut,
    responses=problems(Unauthenticated, Forbidden, RateSourceUnknown),
)
async def get_rate_source(
    request: Request, response: Response, rate_source_id: UUID, _: MayRead
) -> RateSourceOut:
    """One source of rates, and what came of it last."""
    return await SOURCES.shown(request, response, rate_source_id)


@router.put(
    "/exchange-rate-sources/{rate_source_id}",
    response_model=RateSourceOut,
    responses=problems(*CHANGES, RateSourceUnknown, CodeTaken, NotSealable),
)
async def change_rate_source(
    request: Request,
    response: Response,
    rate_source_id: UUID,
    body: RateSourceIn,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> RateSourceOut:
    """Replace it; it is asked anew. What it has told stays."""
    found = await pool_of(request).fetchrow("SELECT * FROM rate_source WHERE id = $1", rate_source_id)
    if found is None:
        raise RateSourceUnknown
    etags.guard(expected=expected, found=found["version"])
    values = _values(request, body, rate_source_id, found, now)
    return await SOURCES.replaced(request, response, rate_source_id, expected, **values)


@router.get(
    "/exchange-rates",
    response_model=ExchangeRateOut,
    responses=problems(Unauthenticated, Forbidden, RateUnknown, Invalid),
)
async def get_exchange_rate(
    request: Request,
    _: MayRead,
    source: Annotated[Currency, Query()],
    target: Annotated[Currency, Query()],
    now: Now,
    on: Annotated[Day | None, Query()] = None,
) -> ExchangeRateOut:
    """The rate that would be taken for a day (none: today), and how it comes about."""
    pool = pool_of(request)
    doc = await in_force(pool)
    day = on or doc.today(now)
    found = await known(pool, source, target, day)
    if found is None:
        raise RateUnknown
    return ExchangeRateOut(
        source=source,
        target=target,
        on=day,
        rate=cross(found),
        source_id=found.source_id,
        source_code=found.code,
        rated_on=found.rated_on,
        age_days=age(found, day),
        too_old=is_too_old(found, day, doc.exchange_rate_days),
        note=explained(found, source, target, day),
    )
