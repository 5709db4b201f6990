"""Whom to tell of a weakness: /.well-known/security.txt (RFC 9116)."""

from datetime import UTC, datetime

from fastapi import Request
from fastapi.responses import PlainTextResponse

from chassis.application import new_router
from chassis.clock import Now
from chassis.problems import NotFound
from gateway.settings import Settings

router = new_router("/.well-known", tag="documentation")


def security_text(settings: Settings, *, now: datetime) -> str | None:
    """The file; None where nobody is named, or it is no longer sure to be right: a stale one misleads (§5.3)."""
    if (
        settings.security_contact is None
        or settings.security_expires is None
        or settings.security_expires <= now
    ):
        return None
    expires = settings.security_expires.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    lines = [
        f"Contact: {settings.security_contact}",
        f"Expires: {expires}",
        "Preferred-Languages: en, de, fr",
    ]
    if settings.public_url is not None and settings.public_url.startswith("https://"):
        lines.append(f"Canonical: {settings.public_url.rstrip('/')}/.well-known/security.txt")
    if settings.security_policy is not None:
        lines.append(f"Policy: {settings.security_policy}")
    return "".join(f"{line}\r\n" for line in lines)


@router.get("/security.txt", include_in_schema=False)
async def read_security_text(request: Request, now: Now) -> PlainTextResponse:
    """For whoever has found a weakness."""
    told = security_text(request.app.state.resources.settings, now=now)
    if told is None:
        raise NotFound("Nobody is named here: ask the library.")
    return PlainTextResponse(told)
