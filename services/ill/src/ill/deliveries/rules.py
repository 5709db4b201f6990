"""Is it a PDF, and may it be fetched once more? Decisions only: no clock, no database."""

import hashlib
import secrets
from datetime import datetime
from typing import Final

_HEAD: Final = b"%PDF-"
_END: Final = b"%%EOF"
_WITHIN: Final = 1024
"""Bytes at either end in which readers look for the marks (ISO 32000-1, annex H.3)."""
TOKEN_BYTES: Final = 32


def is_pdf(content: bytes) -> bool:
    """Whether a reader would take it for a PDF: it has a header, and was not cut off."""
    return _HEAD in content[:_WITHIN] and _END in content[-_WITHIN:]


def gone(*, present: bool, expires_at: datetime, downloads_left: int, now: datetime) -> str | None:
    """Why it cannot be fetched any more, as a code; None when it can."""
    if not present or expires_at <= now:
        return "document-expired"
    return "downloads-used-up" if downloads_left <= 0 else None


def new_token() -> str:
    """For a link that nobody guesses."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> bytes:
    """What is kept of it: whoever reads the database has no link."""
    return hashlib.sha256(token.encode()).digest()
