"""Accounts and signing in, on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Anyone, Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from gateway.accounts import commands
from gateway.accounts.commands import SignInRefused, UsernameTaken
from gateway.accounts.door import Door, SecondFactorWanted, SignInBusy
from gateway.roles.rules import ROLES
from gateway.tables import Account
from gateway.tokens.minting import Mint

router = new_router(tag="accounts")

MayWrite = Annotated[Principal, Depends(may("accounts:write"))]
MayRead = Annotated[Principal, Depends(may("accounts:read"))]


class AccountIn(BaseModel):
    """A new account."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(min_length=1, max_length=200)
    password: str = Field(max_length=1000)
    roles: list[str] = Field(max_length=20)
    patron_id: UUID | None = None
    libraries: list[str] | None = Field(default=None, max_length=200)
    service_point_id: UUID | None = None


class AccountChange(BaseModel):
    """What is to change."""

    model_config = ConfigDict(extra="forbid")

    password: str | None = Field(default=None, max_length=1000)
    roles: list[str] | None = Field(default=None, max_length=20)
    disabled: bool | None = None


class AccountOut(BaseModel):
    """An account; never its password."""

    id: UUID
    username: str
    roles: list[str]
    patron_id: UUID | None
    libraries: list[str] | None
    service_point_id: UUID | None
    disabled: bool
    locked_until: datetime | None
    version: int


class SessionIn(BaseModel):
    """Name and password, and where the account has a second factor its code."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(max_length=200)
    password: str = Field(max_length=1000)
    code: str | None = Field(default=None, max_length=60)


class SessionOut(BaseModel):
    """A token to send as `Authorization: Bearer`."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: int
    scope: str


class WhoOut(BaseModel):
    """The asker, as Carrel sees them."""

    kind: str
    ref: str
    scopes: list[str]
    patron_id: UUID | None
    libraries: list[str] | None
    service_point_id: UUID | None


@router.post(
    "/v1/sessions",
    status_code=201,
    response_model=SessionOut,
    responses=problems(SignInRefused, SecondFactorWanted, Invalid, SignInBusy),
)
async def sign_in(request: Request, body: SessionIn, response: Response, now: Now) -> SessionOut:
    """Sign in with a local account. Where work takes two factors, a token without them opens no work."""
    door: Door = request.app.state.door
    address = request.client.host if request.client else ""
    opened = await door.sign_in(
        username=body.username, password=body.password, address=address, code=body.code, now=now
    )
    if opened is None:
        raise SignInRefused
    doc = await request.app.state.saml.in_force.now()
    who = opened.at_work(wanted=doc.sessions.staff_second_factor)
    return await given_token(request, who, response, now)


async def given_token(
    request: Request, principal: Principal, response: Response, now: datetime
) -> SessionOut:
    """A token for whoever has just proved who they are."""
    mint: Mint = request.app.state.mint
    token, seconds = await mint.access_token(principal, now=now)
    response.headers["Cache-Control"] = "no-store"
    return SessionOut(access_token=token, expires_in=seconds, scope=" ".join(sorted(principal.scopes)))


@router.get("/v1/whoami", response_model=WhoOut)
async def who_am_i(asker: Anyone) -> WhoOut:
    """Whom your token or key names, and what it may."""
    return WhoOut(
        kind=asker.kind,
        ref=asker.ref,
        scopes=sorted(asker.scopes),
        patron_id=asker.patron_id,
        libraries=sorted(asker.libraries) if asker.libraries is not None else None,
        service_point_id=asker.service_point_id,
    )


MayGrant = Annotated[
    Principal, Depends(may("accounts:read", "accounts:write", "clients:read", "clients:write"))
]


@router.get("/v1/roles", responses=problems(Unauthenticated, Forbidden))
async def list_roles(_: MayGrant) -> dict[str, list[str]]:
    """Every role and the scopes it grants."""
    return {name: sorted(scopes) for name, scopes in sorted(ROLES.items())}


@router.post(
    "/v1/accounts",
    status_code=201,
    response_model=AccountOut,
    responses=problems(Unauthenticated, Forbidden, UsernameTaken, Invalid),
)
async def create_account(tx: Tx, by: MayWrite, body: AccountIn, response: Response, now: Now) -> Account:
    """Make an account."""
    account = await commands.create(
        tx,
        by=by,
        username=body.username,
        password=body.password,
        roles=body.roles,
        patron_id=body.patron_id,
        libraries=body.libraries,
        service_point_id=body.service_point_id,
        now=now,
    )
    response.headers["Location"] = f"/v1/accounts/{account.id}"
    etags.tag(response, account.version)
    return account


_LIST = text("""
SELECT * FROM account WHERE (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid))
  AND (CAST(:username AS text) IS NULL OR username = CAST(:username AS text))
ORDER BY id LIMIT :limit
""")


@router.get(
    "/v1/accounts",
    response_model=cursors.Page[AccountOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_accounts(
    tx: ReadTx,
    _: MayRead,
    request: Request,
    response: Response,
    username: Annotated[str | None, Query(max_length=200)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[AccountOut]:
    """Accounts, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else None
    folded = username.strip().lower() if username is not None else None
    found = await tx.execute(_LIST, {"after": after, "username": folded, "limit": limit + 1})
    rows = found.mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[AccountOut(**row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/accounts/{account_id}",
    response_model=AccountOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_account(tx: ReadTx, _: MayRead, account_id: UUID, response: Response) -> Account:
    """One account."""
    account = await tx.get(Account, account_id)
    if account is None:
        raise NotFound("There is no such account.")
    etags.tag(response, account.version)
    return account


@router.patch(
    "/v1/accounts/{account_id}",
    response_model=AccountOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Stale, PreconditionRequired, Invalid),
)
async def change_account(
    tx: Tx, by: MayWrite, account_id: UUID, body: AccountChange, expected: IfMatch, response: Response
) -> Account:
    """Change password, roles, or whether it may be used. Tokens already given out live ten minutes more."""
    account = await commands.change(
        tx,
        by=by,
        account_id=account_id,
        expected=expected,
        password=body.password,
        roles=body.roles,
        disabled=body.disabled,
    )
    etags.tag(response, account.version)
    return account
