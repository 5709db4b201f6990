"""Our keys as a service provider: one signs and decrypts, the next is announced before, a former one still decrypts.

A change without a lost sign-in: make the next one, wait until every provider has read the metadata that shows it,
use it, and drop the former when the last old copy of the metadata has run out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Refused
from gateway.saml.signatures import Credential
from gateway.saml.work import Workshop
from gateway.tokens.keys import Sealer

BITS = 3072
CERTIFICATE_YEARS = 20
"""Federations pin the key, not its time: a certificate that ran out would only break what works."""


class KeyRefused(Refused):
    """The key is not in a state for that."""

    code, title = "saml-key-refused", "The key is not in a state for that."


@dataclass(frozen=True, slots=True)
class OurKey:
    """One of our keys."""

    kid: str
    state: str
    credential: Credential
    created_at: datetime
    changed_at: datetime


def made(common_name: str, *, now: datetime) -> tuple[bytes, bytes]:
    """A new RSA key (PKCS #8) and its self-signed certificate, PEM."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(days=1))
        .not_valid_after(now.astimezone(UTC) + timedelta(days=365 * CERTIFICATE_YEARS))
        .sign(private, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return plain, certificate.public_bytes(encoding)


async def all_keys(connection: Connection | asyncpg.Pool, sealer: Sealer) -> list[OurKey]:
    """Every key, the current one first."""
    rows = await connection.fetch(
        "SELECT kid, state, sealed, certificate, created_at, changed_at FROM saml_key "
        "ORDER BY CASE state WHEN 'current' THEN 0 WHEN 'next' THEN 1 ELSE 2 END, changed_at DESC"
    )
    return [
        OurKey(
            row["kid"],
            row["state"],
            Credential(row["kid"], sealer.open(row["sealed"]), row["certificate"].encode()),
            row["created_at"],
            row["changed_at"],
        )
        for row in rows
    ]


async def add(
    pool: asyncpg.Pool, sealer: Sealer, workshop: Workshop, *, host: str, first: bool = False, now: datetime
) -> str | None:
    """Make the next key, or the current one where there is none; None when a first one was there already."""
    state = "current" if first or not await _has(pool, "current") else "next"
    if state == "current" and first and await _has(pool, "current"):
        return None
    private, certificate = await workshop.do(made, host, now=now)
    kid = str(uuid7())
    done = await pool.fetchval(
        "INSERT INTO saml_key (kid, state, sealed, certificate, created_at, changed_at) "
        "VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT DO NOTHING RETURNING kid",
        kid,
        state,
        sealer.seal(private),
        certificate.decode(),
        now,
    )
    if done is None and not first:
        raise KeyRefused("There is a next key already: use it, or drop it.")
    return str(done) if done else None


async def _has(pool: asyncpg.Pool, state: str) -> bool:
    return bool(await pool.fetchval("SELECT EXISTS (SELECT FROM saml_key WHERE state = $1)", state))


async def use(connection: Connection, kid: str, *, now: datetime) -> None:
    """Sign with the next key from now on; the one before still decrypts."""
    state = await _locked(connection, kid)
    if state != "next":
        raise KeyRefused("Only the next key can be put to use.")
    await connection.execute(
        "UPDATE saml_key SET state = 'former', changed_at = $1 WHERE state = 'current'", now
    )
    await connection.execute(
        "UPDATE saml_key SET state = 'current', changed_at = $2 WHERE kid = $1", kid, now
    )


async def drop(connection: Connection, kid: str) -> None:
    """Forget a key that is not in use: what was encrypted to it can no longer be read."""
    state = await _locked(connection, kid)
    if state == "current":
        raise KeyRefused("The key in use cannot be dropped: put the next one to use first.")
    await connection.execute("DELETE FROM saml_key WHERE kid = $1", kid)


async def _locked(connection: Connection, kid: str) -> str:
    rows = await connection.fetch("SELECT kid, state FROM saml_key ORDER BY kid FOR UPDATE")
    states: Sequence[str] = [row["state"] for row in rows if row["kid"] == kid]
    if not states:
        raise NotFound("There is no such key.")
    return states[0]
