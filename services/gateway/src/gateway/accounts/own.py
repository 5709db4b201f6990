"""What somebody does with their own account: another password, a second factor. Each wants the password again."""

import logging
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.application import new_router
from chassis.clock import Now
from chassis.principal import Anyone, Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from gateway.accounts import factors, passwords
from gateway.accounts.commands import TEXTS, SignInRefused, check, check_libraries
from gateway.accounts.door import Door, Opened, SecondFactorWanted, SignInBusy
from gateway.accounts.rules import password_refusals
from gateway.tokens.keys import Sealer

log = logging.getLogger(__name__)
router = new_router(tag="accounts")

MayWrite = Annotated[Principal, Depends(may("accounts:write"))]
WRONG = problems(Unauthenticated, Forbidden, NotFound, SignInRefused, SecondFactorWanted, SignInBusy, Invalid)


class FactorThere(Refused):
    """The account has an app already."""

    code, title = "second-factor-there", "This account has an app already; take it away first."


class CodeWrong(Refused):
    """The app showed another code, or none is being set up."""

    code, title = "code-wrong", "The code is not the one that the app shows now."


class ProofIn(BaseModel):
    """The password once more, and a code where the account has a second factor."""

    model_config = ConfigDict(extra="forbid")

    password: str = Field(max_length=1000)
    code: str | None = Field(default=None, max_length=60)


class NewPasswordIn(ProofIn):
    """And the new one."""

    new_password: str = Field(max_length=1000)


class CodeIn(BaseModel):
    """What the app shows."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=60)


class AppOut(BaseModel):
    """What an authenticator app is told; shown once."""

    secret: str
    uri: str
    """As a QR code, or to be opened on a telephone."""


class RecoveryCodesOut(BaseModel):
    """Codes to keep on paper; each stands in for the app once, and none is shown again."""

    recovery_codes: list[str]


class SecondFactorsOut(BaseModel):
    """Which second factors an account has."""

    app: bool
    recovery_codes_left: int
    passkeys: int


def account_of(asker: Principal) -> UUID:
    """The asker's account; a program that acts for them may do nothing here."""
    if asker.kind == "anonymous":
        raise Unauthenticated
    if asker.kind not in ("patron", "staff") or asker.on_behalf_of is not None:
        raise Forbidden("Only somebody who is signed in with an account does this, and by themselves.")
    try:
        return UUID(asker.ref)
    except ValueError:
        raise NotFound("You are not signed in with an account.") from None


async def _own_account(asker: Anyone) -> UUID:
    return account_of(asker)


Mine = Annotated[UUID, Depends(_own_account)]


def _pool(request: Request) -> asyncpg.Pool:
    found: asyncpg.Pool = request.app.state.resources.pool
    return found


def _sealer(request: Request) -> Sealer:
    found: Sealer = request.app.state.sealer
    return found


async def proven(request: Request, account_id: UUID, told: ProofIn, now: datetime) -> str:
    """The account's name, once its password (and code) are right: a guess here counts like one at the door."""
    username = await _pool(request).fetchval("SELECT username FROM account WHERE id = $1", account_id)
    if username is None:
        raise NotFound("You are not signed in with an account.")
    door: Door = request.app.state.door
    address = request.client.host if request.client else ""
    opened: Opened | None = await door.sign_in(
        username=username, password=told.password, code=told.code, address=address, now=now
    )
    if opened is None:
        raise SignInRefused
    return str(username)


_COUNT = """
SELECT EXISTS (SELECT FROM account_totp WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS app,
    (SELECT count(*) FROM recovery_code WHERE account_id = $1) AS recovery_codes_left,
    (SELECT count(*) FROM passkey WHERE account_id = $1) AS passkeys
"""


@router.get("/v1/accounts/me/second-factors", response_model=SecondFactorsOut, responses=WRONG)
async def read_second_factors(request: Request, me: Mine) -> SecondFactorsOut:
    """Which second factors you have."""
    row = await _pool(request).fetchrow(_COUNT, me)
    assert row is not None
    return SecondFactorsOut(**dict(row))


@router.post(
    "/v1/accounts/me/authenticator-app",
    status_code=201,
    response_model=AppOut,
    responses={**WRONG, **problems(FactorThere)},
)
async def begin_authenticator_app(
    request: Request, me: Mine, body: ProofIn, response: Response, now: Now
) -> AppOut:
    """Set an app up (TOTP): it counts once it has shown a right code."""
    username = await proven(request, me, body, now)
    secret = await factors.new_secret(_pool(request), _sealer(request), me, now=now)
    if secret is None:
        raise FactorThere
    response.headers["Cache-Control"] = "no-store"
    doc = await request.app.state.saml.in_force.now()
    issuer = next(iter(doc.entity.names.values()), "Library") if doc.entity else "Library"
    return AppOut(secret=secret, uri=factors.address(secret, username=username, issuer=issuer))


@router.post(
    "/v1/accounts/me/authenticator-app:confirm",
    response_model=RecoveryCodesOut,
    responses={**WRONG, **problems(CodeWrong)},
)
async def confirm_authenticator_app(
    request: Request, me: Mine, body: CodeIn, response: Response, now: Now
) -> RecoveryCodesOut:
    """The app shows a right code: from now on the account wants one at every sign-in."""
    codes = await factors.confirmed(_pool(request), _sealer(request), me, body.code, now=now)
    if codes is None:
        raise CodeWrong
    response.headers["Cache-Control"] = "no-store"
    log.info("an account has a second factor", extra={"account": str(me)})
    return RecoveryCodesOut(recovery_codes=codes)


@router.post("/v1/accounts/me/authenticator-app:remove", status_code=204, responses=WRONG)
async def remove_authenticator_app(request: Request, me: Mine, body: ProofIn, now: Now) -> None:
    """Do without the app and its recovery codes; it wants a code a last time."""
    await proven(request, me, body, now)
    async with _pool(request).acquire() as connection, connection.transaction():
        await factors.forget(connection, me, passkeys=False)
    log.info("an account has no app any more", extra={"account": str(me)})


@router.post("/v1/accounts/me/recovery-codes", response_model=RecoveryCodesOut, responses=WRONG)
async def renew_recovery_codes(
    request: Request, me: Mine, body: ProofIn, response: Response, now: Now
) -> RecoveryCodesOut:
    """Ten new ones; the old ones are good for nothing any more."""
    await proven(request, me, body, now)
    async with _pool(request).acquire() as connection, connection.transaction():
        codes = await factors.new_codes(connection, me)
    response.headers["Cache-Control"] = "no-store"
    return RecoveryCodesOut(recovery_codes=codes)


@router.put("/v1/accounts/me/password", status_code=204, responses=WRONG)
async def change_own_password(request: Request, me: Mine, body: NewPasswordIn, now: Now) -> None:
    """Another password; every browser that is signed in with the account is signed out."""
    username = await proven(request, me, body, now)
    if wrongs := password_refusals(body.new_password, username):
        raise Invalid(reasons=[Reason(code, TEXTS[code], "/new_password") for code in wrongs])
    kept = await passwords.hashed(body.new_password)
    async with _pool(request).acquire() as connection, connection.transaction():
        await connection.execute(
            "UPDATE account SET password_hash = $2, failures = 0, locked_until = NULL, version = version + 1 "
            "WHERE id = $1",
            me,
            kept,
        )
        await connection.execute("DELETE FROM browser_session WHERE person_id = $1", me)


@router.delete(
    "/v1/accounts/{account_id}/second-factors",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def reset_second_factors(request: Request, by: MayWrite, account_id: UUID) -> None:
    """For somebody who has lost everything: take app, recovery codes and passkeys away."""
    row = await _pool(request).fetchrow(
        "SELECT username, roles, libraries FROM account WHERE id = $1", account_id
    )
    if row is None:
        raise NotFound("There is no such account.")
    check(by, username=row["username"], password=None, roles=list(row["roles"]))
    check_libraries(by, row["libraries"])
    async with _pool(request).acquire() as connection, connection.transaction():
        await factors.forget(connection, account_id, passkeys=True)
        await connection.execute("DELETE FROM browser_session WHERE person_id = $1", account_id)
    log.info("second factors were taken away", extra={"account": str(account_id), "by": str(by.actor)})
