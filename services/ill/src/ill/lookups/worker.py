"""The worker that asks sources on the net: bounded in time and size, only where it may, and outside of transactions.

A question is claimed by moving its next attempt ahead, so that whoever dies while asking leaves it to the next. An
answer counts while the request still waits for it; what comes later is kept and changes nothing.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
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
from chassis.association import is_z3950, judged
from chassis.guard import Guard
from chassis.resources import Resources
from contracts.events import Actor
from ill.configuration.queries import in_force
from ill.lookups import rules, sru, z3950
from ill.requests.commands import happen, take_up
from ill.requests.rules import Told

log = logging.getLogger(__name__)

AT_ONCE: Final = 16
OF_ONE_SERVER: Final = 4
"""Questions that one server is asked at once: one that hangs holds up its own alone."""
IDLE_SECONDS: Final = 1.0
REDIRECTS: Final = 3
ATTEMPTS: Final = 2
GAP: Final = timedelta(seconds=30)
AGENT: Final = "Carrel (interlibrary loan)"

_CLAIM: Final = """
WITH due AS (
    SELECT id, next_at, split_part(url, '/', 3) AS server FROM lookup WHERE state = 'waiting' AND next_at <= $1
    ORDER BY next_at LIMIT 1000), numbered AS (
    SELECT id, next_at, server, row_number() OVER (PARTITION BY server ORDER BY next_at) AS number FROM due)
UPDATE lookup SET attempts = attempts + 1, next_at = $1::timestamptz + $2::interval WHERE id IN (
    SELECT l.id FROM lookup l JOIN numbered n ON n.id = l.id
    WHERE l.state = 'waiting' AND l.next_at <= $1 AND n.number <= $4 - coalesce(($5::jsonb ->> n.server)::int, 0)
    ORDER BY n.next_at LIMIT $3 FOR UPDATE OF l SKIP LOCKED)
RETURNING *
"""
"""$1 now, $2 the lease, $3 how many, $4 how many of one server, $5 how many are under way by server"""
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
    """Until told to stop: whoever is done makes room for the next, whatever the others wait for."""
    async with AsyncExitStack() as stack:
        client: tuple[Guard, aiohttp.ClientSession] | None = None  # made when there is something to ask
        running: dict[asyncio.Task[None], str] = {}
        while not stop.is_set():
            try:
                waiting = await resources.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM lookup WHERE state = 'waiting' AND next_at <= $1)",
                    resources.clock(),
                )
                if waiting and len(running) < AT_ONCE:
                    if client is None:
                        guard = new_guard(resources.settings.networks)
                        seconds = resources.settings.lookup_timeout
                        client = guard, await stack.enter_async_context(guard.session(seconds=seconds))
                    for row in await _claimed(resources, AT_ONCE - len(running), running.values()):
                        task = asyncio.create_task(_look_up(resources, *client, dict(row)))
                        running[task] = _server(row)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("look-ups wait for the database", extra={"error": faults.told(error)})
            if not running:
                await asyncio.sleep(IDLE_SECONDS)
                continue
            first = asyncio.FIRST_COMPLETED
            done, _ = await asyncio.wait(running, timeout=IDLE_SECONDS, return_when=first)
            for task in done:
                del running[task]
        if running:
            await asyncio.wait(running)


def _server(lookup: Mapping[str, Any]) -> str:
    return str(lookup["url"]).split("/", 3)[2]


async def _claimed(resources: Resources, room: int, busy: Iterable[str]) -> list[Any]:
    """Questions that are due, a few of each server; they are ours until their lease ends."""
    lease = timedelta(seconds=2 * resources.settings.lookup_timeout + 30)
    told = (resources.clock(), lease, room, OF_ONE_SERVER, dict(Counter(busy)))
    claimed: list[Any] = await resources.pool.fetch(_CLAIM, *told)
    return claimed


async def look_up_due(resources: Resources, guard: Guard, session: aiohttp.ClientSession) -> int:
    """Ask what is due, at most a handful at once; how many."""
    rows = await _claimed(resources, AT_ONCE, ())
    await asyncio.gather(*(_look_up(resources, guard, session, dict(row)) for row in rows))
    return len(rows)


async def _look_up(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, lookup: Mapping[str, Any]
) -> None:
    outcome, error = None, None
    try:
        outcome = await _told(resources, guard, session, lookup)
    except Nothing:
        pass
    except (NoAnswer, ValueError) as problem:
        error = str(problem)[:300] or type(problem).__name__
    now = resources.clock()
    if error is not None and lookup["attempts"] < ATTEMPTS:
        await resources.pool.execute(_LATER, lookup["id"], now + GAP, error)
        return
    token = outbox.origin.set(resources.origin(Actor("system", "look-up")))
    try:
        async with resources.pool.acquire() as connection, connection.transaction():
            await _settle(connection, lookup, outcome, error, now)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as fault:
        log.warning("what was looked up is asked again", extra={"error": faults.told(fault)})
    finally:
        outbox.origin.reset(token)


async def _told(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, lookup: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The answer as it is kept, by whatever the address speaks."""
    kind, reads, copies = lookup["kind"], lookup["reads"], lookup["copies"]
    if not is_z3950(lookup["url"]):
        body = await fetched(resources, guard, session, kind, lookup["url"])
        return await asyncio.to_thread(understood, kind, body, reads, copies)
    if reasons := guard.against(judged(lookup["url"])):
        raise NoAnswer(f"not asked: {reasons[0].code}")
    try:
        async with asyncio.timeout(resources.settings.lookup_timeout):
            total, found = await z3950.asked(guard, lookup["url"], limit=resources.settings.lookup_limit)
    except (TimeoutError, OSError) as error:
        raise NoAnswer(f"no answer: {type(error).__name__}") from None
    return await asyncio.to_thread(lambda: sru.outcome(z3950.answer(total, found, reads, copies)))


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


def understood(
    kind: str, body: bytes, reads: list[str], copies: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """What an answer says, as it is kept; `ValueError` when it is none. None: nothing is known. Costs CPU."""
    if kind == "citation":
        return dict(rules.read_csl(orjson.loads(body)))
    if kind == "open-access":
        free = rules.read_open_access(orjson.loads(body))
        return asdict(free) if free is not None else None
    return sru.outcome(sru.answer(body, reads, copies))


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
