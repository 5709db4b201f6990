"""Messages leave one after another per request, with growing gaps while a partner does not answer.

A message is claimed by moving its next attempt ahead, so that whoever dies while sending leaves it to the next; the
partner then gets it twice, word for word, and answers as before.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import httpx

from chassis import faults, outbox
from chassis.markup import NotXml
from chassis.resources import Resources
from contracts.events import Actor
from ill.iso18626 import documents
from ill.partners.sealing import WrongSealingKey, opened
from ill.requests.case import Case
from ill.requests.commands import happen, take_up
from ill.requests.rules import Told

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
IDLE_SECONDS: Final = 1.0
LONGEST_GAP: Final = timedelta(hours=1)

_CLAIM = """
UPDATE message SET attempts = attempts + 1, next_at = $1::timestamptz + $2::interval WHERE id IN (
    SELECT m.id FROM message m WHERE m.state = 'queued' AND m.next_at <= $1
      AND NOT EXISTS (SELECT FROM message e WHERE e.request_id = m.request_id AND e.state = 'queued' AND e.id < m.id)
    ORDER BY m.next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_ADDRESS = """
SELECT p.id, p.address, p.speaks, s.our_account AS account, s.our_security_code AS security_code,
    s.our_token AS token, s.sealed
FROM partner p LEFT JOIN partner_secret s ON s.partner_id = p.id WHERE p.id = $1
"""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: a confirmation, or why there is none."""

    document: dict[str, Any] | None = None
    missing: str | None = None

    @property
    def error(self) -> str | None:
        """What the partner finds wrong."""
        told = (self.document or {}).get("errorData")
        status = (self.document or {}).get("confirmationHeader", {}).get("messageStatus")
        if status == "OK":
            return None
        return f"{told['errorType']} {told.get('errorValue', '')}".strip() if told else "ERROR"


async def send_messages(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: until told to stop."""
    async with AsyncExitStack() as stack:
        client: httpx.AsyncClient | None = None  # made when there is something to send: it takes its time
        while not stop.is_set():
            sent = 0
            try:
                waiting = await resources.pool.fetchval(
                    "SELECT EXISTS (SELECT FROM message WHERE state = 'queued' AND next_at <= $1)",
                    resources.clock(),
                )
                if waiting:
                    if client is None:
                        client = await stack.enter_async_context(new_client(resources))
                    sent = await send_due(resources, client)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("messages wait for the database", extra={"error": faults.told(error)})
            if not sent:
                await asyncio.sleep(IDLE_SECONDS)


def new_client(resources: Resources) -> httpx.AsyncClient:
    """A client that follows nobody elsewhere."""
    return httpx.AsyncClient(timeout=resources.settings.send_timeout, follow_redirects=False)


async def send_due(resources: Resources, client: httpx.AsyncClient) -> int:
    """Send what is due, at most a handful at once; how many."""
    now = resources.clock()
    lease = timedelta(seconds=2 * resources.settings.send_timeout + 30)
    rows = await resources.pool.fetch(_CLAIM, now, lease, AT_ONCE)
    await asyncio.gather(*(_send(resources, client, dict(row)) for row in rows))
    return len(rows)


async def _send(resources: Resources, client: httpx.AsyncClient, message: Mapping[str, Any]) -> None:
    partner = await resources.pool.fetchrow(_ADDRESS, message["partner_id"])
    assert partner is not None
    answer = await _posted(resources, client, message, dict(partner))
    token = outbox.origin.set(resources.origin(Actor("system", "sending")))
    try:
        async with resources.pool.acquire() as connection, connection.transaction():
            await _settle(resources, connection, message, answer, resources.clock())
    finally:
        outbox.origin.reset(token)


async def _posted(
    resources: Resources, client: httpx.AsyncClient, message: Mapping[str, Any], partner: Mapping[str, Any]
) -> _Answer:
    if partner["address"] is None:
        return _Answer(missing="the partner has no address any more")
    document, ours = dict(message["document"]), partner
    if partner["sealed"] is not None:
        try:
            ours = opened(resources.settings.sealing_key, partner["id"], bytes(partner["sealed"]))
        except WrongSealingKey as error:
            return _Answer(missing=str(error))
    if ours["account"] or ours["security_code"]:
        proof = {"accountId": ours["account"], "securityCode": ours["security_code"]}
        document["header"] = document["header"] | {"requestingAgencyAuthentication": proof}
    headers = {"Content-Type": "application/xml", "Accept": "application/xml"}
    if ours["token"]:
        headers["Authorization"] = f"Bearer {ours['token']}"
    try:
        body = await asyncio.to_thread(documents.write, message["kind"], document, partner["speaks"])
        async with (
            asyncio.timeout(resources.settings.send_timeout),
            client.stream("POST", partner["address"], content=body, headers=headers) as response,
        ):
            if response.status_code != 200:
                return _Answer(missing=f"HTTP {response.status_code}")
            told = bytearray()
            async for piece in response.aiter_bytes():
                told += piece
                if len(told) > resources.settings.message_limit:
                    return _Answer(missing="an answer that is too long")
        read = await asyncio.to_thread(documents.read, bytes(told), lenient=True)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        return _Answer(missing=f"no answer: {type(error).__name__}")
    except NotXml as error:
        return _Answer(missing=f"an answer that is {error}")
    if read.kind != f"{message['kind']}Confirmation" or "confirmationHeader" not in read.document:
        return _Answer(missing="an answer that is no confirmation of this")
    return _Answer(read.document)


async def _settle(
    resources: Resources, connection: Any, message: Mapping[str, Any], answer: _Answer, now: datetime
) -> None:
    """Write down how it went; the request hears of what it has to."""
    case: Case | None = None
    if message["request_id"] is not None:
        case = await take_up(connection, message["request_id"], actor="system:sending", now=now)
    attempts = message["attempts"]
    given_up = answer.missing is not None and attempts >= resources.settings.send_attempts
    if answer.missing is not None and not given_up:
        gap = min(timedelta(minutes=2 ** min(attempts - 1, 10)), LONGEST_GAP)
        await connection.execute(
            "UPDATE message SET next_at = $2, last_error = $3 WHERE id = $1 AND state = 'queued'",
            message["id"],
            now + gap,
            answer.missing,
        )
        return
    state = "failed" if given_up else "refused" if answer.error else "sent"
    done = await connection.fetchval(
        "UPDATE message SET state = $2, answer = $3, last_error = $4, next_at = NULL "
        "WHERE id = $1 AND state = 'queued' RETURNING true",
        message["id"],
        state,
        answer.document,
        answer.missing or answer.error,
    )
    if not done or case is None or state == "sent":
        return
    await _tell(connection, case, message, state, Told(reason=answer.missing or answer.error))


_MEANS: Final = {
    ("request", "failed"): "out-of-reach",
    ("request", "refused"): "request-refused",
    ("Renew", "refused"): "supplier-declines-renewal",
    ("Cancel", "refused"): "cancel-declined",
}
"""What it comes to that a message of ours was not taken. A supplier that does not know how to renew or to cancel has
said no; of anything else staff are told."""


async def _tell(connection: Any, case: Case, message: Mapping[str, Any], state: str, told: Told) -> None:
    """A request that was refused, or reached nobody, goes to the next; what else was not taken is looked into."""
    active = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM rota_entry WHERE id = $1 AND state = 'active')", message["entry_id"]
    )
    case.told = told
    event = _MEANS.get((message["kind"] if message["kind"] == "request" else message["what"], state))
    if event is not None and active and await happen(case, event):
        return
    what = f"message-{state}"
    if message["what"] == "Renew":  # nobody will answer it
        case.row["renewal_pending"] = False
    case.row["attention"] = what
    case.steps.append((what, case.row["state"], case.row["state"]))
    await case.write()


async def forget_messages(resources: Resources, now: datetime) -> None:
    """Drop messages past keeping, of requests that have ended, a slice at a time."""
    kept = await resources.pool.fetchval(
        "SELECT document #>> '{times,messages_kept_days}' FROM configuration"
    )
    before = now - timedelta(days=int(kept or 365))
    while True:
        gone = await resources.pool.fetch(
            "DELETE FROM message WHERE id IN (SELECT m.id FROM message m LEFT JOIN request r ON r.id = m.request_id "
            "WHERE m.at < $1 AND m.state <> 'queued' AND coalesce(r.ended, true) ORDER BY m.at LIMIT 1000) "
            "RETURNING id",
            before,
        )
        if len(gone) < 1000:
            return
