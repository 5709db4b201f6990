"""The worker that follows knowledge bases elsewhere: each has a turn of its own, so that a slow one holds up no other.

A feed is claimed by moving its next time ahead; each page is taken in a transaction that keeps which comes next, so
that whoever comes after a crash goes on there.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final

import aiohttp
import asyncpg
from yarl import URL

from chassis import faults, outbox
from chassis.guard import Guard
from chassis.resources import Resources
from contracts.events import Actor
from erm.feeds.commands import take
from erm.feeds.rules import LONGEST_PAGE, NoPage, Page, page
from erm.sources.fetching import NoList
from erm.sources.rules import Fetched, next_at, outcome_of, retry_after

log = logging.getLogger(__name__)

AT_ONCE: Final = 16
PAGES: Final = 1000
"""Pages of one turn; a feed that has more goes on in its next."""
IDLE_SECONDS: Final = 5.0
SECONDS: Final = 60.0
"""That a page may take."""
AGENT: Final = "Carrel (knowledge base)"
_DUE: Final = "SELECT EXISTS (SELECT FROM kb_feed WHERE next_at <= $1)"
_CLAIM: Final = """
UPDATE kb_feed SET next_at = $1::timestamptz + $2::interval, began_at = coalesce(began_at, $1),
    pages = CASE WHEN began_at IS NULL THEN 0 ELSE pages END,
    changed = CASE WHEN began_at IS NULL THEN 0 ELSE changed END,
    findings = CASE WHEN began_at IS NULL THEN '[]' ELSE findings END
WHERE id IN (SELECT id FROM kb_feed WHERE next_at <= $1 ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_FEED: Final = "SELECT * FROM kb_feed WHERE id = $1 AND version = $2"
_TELL: Final = """
UPDATE kb_feed SET outcome = $3, error = $4, failures = $5, next_at = $6, asked_at = $7,
    since = CASE WHEN $8 THEN began_at ELSE since END, began_at = CASE WHEN $8 THEN NULL ELSE began_at END
WHERE id = $1 AND version = $2
"""


async def harvest_feeds(resources: Resources, stop: asyncio.Event) -> None:
    """Until told to stop."""
    turns: set[asyncio.Task[None]] = set()
    client: tuple[Guard, aiohttp.ClientSession] | None = None  # made when there is something to ask
    async with AsyncExitStack() as stack:
        try:
            while not stop.is_set():
                try:
                    if await resources.pool.fetchval(_DUE, resources.clock()):
                        if client is None:
                            guard = Guard(resources.settings.networks)
                            client = guard, await stack.enter_async_context(guard.session(seconds=SECONDS))
                        turns |= await begin_due(resources, *client, most=AT_ONCE - len(turns))
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                    log.warning("feeds wait for the database", extra={"error": faults.told(error)})
                turns = {turn for turn in turns if not turn.done()}
                await asyncio.sleep(IDLE_SECONDS)
        finally:
            for turn in turns:
                turn.cancel()
            await asyncio.gather(*turns, return_exceptions=True)


async def begin_due(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, *, most: int = AT_ONCE
) -> set[asyncio.Task[None]]:
    """A turn for each feed that is due; they are not waited for."""
    if most <= 0:
        return set()
    rows = await resources.pool.fetch(_CLAIM, resources.clock(), _lease(), most)
    return {asyncio.create_task(_turn(resources, guard, session, dict(row))) for row in rows}


def _lease() -> timedelta:
    return timedelta(seconds=3 * SECONDS)


async def _turn(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, feed: dict[str, Any]
) -> None:
    """Page after page to the end, or until one does not come; told either way."""
    outbox.origin.set(resources.origin(Actor("system", "kb-feed")))
    outcome, error, again, ended = Fetched.UNCHANGED, None, None, False
    try:
        ended = await _harvest(resources, guard, session, feed)
    except NoList as told:
        outcome, error, again = told.outcome, told.error, told.again
    except (aiohttp.ClientError, TimeoutError, OSError) as broken:
        outcome, error = Fetched.FAILED, f"no answer: {type(broken).__name__}"
    except asyncpg.PostgresError as broken:
        outcome, error = Fetched.FAILED, f"not taken: {type(broken).__name__}"
    now = resources.clock()
    row = await resources.pool.fetchrow(_FEED, feed["id"], feed["version"])
    if row is None:  # whoever has changed it wants it asked anew
        return
    if outcome is Fetched.UNCHANGED and row["changed"]:
        outcome = Fetched.TAKEN
    failures = row["failures"] + 1 if error is not None else 0
    every = timedelta(hours=row["every_hours"])
    when = next_at(outcome, every=every, failures=failures, retry_after=again, now=now)
    if error is None and not ended:
        when = now
    await resources.pool.execute(
        _TELL, feed["id"], feed["version"], outcome, error, failures, when, now, ended
    )
    if error is not None:
        log.warning("a feed was not followed", extra={"feed": str(feed["id"]), "error": error})


async def _harvest(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, feed: dict[str, Any]
) -> bool:
    """Take what changed; whether the end was reached. `NoList` where a page does not come, or comes again."""
    seen: set[str | None] = {feed["cursor"]}
    for _ in range(PAGES):
        found = await _page(resources, guard, session, feed)
        if found.next is not None and found.next in seen:
            raise NoList(Fetched.FAILED, "its pages lead back to one that was read")
        seen.add(found.next)
        now = resources.clock()
        async with resources.pool.acquire() as connection, connection.transaction():
            networks, lease = resources.settings.networks, now + _lease()
            if not await take(connection, feed, found, networks=networks, lease=lease, now=now):
                return False
            row = await connection.fetchrow("SELECT * FROM kb_feed WHERE id = $1", feed["id"])
            assert row is not None
            feed.update(dict(row))
        if found.next is None:
            return True
    return False


async def _page(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, feed: dict[str, Any]
) -> Page:
    url = URL(feed["url"])
    if feed["since"] is not None:
        url = url.update_query({"since": feed["since"].isoformat()})
    if feed["cursor"] is not None:
        url = url.update_query({"cursor": feed["cursor"]})
    if reasons := guard.against(str(url)):
        raise NoList(Fetched.FAILED, f"not asked: {reasons[0].code}")
    headers = {"User-Agent": AGENT, "Accept": "application/json"}
    async with session.get(url, headers=headers, allow_redirects=False) as response:
        if (outcome := outcome_of(response.status)) is not None:
            again = retry_after(response.headers.get("Retry-After"), now=resources.clock())
            failed = Fetched.REFUSED if outcome is Fetched.REFUSED else Fetched.FAILED
            raise NoList(failed, f"HTTP {response.status}", again)
        content = bytearray()
        async for piece in response.content.iter_any():
            content += piece
            if len(content) > LONGEST_PAGE:
                raise NoList(Fetched.FAILED, f"a page has more than {LONGEST_PAGE} bytes")
    try:
        return page(bytes(content))
    except NoPage as error:
        raise NoList(Fetched.FAILED, f"a page is broken: {error}") from None
