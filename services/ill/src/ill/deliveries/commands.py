"""Files are kept, linked to, fetched and forgotten."""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Problem, Reason, Refused
from chassis.resources import Resources
from ill.deliveries.rules import gone, hashed, new_token
from ill.requests.case import Case

SLICE = 100
_KEEP = """
INSERT INTO document (id, request_id, content, size, sha256, stored_at, stored_by, expires_at, downloads_left)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_DROP = "UPDATE document SET content = NULL, token_hash = NULL WHERE request_id = $1 AND content IS NOT NULL"
_LINK = "UPDATE document SET token_hash = $2 WHERE id = $1"
_LOOK = """
SELECT d.id, d.expires_at, d.downloads_left, d.content IS NOT NULL AS present, r.number
FROM document d JOIN request r ON r.id = d.request_id WHERE d.id = $1 OR d.token_hash = $2
"""
_FETCH = """
UPDATE document SET downloads_left = downloads_left - $3, fetched_at = CASE WHEN $3 > 0 THEN $2 ELSE fetched_at END
WHERE id = $1 AND content IS NOT NULL AND expires_at > $2 AND downloads_left >= $3 RETURNING content
"""
_FORGET = """
UPDATE document SET content = NULL, token_hash = NULL WHERE id IN (
    SELECT id FROM document WHERE content IS NOT NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $2) RETURNING id
"""
_TEXTS = {
    "document-expired": ("The time in which it could be fetched is over.", "Ask the library for it again."),
    "downloads-used-up": ("It was fetched as often as is allowed.", "Ask the library for it again."),
}


class NoDocument(NotFound):
    """There is no such file, or it is not yours."""

    title = "There is no such document."


class DocumentGone(Problem):
    """The file cannot be fetched any more."""

    status, code, title = 410, "document-gone", "This document cannot be fetched any more."


class NotDeliverable(Refused):
    """No file is expected for this request, or none can be linked to."""

    code, title = "not-deliverable", "This request takes no document now."


async def keep(case: Case, content: bytes) -> UUID:
    """Keep the file for whom it is meant; one that was kept before is replaced by it."""
    await case.connection.execute(_DROP, case.id)
    document_id = uuid7()
    await case.connection.execute(
        _KEEP,
        document_id,
        case.id,
        content,
        len(content),
        hashlib.sha256(content).digest(),
        case.now,
        case.actor,
        case.now + timedelta(days=case.doc.documents.days),
        case.doc.documents.downloads,
    )
    case.row["document_id"] = document_id
    return document_id


async def link(case: Case) -> str:
    """A link to the file for a partner, who has no other way to say who they are."""
    if case.doc.public_url is None:
        mend = "Set public_url in the configuration, or name a link of your own."
        raise NotDeliverable(reasons=[Reason("public-url-not-set", "A link would lead nowhere.", mend=mend)])
    token = new_token()
    await case.connection.execute(_LINK, case.row["document_id"], hashed(token))
    return f"{case.doc.public_url.rstrip('/')}/v1/ill/documents/{token}"


async def fetch(
    connection: Connection | asyncpg.Pool,
    *,
    document_id: UUID | None = None,
    token: str | None = None,
    counts: bool,
    now: datetime,
) -> tuple[bytes, str]:
    """The file and its request's number; one download less where it `counts`."""
    row: Any = await connection.fetchrow(_LOOK, document_id, hashed(token) if token is not None else None)
    if row is None:
        raise NoDocument
    content = await connection.fetchval(_FETCH, row["id"], now, 1 if counts else 0)
    if content is None:
        left = 0 if counts else 1  # somebody was faster, or it was so before
        why = gone(present=row["present"], expires_at=row["expires_at"], downloads_left=left, now=now)
        text, mend = _TEXTS[why or "document-expired"]
        raise DocumentGone(reasons=[Reason(why or "document-expired", text, mend=mend)])
    return bytes(content), row["number"]


async def forget_documents(resources: Resources, now: datetime) -> None:
    """A timer: what could be fetched until now goes."""
    while len(await resources.pool.fetch(_FORGET, now, SLICE)) == SLICE:
        pass
