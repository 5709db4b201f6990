"""Where organisations want their money. Its numbers count once somebody else has confirmed what one has told."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import AfterValidator, BaseModel, Field, model_validator

from chassis import cursors, etags
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
from erm.organisations.routes import OrganisationUnknown, demand_change, in_sight, read_organisation
from erm.organisations.rules import bic, iban, may_confirm
from erm.rows import change, insert, page, pool_of
from erm.units.rules import Act
from erm.units.standing import Seen, held
from erm.wire import Currency, Limit, Note, Strict, Word

router = new_router("/v1/organisations/{organisation_id}/bank-accounts", tag="organisations")

MayRead = Annotated[Principal, Depends(may("bank-accounts:read", "bank-accounts:write"))]
MayWrite = Annotated[Principal, Depends(may("bank-accounts:write"))]
State = Literal["unconfirmed", "confirmed", "closed"]


class BankAccountUnknown(NotFound):
    """The organisation has no such account."""

    code, title = "bank-account-unknown", "The organisation has no such bank account."


class BankAccountTaken(Refused):
    """The organisation has this account already."""

    code, title = "bank-account-taken", "The organisation has this bank account already."


class BankAccountRefused(Refused):
    """The account's state, or who asks, stands against it."""

    code, title = "bank-account-refused", "This cannot be done with the bank account."


def _iban(told: str) -> str:
    if (number := iban(told)) is None:
        raise ValueError("this is no IBAN: its letters or its check digits are wrong")
    return number


def _bic(told: str) -> str:
    if (code := bic(told)) is None:
        raise ValueError("this is no BIC")
    return code


class BankAccountIn(Strict):
    """Where an organisation wants its money."""

    holder: Word
    iban: Annotated[str, Field(max_length=60), AfterValidator(_iban)] | None = None
    account_number: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,39}$")] | None = None
    """Where there is no IBAN."""
    routing_code: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,19}$")] | None = None
    """Of the bank, beside an account number: a sort code, an ABA number."""
    bic: Annotated[str, Field(max_length=20), AfterValidator(_bic)] | None = None
    bank: Word | None = None
    currency: Currency | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _one_number(self) -> "BankAccountIn":
        if (self.iban is None) == (self.account_number is None):
            raise ValueError("an account has either an iban or an account_number")
        return self


class BankAccountOut(BankAccountIn):
    """A bank account."""

    id: UUID
    organisation_id: UUID
    state: State
    """Only what is `confirmed` is to be paid to."""
    told_by: str
    """Who entered or last changed it."""
    confirmed_by: str | None
    confirmed_at: datetime | None
    created_at: datetime
    version: int


class BankAccountAct(Strict):
    """What is to be done with a bank account."""

    action: Literal["confirm", "close"]


_ONE = "SELECT * FROM bank_account WHERE id = $1 AND organisation_id = $2"


async def _read(
    connection: Connection | asyncpg.Pool, organisation_id: UUID, row_id: UUID, *, lock: bool = False
) -> BankAccountOut:
    row = await connection.fetchrow(_ONE + (" FOR UPDATE" if lock else ""), row_id, organisation_id)
    if row is None:
        raise BankAccountUnknown
    return BankAccountOut(**dict(row))


def _unconfirmed(body: BankAccountIn, by: Principal) -> dict[str, Any]:
    return body.model_dump() | {
        "state": "unconfirmed",
        "told_by": str(by.actor),
        "confirmed_by": None,
        "confirmed_at": None,
    }


def _taken() -> BankAccountTaken:
    reason = Reason("bank-account-taken", "It is here already.", None, "Change that one, or close it first.")
    return BankAccountTaken(reasons=[reason])


@router.post(
    "",
    status_code=201,
    response_model=BankAccountOut,
    responses=problems(Unauthenticated, Forbidden, OrganisationUnknown, BankAccountTaken, InFlight, Invalid),
)
async def create_bank_account(
    request: Request, organisation_id: UUID, body: BankAccountIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Tell where an organisation wants its money; it counts once somebody else has confirmed it."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await read_organisation(
            connection, organisation_id, await held(connection, by), Act.UPDATE, lock="FOR SHARE"
        )
        row_id = uuid7()
        values = _unconfirmed(body, by) | {"organisation_id": organisation_id, "created_at": now}
        try:
            await insert(connection, "bank_account", id=row_id, **values)
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
        return 201, await _read(connection, organisation_id, row_id), {"etag": etags.etag(1)}

    return await whole(pool_of(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[BankAccountOut],
    responses=problems(Unauthenticated, Forbidden, OrganisationUnknown, Invalid),
)
async def list_bank_accounts(
    request: Request,
    response: Response,
    organisation_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[BankAccountOut]:
    """An organisation's bank accounts, newest first."""
    await read_organisation(pool_of(request), organisation_id, seen)
    rows, more = await page(
        request,
        response,
        "SELECT * FROM bank_account",
        {"organisation_id =": organisation_id},
        cursor=cursor,
        limit=limit,
    )
    return cursors.Page(items=[BankAccountOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{bank_account_id}",
    response_model=BankAccountOut,
    responses=problems(Unauthenticated, Forbidden, BankAccountUnknown),
)
async def get_bank_account(
    request: Request,
    response: Response,
    organisation_id: UUID,
    bank_account_id: UUID,
    _: MayRead,
    seen: Seen,
) -> BankAccountOut:
    """One bank account."""
    pool = pool_of(request)
    if not await in_sight(pool, organisation_id, seen):
        raise BankAccountUnknown
    told = await _read(pool, organisation_id, bank_account_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{bank_account_id}",
    response_model=BankAccountOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        BankAccountUnknown,
        BankAccountTaken,
        BankAccountRefused,
        Stale,
        Invalid,
        PreconditionRequired,
    ),
)
async def change_bank_account(
    request: Request,
    response: Response,
    organisation_id: UUID,
    bank_account_id: UUID,
    body: BankAccountIn,
    by: MayWrite,
    expected: IfMatch,
) -> BankAccountOut:
    """Replace what is told of a bank account; whatever is changed, it has to be confirmed anew."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await demand_change(connection, organisation_id, await held(connection, by), BankAccountUnknown())
        found = await _read(connection, organisation_id, bank_account_id, lock=True)
        etags.guard(expected=expected, found=found.version)
        if found.state == "closed":
            reason = Reason("bank-account-state", "It is closed.", None, "Enter another.")
            raise BankAccountRefused(reasons=[reason])
        try:
            await change(connection, "bank_account", bank_account_id, **_unconfirmed(body, by))
        except asyncpg.UniqueViolationError as error:
            raise _taken() from error
        told = await _read(connection, organisation_id, bank_account_id)
    etags.tag(response, told.version)
    return told


_TEXTS = {
    "told-by-yourself": ("You have told these numbers yourself.", "Have somebody else confirm them."),
    "bank-account-state": ("It is {state}.", "Only one that is unconfirmed is confirmed."),
}


@router.post(
    "/{bank_account_id}/actions",
    response_model=BankAccountOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        BankAccountUnknown,
        BankAccountRefused,
        Stale,
        InFlight,
        Invalid,
        PreconditionRequired,
    ),
)
async def act_on_bank_account(
    request: Request,
    organisation_id: UUID,
    bank_account_id: UUID,
    body: BankAccountAct,
    by: MayWrite,
    expected: IfMatch,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Confirm the numbers that somebody else has told, or close the account for good. `If-Match` says which numbers
    were looked at: what was changed meanwhile is not confirmed."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await demand_change(connection, organisation_id, await held(connection, by), BankAccountUnknown())
        found = await _read(connection, organisation_id, bank_account_id, lock=True)
        etags.guard(expected=expected, found=found.version)
        values: dict[str, Any] = {"state": "closed"}
        if body.action == "confirm":
            actor = str(by.actor)
            if flaws := may_confirm(state=found.state, told_by=found.told_by, by=actor):
                reasons = [
                    Reason(code, text.format(state=found.state), None, mend)
                    for code, (text, mend) in ((code, _TEXTS[code]) for code in flaws)
                ]
                raise BankAccountRefused(reasons=reasons)
            values = {"state": "confirmed", "confirmed_by": actor, "confirmed_at": now}
        await change(connection, "bank_account", bank_account_id, **values)
        told = await _read(connection, organisation_id, bank_account_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)
