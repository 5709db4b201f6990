"""The worker that checks links: gathers them from the records, then asks one host after the other's pause.

One process checks at a time, whatever is being checked: so no host is asked twice at once. What was asked and not
written down when a process ends is asked again by the next.
"""

import asyncio
import logging
import time
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg
import orjson

from catalog.linkchecks import statements as sql
from catalog.linkchecks.asking import look
from catalog.linkchecks.gathering import CannotGather, gather
from catalog.linkchecks.rules import KEPT, PLACES, Change, Outcome, Seen, State, changed, judged
from catalog.turns import held, in_turns
from chassis.guard import Guard
from chassis.resources import Resources

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 1.0
TURN_SECONDS: Final = 20.0
"""For so long new links are asked before the next look at what is to be gathered."""
POLL_SECONDS: Final = 0.5
GATHERED_AT_ONCE: Final = 5
ALL_CHECKS: Final = UUID(int=0)
Held = asyncpg.pool.PoolConnectionProxy


async def check_links(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: checks until told to stop."""
    await in_turns(lambda: work_once(resources, stop), stop, of="link checks", idle_seconds=IDLE_SECONDS)


async def work_once(resources: Resources, stop: asyncio.Event) -> bool:
    """Gather on, and ask on; whether there was anything to do."""
    async with resources.pool.acquire() as connection:
        checks = await connection.fetch(sql.OPEN_CHECKS)
        if not checks:
            return False
        async with held(connection, "link checks", ALL_CHECKS) as mine:
            if not mine:
                return False
            guard = Guard(resources.settings.networks_of_links, plain=True)
            worked = False
            for row in checks:
                if row["state"] != State.CHECKING and not stop.is_set():
                    await _gather(resources, connection, row["id"], guard, stop)
                    worked = True
            return await _Asking(resources, connection, guard).ask_on(stop) or worked


async def _gather(
    resources: Resources, connection: Held, check_id: UUID, guard: Guard, stop: asyncio.Event
) -> None:
    """A turn of one check. What cannot be gathered at all fails, and holds up no other."""
    try:
        for _ in range(GATHERED_AT_ONCE):
            if stop.is_set() or not await gather(connection, check_id, guard, now=resources.clock()):
                return
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raise
    except CannotGather as problem:
        await connection.execute(sql.FAIL, check_id, str(problem), resources.clock())
    except Exception:
        log.exception("links could not be gathered", extra={"check": str(check_id)})
        words = "Its links could not be gathered; the log of the worker says why."
        await connection.execute(sql.FAIL, check_id, words, resources.clock())


class _Asking:
    """A turn of asking."""

    def __init__(self, resources: Resources, connection: Held, guard: Guard) -> None:
        self._resources = resources
        self._connection = connection
        self._guard = guard
        settings = resources.settings
        reach = settings.public_url or f"mailto:{settings.repository_email}"
        self._agent = f"Carrel-Links/1 (+{reach})"
        self._under_way: dict[asyncio.Task[Seen], asyncpg.Record] = {}

    async def ask_on(self, stop: asyncio.Event) -> bool:
        """Ask for a turn's time, and wait for what is under way; whether anything was asked."""
        until = time.monotonic() + TURN_SECONDS
        asked = False
        async with self._guard.session(seconds=self._resources.settings.link_seconds) as session:
            try:
                while not stop.is_set():
                    if time.monotonic() < until:
                        await self._begin(session)
                    if not self._under_way:
                        break
                    asked = True
                    waited = await asyncio.wait(
                        self._under_way, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in waited[0]:
                        await self._settle(self._under_way.pop(task), task)
            finally:
                for task in self._under_way:
                    task.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)
        now = self._resources.clock()
        await self._connection.execute(sql.CLOSE, now)
        await self._connection.execute(sql.FORGET_HOSTS, now)
        return asked

    async def _begin(self, session: aiohttp.ClientSession) -> None:
        busy = [row["host"] for row in self._under_way.values()]
        told = (self._resources.clock(), busy, PLACES - len(busy))
        for row in await self._connection.fetch(sql.NEXT, *told):
            seeing = look(session, self._guard, row["url"], agent=self._agent)
            self._under_way[asyncio.create_task(seeing)] = row

    async def _settle(self, row: asyncpg.Record, task: asyncio.Task[Seen]) -> None:
        """Write down what was seen."""
        if (error := task.exception()) is not None:
            log.error("a link could not be checked", extra={"link": str(row["link_id"])}, exc_info=error)
            seen = Seen(row["url"], problem="answer-broken")
        else:
            seen = task.result()
        now, tries = self._resources.clock(), row["tries"] + 1
        verdict = judged(seen, tries=tries)
        async with self._connection.transaction():
            if row["host"]:
                pause = timedelta(seconds=self._resources.settings.link_pause)
                rest = max(pause, verdict.again if seen.patience and verdict.again else timedelta())
                await self._connection.execute(sql.HOST_RESTS, row["host"], now + rest)
            if verdict.again is not None:
                await self._connection.execute(sql.AGAIN, row["link_id"], tries, now + verdict.again)
                return
            before = await self._connection.fetchval(sql.HOLD_LINK, row["link_id"])
            change = changed(Outcome(before) if before else None, verdict.outcome)
            told: tuple[Any, ...] = (
                row["link_id"],
                verdict.outcome.value,
                verdict.problem,
                seen.status,
                seen.address,
                verdict.moved_to,
                orjson.dumps([{"status": hop.status, "address": hop.address} for hop in seen.hops]).decode(),
                now,
            )
            await self._connection.execute(sql.LEARNT, *told, change is Change.MENDED)
            of = change.value if change is not None else None
            done = await self._connection.fetch(sql.SETTLED, *told, tries, before, of)
            await self._connection.execute(
                sql.COUNTED, [each["check_id"] for each in done], verdict.outcome.value, of
            )


async def sweep_links(resources: Resources, now: datetime) -> None:
    """A timer: checks that ended long ago, and links that stand in no record."""
    await resources.pool.execute(sql.SWEEP, now - KEPT)
    await resources.pool.execute(sql.FORGET_LINKS)
