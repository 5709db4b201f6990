"""The directory of partners on the wire. What proves who somebody is goes in, or out once, and never again."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import available_timezones

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from chassis import cursors, etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from ill.partners.rules import closing_contradicts, hashed, new_security_code
from ill.partners.sealing import SEAL, seal

router = new_router("/v1/ill/partners", tag="interlibrary loan")

MayRead = Annotated[Principal, Depends(may("ill:read", "ill:partners"))]
MayWrite = Annotated[Principal, Depends(may("ill:partners"))]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Symbol = Annotated[str, Field(pattern=r"^\S.{0,59}$")]


class NoSuchPartner(NotFound):
    """There is no such partner."""

    title = "There is no such partner."


class PartnerTaken(Refused):
    """Another partner has this symbol or client."""

    code, title = "partner-taken", "Another partner has this symbol or client."


class ClosingDoc(BaseModel):
    """Days on which a partner is closed."""

    model_config = ConfigDict(extra="forbid")

    first: date
    last: date
    """Included."""


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


class PartnerIn(BaseModel):
    """A library that we exchange requests with."""

    model_config = ConfigDict(extra="forbid")

    name: Word
    scheme: Symbol = "ISIL"
    symbol: Symbol
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
    """SRU of its own catalogue: looked into before it is asked, and what is not there or not in is not asked for."""
    catalogue_version: Literal["1.1", "1.2", "2.0"] = "1.2"
    catalogue_schema: Annotated[str, Field(min_length=1, max_length=200)] = "marcxml"
    """`opac` or what else has holdings, where it is to tell whether a copy is in."""
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
        if any(one.first > one.last for one in self.closings):
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


class NotSealable(Refused):
    """Credentials cannot be kept."""

    code, title = "not-sealable", "Credentials cannot be kept here."


class PartnerOut(PartnerIn):
    """A partner, and whether there are secrets; they are not told."""

    model_config = ConfigDict(extra="ignore")

    id: UUID
    version: int
    created_at: datetime
    has_security_code: bool
    """It can prove who it is by the code that was given to it."""
    has_our_credentials: bool
    """We can prove to it who we are."""


class CodeOut(BaseModel):
    """The security code, this once; sent again it is another one, and this one is no good any more."""

    security_code: str


class CredentialsIn(BaseModel):
    """What we prove ourselves with to the partner; what is left out is forgotten."""

    model_config = ConfigDict(extra="forbid")

    account: str | None = Field(default=None, min_length=1, max_length=200)
    security_code: str | None = Field(default=None, min_length=1, max_length=500)
    """Both go into `requestingAgencyAuthentication`."""
    token: str | None = Field(default=None, pattern=r"^[\x21-\x7e]{1,2000}$")
    """Sent as `Authorization: Bearer`."""


_SELECT = """
SELECT p.*, s.security_code_hash IS NOT NULL AS has_security_code,
    num_nonnulls(s.sealed, s.our_account, s.our_security_code, s.our_token) > 0 AS has_our_credentials
FROM partner p LEFT JOIN partner_secret s ON s.partner_id = p.id
"""
_COLUMNS = tuple(PartnerIn.model_fields)
_INSERT = (
    f"INSERT INTO partner (id, created_at, {', '.join(_COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ($1, $2, {', '.join(f'${at}' for at in range(3, len(_COLUMNS) + 3))})"
)
_UPDATE = (
    f"UPDATE partner SET version = version + 1, "  # noqa: S608 - our own names
    f"{', '.join(f'{name} = ${at}' for at, name in enumerate(_COLUMNS, 2))} WHERE id = $1"
)


def _told(body: PartnerIn) -> list[Any]:
    """Its columns; closings as JSON has them."""
    plain = {
        name: [one.model_dump(mode="json") for one in getattr(body, name)]
        for name in ("closings", "policies", "networks")
    }
    return [plain.get(name, getattr(body, name)) for name in _COLUMNS]


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


async def _read(connection: Connection | asyncpg.Pool, partner_id: UUID) -> PartnerOut:
    row = await connection.fetchrow(_SELECT + "WHERE p.id = $1", partner_id)
    if row is None:
        raise NoSuchPartner
    return PartnerOut(**dict(row))


def _taken(error: asyncpg.UniqueViolationError) -> PartnerTaken:
    pointer = "/client_id" if error.constraint_name == "partner_one_per_client" else "/symbol"
    text = "Another partner has it."
    return PartnerTaken(reasons=[Reason("partner-taken", text, pointer, "Change that partner instead.")])


def _may_be_asked(request: Request, body: PartnerIn) -> None:
    """Its catalogue is asked by us: only where it may be."""
    if body.catalogue_url is not None:
        networks = request.app.state.resources.settings.networks
        if found := refusals(body.catalogue_url, networks):
            raise Invalid(reasons=[Reason(one.code, one.text, "/catalogue_url", one.mend) for one in found])


_NETWORKS = "SELECT code, tiers FROM network WHERE code = ANY ($1::text[]) ORDER BY code FOR SHARE"


async def _known(connection: Connection, body: PartnerIn) -> None:
    """Its networks and their tiers are there. `Invalid` with each that is not."""
    rows = await connection.fetch(_NETWORKS, [one.network for one in body.networks])
    tiers = {row["code"]: {tier["name"] for tier in row["tiers"]} for row in rows}
    reasons = []
    for at, one in enumerate(body.networks):
        if one.network not in tiers:
            text = f"There is no network {one.network!r}."
            reasons.append(
                Reason("network-unknown", text, f"/networks/{at}/network", "Enter the network first.")
            )
        elif one.tier is not None and one.tier not in tiers[one.network]:
            text = f"The network {one.network!r} has no tier {one.tier!r}."
            reasons.append(Reason("tier-unknown", text, f"/networks/{at}/tier", "Name one that it has."))
    if reasons:
        raise Invalid(reasons=reasons)


@router.post(
    "",
    status_code=201,
    response_model=PartnerOut,
    responses=problems(Unauthenticated, Forbidden, PartnerTaken, InFlight, Invalid),
)
async def create_partner(
    request: Request, body: PartnerIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter a library into the directory."""

    _may_be_asked(request, body)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await _known(connection, body)
        partner_id = uuid7()
        told = _told(body)
        try:
            await connection.execute(_INSERT, partner_id, now, *told)
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        where = {"location": f"/v1/ill/partners/{partner_id}", "etag": etags.etag(1)}
        return 201, await _read(connection, partner_id), where

    return await whole(_pool(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[PartnerOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_partners(
    request: Request,
    response: Response,
    _: MayRead,
    symbol: Annotated[str | None, Query(max_length=60, description="Only the one with this symbol")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[PartnerOut]:
    """Every partner, by name."""
    after: list[Any] = ["", UUID(int=0)]
    if cursor is not None:
        name, told = cursors.decode(cursor, parts=2)
        try:
            after = [str(name), UUID(str(told))]
        except ValueError:
            raise cursors.wrong_cursor() from None
    rows = await _pool(request).fetch(
        _SELECT + "WHERE (p.name, p.id) > ($1, $2) AND ($3::text IS NULL OR upper(p.symbol) = upper($3)) "
        "ORDER BY p.name, p.id LIMIT $4",
        *after,
        symbol,
        limit + 1,
    )
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(last["name"], str(last["id"])) if last else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[PartnerOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/{partner_id}", response_model=PartnerOut, responses=problems(Unauthenticated, Forbidden, NoSuchPartner)
)
async def get_partner(request: Request, response: Response, partner_id: UUID, _: MayRead) -> PartnerOut:
    """One partner."""
    told = await _read(_pool(request), partner_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{partner_id}",
    response_model=PartnerOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchPartner, PartnerTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_partner(
    request: Request, response: Response, partner_id: UUID, body: PartnerIn, _: MayWrite, expected: IfMatch
) -> PartnerOut:
    """Replace what is told of a partner. One that is no longer asked is made inactive, and stays on record."""
    _may_be_asked(request, body)
    async with _pool(request).acquire() as connection, connection.transaction():
        version = await connection.fetchval(
            "SELECT version FROM partner WHERE id = $1 FOR UPDATE", partner_id
        )
        if version is None:
            raise NoSuchPartner
        etags.guard(expected=expected, found=version)
        await _known(connection, body)
        try:
            await connection.execute(_UPDATE, partner_id, *_told(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        told = await _read(connection, partner_id)
    etags.tag(response, told.version)
    return told


@router.post(
    "/{partner_id}/security-codes",
    status_code=201,
    response_model=CodeOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchPartner),
)
async def give_security_code(request: Request, partner_id: UUID, _: MayWrite, now: Now) -> CodeOut:
    """Make the code by which the partner proves itself in its messages; the one before is no good any more."""
    code = new_security_code()
    async with _pool(request).acquire() as connection, connection.transaction():
        await _read(connection, partner_id)
        await connection.execute(
            "INSERT INTO partner_secret (partner_id, security_code_hash, given_at) VALUES ($1, $2, $3) "
            "ON CONFLICT (partner_id) DO UPDATE SET security_code_hash = $2, given_at = $3",
            partner_id,
            hashed(code),
            now,
        )
    return CodeOut(security_code=code)


@router.put(
    "/{partner_id}/credentials",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NoSuchPartner, NotSealable, Invalid),
)
async def keep_credentials(request: Request, partner_id: UUID, body: CredentialsIn, _: MayWrite) -> None:
    """Keep what this library proves itself with to the partner, sealed."""
    key = request.app.state.resources.settings.sealing_key
    told = body.model_dump()
    if key is None and any(told.values()):
        text = "Nothing is kept in plain text, and there is no key to seal it with."
        raise NotSealable(reasons=[Reason("sealing-key-not-set", text, mend="Set ILL_SEALING_KEY.")])
    sealed = seal(key, partner_id, told) if any(told.values()) else None
    async with _pool(request).acquire() as connection, connection.transaction():
        await _read(connection, partner_id)
        await connection.execute(
            "INSERT INTO partner_secret (partner_id) VALUES ($1) ON CONFLICT DO NOTHING", partner_id
        )
        await connection.execute(SEAL, partner_id, sealed)
