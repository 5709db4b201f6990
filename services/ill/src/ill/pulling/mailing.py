"""Slips that are mailed wait in a table, written with their batch, and leave one by one: none is lost meanwhile.

A mail is claimed by moving its next attempt ahead, so that whoever dies while sending leaves it to the next. It
may then come twice, under one Message-ID.
"""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from chassis import faults
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.resources import Resources
from ill.pulling.rules import gap_after, given_up
from ill.pulling.slips import PullSlipOut, paper
from ill.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
IDLE_SECONDS: Final = 5.0
PORTS: Final = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_ENTER: Final = """
INSERT INTO mail (id, batch_id, recipient, state, next_at, made_at) VALUES ($1, $2, $3, 'queued', $4, $4)
"""
_WAITS: Final = "SELECT EXISTS (SELECT FROM mail WHERE state = 'queued' AND next_at <= $1)"
_CLAIM: Final = """
UPDATE mail SET attempts = attempts + 1, next_at = $1::timestamptz + $2::interval WHERE id IN (
    SELECT id FROM mail WHERE state = 'queued' AND next_at <= $1 ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_BATCH: Final = "SELECT made_at, library, location, slip_count, more, slips FROM pull_batch WHERE id = $1"
_SENT: Final = "UPDATE mail SET state = 'sent', sent_at = $2, error = NULL WHERE id = $1"
_LATER: Final = "UPDATE mail SET next_at = $2, error = $3 WHERE id = $1"
_GIVEN_UP: Final = "UPDATE mail SET state = 'given-up', error = $2 WHERE id = $1"


class NotSent(Exception):
    """The mail server has not taken it; `for_good`: nor will it, however often it is asked."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        super().__init__(why)
        self.for_good = for_good


async def queue(connection: Connection, batch_id: UUID, recipients: tuple[str, ...], now: datetime) -> None:
    """A mail for each, in the transaction that makes the batch."""
    rows = [(uuid7(), batch_id, one, now) for one in dict.fromkeys(recipients)]
    await connection.executemany(_ENTER, rows)


async def send_mails(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: until told to stop."""
    while not stop.is_set():
        sent = 0
        try:
            if await resources.pool.fetchval(_WAITS, resources.clock()):
                sent = await send_due(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("mails wait for the database", extra={"error": faults.told(error)})
        if not sent:
            await asyncio.sleep(IDLE_SECONDS)


async def send_due(resources: Resources) -> int:
    """Send what is due, at most a handful at once; how many."""
    lease = timedelta(seconds=10 * resources.settings.mail_timeout + 60)
    rows = await resources.pool.fetch(_CLAIM, resources.clock(), lease, AT_ONCE)
    await asyncio.gather(*(_send(resources, dict(row)) for row in rows))
    return len(rows)


async def _send(resources: Resources, mail: Mapping[str, Any]) -> None:
    batch = await resources.pool.fetchrow(_BATCH, mail["batch_id"])
    assert batch is not None  # a batch that is forgotten takes its mails with it
    settings = resources.settings
    try:
        message = await asyncio.to_thread(composed, mail, dict(batch), settings.mail_from or "")
        await asyncio.to_thread(post, settings, message)
    except NotSent as problem:
        now, attempts = resources.clock(), mail["attempts"]
        if given_up(attempts, most=settings.mail_attempts, for_good=problem.for_good):
            log.error(
                "slips could not be mailed", extra={"batch": str(mail["batch_id"]), "error": str(problem)}
            )
            await resources.pool.execute(_GIVEN_UP, mail["id"], str(problem)[:300])
        else:
            await resources.pool.execute(_LATER, mail["id"], now + gap_after(attempts), str(problem)[:300])
    else:
        await resources.pool.execute(_SENT, mail["id"], resources.clock())


def composed(mail: Mapping[str, Any], batch: Mapping[str, Any], sender: str) -> EmailMessage:
    """The mail, with the batch as PDF; composed again it is the same one. Costs CPU."""
    slips = [PullSlipOut.model_validate(slip) for slip in batch["slips"]]
    where = " \u00b7 ".join(filter(None, (batch["library"], batch["location"]))) or "all places"
    message = EmailMessage()
    message["From"], message["To"] = sender, mail["recipient"]
    message["Subject"] = " ".join(f"Pull slips: {where} ({batch['slip_count']})".split())
    message["Date"] = format_datetime(mail["made_at"])
    message["Message-ID"] = f"<{mail['id']}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody answers it by itself
    more = "\nMore was waiting than fits into one batch." if batch["more"] else ""
    message.set_content(f"{batch['slip_count']} to fetch, {where}: see the attached slips.{more}\n")
    made = paper(slips, more=batch["more"], at=batch["made_at"])
    name = f"pull-slips-{batch['made_at']:%Y%m%d-%H%M}.pdf"
    message.add_attachment(made, maintype="application", subtype="pdf", filename=name)
    return message


def post(settings: Settings, message: EmailMessage) -> None:
    """Hand it to the mail server (RFC 5321), which is waited for in a thread of its own; `NotSent` with its words."""
    if settings.mail_server is None:
        raise NotSent("no mail server is set: ILL_MAIL_SERVER")
    parts = urlsplit(settings.mail_server)
    host, port, wait = parts.hostname or "", parts.port or PORTS[parts.scheme], settings.mail_timeout
    try:
        tls = ssl.create_default_context(cafile=settings.mail_ca_file)
        made = (
            smtplib.SMTP_SSL(host, port, timeout=wait, context=tls)
            if parts.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=wait)
        )
        with made as server:
            if parts.scheme == "smtp+starttls":
                server.starttls(context=tls)
            if settings.mail_user is not None and settings.mail_password is not None:
                server.login(settings.mail_user, settings.mail_password.get_secret_value())
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as refused:
        code, words = next(iter(refused.recipients.values()))
        raise NotSent(f"the address is refused: {code} {_words(words)}", for_good=code >= 500) from None
    except smtplib.SMTPAuthenticationError as refused:  # somebody puts the login right meanwhile
        raise NotSent(f"the login is refused: {refused.smtp_code}") from None
    except smtplib.SMTPDataError as refused:
        why = f"the mail is refused: {refused.smtp_code} {_words(refused.smtp_error)}"
        raise NotSent(why, for_good=refused.smtp_code >= 500) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotSent(f"no mail server: {type(error).__name__}") from None


def _words(told: bytes | str) -> str:
    plain = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    return " ".join("".join(sign for sign in plain if sign.isprintable() or sign.isspace()).split())[:200]
