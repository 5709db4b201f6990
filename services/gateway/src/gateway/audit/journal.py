"""The request audit: unsafe requests and refusals at the door, written in batches behind the answer.

Services keep who did what with the effect itself (the actor in every event); this says who knocked. What
is not yet written when a process is killed is lost: a quarter of a second at most.
"""

import asyncio
import contextlib
import logging
from datetime import datetime

import asyncpg
from starlette.types import Scope

from chassis.ids import uuid7
from chassis.principal import ANONYMOUS, SCOPE_KEY
from gateway.clients.rules import LIKE_A_KEY

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25
HELD_AT_MOST = 50_000
STRANGERS = 25
"""Refusals of nobody we know that are written down in one flush; a flood of them is counted in the log alone."""
LONGEST_PATH = 500
COLUMNS = ("id", "at", "actor", "method", "path", "status", "took_ms", "traceparent", "address")


class Journal:
    """Collects entries and copies them into the table."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._held: list[tuple[object, ...]] = []
        self._task: asyncio.Task[None] | None = None
        self._ending = asyncio.Event()
        self._strangers = 0
        self.dropped = 0

    def note(self, scope: Scope, status: int, seconds: float, now: datetime) -> None:
        """Remember a request. The query is left out: it may say what somebody reads."""
        stranger = scope[SCOPE_KEY] is ANONYMOUS and status in (401, 403, 429)
        self._strangers += stranger
        if len(self._held) >= HELD_AT_MOST or (stranger and self._strangers > STRANGERS):
            self.dropped += 1
            return
        client = scope.get("client")
        self._held.append(
            (
                uuid7(),
                now,
                str(scope[SCOPE_KEY].actor),
                scope["method"][:16],
                _written(scope["path"]),
                status,
                int(seconds * 1000),
                scope["carrel.traceparent"],
                client[0] if client else None,
            )
        )

    def start(self) -> None:
        """Begin writing."""
        self._task = asyncio.create_task(self._write())

    async def stop(self) -> None:
        """Write what is left and end."""
        self._ending.set()
        if self._task is not None:
            await self._task
        await self.flush()

    async def flush(self) -> None:
        """Write what is held."""
        self._strangers = 0
        if self.dropped:
            log.warning("requests were left out of the audit", extra={"requests": self.dropped})
            self.dropped = 0
        if not self._held:
            return
        batch, self._held = self._held, []
        try:
            async with self._pool.acquire() as connection:
                await connection.copy_records_to_table("audit_entry", records=batch, columns=COLUMNS)
        except asyncpg.UniqueViolationError:
            log.info(
                "the audit was written, but its database could not say so", extra={"entries": len(batch)}
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            self._held = batch + self._held
            log.warning(
                "the audit waits for its database", extra={"held": len(self._held), "error": str(error)}
            )

    async def _write(self) -> None:
        while not self._ending.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception:  # a fault in one batch must not end the audit
                log.exception("a batch of the audit could not be written and is lost")


def _written(path: str) -> str:
    """A path as text that can be kept: no NUL, no half characters, and no key that somebody put there."""
    told = LIKE_A_KEY.sub(b"crl_...", path.encode("utf-8", "replace")[:LONGEST_PATH])
    return told.decode("utf-8", "ignore").replace("\0", "")
