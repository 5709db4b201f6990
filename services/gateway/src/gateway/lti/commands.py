"""Platforms registered, changed and dropped."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.guard import Guard
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from gateway.lti.documents import LtiPlatformDoc
from gateway.lti.tables import LtiPlatform

MOST: Final = 500


class PlatformKnown(Refused):
    """There is a platform of this issuer with this client already."""

    code, title = "platform-known", "This platform is registered already, with this client_id."


class TooManyPlatforms(Refused):
    """There are more than any library works together with."""

    code, title = "too-many-platforms", "There are as many platforms as there may be; drop some."


def check(doc: LtiPlatformDoc, guard: Guard) -> None:
    """Raise with every address that we would never ask."""
    reasons = [
        Reason(each.code, each.text, f"/{name}", each.mend)
        for name in ("token_url", "jwks_url")
        for each in guard.against(getattr(doc, name))
    ]
    if reasons:
        raise Invalid(reasons=reasons)


async def register(
    tx: AsyncSession, doc: LtiPlatformDoc, guard: Guard, *, by: str, now: datetime
) -> LtiPlatform:
    """A new platform."""
    check(doc, guard)
    if (await tx.scalar(text("SELECT count(*) FROM lti_platform")) or 0) >= MOST:
        raise TooManyPlatforms
    platform = LtiPlatform(id=uuid7(), made_at=now, made_by=by, **doc.model_dump(mode="json"))
    tx.add(platform)
    await _flush(tx)
    return platform


async def locked(tx: AsyncSession, platform_id: UUID, *, expected: int | None = None) -> LtiPlatform:
    """A platform that is about to change; `NotFound`, or `Stale` where another version was read."""
    platform = await tx.get(LtiPlatform, platform_id, with_for_update=True)
    if platform is None:
        raise NotFound("There is no such platform.")
    if expected is not None:
        etags.guard(expected=expected, found=platform.version)
    return platform


async def change(tx: AsyncSession, platform: LtiPlatform, doc: LtiPlatformDoc, guard: Guard) -> None:
    """Put another description in place of the one that is there."""
    check(doc, guard)
    told: dict[str, Any] = doc.model_dump(mode="json")
    for name, value in told.items():
        setattr(platform, name, value)
    platform.version += 1
    await _flush(tx)


async def _flush(tx: AsyncSession) -> None:
    try:
        await tx.flush()
    except IntegrityError as error:
        raise PlatformKnown(
            reasons=[
                Reason(
                    PlatformKnown.code,
                    "Issuer and client_id together name one platform.",
                    "/client_id",
                    "Change the one that is there, or have the platform register us anew.",
                )
            ]
        ) from error
