"""Second factors: codes of an app (RFC 6238), each good once, and recovery codes for the day the app is lost."""

import hashlib
import secrets
from datetime import datetime
from uuid import UUID

import asyncpg
import pyotp

from chassis.database import Connection
from gateway.accounts.rules import ALPHABET, RECOVERY_CODES, STEP_SECONDS, folded_code, steps_at
from gateway.tokens.keys import Sealer

_STEP = """
UPDATE account_totp SET last_step = $2, confirmed_at = coalesce(confirmed_at, $3)
WHERE account_id = $1 AND last_step < $2 AND sealed = $4 RETURNING true
"""
"""Nothing where this code, or one after it, was taken before (RFC 6238 §5.2), or where the secret is another now."""
_RECOVER = "DELETE FROM recovery_code WHERE account_id = $1 AND digest = $2 RETURNING true"


async def takes(
    connection: Connection | asyncpg.Pool,
    sealer: Sealer,
    account_id: UUID,
    sealed: bytes,
    code: str,
    *,
    now: datetime,
) -> bool:
    """Whether a code is good; it is used up by that, however many ask at once."""
    told = folded_code(code)
    if told.isascii() and told.isdigit():
        return await _app_takes(connection, sealer, account_id, sealed, told, now)
    return bool(await connection.fetchval(_RECOVER, account_id, _digest(account_id, told)))


async def _app_takes(
    connection: Connection | asyncpg.Pool,
    sealer: Sealer,
    account_id: UUID,
    sealed: bytes,
    told: str,
    now: datetime,
) -> bool:
    app = pyotp.TOTP(sealer.open(bytes(sealed)).decode())
    for step in steps_at(now):
        if pyotp.utils.strings_equal(app.at(step * STEP_SECONDS), told):
            return bool(await connection.fetchval(_STEP, account_id, step, now, bytes(sealed)))
    return False


def _digest(account_id: UUID, code: str) -> bytes:
    """Sixty random bits need no slow hash; the account stands in it, so that no table fits two."""
    return hashlib.sha256(account_id.bytes + code.encode("utf-8", "surrogatepass")).digest()


async def new_secret(pool: asyncpg.Pool, sealer: Sealer, account_id: UUID, *, now: datetime) -> str | None:
    """A secret for an app, not yet confirmed; None where one is in use already."""
    secret = pyotp.random_base32()
    made = await pool.fetchval(
        "INSERT INTO account_totp (account_id, sealed, made_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (account_id) DO UPDATE SET sealed = excluded.sealed, made_at = excluded.made_at, last_step = 0 "
        "WHERE account_totp.confirmed_at IS NULL RETURNING true",
        account_id,
        sealer.seal(secret.encode()),
        now,
    )
    return secret if made else None


async def confirmed(
    pool: asyncpg.Pool, sealer: Sealer, account_id: UUID, code: str, *, now: datetime
) -> list[str] | None:
    """Recovery codes, once the app has shown a right code; None when it has not, or was confirmed before."""
    async with pool.acquire() as connection, connection.transaction():
        sealed = await connection.fetchval(
            "SELECT sealed FROM account_totp WHERE account_id = $1 AND confirmed_at IS NULL FOR UPDATE",
            account_id,
        )
        told = folded_code(code)
        if sealed is None or not (told.isascii() and told.isdigit()):
            return None
        if not await _app_takes(connection, sealer, account_id, sealed, told, now):
            return None
        return await new_codes(connection, account_id)


async def new_codes(connection: Connection, account_id: UUID) -> list[str]:
    """Recovery codes instead of those that there were; told once."""
    await connection.execute("SELECT FROM account WHERE id = $1 FOR UPDATE", account_id)
    await connection.execute("DELETE FROM recovery_code WHERE account_id = $1", account_id)
    codes = ["-".join(_letters(4) for _ in range(3)) for _ in range(RECOVERY_CODES)]
    rows = [(account_id, _digest(account_id, folded_code(code))) for code in codes]
    await connection.executemany("INSERT INTO recovery_code (account_id, digest) VALUES ($1, $2)", rows)
    return codes


def _letters(count: int) -> str:
    """The first is a letter: a recovery code is never taken for an app's."""
    return "".join(secrets.choice(ALPHABET[8:] if at == 0 else ALPHABET) for at in range(count))


async def forget(connection: Connection, account_id: UUID, *, passkeys: bool) -> None:
    """Take the app and its recovery codes away; the passkeys, too, where somebody has lost everything."""
    await connection.execute("DELETE FROM account_totp WHERE account_id = $1", account_id)
    await connection.execute("DELETE FROM recovery_code WHERE account_id = $1", account_id)
    if passkeys:
        await connection.execute("DELETE FROM passkey WHERE account_id = $1", account_id)


def address(secret: str, *, username: str, issuer: str) -> str:
    """What an app reads as a QR code (the key URI format)."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)
