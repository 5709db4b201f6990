"""How a subscription ends before its owner ends it: nobody takes what is sent, or the owner may no longer hear it."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection, rows_affected
from chassis.resources import Resources
from contracts.events import Actor
from contracts.gateway import WebhookDisabled, WebhookFailing
from gateway.clients.rules import Owner as Maker
from gateway.clients.rules import within_owner
from gateway.roles.rules import scopes_of
from gateway.webhooks import statements
from gateway.webhooks.rules import Owner, unheard
from gateway.webhooks.trying import DISABLED_AFTER, WARNED_AFTER, Notice, notice

log = logging.getLogger(__name__)

OURSELVES = Actor("system", "webhooks")
TRIES_KEPT = timedelta(days=30)
DELIVERIES_KEPT = timedelta(days=36)
"""Longer than the feeds: what was sent is known for as long as it could be read once more."""
SLICE = 5000


async def disable(connection: Connection, webhook_id: UUID, reason: str, now: datetime) -> bool:
    """Send nothing any more, remember how far it had heard, and say so; whether it was not so already."""
    ended = await connection.fetchrow(statements.DISABLE, webhook_id, reason)
    if ended is None:
        return False
    await connection.execute(statements.KEEP_PLACE, webhook_id)
    owner = f"{ended['owner_kind']}:{ended['owner_ref']}"
    told = WebhookDisabled(
        webhook_id=webhook_id,
        owner=owner,
        reason=reason,
        failing_since=ended["failing_since"],
        version=ended["announced"],
        occurred_at=now,
    )
    await outbox.record(connection, [told])
    log.warning(
        "a webhook was disabled", extra={"webhook": str(webhook_id), "owner": owner, "reason": reason}
    )
    return True


async def end_orphans(resources: Resources) -> None:
    """Disable what its owner may no longer hear: revoked, expired, or of fewer scopes or libraries than before."""
    now = resources.clock()
    for row in await resources.pool.fetch(statements.OWNERS, now, None):
        if reason := unheard(owner_in(row), row["types"], row["libraries"]):
            token = outbox.origin.set(resources.origin(OURSELVES))
            try:
                async with resources.pool.acquire() as connection, connection.transaction():
                    await disable(connection, row["id"], reason, now)
            finally:
                outbox.origin.reset(token)


def owner_in(row: asyncpg.Record) -> Owner:
    """What a subscription's owner may at present."""
    if row["owner_kind"] == "client":
        mine = (bool(row["client_there"]), row["scopes"] or (), row["client_libraries"])
        if row["client_owned"]:
            maker = Maker(row["client_roles"] or (), row["client_owner_libraries"], row["disabled"])
            mine = (
                mine[0] and not maker.disabled,
                within_owner(mine[1], maker),
                row["client_owner_libraries"],
            )
    elif row["owner_id"] is None:
        mine = (True, ("*",), None)  # the operator, by the key of the settings
    else:
        mine = (bool(row["account_there"]), scopes_of(row["roles"] or ()), row["account_libraries"])
    there, scopes, libraries = mine
    return Owner(there, frozenset(scopes), None if libraries is None else frozenset(libraries))


async def look_after(resources: Resources, now: datetime) -> None:
    """Warn of subscriptions that have had nothing but failures for a day or three, disable them after five."""
    for row in await resources.pool.fetch(statements.FAILING, now - WARNED_AFTER[0]):
        due = notice(
            failing_since=row["failing_since"],
            last_tried_at=row["last_tried_at"],
            warned=row["warned"],
            now=now,
        )
        async with resources.pool.acquire() as connection, connection.transaction():
            if due is Notice.DISABLED:
                await disable(connection, row["id"], "failing", now)
            elif due is Notice.FAILING:
                await _warn(connection, row["id"], now)


async def _warn(connection: Connection, webhook_id: UUID, now: datetime) -> None:
    row = await connection.fetchrow(statements.WARN, webhook_id)
    if row is None:
        return
    owner = f"{row['owner_kind']}:{row['owner_ref']}"
    told = WebhookFailing(
        webhook_id=webhook_id,
        owner=owner,
        failing_since=row["failing_since"],
        disabled_at=row["failing_since"] + DISABLED_AFTER,
        version=row["announced"],
        occurred_at=now,
    )
    await outbox.record(connection, [told])
    log.warning("a webhook's receiver fails", extra={"webhook": str(webhook_id), "owner": owner})


async def forget(resources: Resources, now: datetime) -> None:
    """Drop what is past keeping, and what is left of deleted subscriptions, a slice at a time."""
    for statement, before in zip(statements.FORGET, (now - TRIES_KEPT, now - DELIVERIES_KEPT), strict=True):
        while rows_affected(await resources.pool.execute(statement, before)) == SLICE:
            continue
    while rows_affected(await resources.pool.execute(statements.FORGET_DELETED)) == SLICE:
        continue
    await resources.pool.execute(statements.FORGET_WEBHOOKS)
