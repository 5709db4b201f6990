"""Accounts: made and changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated
from gateway.accounts import passwords
from gateway.accounts.rules import SHORTEST_PASSWORD, password_refusals, roles_at_door
from gateway.clients.owners import REVOKED, TURNED
from gateway.persons.rules import MFA
from gateway.roles.rules import ROLES, beyond, scopes_of, unknown_roles
from gateway.tables import Account


class UsernameTaken(Refused):
    """Somebody else has this username."""

    code, title = "username-taken", "This username is taken."


class SignInRefused(Unauthenticated):
    """Wrong name or password, or too many guesses; which one is not said."""

    code, title = (
        "sign-in-refused",
        "The name or the password is wrong, or there were too many guesses just now.",
    )


TEXTS = {
    "password-too-short": f"A password has {SHORTEST_PASSWORD} characters or more.",
    "password-holds-username": "The password holds the username.",
    "password-too-uniform": "The password repeats too few characters.",
}


_END_SESSIONS: Final = text("DELETE FROM browser_session WHERE person_id = :account")
"""Whoever knew the old password may be signed in by it."""
_ROLES_OF_SESSIONS: Final = text("""
UPDATE browser_session SET roles = CASE
    WHEN context = :mfa OR NOT coalesce((document #>> '{sessions,staff_second_factor}')::boolean, false)
    THEN CAST(:roles AS text[]) ELSE CAST(:without AS text[]) END
FROM sign_on WHERE person_id = :account
""")
"""Who loses their work loses it in every browser at once; who gains some does it with two factors, where those are
wanted."""


_LOOK_AGAIN: Final = text(
    "SELECT pg_notify(:channel, :turned || id::text) FROM client WHERE owner_id = :account AND revoked_at IS NULL"
)
"""Their own keys may no more than they may: every process looks them up anew."""


def check(by: Principal, *, username: str, password: str | None, roles: list[str]) -> None:
    """Raise with every reason against an account as wished."""
    reasons = [] if username else [Reason("username-blank", "A username has a character.", "/username")]
    reasons += [
        Reason("role-unknown", f"There is no role {name}.", "/roles") for name in unknown_roles(roles)
    ]
    if password is not None:
        reasons += [Reason(code, TEXTS[code], "/password") for code in password_refusals(password, username)]
    if reasons:
        raise Invalid(reasons=reasons)
    if lacking := beyond(by.scopes, scopes_of(roles) - ROLES["patron"]):
        raise Forbidden(
            "Nobody grants more than they have.",
            reasons=[
                Reason("scope-missing", f"You do not have {scope} yourself.", "/roles") for scope in lacking
            ],
        )


def check_libraries(by: Principal, libraries: list[str] | None) -> None:
    """Raise unless the libraries are among the asker's own; None stands for all of them."""
    if by.libraries is None or (libraries is not None and by.libraries.issuperset(libraries)):
        return
    raise Forbidden(
        "Nobody grants more than they have.",
        reasons=[
            Reason("library-missing", "You work for fewer libraries than these.", "/libraries"),
        ],
    )


async def create(
    session: AsyncSession,
    *,
    by: Principal,
    username: str,
    password: str,
    roles: list[str],
    patron_id: UUID | None,
    libraries: list[str] | None,
    service_point_id: UUID | None,
    now: datetime,
) -> Account:
    """Make an account."""
    username = username.strip().lower()
    check(by, username=username, password=password, roles=roles)
    check_libraries(by, libraries)
    account = Account(
        id=uuid7(),
        username=username,
        password_hash=await passwords.hashed(password),
        roles=roles,
        patron_id=patron_id,
        libraries=libraries,
        service_point_id=service_point_id,
        created_at=now,
    )
    session.add(account)
    try:
        await session.flush()
    except IntegrityError as error:
        raise UsernameTaken from error
    return account


async def change(
    session: AsyncSession,
    *,
    by: Principal,
    account_id: UUID,
    expected: int,
    password: str | None = None,
    roles: list[str] | None = None,
    disabled: bool | None = None,
) -> Account:
    """Change password, roles or whether the account may be used."""
    account = await session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise NotFound("There is no such account.")
    etags.guard(expected=expected, found=account.version)
    check(by, username=account.username, password=password, roles=[*account.roles, *(roles or ())])
    check_libraries(by, account.libraries)
    if password is not None:
        account.password_hash = await passwords.hashed(password)
        account.failures, account.locked_until = 0, None
    if roles is not None:
        account.roles = roles
    if disabled is not None:
        account.disabled = disabled
    account.version += 1
    await session.flush()
    if password is not None or disabled:
        await session.execute(_END_SESSIONS, {"account": account.id})
    elif roles is not None:
        without = roles_at_door(roles, two_factors=False, wanted=True)
        given = {"account": account.id, "roles": roles, "without": without, "mfa": MFA}
        await session.execute(_ROLES_OF_SESSIONS, given)
    if roles is not None or disabled is not None:
        told = {"channel": REVOKED, "turned": TURNED, "account": account.id}
        await session.execute(_LOOK_AGAIN, told)
    return account


def principal_of(account: Account, roles: Sequence[str] | None = None) -> Principal:
    """An account as principal: a patron when that is all it is, else staff. `roles`: those that count, if not all."""
    kind = "patron" if set(account.roles) <= {"patron"} else "staff"
    return Principal(
        kind,
        str(account.id),
        scopes_of(account.roles if roles is None else roles),
        patron_id=account.patron_id,
        libraries=frozenset(account.libraries) if account.libraries is not None else None,
        service_point_id=account.service_point_id,
    )
