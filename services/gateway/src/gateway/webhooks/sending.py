"""From deliveries to receivers: claimed under a lease, sent to a pinned address, settled with what came of it.

At least once: a process that dies leaves a lease that runs out. Never twice at once: a claim is one statement, and
whoever comes late with a result (the number of the try is its fence) changes nothing. Of the places that a process
has, slow receivers share a half; a receiver begins with two and earns more by answering quickly.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import orjson

from chassis import faults, outbox
from chassis.database import Connection
from chassis.guard import AddressRefused, Guard
from chassis.resources import Resources
from gateway.tokens.keys import Sealer
from gateway.webhooks import ending, signing, statements
from gateway.webhooks.recording import LOST
from gateway.webhooks.trying import (
    FIRST_SLOTS,
    RESTS_AFTER,
    Answer,
    Outcome,
    Pace,
    Standing,
    Verdict,
    judged,
    paced,
    stands,
)

log = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
LEASE = timedelta(seconds=60)
READ_AT_MOST = 64 * 1024
"""Bytes of an answer; what comes after them is cut off."""
KEPT = 1024
"""Bytes of an answer that the log keeps."""
IDLE_SECONDS = 0.5
PACES = 10_000
USER_AGENT = "Carrel-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Tried:
    """One try and what came of it."""

    delivery: asyncpg.Record
    answer: Answer
    text: str | None
    at: datetime
    seconds: float


@dataclass(slots=True)
class Sender:
    """One process's sending."""

    resources: Resources
    guard: Guard
    sealer: Sealer
    slots: int = 128
    """Deliveries under way at once."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ca_file: str | None = None
    seconds: float = ANSWER_SECONDS
    draw: Callable[[], float] = random.random
    paces: dict[UUID, Pace] = field(default_factory=dict)
    _under_way: dict[asyncio.Task[None], UUID] = field(default_factory=dict)
    _tried: list[Tried] = field(default_factory=list)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hold the connections."""
        async with self.guard.session(ca_file=self.ca_file, seconds=self.seconds) as self._session:
            yield

    async def finish(self) -> None:
        """Wait for what is under way."""
        while self._under_way:
            await asyncio.wait(list(self._under_way))

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; what is under way is ended and settled first."""
        async with self.open():
            settling = asyncio.create_task(self._settle_on())
            try:
                while not stop.is_set():
                    begun = await self._while_away(self.begin, 0)
                    if not begun:
                        await self._wait(stop)
                await self.finish()
            finally:
                settling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await settling
                await self._while_away(self.settle, None)

    async def _wait(self, stop: asyncio.Event) -> None:
        waiting = [asyncio.create_task(each.wait()) for each in (stop, self.wake)]
        try:
            await asyncio.wait(waiting, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            self.wake.clear()

    async def _while_away(self, act: Callable[[], Awaitable[Any]], otherwise: Any) -> Any:
        try:
            return await act()
        except LOST as error:
            log.warning("webhooks wait for their database", extra={"error": faults.told(error)})
            return otherwise

    async def begin(self) -> int:
        """Claim what is due and set it going; how much."""
        slow = [webhook for webhook, pace in self.paces.items() if pace.slow]
        begun = await self._begin(slow, self.slots - len(self._under_way), of_slow=False)
        lingering = sum(webhook in self.paces and self.paces[webhook].slow for webhook in self._webhooks())
        room = min(self.slots - len(self._under_way), self.slots // 2 - lingering)
        return begun + (await self._begin(slow, room, of_slow=True) if slow else 0)

    def _webhooks(self) -> Sequence[UUID]:
        return list(self._under_way.values())

    async def _begin(self, slow: list[UUID], most: int, *, of_slow: bool) -> int:
        if most <= 0:
            return 0
        now = self.resources.clock()
        claimed = await self.resources.pool.fetch(
            statements.CLAIM,
            now,
            now + LEASE,
            most,
            FIRST_SLOTS,
            RESTS_AFTER,
            list(self.paces),
            [pace.slots for pace in self.paces.values()],
            slow,
            of_slow,
        )
        if claimed:
            keys = await self._keys({row["webhook_id"] for row in claimed}, now)
            for row in claimed:
                task = asyncio.create_task(self._try(row, keys.get(row["webhook_id"], [])))
                self._under_way[task] = row["webhook_id"]
                task.add_done_callback(self._under_way.pop)
        return len(claimed)

    async def _keys(self, webhooks: set[UUID], now: datetime) -> dict[UUID, list[signing.Key]]:
        keys: dict[UUID, list[signing.Key]] = {}
        for row in await self.resources.pool.fetch(statements.SECRETS, list(webhooks), now):
            key = signing.Key(row["kind"], self.sealer.open(row["sealed"]))
            keys.setdefault(row["webhook_id"], []).append(key)
        return keys

    async def _try(self, delivery: asyncpg.Record, keys: Sequence[signing.Key]) -> None:
        at = self.resources.clock()
        began = time.monotonic()
        try:
            answer, text = await self._answer(delivery, keys, at)
        except Exception as error:  # one odd receiver must not end the sending
            log.exception("a delivery could not be tried", extra={"delivery": str(delivery["id"])})
            answer, text = Answer(error="fault"), faults.told(error)[:KEPT]
        seconds = time.monotonic() - began
        pace = self.paces.get(delivery["webhook_id"], Pace())
        self.paces[delivery["webhook_id"]] = paced(
            pace, seconds=seconds, good=answer.good, most=delivery["concurrency"]
        )
        while len(self.paces) > PACES:
            del self.paces[next(iter(self.paces))]
        self._tried.append(Tried(delivery, answer, text, at, seconds))
        self._ended.set()

    async def _answer(
        self, delivery: asyncpg.Record, keys: Sequence[signing.Key], at: datetime
    ) -> tuple[Answer, str | None]:
        assert self._session is not None
        if self.guard.against(delivery["url"]):
            return Answer(error="address-refused"), None
        body = bytes(delivery["body"])
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **signing.headers(keys, id=delivery["message_id"], timestamp=int(at.timestamp()), body=body),
        }
        if delivery["traceparent"]:
            headers["traceparent"] = delivery["traceparent"]
        try:
            async with self._session.post(
                delivery["url"], data=body, headers=headers, allow_redirects=False
            ) as response:
                read = await _beginning(response)
        except TimeoutError:
            return Answer(error="timeout"), None
        except aiohttp.ClientConnectorCertificateError:
            return Answer(error="tls-failed"), None
        except aiohttp.ClientSSLError:
            return Answer(error="tls-failed"), None
        except aiohttp.ClientConnectorError as error:
            refused = isinstance(error.os_error, AddressRefused)
            return Answer(error="address-refused" if refused else "connect-failed"), None
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(error="answer-broken"), None
        text = read[:KEPT].decode("utf-8", "replace").replace("\0", "")
        answer = Answer(response.status, retry_after=_retry_after(response.headers.get("Retry-After"), at))
        if delivery["kind"] == "verification" and answer.good and not echoed(read, delivery["challenge"]):
            answer = Answer(response.status, "not-echoed")
        return answer, text

    async def _settle_on(self) -> None:
        while True:
            await self._ended.wait()
            if await self._while_away(self.settle, None) is None:
                await asyncio.sleep(1)
            else:
                await asyncio.sleep(0.01)  # what ends together is written together

    async def settle(self) -> int:
        """Write down what came of the tries that have ended; how many. What cannot be written is kept."""
        self._ended.clear()
        told, self._tried = self._tried, []
        if not told:
            return 0
        token = outbox.origin.set(self.resources.origin(ending.OURSELVES))
        try:
            async with self.resources.pool.acquire() as connection, connection.transaction():
                await self._write(connection, told, self.resources.clock())
        except BaseException:
            self._tried = told + self._tried
            self._ended.set()
            raise
        finally:
            outbox.origin.reset(token)
        self.wake.set()
        return len(told)

    async def _write(self, connection: Connection, told: Sequence[Tried], now: datetime) -> None:
        webhooks = sorted({each.delivery["webhook_id"] for each in told})
        rows = {row["id"]: row for row in await connection.fetch(statements.LOCK_STANDING, webhooks)}
        standings = {
            webhook: Standing(
                **{name: row[name] for name in Standing.__dataclass_fields__}  # the columns are named alike
            )
            for webhook, row in rows.items()
        }
        ids, tries = [each.delivery["id"] for each in told], [each.delivery["tries"] for each in told]
        ours = {row["id"] for row in await connection.fetch(statements.STILL_OURS, ids, tries)}
        await _note(connection, told)
        verdicts: list[tuple[Tried, Verdict]] = []
        back: set[UUID] = set()
        for each in told:
            webhook, good = each.delivery["webhook_id"], each.answer.good
            verification = each.delivery["kind"] == "verification"
            if webhook in standings and not verification:
                if good and standings[webhook].resting:
                    back.add(webhook)
                standings[webhook] = stands(standings[webhook], good=good, now=now, draw=self.draw())
            if each.delivery["id"] in ours:
                verdict = judged(
                    each.answer,
                    failures=each.delivery["failures"] + (not good),
                    since=each.delivery["since"],
                    now=now,
                    draw=self.draw(),
                    verification=verification,
                )
                verdicts.append((each, verdict))
        await _settle(connection, verdicts, now)
        await connection.execute(
            statements.STAND,
            list(standings),
            *(
                [getattr(standing, name) for standing in standings.values()]
                for name in Standing.__dataclass_fields__
            ),
        )
        for each, verdict in verdicts:
            await _follow(connection, each, verdict, now)
        if back:
            await connection.execute(statements.NOW_DUE, list(back), now)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """An answer, or as much of it as is read; a longer one is cut off, connection and all."""
    read = bytearray()
    while len(read) < READ_AT_MOST:
        piece = await response.content.read(READ_AT_MOST - len(read))
        if not piece:
            return bytes(read)
        read += piece
    response.close()
    return bytes(read)


def echoed(answer: bytes, challenge: str) -> bool:
    """Whether an answer repeats what a verification asked to repeat."""
    try:
        told = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return False
    return isinstance(told, dict) and told.get("challenge") == challenge


def _retry_after(told: str | None, now: datetime) -> timedelta | None:
    """Seconds, or a moment (RFC 9110 §10.2.3)."""
    if told is None:
        return None
    if told.strip().isascii() and told.strip().isdigit():
        return timedelta(seconds=min(int(told.strip()[:9]), 10**8))
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


async def _note(connection: Connection, told: Sequence[Tried]) -> None:
    await connection.execute(
        statements.WRITE_TRIES,
        [each.delivery["id"] for each in told],
        [each.delivery["tries"] for each in told],
        [each.at for each in told],
        [int(each.seconds * 1000) for each in told],
        [each.answer.status for each in told],
        [each.answer.error for each in told],
        [each.text for each in told],
    )


STATES = {Outcome.AGAIN: "pending", Outcome.DELIVERED: "delivered"}


async def _settle(connection: Connection, verdicts: Sequence[tuple[Tried, Verdict]], now: datetime) -> None:
    await connection.execute(
        statements.SETTLE,
        [each.delivery["id"] for each, _ in verdicts],
        [STATES.get(verdict.outcome, "failed") for _, verdict in verdicts],
        [verdict.at for _, verdict in verdicts],
        [each.delivery["failures"] + (not each.answer.good) for each, _ in verdicts],
        now,
    )
    ended = {
        (each.delivery["webhook_id"], each.delivery["key"])
        for each, verdict in verdicts
        if verdict.outcome is not Outcome.AGAIN
    }
    await connection.execute(
        statements.BRING_FORWARD, [webhook for webhook, _ in ended], [key for _, key in ended], now
    )


async def _follow(connection: Connection, tried: Tried, verdict: Verdict, now: datetime) -> None:
    """What an outcome means for the subscription as a whole."""
    webhook, challenge = tried.delivery["webhook_id"], tried.delivery["challenge"]
    if verdict.outcome is Outcome.GONE:
        await ending.disable(connection, webhook, "gone", now)
    elif tried.delivery["kind"] != "verification" or verdict.outcome is Outcome.AGAIN:
        return
    elif verdict.outcome is Outcome.GIVEN_UP:
        await connection.execute(statements.NOT_VERIFIED, webhook, challenge)
    elif await connection.fetchval(statements.VERIFIED, webhook, challenge, now):
        await connection.execute(statements.FRESHLY_DUE, webhook, now)
