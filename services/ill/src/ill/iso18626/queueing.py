"""A message waits in the table of messages, written with what it tells of, until the worker has sent it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from ill.iso18626.documents import Document
from ill.iso18626.versions import fitted

_QUEUE = """
INSERT INTO message (id, request_id, entry_id, partner_id, direction, kind, what, document, state, at, next_at, version)
VALUES ($1, $2, $3, $4, 'out', $5, $6, $7, 'queued', $8, $8, $9)
"""


def what_of(kind: str, document: Mapping[str, Any]) -> str:
    """A message in two words."""
    if kind == "request":
        return str(document.get("serviceInfo", {}).get("requestType", "New"))
    if kind == "requestingAgencyMessage":
        return str(document.get("action", ""))
    reason = document.get("messageInfo", {}).get("reasonForMessage", "")
    return f"{reason} {document.get('statusInfo', {}).get('status', '')}".strip()


async def queue(
    connection: Connection,
    *,
    request_id: UUID,
    entry_id: UUID | None,
    partner: Mapping[str, Any],
    kind: str,
    document: Document,
    now: datetime,
) -> None:
    """Have it sent, as the partner's version can say it. A partner without an address is written to by staff: nothing
    is queued for it.
    """
    if partner["address"] is None:
        return
    said = fitted(kind, document, partner["speaks"])
    what, version = what_of(kind, said), partner["speaks"]
    await connection.execute(
        _QUEUE, uuid7(), request_id, entry_id, partner["id"], kind, what, said, now, version
    )
