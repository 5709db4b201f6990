"""Legacy ids are kept in the transaction that writes what they name."""

from collections.abc import Mapping
from uuid import UUID

from chassis.database import Connection

_KEEP = """
INSERT INTO legacy_id (source, kind, legacy_id, record_id, import_id)
SELECT $1, $2, told.legacy_id, told.record_id, $5 FROM unnest($3::text[], $4::uuid[]) AS told (legacy_id, record_id)
ON CONFLICT (source, kind, legacy_id) DO NOTHING
"""


async def keep(
    connection: Connection, source: str, kind: str, ids: Mapping[str, UUID], *, import_id: UUID
) -> None:
    """Remember which record an id names; what it names already it goes on naming."""
    if ids:
        await connection.execute(_KEEP, source, kind, list(ids), list(ids.values()), import_id)
