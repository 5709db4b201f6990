"""Who stands behind somebody's own keys and webhooks: an account of the library's, or a person of a campus.

An account says at every moment what it may. Of a person the rules said so at their last sign-in, and that is believed
for thirty days: a campus tells nobody who has left it.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database import Connection
from gateway.clients.rules import Owner

REVOKED: Final = "client_revoked"
"""The channel on which every process of the gateway hears of a machine that opens nothing any more."""
TURNED: Final = "turned:"
"""Before a client's id on the channel: its secrets or its owner have changed, and it is the same machine."""


def standing_of(owner: str, now: str) -> str:
    """The SQL of what an owner may: no row, or one. Both are expressions of the statement it stands in."""
    return (
        f"SELECT id, roles, libraries, disabled FROM account WHERE id = {owner} UNION ALL "  # noqa: S608 - our own text
        "SELECT id, roles, libraries, judged_at < "
        f"{now} - interval '30 days' FROM person WHERE id = {owner} AND judged_at IS NOT NULL"
    )


_OWNER = text(standing_of(":id", "CAST(:now AS timestamptz)"))
_LOCK = (
    text("SELECT id FROM account WHERE id = :id FOR UPDATE"),
    text("SELECT id FROM person WHERE id = :id FOR UPDATE"),
)
_LOOK_AGAIN = """
SELECT pg_notify($2, $3 || id::text) FROM client WHERE owner_id = ANY ($1::uuid[]) AND revoked_at IS NULL
"""


async def owner_of(session: AsyncSession, owner_id: UUID, *, now: datetime) -> Owner | None:
    """The owner as they stand; None when there is none (any more)."""
    row = (await session.execute(_OWNER, {"id": owner_id, "now": now})).one_or_none()
    return None if row is None else Owner(row.roles, row.libraries, row.disabled)


async def lock(session: AsyncSession, owner_id: UUID) -> None:
    """One after another, so that nobody makes more than they may by asking twice at once."""
    for statement in _LOCK:
        await session.execute(statement, {"id": owner_id})


async def look_again(connection: Connection, owners: list[UUID]) -> None:
    """Have every process look the keys of these people up anew."""
    await connection.execute(_LOOK_AGAIN, owners, REVOKED, TURNED)
