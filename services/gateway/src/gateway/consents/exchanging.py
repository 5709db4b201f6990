"""A vendor's or an LMS's program acts for one patron (RFC 8693): with a token of theirs, and their consent to it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from chassis.ids import uuid7
from chassis.principal import Principal
from gateway.clients.proving import OAuthRefused
from gateway.consents import granting
from gateway.consents.granting import GrantRefused
from gateway.consents.standing import standing
from gateway.tables import Client
from gateway.tokens.minting import Verified


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What comes of an exchange."""

    principal: Principal
    families: tuple[UUID, ...]
    """Its own, and that of the token shown."""
    until: datetime


_CONSENT = "SELECT scopes FROM consent WHERE person_id = $1 AND client_id = $2"


async def exchanged(
    pool: asyncpg.Pool, *, client: Client, subject: Verified, asked: frozenset[str], now: datetime
) -> Exchanged:
    """The person of the token, as far as it and they let this program go; never longer than the token.

    It ends with the token shown, with their consent, and with the program. The library's own programs need none.
    """
    who = subject.principal
    if who.kind not in ("patron", "staff") or who.on_behalf_of not in (None, f"client:{client.id}"):
        raise GrantRefused("it is the token of no person, or was exchanged already")
    try:
        person = UUID(who.ref)
    except ValueError:
        raise GrantRefused("nobody hands on the operator's own key") from None
    wished = asked or frozenset(client.scopes)
    if not wished <= set(client.scopes):
        raise OAuthRefused(400, "invalid_scope", "The client may not ask for all of this.")
    async with pool.acquire() as connection:
        found = await standing(connection, person, None, now=now)
        allowed = None if client.in_house else await connection.fetchval(_CONSENT, person, client.id)
    if not client.in_house:
        if allowed is None:
            raise OAuthRefused(400, "consent_required", "They have not let this client act for them.")
        wished &= frozenset(allowed)
    principal = None
    if found is not None:
        principal = found.limited_to(who.scopes).principal(wished, by=client.id)
    if principal is None:
        raise GrantRefused("nothing of it is granted")
    until = datetime.fromtimestamp(subject.expires, UTC)
    family = uuid7()
    await pool.execute(
        granting.NEW_FAMILY, family, client.id, person, None, sorted(principal.scopes), now, until
    )
    return Exchanged(principal, (family, *map(UUID, subject.families)), until)
