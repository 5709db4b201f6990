"""What signing in by SAML needs in one process."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import asyncpg
import httpx

from chassis.problems import NotFound
from gateway.saml import entity, keys
from gateway.saml.keys import OurKey
from gateway.saml.work import Workshop
from gateway.signon.documents import EntityDoc, SignOnDoc
from gateway.signon.reading import InForce
from gateway.tokens.keys import Sealer

PUBLISHED_FOR = timedelta(hours=1)
"""How long one signed copy of our metadata is given out."""


class NoCampusSignIn(NotFound):
    """Nobody signs in here by a campus: it is not set up."""

    code, title = "no-campus-sign-in", "Signing in by a campus is not set up here."


@dataclass(slots=True)
class Parts:
    """Opened once per process."""

    pool: asyncpg.Pool
    sealer: Sealer
    http: httpx.AsyncClient
    in_force: InForce
    workshop: Workshop = field(default_factory=Workshop)
    _published: tuple[tuple[int, str], datetime, bytes] | None = None
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def configured(self) -> tuple[SignOnDoc, EntityDoc]:
        """The document and our entity in it; `NoCampusSignIn` where there is none."""
        doc = await self.in_force.now()
        if doc.entity is None:
            raise NoCampusSignIn
        return doc, doc.entity

    async def keys(self, ours: EntityDoc, *, now: datetime) -> list[OurKey]:
        """Our keys, the current one first; the very first is made here."""
        found = await keys.all_keys(self.pool, self.sealer)
        if not any(key.state == "current" for key in found):
            host = urlsplit(ours.url).hostname or "library"
            await keys.add(self.pool, self.sealer, self.workshop, host=host, first=True, now=now)
            found = await keys.all_keys(self.pool, self.sealer)
        return found

    async def metadata(self, *, now: datetime) -> bytes:
        """Our signed metadata; made anew when the document or a key has changed, and every hour."""
        version, doc = await self.in_force.versioned()
        if doc.entity is None:
            raise NoCampusSignIn
        async with self._making:
            found = await self.keys(doc.entity, now=now)
            about = version, " ".join(f"{key.kid}:{key.state}" for key in found)
            if self._published and self._published[0] == about and now - self._published[1] < PUBLISHED_FOR:
                return self._published[2]
            made = await self.workshop.do(entity.published, doc.entity, found, doc.persons.keys, now=now)
            self._published = about, now, made
            return made
