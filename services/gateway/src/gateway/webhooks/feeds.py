"""What the services publish, as the recorder reads it: over HTTP, or in the same process."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import asyncpg
import httpx
import orjson

from chassis import feed
from chassis.clock import Clock
from chassis.feed import PositionLost
from chassis.principal import Principal
from chassis.problems import Unavailable, database_away
from gateway.routing.upstream import Upstream
from gateway.tokens.minting import Mint

FEEDS = "feeds"
"""What a process's launcher puts among the gateway's own resources, where the services' databases are open, too."""
READER = Principal("system", "webhooks", frozenset({"changes:read"}))
TYPES_LENGTH = 1900
"""Characters of types that an address may hold; where there are more, everything is read and sorted out here."""
NEWEST = ("none",)
"""Of no type: what brings the newest position and no event."""


class FeedAway(Exception):
    """A service does not tell just now."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Events of one service in order, where each stands, and where to go on."""

    events: list[dict[str, Any]]
    positions: list[int]
    position: int
    more: bool


class Feed(Protocol):
    """One service's change feed."""

    async def after(self, position: int, types: Sequence[str], limit: int) -> Piece:
        """What came after a position; raises `FeedAway` or `PositionLost`."""

    async def since(self, moment: datetime) -> int:
        """The position after which lies what was published from a moment on; raises `FeedAway`."""


@dataclass(frozen=True, slots=True)
class Local:
    """The feed of a service whose database is open in this process."""

    pool: asyncpg.Pool

    async def after(self, position: int, types: Sequence[str], limit: int) -> Piece:
        """Read the outbox."""
        try:
            told = await feed.read(self.pool, after=position, types=types, limit=limit)
        except Exception as error:
            raise _away(error) from error
        events = [orjson.loads(envelope) for envelope in told.envelopes]
        return Piece(events, told.positions, told.position, len(events) == limit)

    async def since(self, moment: datetime) -> int:
        """Look the moment up."""
        try:
            return await feed.position_before(self.pool, moment)
        except Exception as error:
            raise _away(error) from error


def _away(error: Exception) -> Exception:
    return FeedAway(str(error)) if database_away(error) else error


@dataclass(frozen=True, slots=True)
class Remote:
    """The feed of a service behind HTTP."""

    upstream: Upstream
    mint: Mint
    clock: Clock

    async def after(self, position: int, types: Sequence[str], limit: int) -> Piece:
        """Ask for it."""
        joined = ",".join(types)
        asked = {"after": position, "limit": limit} | (
            {"types": joined} if len(joined) < TYPES_LENGTH else {}
        )
        told = await self._told(asked)
        more = told.get("more", len(told["events"]) == limit)
        return Piece(told["events"], told["positions"], told["position"], more)

    async def since(self, moment: datetime) -> int:
        """The position before the first event from then on."""
        told = await self._told({"since": moment.isoformat(), "limit": 1})
        first: int | None = next(iter(told["positions"]), None)
        return int(told["position"]) if first is None else first - 1

    async def _told(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            token = await self.mint.inner_token(READER, self.upstream.name, now=self.clock())
            headers = {"Authorization": f"Bearer {token}"}
            answer = await self.upstream.ask("GET", "/v1/changes", headers=headers, params=asked, json=None)
            told = answer.json()
        except (httpx.HTTPError, ValueError, Unavailable) as error:  # or the first signing key is being made
            raise FeedAway(f"{self.upstream.name} does not answer") from error
        except Exception as error:
            raise _away(error) from error
        if answer.status_code == 422 and told.get("code") == PositionLost.code:
            reason = told["reasons"][0]
            raise PositionLost(reason["code"], reason["text"])
        if not answer.is_success or "positions" not in told:
            raise FeedAway(f"{self.upstream.name} answered {answer.status_code}")
        return dict(told)
