"""Who is a partner, and do they prove it? Decisions only."""

import hashlib
import hmac
import secrets
from datetime import date
from typing import Final

CODE_BYTES: Final = 24


def symbol_key(scheme: str, symbol: str) -> tuple[str, str]:
    """Symbols are the same whatever their case (ISO 15511 §4)."""
    return scheme.strip().upper(), symbol.strip().upper()


def new_security_code() -> str:
    """A code with 192 bits of chance in it: nobody guesses it, so its hash need not be slow."""
    return secrets.token_urlsafe(CODE_BYTES)


def hashed(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).digest()


def proves(code: str | None, kept: bytes | None) -> bool:
    """Whether the code is the one that was given out."""
    return code is not None and kept is not None and hmac.compare_digest(hashed(code), bytes(kept))


def closing_contradicts(closed_from: date | None, closed_until: date | None) -> bool:
    """A closing has both ends, in order, or none."""
    if (closed_from is None) != (closed_until is None):
        return True
    return closed_from is not None and closed_until is not None and closed_from > closed_until
