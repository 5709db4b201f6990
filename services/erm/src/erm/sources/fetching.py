"""The worker that fetches lists from providers: several at once, only where it may, outside of transactions.

A source is claimed by moving its next time ahead, so that whoever dies while asking leaves it to the next. A list is
received as one that was sent is, and taken up by the same worker.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
import asyncpg
from yarl import URL

from chassis import faults
from chassis.guard import Guard
from chassis.ids import uuid7
from chassis.problems import Problem
from chassis.resources import Resources
from erm.kbart.receiving import forget, queue, receive
from erm.kbart.statements import UNDER_WAY
from erm.sources.rules import Fetched, next_at, outcome_of, retry_after
from erm.sources.sealing import WrongSealingKey, opened

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
IDLE_SECONDS: Final = 5.0
REDIRECTS: Final = 3
AGENT: Final = "Carrel (KBART Automation)"
BY: Final = "system:list-source"
_DUE: Final = "SELECT EXISTS (SELECT FROM list_source WHERE next_at <= $1)"
_CLAIM: Final = """
UPDATE list_source SET next_at = $1::timestamptz + $2::interval WHERE id IN (
    SELECT id FROM list_source WHERE next_at <= $1 ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_TELL: Final = """
UPDATE list_source SET asked_at = $2, outcome = $3, error = $4, failures = $5, next_at = $6, etag = $7, modified = $8,
    digest = $9, load_id = $10 WHERE id = $1 AND version = $11
"""
"""Whoever has changed the source meanwhile wants it asked anew."""


class NoList(Exception):
    """Nothing that is a list came; why, without the address, which may hold a key."""

    def __init__(self, outcome: Fetched, error: str | None = None, again: datetime | None = None) -> None:
        super().__init__(error)
        self.outcome, self.error, self.again = outcome, error, again


@dataclass(frozen=True, slots=True)
class _Came:
    etag: str | None
    modified: str | None
    digest: str
    load_id: Any


async def fetch_lists(resources: Resources, stop: asyncio.Event) -> None:
    """Until told to stop."""
    async with AsyncExitStack() as stack:
        client: tuple[Guard, aiohttp.ClientSession] | None = None  # made when there is something to ask
        while not stop.is_set():
            asked = 0
            try:
                if await resources.pool.fetchval(_DUE, resources.clock()):
                    if client is None:
                        guard = Guard(resources.settings.networks)
                        seconds = resources.settings.list_timeout
                        client = guard, await stack.enter_async_context(guard.session(seconds=seconds))
                    asked = await fetch_due(resources, *client)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("lists wait for the database", extra={"error": faults.told(error)})
            if not asked:
                await asyncio.sleep(IDLE_SECONDS)


async def fetch_due(resources: Resources, guard: Guard, session: aiohttp.ClientSession) -> int:
    """Ask what is due, a handful at once; how many."""
    lease = timedelta(seconds=2 * resources.settings.list_timeout + 60)
    rows = await resources.pool.fetch(_CLAIM, resources.clock(), lease, AT_ONCE)
    await asyncio.gather(*(_fetch(resources, guard, session, dict(row)) for row in rows))
    return len(rows)


async def _fetch(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, source: Mapping[str, Any]
) -> None:
    outcome, error, again, came = Fetched.TAKEN, None, None, None
    try:
        came = await _taken(resources, guard, session, source)
        if came.digest == source["digest"]:
            outcome = Fetched.UNCHANGED
    except NoList as told:
        outcome, error, again = told.outcome, told.error, told.again
    now = resources.clock()
    failures = source["failures"] + 1 if outcome in (Fetched.FAILED, Fetched.REFUSED) else 0
    every = timedelta(hours=source["every_hours"])
    kept = came or _Came(source["etag"], source["modified"], source["digest"], source["load_id"])
    await resources.pool.execute(
        _TELL,
        source["id"],
        now,
        outcome,
        error,
        failures,
        next_at(outcome, every=every, failures=failures, retry_after=again, now=now),
        kept.etag,
        kept.modified,
        kept.digest,
        kept.load_id,
        source["version"],
    )
    if error is not None:
        log.warning("a title list did not come", extra={"source": str(source["id"]), "error": error})


async def _taken(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, source: Mapping[str, Any]
) -> _Came:
    """The list of a source, received and queued unless it is the same as before; `NoList`."""
    pool, package_id = resources.pool, source["package_id"]
    if not await pool.fetchval("SELECT sync FROM package WHERE id = $1", package_id):
        raise NoList(Fetched.NOT_FOLLOWED)
    if await pool.fetchval(UNDER_WAY, package_id):
        raise NoList(Fetched.BUSY)
    load_id = uuid7()
    try:
        async with answer(resources, guard, session, source) as response:
            received = await receive(
                pool,
                response.content.iter_any(),
                load_id=load_id,
                package_id=package_id,
                dry_run=False,
                file_name=None,
                by=BY,
                now=resources.clock(),
            )
            etag, modified = (_header(response, name) for name in ("ETag", "Last-Modified"))
        digest = received.digest.hex()
        if digest == source["digest"]:
            await forget(pool, load_id)
            return _Came(etag, modified, digest, source["load_id"])
        await queue(pool, load_id, received)
    except BaseException as error:
        await forget(pool, load_id)
        if isinstance(error, asyncpg.UniqueViolationError):
            raise NoList(Fetched.BUSY) from None
        if isinstance(error, Problem):
            codes = ", ".join(dict.fromkeys(reason.code for reason in error.reasons)) or error.code
            raise NoList(Fetched.FAILED, f"not taken: {codes}"[:300]) from None
        if isinstance(error, aiohttp.ClientError | TimeoutError | OSError):
            raise NoList(Fetched.FAILED, f"no answer: {type(error).__name__}") from None
        raise
    return _Came(etag, modified, digest, load_id)


def _header(response: aiohttp.ClientResponse, name: str) -> str | None:
    told = response.headers.get(name)
    return told if told is not None and len(told) <= 300 and told.isprintable() else None


@asynccontextmanager
async def answer(
    resources: Resources,
    guard: Guard,
    session: aiohttp.ClientSession,
    source: Mapping[str, Any],
    *,
    accept: str = "text/tab-separated-values, text/plain",
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to a source's question, its redirections followed where they may be; the key stays with its host.
    `NoList` where there is none."""
    url, headers = _asked(resources, source, accept)
    first = url.origin()
    for _ in range(REDIRECTS + 1):
        if reasons := guard.against(str(url)):
            raise NoList(Fetched.FAILED, f"not asked: {reasons[0].code}")
        sent = headers if url.origin() == first else {"User-Agent": AGENT}
        async with session.get(url, headers=sent, allow_redirects=False) as response:
            where = response.headers.get("Location")
            if response.status in (301, 302, 303, 307, 308) and where is not None:
                url = response.url.join(URL(where, encoded=True))
                continue
            if (outcome := outcome_of(response.status)) is not None:
                again = retry_after(response.headers.get("Retry-After"), now=resources.clock())
                error = None if outcome is Fetched.UNCHANGED else f"HTTP {response.status}"
                raise NoList(outcome, error, again)
            yield response
            return
    raise NoList(Fetched.FAILED, "too many redirections")


def _asked(resources: Resources, source: Mapping[str, Any], accept: str) -> tuple[URL, dict[str, str]]:
    url, headers = URL(source["url"]), {"User-Agent": AGENT, "Accept": accept}
    known = {"If-None-Match": source["etag"], "If-Modified-Since": source["modified"]}
    headers |= {name: told for name, told in known.items() if told is not None}
    if source["sealed"] is not None:
        try:
            told = opened(resources.settings.sealing_key, source["id"], bytes(source["sealed"]))
        except WrongSealingKey as error:
            raise NoList(Fetched.REFUSED, str(error)) from None
        if source["key_in"] == "header":
            headers[source["key_name"]] = told
        else:
            url = url.update_query({source["key_name"]: told})
    return url, headers
