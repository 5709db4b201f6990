"""Our cookies. `__Host-` binds them to this host, TLS and every path; no page's script reads them (RFC 6265bis)."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

SESSION: Final = "__Host-sid"
"""Who is signed in; not sent along when another site posts a form here."""
BROWSER: Final = "__Host-saml"
"""Which browser asked to sign in; the identity provider's form comes from another site, so it is sent there too."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def new_token() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).digest()


def forgery_token(token: str) -> str:
    """What a page of ours sends along with a change, made from the session's token and telling nothing of it."""
    return hmac.new(token.encode(), b"carrel csrf", hashlib.sha256).hexdigest()


def sent(headers: Iterable[tuple[bytes, bytes]], name: str) -> str | None:
    """A cookie's value; None when it is not there, there twice, or nothing that was given out here."""
    found = [
        value.strip()
        for header, told in headers
        if header == b"cookie"
        for key, _, value in (part.partition("=") for part in told.decode("latin-1").split(";"))
        if key.strip() == name
    ]
    return found[0] if len(found) == 1 and _TOKEN.match(found[0]) else None


def launch_cookie_name(state: str) -> str:
    """Of one launch from a learning management system: several pages may begin in one browser at a time."""
    return f"__Host-lti-{state[:16]}"


def launch_cookie(state: str, token: str) -> str:
    """Marks a browser, or the frame in it, that begins a launch (CHIPS: kept apart by the page around the frame)."""
    return f"{launch_cookie_name(state)}={token}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned; Max-Age=600"


def no_launch_cookie(state: str) -> str:
    """Takes it away, once the launch has come to its end."""
    return f"{launch_cookie_name(state)}=; Path=/; Secure; HttpOnly; SameSite=None; Partitioned; Max-Age=0"


def session_cookie(token: str) -> str:
    """Signs a browser in, until it is closed or the session ends."""
    return f"{SESSION}={token}; Path=/; Secure; HttpOnly; SameSite=Lax"


def browser_cookie(token: str) -> str:
    """Marks a browser that asks to sign in, for ten minutes."""
    return f"{BROWSER}={token}; Path=/; Secure; HttpOnly; SameSite=None; Max-Age=600"


def no_session_cookie() -> str:
    """Takes the session's cookie away."""
    return f"{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
