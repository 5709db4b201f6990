"""Card PINs on the wire. No answer, event or log holds one, and none is kept to repeat an answer."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from chassis.application import new_router
from chassis.clock import Now
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.asking import patron_or, whose
from circulation.pins.commands import set_pin, verified
from circulation.pins.rules import pin_wrongs
from circulation.places.routes import TheLibrary

router = new_router(tag="patrons")

MayRead = Annotated[Principal, Depends(patron_or("patrons:read"))]
MaySet = Annotated[Principal, Depends(patron_or("patrons:pins"))]
MayReset = Annotated[Principal, Depends(may("patrons:pins"))]
MayVerify = Annotated[Principal, Depends(may("pins:verify"))]
Pin = Annotated[SecretStr, Field(min_length=1, max_length=64)]


class PinIn(BaseModel):
    """A new PIN."""

    model_config = ConfigDict(extra="forbid")

    pin: Pin
    current: Pin | None = None
    """The present one: patrons say it to change it, staff need not."""


class PinStandOut(BaseModel):
    """How it stands with a PIN."""

    is_set: bool
    set_at: datetime | None = None
    wrong_guesses: int = 0
    locked_until: datetime | None = None


class GuessIn(BaseModel):
    """A card and its PIN, as they were told at a door."""

    model_config = ConfigDict(extra="forbid")

    barcode: str = Field(min_length=1, max_length=100)
    pin: Pin


class GuessOut(BaseModel):
    """Whether the door may open, and for whom."""

    verified: bool
    patron_id: UUID | None


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


_STAND = """
SELECT c.patron_id IS NOT NULL AS is_set, c.set_at, coalesce(c.wrong_guesses, 0) AS wrong_guesses,
    CASE WHEN c.locked_until > $2 THEN c.locked_until END AS locked_until
FROM patron p LEFT JOIN card_pin c ON c.patron_id = p.id WHERE p.id = $1
"""


@router.get(
    "/v1/patrons/{patron_id}/card-pin",
    response_model=PinStandOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def read_card_pin(request: Request, patron_id: str, asker: MayRead, now: Now) -> PinStandOut:
    """Whether there is a PIN, and whether it is locked; of the PIN itself nothing can be read."""
    row = await _pool(request).fetchrow(_STAND, whose(asker, patron_id, "patrons:read"), now)
    if row is None:
        raise NotFound("There is no such patron.")
    return PinStandOut(**dict(row))


@router.put(
    "/v1/patrons/{patron_id}/card-pin",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def set_card_pin(
    request: Request, patron_id: str, body: PinIn, asker: MaySet, library: TheLibrary, now: Now
) -> None:
    """Set a PIN, or another; it is unlocked by that. Patrons (`me`) name the present one, where there is one."""
    me, pool = whose(asker, patron_id, "patrons:pins"), _pool(request)
    policy, pin = library.card_pin.as_rule(), body.pin.get_secret_value()
    if wrongs := pin_wrongs(pin, policy):
        raise Invalid(reasons=[Reason(code, text, "/pin") for code, text in wrongs])
    instead_of = None
    stands = await pool.fetchrow(_STAND, me, now)
    if stands is None:
        raise NotFound("There is no such patron.")
    if stands["is_set"] and not asker.may("patrons:pins"):
        told = body.current.get_secret_value() if body.current else None
        right = await verified(pool, policy, told, patron_id=me, now=now) if told is not None else None
        if right is None:
            text, mend = "The present PIN is another.", "Say it, or have the desk set a new one."
            raise Forbidden(reasons=[Reason("pin-wrong", text, "/current", mend)])
        instead_of = right[1]
    if not await set_pin(pool, me, pin, by=str(asker.actor), instead_of=instead_of, now=now):
        text, mend = "The PIN was changed meanwhile.", "Say the present one."
        raise Forbidden(reasons=[Reason("pin-wrong", text, "/current", mend)])


@router.delete(
    "/v1/patrons/{patron_id}/card-pin",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def remove_card_pin(request: Request, patron_id: UUID, _: MayReset) -> None:
    """Take a PIN away: no door opens by this card until another is set. Harmless where there is none."""
    await _pool(request).execute("DELETE FROM card_pin WHERE patron_id = $1", patron_id)


@router.post(
    "/v1/patrons/{patron_id}/card-pin/unlockings",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def unlock_card_pin(request: Request, patron_id: UUID, _: MayReset) -> None:
    """Let a patron try again who has guessed too often. Harmless where nothing is locked."""
    done = await _pool(request).fetchval(
        "UPDATE card_pin SET wrong_guesses = 0, locked_until = NULL WHERE patron_id = $1 RETURNING true",
        patron_id,
    )
    if done is None:
        raise NotFound("This patron has no PIN.")


@router.post(
    "/v1/card-pins/verifications",
    response_model=GuessOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def verify_card_pin(
    request: Request, body: GuessIn, _: MayVerify, library: TheLibrary, now: Now
) -> GuessOut:
    """Whether this PIN is the card's, for the doors that ask for one (SIP2, NCIP, PAIA); every guess counts.

    A wrong PIN, a locked one, a card without one and a card that nobody has are answered alike, in like time.
    """
    found = await verified(
        _pool(request), library.card_pin.as_rule(), body.pin.get_secret_value(), barcode=body.barcode, now=now
    )
    return GuessOut(verified=found is not None, patron_id=found[0] if found else None)
