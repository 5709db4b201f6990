"""The worker that tells hosts what they are to be told: one thing after the other for each request, outside of
transactions, bounded in time and size, with growing gaps while a host does not answer.

An act is claimed by moving its next attempt ahead, so that whoever dies while telling it leaves it to the next. What
was sent without an answer is doubtful: the next attempt goes under the same request id, a loan is looked up first, and
a host that says that it knows it already has done it.
"""

import asyncio
import base64
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import aiohttp
import asyncpg
from yarl import URL

from chassis import faults, markup, outbox
from chassis.guard import Guard
from chassis.resources import Resources
from contracts import ncip
from contracts.events import Actor
from ill.configuration.queries import in_force
from ill.hosts import rules
from ill.hosts.documents import HostChange
from ill.hosts.rules import ANSWERED, Act, Facts, Host, Means, NoAnswer, Outcome, Unsayable
from ill.hosts.settling import hand_to_staff, settle
from ill.partners.sealing import WrongSealingKey, opened

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
IDLE_SECONDS: Final = 1.0
LONGEST_GAP: Final = timedelta(hours=1)
QUESTION_ATTEMPTS: Final = 2
QUESTION_GAP: Final = timedelta(seconds=30)

_CLAIM = """
UPDATE host_act SET attempts = attempts + 1, next_at = $1::timestamptz + $2::interval WHERE id IN (
    SELECT a.id FROM host_act a WHERE a.state = 'waiting' AND a.next_at <= $1
      AND NOT EXISTS (SELECT FROM host_act e WHERE e.request_id = a.request_id AND e.state IN ('waiting', 'staff')
        AND e.kind <> 'patron-sought' AND e.id < a.id)
    ORDER BY a.next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_DUE = "SELECT EXISTS (SELECT FROM host_act WHERE state = 'waiting' AND next_at <= $1)"
_HOST = "SELECT id, settings, sealed FROM circulation_host WHERE id = $1"
_USER = """
SELECT ref, sealed FROM host_user WHERE host_id = $1
  AND (ref = $2 OR ref IN (SELECT merged_ref FROM merged_patron WHERE patron_ref = $2))
ORDER BY ref = $2 DESC LIMIT 1
"""
_ARRIVED = """
SELECT state, told ->> 'barcode' AS barcode FROM host_act
WHERE request_id = $1 AND kind = 'borrowed-item-arrived' AND state IN ('done', 'refused') ORDER BY id DESC LIMIT 1
"""
_LATER = """
UPDATE host_act SET next_at = $2, last_error = $3, doubtful = doubtful OR $4, answer = coalesce($5, answer)
WHERE id = $1 AND state = 'waiting'
"""
_SENT = "UPDATE host_act SET message = $2 WHERE id = $1"
_FORGET = """
DELETE FROM host_act WHERE id IN (SELECT a.id FROM host_act a JOIN request r ON r.id = a.request_id
    WHERE a.at < $1 AND a.state NOT IN ('waiting', 'staff') AND r.ended ORDER BY a.id LIMIT 1000) RETURNING id
"""


class Silence(Exception):
    """No answer that is one; the words say why. `heard`: the host may have done it all the same."""

    def __init__(self, words: str, *, heard: bool = True) -> None:
        super().__init__(words)
        self.heard = heard


def new_guard(resources: Resources) -> Guard:
    """Speaks to nobody within our own walls, but in networks that the operator has allowed for hosts."""
    return Guard(resources.settings.networks_of_hosts)


async def tell_hosts(resources: Resources, stop: asyncio.Event) -> None:
    """Until told to stop."""
    async with AsyncExitStack() as stack:
        client: tuple[Guard, aiohttp.ClientSession] | None = None  # made when there is something to tell
        while not stop.is_set():
            told = 0
            try:
                if await resources.pool.fetchval(_DUE, resources.clock()):
                    if client is None:
                        guard = new_guard(resources)
                        seconds = resources.settings.send_timeout
                        client = guard, await stack.enter_async_context(guard.session(seconds=seconds))
                    told = await tell_due(resources, *client)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("hosts are told later", extra={"error": faults.told(error)})
            if not told:
                await asyncio.sleep(IDLE_SECONDS)


async def tell_due(resources: Resources, guard: Guard, session: aiohttp.ClientSession) -> int:
    """Tell what is due, at most a handful at once; how many."""
    lease = timedelta(seconds=3 * resources.settings.send_timeout + 30)
    rows = await resources.pool.fetch(_CLAIM, resources.clock(), lease, AT_ONCE)
    token = outbox.origin.set(resources.origin(Actor("system", "circulation")))
    try:
        await asyncio.gather(*(_Telling(resources, guard, session, dict(row)).tell() for row in rows))
    finally:
        outbox.origin.reset(token)
    return len(rows)


class _Telling:
    """One act, from its row to what came of it."""

    def __init__(
        self, resources: Resources, guard: Guard, session: aiohttp.ClientSession, act: dict[str, Any]
    ) -> None:
        self.resources, self.guard, self.session, self.act = resources, guard, session, act
        self.kind = Act(act["kind"])

    async def tell(self) -> None:
        """Send it, and settle what comes of it."""
        try:
            settings, host, proof = await self._host()
            facts = await self._facts(settings, host)
            if facts is None:
                await self._settle(Outcome(Means.DONE))
                return
            service, body = rules.message(facts, host)
        except Unsayable as problem:
            await self._staff(problem.code)
            return
        except WrongSealingKey as error:
            await self._staff("credentials-sealed", error=str(error))
            return
        answer: ncip.Read | None = None
        try:
            if self.act["doubtful"] and (found := await self._looked_up(settings, host, proof, facts)):
                await self._settle(found)
                return
            await self.resources.pool.execute(_SENT, self.act["id"], {service: rules.kept(body)})
            answer = await self._exchanged(settings, host, proof, service, body)
            outcome = rules.understood(
                facts,
                service,
                answer.kind,
                answer.body,
                doubtful=self.act["doubtful"],
                now=self.resources.clock(),
            )
        except (Silence, NoAnswer) as problem:
            heard = not isinstance(problem, Silence) or problem.heard
            await self._later(str(problem)[:300], doubtful=heard, answer=answer)
            return
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            # An answer of a shape that nobody thought of holds up this act alone, and not who tells all the others.
            words = f"an answer that cannot be understood: {faults.told(error)}"
            await self._later(words[:300], doubtful=True, answer=None)
            return
        await self._act_upon(outcome, answer)

    async def _act_upon(self, outcome: Outcome, answer: ncip.Read) -> None:
        if outcome.means is Means.LATER:
            await self._later(", ".join(outcome.reasons), doubtful=False, answer=answer)
        elif outcome.means is Means.DONE or (outcome.means is Means.REFUSED and self.kind in ANSWERED):
            await self._settle(outcome, answer)
        else:
            reason = outcome.reasons[0] if outcome.reasons else "refused"
            await self._staff(reason, error=", ".join(outcome.reasons), answer=answer)

    async def _host(self) -> tuple[HostChange, Host, Mapping[str, str | None]]:
        row = await self.resources.pool.fetchrow(_HOST, self.act["host_id"])
        assert row is not None
        settings = HostChange.model_validate(row["settings"])
        proof: Mapping[str, str | None] = {}
        if row["sealed"] is not None and settings.way == "ncip":
            proof = opened(self.resources.settings.sealing_key, row["id"], bytes(row["sealed"]))
        return settings, settings.rules(), proof

    async def _facts(self, settings: HostChange, host: Host) -> Facts | None:
        """What the message is made of; None where there is nothing to tell: what never came does not leave."""
        told = {name: self.act["facts"].get(name) for name in _FACTS}
        if self.kind in (Act.LEFT, Act.DATE) and "loan_id" not in _given(self.act["question"]):
            arrived = await self.resources.pool.fetchrow(_ARRIVED, self.act["request_id"])
            if self.kind is Act.LEFT and (arrived is None or arrived["state"] == "refused"):
                return None
            told["barcode"] = (arrived and arrived["barcode"]) or told["barcode"]
        user = None if host.manual else await self._user(settings, UUID(self.act["facts"]["whose"]))
        return Facts(act=self.kind, user=user, **told)

    async def _user(self, settings: HostChange, ref: UUID) -> str | None:
        row = await self.resources.pool.fetchrow(_USER, self.act["host_id"], ref)
        if row is not None:
            return opened(self.resources.settings.sealing_key, row["ref"], bytes(row["sealed"]))["account"]
        side = await self.resources.pool.fetchval(
            "SELECT side FROM request WHERE id = $1", self.act["request_id"]
        )
        if side == "lending":
            return settings.partners_user
        return str(ref) if settings.patrons == "reference" else None

    async def _looked_up(
        self, settings: HostChange, host: Host, proof: Mapping[str, str | None], facts: Facts
    ) -> Outcome | None:
        """Whether a loan that may have been made was: a host that offers LookupItem is asked first."""
        if self.kind is not Act.LEND or "LookupItem" not in host.services:
            return None
        body = rules.item_of(facts, host) | {"CurrentBorrowerDesired": True}
        answer = await self._exchanged(settings, host, proof, "LookupItem", body)
        return rules.is_there_already(facts, answer.body)

    async def _exchanged(
        self,
        settings: HostChange,
        host: Host,
        proof: Mapping[str, str | None],
        service: str,
        body: Mapping[str, Any],
    ) -> ncip.Read:
        """Say it, and hear the answer; `Silence` where none came."""
        head = ncip.header(host.us, host.them, authentication=proof.get("security_code"))
        written = ncip.write(service, {"InitiationHeader": head} | dict(body))
        headers = {"Content-Type": "application/xml; charset=utf-8", "Accept": "application/xml"}
        if proof.get("account"):
            pair = base64.b64encode(f"{proof['account']}:{proof['token']}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        elif proof.get("token"):
            headers["Authorization"] = f"Bearer {proof['token']}"
        url = settings.address or ""
        if reasons := self.guard.against(url):
            raise Silence(f"not told: {reasons[0].code}", heard=False)
        try:
            async with self.session.post(
                URL(url, encoded=True), data=written, headers=headers, allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise Silence(f"HTTP {response.status}", heard=response.status >= 500)
                told = await _whole(response, self.resources.settings.message_limit)
            return await asyncio.to_thread(lambda: ncip.read(markup.read(told)))
        except aiohttp.ClientConnectorError as error:
            raise Silence(f"no answer: {type(error).__name__}", heard=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Silence(f"no answer: {type(error).__name__}") from None
        except (markup.NotXml, ncip.NotNcip) as error:
            raise Silence(f"an answer that is {error}") from None

    async def _later(self, error: str, *, doubtful: bool, answer: ncip.Read | None) -> None:
        question = self.kind in rules.QUESTIONS
        most = QUESTION_ATTEMPTS if question else self.resources.settings.send_attempts
        attempts, now = self.act["attempts"], self.resources.clock()
        if attempts >= most:
            await self._staff("host-silent", error=error, answer=answer, doubtful=doubtful)
            return
        gap = min(timedelta(minutes=2 ** min(attempts - 1, 10)), LONGEST_GAP)
        await self.resources.pool.execute(
            _LATER,
            self.act["id"],
            now + (QUESTION_GAP if question else gap),
            error,
            doubtful,
            _kept(answer),
        )

    async def _settle(self, outcome: Outcome, answer: ncip.Read | None = None) -> None:
        async with self.resources.pool.acquire() as connection, connection.transaction():
            now = self.resources.clock()
            await settle(connection, self.act, outcome, now=now, answer=_kept(answer))

    async def _staff(
        self,
        reason: str,
        *,
        error: str | None = None,
        answer: ncip.Read | None = None,
        doubtful: bool = False,
    ) -> None:
        async with self.resources.pool.acquire() as connection, connection.transaction():
            await hand_to_staff(
                connection,
                self.act,
                reason,
                now=self.resources.clock(),
                error=error,
                answer=_kept(answer),
                doubtful=doubtful,
            )


_FACTS: Final = (
    "request_id",
    "barcode",
    "record_id",
    "title",
    "author",
    "due_at",
    "pickup",
    "why",
)


def _given(told: Mapping[str, Any]) -> set[str]:
    return {name for name, value in told.items() if value is not None}


def _kept(answer: ncip.Read | None) -> dict[str, Any] | None:
    return {answer.kind: rules.kept(answer.body)} if answer is not None else None


async def _whole(response: aiohttp.ClientResponse, limit: int) -> bytes:
    told = bytearray()
    async for piece in response.content.iter_any():
        told += piece
        if len(told) > limit:
            raise Silence("an answer that is too long")
    return bytes(told)


async def forget_acts(resources: Resources, now: datetime) -> None:
    """A timer: what hosts were told goes as messages do, once its request has ended."""
    doc = await in_force(resources.pool)
    before = now - timedelta(days=doc.times.messages_kept_days)
    while len(await resources.pool.fetch(_FORGET, before)) == 1000:
        pass
