"""Batches go to the university's books by themselves, each once: tried again until they arrive, or have failed."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import faults, outbox
from chassis.database import Connection
from chassis.guard import RESOLVED_SECONDS, Guard
from chassis.ids import uuid7
from chassis.problems import Reason, Refused
from chassis.resources import Resources
from contracts.erm import VoucherDeliveryFailed
from contracts.events import Actor
from erm.rows import insert
from erm.sources.sealing import WrongSealingKey, opened
from erm.vouchers.rules import file_name, tried_again_at
from erm.vouchers.uploading import NotDelivered, Server, upload

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 5.0
LEASE: Final = timedelta(minutes=15)
"""Longer than any upload takes: whoever dies at one leaves it to the next."""
_QUEUE: Final = "SELECT id FROM batch_group_delivery WHERE batch_group_id = $1 AND active FOR SHARE"
_CLAIM: Final = """
UPDATE voucher_delivery SET next_at = $1::timestamptz + $2::interval, attempts = attempts + 1, version = version + 1
WHERE id IN (SELECT id FROM voucher_delivery WHERE next_at <= $1 ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *
"""
_WHAT: Final = """
SELECT t.*, g.id AS group_id, g.code, b.number,
    CASE t.form WHEN 'json' THEN b.as_json ELSE b.as_xml END AS content FROM voucher_batch b
JOIN batch_group g ON g.id = b.batch_group_id LEFT JOIN batch_group_delivery t ON t.batch_group_id = g.id AND t.active
WHERE b.id = $1
"""
_TELL: Final = """
UPDATE voucher_delivery SET state = $3, next_at = $4, error = $5, file_name = $6, sent_at = $7, version = version + 1
WHERE id = $1 AND version = $2 RETURNING id
"""


class DeliveryRefused(Refused):
    """The batch is delivered, is on its way, or its group is delivered nowhere."""

    code, title = "voucher-delivery-refused", "The batch is not delivered so."


async def queue(connection: Connection, group_id: UUID, batch_id: UUID, *, now: datetime) -> None:
    """A new batch waits to be delivered, if its group is delivered anywhere."""
    if await connection.fetchval(_QUEUE, group_id) is not None:
        await insert(
            connection,
            "voucher_delivery",
            id=uuid7(),
            batch_id=batch_id,
            state="waiting",
            next_at=now,
            created_at=now,
        )


async def ask(connection: Connection, group_id: UUID, batch_id: UUID, *, now: datetime) -> None:
    """Have a batch delivered that never was, or that has failed. `DeliveryRefused`."""
    if await connection.fetchval(_QUEUE, group_id) is None:
        text, mend = "Its group is delivered nowhere.", "Say where (PUT /v1/batch-groups/…/delivery)."
        raise DeliveryRefused(reasons=[Reason("delivery-not-set-up", text, mend=mend)])
    await connection.execute("SELECT FROM voucher_batch WHERE id = $1 FOR UPDATE", batch_id)
    state = await connection.fetchval("SELECT state FROM voucher_delivery WHERE batch_id = $1", batch_id)
    if state is None:
        await queue(connection, group_id, batch_id, now=now)
        return
    if state != "failed":
        text = "It has been delivered." if state == "sent" else "It is on its way."
        raise DeliveryRefused(reasons=[Reason(f"delivery-{state}", text, mend="Each batch goes out once.")])
    await connection.execute(
        "UPDATE voucher_delivery SET state = 'waiting', next_at = $2, attempts = 0, version = version + 1 "
        "WHERE batch_id = $1",
        batch_id,
        now,
    )


async def deliver_batches(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: batch after batch until told to stop."""
    while not stop.is_set():
        try:
            worked = await deliver_one(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("deliveries wait for the database", extra={"error": faults.told(error)})
            worked = False
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def deliver_one(resources: Resources) -> bool:
    """The batch that has waited longest; whether there was one. It is claimed first; nothing is locked meanwhile."""
    claimed = await resources.pool.fetchrow(_CLAIM, resources.clock(), LEASE)
    if claimed is None:
        return False
    row = dict(claimed)
    what = dict(await resources.pool.fetchrow(_WHAT, row["batch_id"]) or {})
    error: str | None = None
    for_good, name = False, None
    try:
        if what["id"] is None:
            raise NotDelivered("its group is delivered nowhere any more", for_good=True)
        name = file_name(what["code"], what["number"], what["form"])
        server = await _server(resources, what)
        await asyncio.to_thread(upload, server, name, bytes(what["content"]))
    except NotDelivered as told:
        error, for_good = str(told), told.for_good
    now = resources.clock()
    again = None if error is None or for_good else tried_again_at(row["attempts"], now)
    state = "sent" if error is None else "failed" if again is None else "waiting"
    sent_at = now if state == "sent" else None
    token = outbox.origin.set(resources.origin(Actor("system", "voucher-delivery")))
    try:
        async with resources.pool.acquire() as connection, connection.transaction():
            outcome = (row["id"], row["version"], state, again, error, name, sent_at)
            if await connection.fetchval(_TELL, *outcome) and state == "failed" and error is not None:
                await outbox.record(connection, [_failed(row, what, error, now)])
    finally:
        outbox.origin.reset(token)
    if error is not None:
        extra = {"batch": str(row["batch_id"]), "error": error}
        log.warning("a batch of vouchers was not delivered", extra=extra)
    return True


def _failed(
    row: Mapping[str, Any], what: Mapping[str, Any], error: str, now: datetime
) -> VoucherDeliveryFailed:
    return VoucherDeliveryFailed(
        version=row["version"] + 1,
        occurred_at=now,
        batch_id=row["batch_id"],
        batch_group_id=what["group_id"],
        number=what["number"],
        attempts=row["attempts"],
        error=error,
    )


async def _server(resources: Resources, target: Mapping[str, Any]) -> Server:
    """Where it goes, the host's addresses judged: none of them is looked up again. `NotDelivered`."""
    settings = resources.settings
    guard = Guard(settings.own_delivery_networks)
    try:
        async with asyncio.timeout(RESOLVED_SECONDS):
            addresses = await guard.addresses(target["host"])
    except (OSError, TimeoutError, UnicodeError) as error:
        raise NotDelivered(f"not asked: {error or type(error).__name__}"[:200]) from None
    if target["security"] == "none" and not all(
        any(each.version == net.version and each in net for net in guard.networks) for each in addresses
    ):
        raise NotDelivered("not asked: without TLS only in networks that the operator allows", for_good=True)
    password = ""
    if target["sealed"] is not None:
        try:
            password = opened(settings.sealing_key, target["id"], bytes(target["sealed"]))
        except WrongSealingKey as error:
            raise NotDelivered(str(error), for_good=True) from None
    return Server(
        target["host"],
        [str(each) for each in addresses],
        target["port"],
        target["user_name"],
        password,
        target["directory"],
        target["security"] == "tls",
        settings.delivery_ca_file,
    )
