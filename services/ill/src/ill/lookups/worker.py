"""The worker that asks sources on the net: bounded in time and size, only where it may, and outside of transactions.

A question is claimed by moving its next attempt ahead, so that whoever dies while asking leaves it to the next. An
answer counts while the request still waits for it; what comes later is kept and changes nothing.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import asyncpg
import orjson
from yarl import URL

from chassis import faults, outbox
from chassis.addresses import Network
from chassis.guard import Guard
from chassis.resources import Resources
from contracts.events import Actor
from ill.configuration.queries import in_force
from ill.lookups import rules, sru
from ill.requests.commands import happen, take_up
from ill.requests.rules import Told

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
IDLE_SECONDS: Final = 1.0
REDIRECTS: Final = 3
ATTEMPTS: Final = 2
GAP: Final = timedelta(seconds=30)
AGENT: Final = "Carrel (interlibrary loan)"

_CLAIM: Final = """
UPDATE lookup SET attempts = attempts + 1, next_at = $1::timestamptz + $2::interval WHERE id IN (
    SELECT id FROM lookup WHERE state = 'waiting' AND next_at <= $1 ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_LATER: Final = "UPDATE lookup SET next_at = $2, error = $3 WHERE id = $1 AND state = 'waiting'"
_DONE: Final = """
UPDATE lookup SET state = $2, outcome = $3, error = $4, answered_at = $5, next_at = NULL
WHERE id = $1 AND state = 'waiting' RETURNING true
"""
_FORGET: Final = """
DELETE FROM lookup WHERE id IN (SELECT l.id FROM lookup l JOIN request r ON r.id = l.request_id
    WHERE l.asked_at < $1 AND l.state <> 'waiting' AND r.ended ORDER BY l.asked_at LIMIT 1000) RETURNING id
"""
_EVENTS: Final = {
    "citation": "source-answered",
    "open-access": "source-answered",
    "index": "index-answered",
    "availability": "supplier-looked-at",
}


class NoAnswer(Exception):
    """Nothing that is an answer came; why, without the URL, which may hold a key."""


class Nothing(Exception):
    """The source knows nothing of it: an answer, too."""


def new_guard(networks: tuple[Network, ...]) -> Guard:
    """Asks nobody within our own walls, but in networks that the operator has allowed."""
    return Guard(networks)


async def look_up(resources: Resources, stop: asyncio.Event) -> None:
    """Until told to stop."""
    async with AsyncExitStack() as stack:
        client: tuple[Guard, aiohttp.ClientSession] | None = None  # made when there is something to ask
        while not stop.is_set():
            asked = 0
            try:
                waiting = await resources.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM lookup WHERE state = 'waiting' AND next_at <= $1)",
                    resources.clock(),
                )
                if waiting:
                    if client is None:
                        guard = new_guard(resources.settings.networks)
                        seconds = resources.settings.lookup_timeout
                        client = guard, await stack.enter_async_context(guard.session(seconds=seconds))
                    asked = await look_up_due(resources, *client)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("look-ups wait for the database", extra={"error": faults.told(error)})
            if not asked:
                await asyncio.sleep(IDLE_SECONDS)


async def look_up_due(resources: Resources, guard: Guard, session: aiohttp.ClientSession) -> int:
    """Ask what is due, at most a handful at once; how many."""
    lease = timedelta(seconds=2 * resources.settings.lookup_timeout + 30)
    rows = await resources.pool.fetch(_CLAIM, resources.clock(), lease, AT_ONCE)
    await asyncio.gather(*(_look_up(resources, guard, session, dict(row)) for row in rows))
    return len(rows)


async def _look_up(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, lookup: Mapping[str, Any]
) -> None:
    outcome, error = None, None
    try:
        body = await fetched(resources, guard, session, lookup["kind"], lookup["url"])
        outcome = await asyncio.to_thread(understood, lookup["kind"], body, lookup["reads"])
    except Nothing:
        pass
    except (NoAnswer, ValueError) as problem:
        error = str(problem)[:300]
    now = resources.clock()
    if error is not None and lookup["attempts"] < ATTEMPTS:
        await resources.pool.execute(_LATER, lookup["id"], now + GAP, error)
        return
    token = outbox.origin.set(resources.origin(Actor("system", "look-up")))
    try:
        async with resources.pool.acquire() as connection, connection.transaction():
            await _settle(connection, lookup, outcome, error, now)
    finally:
        outbox.origin.reset(token)


async def fetched(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, kind: str, url: str
) -> bytes:
    """The body of an answer. A redirection is followed where it may be, a few times; `Nothing` for 404."""
    headers = {"User-Agent": AGENT, "Accept": rules.CSL if kind == "citation" else "*/*"}
    for _ in range(REDIRECTS + 1):
        if reasons := guard.against(url):
            raise NoAnswer(f"not asked: {reasons[0].code}")
        try:
            async with session.get(
                URL(url, encoded=True), headers=headers, allow_redirects=False
            ) as response:
                where = response.headers.get("Location")
                if response.status in (301, 302, 303, 307, 308) and where is not None:
                    url = str(response.url.join(URL(where, encoded=True)))
                    continue
                if response.status in (404, 410) and kind in ("citation", "open-access"):
                    raise Nothing
                if response.status != 200:
                    raise NoAnswer(f"HTTP {response.status}")
                return await _whole(response, resources.settings.lookup_limit)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(f"no answer: {type(error).__name__}") from None
    raise NoAnswer("too many redirections")


async def _whole(response: aiohttp.ClientResponse, limit: int) -> bytes:
    told = bytearray()
    async for piece in response.content.iter_any():
        told += piece
        if len(told) > limit:
            raise NoAnswer("an answer that is too long")
    return bytes(told)


def understood(kind: str, body: bytes, reads: list[str]) -> dict[str, Any] | None:
    """What an answer says, as it is kept; `ValueError` when it is none. None: nothing is known. Costs CPU."""
    if kind == "citation":
        return dict(rules.read_csl(orjson.loads(body)))
    if kind == "open-access":
        free = rules.read_open_access(orjson.loads(body))
        return asdict(free) if free is not None else None
    return sru.outcome(sru.answer(body, reads))


async def forget_lookups(resources: Resources, now: datetime) -> None:
    """A timer: what sources were asked and told goes as messages do, once its request has ended."""
    doc = await in_force(resources.pool)
    before = now - timedelta(days=doc.times.messages_kept_days)
    while len(await resources.pool.fetch(_FORGET, before)) == 1000:
        pass


async def _settle(
    connection: Any,
    lookup: Mapping[str, Any],
    outcome: dict[str, Any] | None,
    error: str | None,
    now: datetime,
) -> None:
    """Write down what came, and let the request hear of it, if it still waits for it."""
    told = Told(here={"kind": lookup["kind"], "outcome": outcome})
    case = await take_up(connection, lookup["request_id"], actor="system:look-up", now=now, told=told)
    waited = case.row["holding"].get("lookup") == str(lookup["id"])
    state = "silent" if error is not None else "answered"
    done = await connection.fetchval(_DONE, lookup["id"], state if waited else "dropped", outcome, error, now)
    if done and waited:
        await happen(case, _EVENTS[lookup["kind"]])
