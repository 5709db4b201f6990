"""The timer that reads rates: source after source, only where it may, outside of transactions."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp

from chassis.guard import Guard
from chassis.resources import Resources
from erm.configuration.queries import in_force
from erm.rates.reading import Day, NoRates, rates_in
from erm.sources.fetching import NoList, answer
from erm.sources.rules import Fetched, next_at

log = logging.getLogger(__name__)

SECONDS: Final = 20.0
LARGEST: Final = 2 * 1024 * 1024
"""Bytes of one answer; a central bank's ninety days are a tenth of it."""
ACCEPT: Final = {"ecb-xml": "application/xml, text/xml", "json": "application/json"}
_CLAIM: Final = """
UPDATE rate_source SET next_at = $1::timestamptz + interval '1 hour' WHERE id IN (
    SELECT id FROM rate_source WHERE next_at <= $1 ORDER BY next_at LIMIT 10 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_TELL: Final = """
UPDATE rate_source SET asked_at = $2, outcome = $3, error = $4, failures = $5, next_at = $6,
    last_rated_on = greatest(last_rated_on, $7) WHERE id = $1 AND version = $8 RETURNING id
"""
"""Whoever has changed the source meanwhile wants it asked anew."""
_KEEP: Final = """
INSERT INTO exchange_rate (source_id, currency, rated_on, base, rate, read_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (source_id, currency, rated_on) DO UPDATE SET base = excluded.base, rate = excluded.rate,
    read_at = excluded.read_at
WHERE (exchange_rate.base, exchange_rate.rate) IS DISTINCT FROM (excluded.base, excluded.rate)
"""


async def read_rates(resources: Resources, now: datetime) -> None:
    """Ask every source whose time has come. One that is away keeps what it has told, and is asked again later."""
    rows = await resources.pool.fetch(_CLAIM, now)
    if not rows:
        return
    guard = Guard(resources.settings.networks)
    async with guard.session(seconds=SECONDS) as session:
        for row in rows:
            await _read(resources, guard, session, dict(row), now)


async def _read(
    resources: Resources,
    guard: Guard,
    session: aiohttp.ClientSession,
    source: Mapping[str, Any],
    now: datetime,
) -> None:
    outcome, error, again, days = Fetched.TAKEN, None, None, list[Day]()
    try:
        content = await _content(resources, guard, session, source)
        today = (await in_force(resources.pool)).today(now)
        days = await asyncio.to_thread(rates_in, content, source["format"], today=today)
    except NoList as told:
        outcome, error, again = told.outcome, told.error, told.again
    except NoRates as told:
        outcome, error = Fetched.FAILED, f"not read: {told}"[:300]
    except (aiohttp.ClientError, TimeoutError, OSError) as told:
        outcome, error = Fetched.FAILED, f"no answer: {type(told).__name__}"
    failures = source["failures"] + 1 if outcome in (Fetched.FAILED, Fetched.REFUSED) else 0
    every = timedelta(hours=source["every_hours"])
    async with resources.pool.acquire() as connection, connection.transaction():
        kept = await connection.fetchval(
            _TELL,
            source["id"],
            now,
            outcome,
            error,
            failures,
            next_at(outcome, every=every, failures=failures, retry_after=again, now=now),
            max((day.rated_on for day in days), default=None),
            source["version"],
        )
        if kept is not None:
            await connection.executemany(
                _KEEP,
                [
                    (source["id"], currency, day.rated_on, day.base, rate, now)
                    for day in days
                    for currency, rate in day.rates.items()
                ],
            )
    if error is not None:
        log.warning("rates of exchange did not come", extra={"source": source["code"], "error": error})


async def _content(
    resources: Resources, guard: Guard, session: aiohttp.ClientSession, source: Mapping[str, Any]
) -> bytes:
    """What a source answers; `NoList` for nothing, or for too much."""
    asked = {**source, "etag": None, "modified": None}
    content = bytearray()
    async with answer(resources, guard, session, asked, accept=ACCEPT[source["format"]]) as response:
        async for piece in response.content.iter_any():
            content += piece
            if len(content) > LARGEST:
                raise NoList(Fetched.FAILED, f"more than {LARGEST} bytes")
    return bytes(content)
