"""What is known of a proxy towards a sponsor, in one statement."""

from dataclasses import dataclass
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.proxies.rules import Standing


@dataclass(frozen=True, slots=True)
class Named:
    """The proxy as the desk names them."""

    id: UUID | None
    barcode: str | None

    @property
    def pointer(self) -> str:
        """Where in the request."""
        return "/proxy_barcode" if self.id is None else "/proxy_id"


_STANDING = """
SELECT p.id, p.active, p.expires_at, r.id AS relation_id, r.valid_from, r.valid_to
FROM patron p LEFT JOIN patron_proxy r ON r.sponsor_id = $1 AND r.proxy_id = p.id AND r.revoked_at IS NULL
WHERE p.id = coalesce((SELECT patron_id FROM merged_patron WHERE id = $2), $2::uuid,
    (SELECT id FROM patron WHERE barcode = $3),
    (SELECT patron_id FROM patron_identifier WHERE kind = 'barcode' AND value = $3 AND state = 'merged'))
"""


async def standing(
    connection: Connection | asyncpg.Pool, sponsor_id: UUID, named: Named, *, lock: bool = False
) -> Standing | None:
    """The proxy towards the sponsor; None when there is no such patron.

    Who means to act by it locks: neither the relation nor the proxy changes before the transaction ends.
    """
    statement = _STANDING + (" FOR SHARE OF p" if lock else "")
    row = await connection.fetchrow(statement, sponsor_id, named.id, named.barcode)
    if row is None:
        return None
    return Standing(
        sponsor_id,
        row["id"],
        row["active"],
        row["expires_at"],
        row["relation_id"] is not None,
        row["valid_from"],
        row["valid_to"],
    )
