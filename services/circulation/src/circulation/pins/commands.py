"""A guess is counted before it is compared, so that a hundred at once are a hundred guesses."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.moments import LATEST
from circulation.pins.hashing import hashed, matches
from circulation.pins.rules import PinPolicy

_GUESS = """
WITH card AS (
    SELECT coalesce($1::uuid, (SELECT id FROM patron WHERE barcode = $2), (
        SELECT patron_id FROM patron_identifier WHERE kind = 'barcode' AND value = $2 AND state = 'merged'
    )) AS patron_id
)
UPDATE card_pin SET
    wrong_guesses = CASE WHEN locked_until IS NULL THEN wrong_guesses + 1 ELSE 1 END,
    locked_until = CASE WHEN CASE WHEN locked_until IS NULL THEN wrong_guesses + 1 ELSE 1 END >= $4
        THEN $5::timestamptz END
FROM card
WHERE card_pin.patron_id = card.patron_id AND (locked_until IS NULL OR locked_until <= $3)
RETURNING card_pin.patron_id, hash
"""
"""$1 patron id, $2 barcode, $3 now, $4 guesses, $5 locked until; nothing where the PIN is locked, or there is none"""
_RIGHT = """
UPDATE card_pin SET wrong_guesses = 0, locked_until = NULL WHERE patron_id = $1 AND hash = $2 RETURNING true
"""
_SET = """
INSERT INTO card_pin (patron_id, hash, set_at, set_by) SELECT id, $2, $3, $4 FROM patron WHERE id = $1
ON CONFLICT (patron_id) DO UPDATE SET hash = excluded.hash, set_at = excluded.set_at, set_by = excluded.set_by,
    wrong_guesses = 0, locked_until = NULL
WHERE $5::text IS NULL OR card_pin.hash = $5
RETURNING true
"""


async def verified(
    pool: asyncpg.Pool,
    policy: PinPolicy,
    pin: str,
    *,
    patron_id: UUID | None = None,
    barcode: str | None = None,
    now: datetime,
) -> tuple[UUID, str] | None:
    """Whose PIN it is, and its hash; None for a wrong one, a locked one, none at all and an unknown card alike.

    Each takes the time of one comparison, and all doors share one count of guesses.
    """
    until = LATEST if policy.lock is None else now + policy.lock
    row = await pool.fetchrow(_GUESS, patron_id, barcode, now, policy.guesses, until)
    if not await matches(pin, row["hash"] if row else None) or row is None:
        return None
    if await pool.fetchval(_RIGHT, row["patron_id"], row["hash"]) is None:
        return None  # it was changed meanwhile
    return row["patron_id"], row["hash"]


async def set_pin(
    pool: asyncpg.Pool, patron_id: UUID, pin: str, *, by: str, instead_of: str | None, now: datetime
) -> bool:
    """Set it, in place of the one with this hash where it is named; False when that, or the patron, is no more."""
    done: bool | None = await pool.fetchval(_SET, patron_id, await hashed(pin), now, by, instead_of)
    return bool(done)
