"""A message waits in the table of messages, written with what it tells of, until the worker has sent it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from ill.iso18626.documents import Document

_QUEUE = """
INSERT INTO message (id, request_id, entry_id, partner_id, direction, kind, what, document, state, at, next_at)
VALUES ($1, $2, $3, $4, 'out', $5, $6, $7, 'queued', $8, $8)
"""


async def queue(
    connection: Connection,
    *,
    request_id: UUID,
    entry_id: UUID | None,
    partner: Mapping[str, Any],
    kind: str,
    what: str,
    document: Document,
    now: datetime,
) -> None:
    """Have it sent. A partner without an address is written to by staff: nothing is queued for it."""
    if partner["address"] is None:
        return
    await connection.execute(_QUEUE, uuid7(), request_id, entry_id, partner["id"], kind, what, document, now)
