"""The directory of partners on the wire. What proves who somebody is goes in, or out once, and never again."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors, etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.association import judged
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
from ill.partners.documents import PartnerIn
from ill.partners.rules import hashed, new_security_code, symbol_key
from ill.partners.sealing import SEAL, seal

router = new_router("/v1/ill/partners", tag="interlibrary loan")

MayRead = Annotated[Principal, Depends(may("ill:read", "ill:partners"))]
MayWrite = Annotated[Principal, Depends(may("ill:partners"))]


class NoSuchPartner(NotFound):
    """There is no such partner."""

    title = "There is no such partner."


class PartnerTaken(Refused):
    """Another partner has this symbol or client."""

    code, title = "partner-taken", "Another partner has this symbol or client."


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
    num_nonnulls(s.sealed, s.our_account, s.our_security_code, s.our_token) > 0 AS has_our_credentials,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('scheme', o.scheme, 'symbol', o.symbol, 'branch', o.branch,
            'preferred_for', to_jsonb(o.preferred_for)) ORDER BY o.position), '[]')
        FROM partner_symbol o WHERE o.partner_id = p.id) AS symbols
FROM partner p LEFT JOIN partner_secret s ON s.partner_id = p.id
"""
_COLUMNS = tuple(name for name in PartnerIn.model_fields if name != "symbols")
"""Its symbols besides the first have a table of their own."""
_INSERT = (
    f"INSERT INTO partner (id, created_at, {', '.join(_COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ($1, $2, {', '.join(f'${at}' for at in range(3, len(_COLUMNS) + 3))})"
)
_UPDATE = (
    f"UPDATE partner SET version = version + 1, "  # noqa: S608 - our own names
    f"{', '.join(f'{name} = ${at}' for at, name in enumerate(_COLUMNS, 2))} WHERE id = $1"
)


_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('partner symbols'))"
_OTHERS = """
SELECT w.at FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (scheme, symbol, at)
WHERE EXISTS (SELECT FROM partner p WHERE upper(p.scheme) = w.scheme AND upper(p.symbol) = w.symbol AND p.id <> $3)
    OR EXISTS (SELECT FROM partner_symbol o WHERE upper(o.scheme) = w.scheme AND upper(o.symbol) = w.symbol
        AND o.partner_id <> $3)
ORDER BY w.at
"""
_FORGET = "DELETE FROM partner_symbol WHERE partner_id = $1"
_ENTER = """
INSERT INTO partner_symbol (partner_id, position, scheme, symbol, branch, preferred_for) VALUES ($1, $2, $3, $4, $5, $6)
"""


def _told(body: PartnerIn) -> list[Any]:
    """Its columns; closings as JSON has them."""
    plain: dict[str, Any] = {
        name: [one.model_dump(mode="json") for one in getattr(body, name)]
        for name in ("closings", "policies", "networks", "branches", "endpoints")
    }
    plain["catalogue_copies"] = body.catalogue_copies.model_dump() if body.catalogue_copies else None
    plain["respond_levels"] = {name: told.model_dump() for name, told in body.respond_levels.items()}
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


async def _free(connection: Connection, partner_id: UUID, body: PartnerIn) -> None:
    """Every symbol is this library's alone. `PartnerTaken` with each that is another's.

    The first is kept with the partner and the others apart, so directories are changed one after the other.
    """
    await connection.execute(_ONE_AT_A_TIME)
    keys = [
        symbol_key(body.scheme, body.symbol),
        *(symbol_key(one.scheme, one.symbol) for one in body.symbols),
    ]
    rows = await connection.fetch(_OTHERS, [one[0] for one in keys], [one[1] for one in keys], partner_id)
    if rows:
        pointers = ["/symbol", *(f"/symbols/{at}/symbol" for at in range(len(body.symbols)))]
        text, mend = "Another partner has it.", "Change that partner instead."
        raise PartnerTaken(
            reasons=[Reason("partner-taken", text, pointers[row["at"] - 1], mend) for row in rows]
        )


async def _enter_symbols(connection: Connection, partner_id: UUID, body: PartnerIn) -> None:
    """Those besides the first, in the place of what there was."""
    await connection.execute(_FORGET, partner_id)
    rows = [
        (partner_id, at, one.scheme, one.symbol, one.branch, one.preferred_for)
        for at, one in enumerate(body.symbols)
    ]
    await connection.executemany(_ENTER, rows)


def _may_be_asked(request: Request, body: PartnerIn) -> None:
    """Its catalogue is asked by us: only where it may be."""
    if body.catalogue_url is not None:
        networks = request.app.state.resources.settings.networks
        if found := refusals(judged(body.catalogue_url), networks):
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
        await _free(connection, partner_id, body)
        try:
            await connection.execute(_INSERT, partner_id, now, *_told(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        await _enter_symbols(connection, partner_id, body)
        where = {"location": f"/v1/ill/partners/{partner_id}", "etag": etags.etag(1)}
        return 201, await _read(connection, partner_id), where

    return await whole(_pool(request), once, act)


_WHERE = """
WHERE (p.name, p.id) > ($1, $2)
  AND ($3::text IS NULL OR upper(p.symbol) = upper($3)
    OR p.id IN (SELECT partner_id FROM partner_symbol WHERE upper(symbol) = upper($3)))
  AND ($4::jsonb IS NULL OR p.networks @> $4)
ORDER BY p.name, p.id LIMIT $5
"""


@router.get(
    "",
    response_model=cursors.Page[PartnerOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_partners(
    request: Request,
    response: Response,
    _: MayRead,
    symbol: Annotated[
        str | None, Query(max_length=60, description="Only those with this symbol, in whichever namespace")
    ] = None,
    network: Annotated[
        str | None, Query(max_length=40, description="Only the members of this network")
    ] = None,
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
        _SELECT + _WHERE,
        *after,
        symbol,
        [{"network": network}] if network is not None else None,
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
        await _free(connection, partner_id, body)
        try:
            await connection.execute(_UPDATE, partner_id, *_told(body))
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        await _enter_symbols(connection, partner_id, body)
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
