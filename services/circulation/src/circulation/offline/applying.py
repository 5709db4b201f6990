"""Applying what a desk did while the line was down: one action after the other, each once, in a slice at a time."""

import hashlib
import logging
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis import outbox
from chassis.edge import Once
from chassis.principal import Principal
from chassis.problems import Forbidden, NotFound, Problem, Reason
from chassis.resources import Resources
from circulation.blocks.rules import Block
from circulation.loans import lending, returning
from circulation.loans.desk import Override
from circulation.loans.several import SPOILS_NO_OTHER, outcome_of
from circulation.offline.rules import Kind, superseded
from circulation.places.library import NotConfigured, Shelf

log = logging.getLogger(__name__)

SLICE = 250

_WAITING = """
SELECT a.*, u.service_point_id, u.uploaded_by, u.override
FROM offline_action a JOIN offline_upload u ON u.id = a.upload_id
WHERE a.outcome = 'waiting' ORDER BY a.upload_id, a.place LIMIT $1
"""
_ITEM = """
SELECT i.last_seen_at, (
    SELECT a.left_at FROM offline_action a
    WHERE a.upload_id = $2 AND a.item_barcode = $1 AND a.outcome = 'applied' AND a.place < $3
    ORDER BY a.place DESC LIMIT 1
) AS left_at, EXISTS (SELECT FROM idempotency o WHERE o.principal = $4 AND o.key = $5) AS done_before
FROM item i WHERE i.barcode = $1
"""
_APPLIED = """
UPDATE offline_action SET outcome = 'applied', reasons = '[]', loan_id = $2, applied_at = $3,
    patron_barcode = NULL, left_at = (SELECT last_seen_at FROM item WHERE barcode = item_barcode)
WHERE id = $1
"""
_CONFLICT = "UPDATE offline_action SET outcome = 'conflict', reasons = $2 WHERE id = $1"


async def apply_offline_actions(resources: Resources, now: datetime) -> None:
    """A slice of what waits, the oldest file first, in the order of the desk's own times."""
    for row in await resources.pool.fetch(_WAITING, SLICE):
        principal = Principal.from_claims(row["uploaded_by"])
        token = outbox.origin.set(resources.origin(principal.actor))
        try:
            await _apply(resources, row, principal, now=now)
        finally:
            outbox.origin.reset(token)


async def _apply(resources: Resources, row: asyncpg.Record, principal: Principal, *, now: datetime) -> None:
    pool = resources.pool
    once = once_for(row["id"], principal)
    item = await pool.fetchrow(
        _ITEM, row["item_barcode"], row["upload_id"], row["place"], once.principal, once.key
    )
    if item is None:
        await _conflict(pool, row["id"], [Reason("item-unknown", "There is no such item.", "/item_barcode")])
        return
    newer = superseded(at=row["at"], last_seen_at=item["last_seen_at"], left_at=item["left_at"])
    if newer and not item["done_before"]:
        text = "The item was at another desk after that: what is known of it is newer."
        mend = "Look where the item is; scan it anew if it is not so."
        await _conflict(pool, row["id"], [Reason("newer-status", text, "/at", mend)])
        return
    try:
        body = await _done(resources, row, principal, once, now=now)
    except (*SPOILS_NO_OTHER, Forbidden) as problem:
        if isinstance(problem, NotConfigured):
            raise
        await _conflict(pool, row["id"], _reasons(problem))
        return
    told = orjson.loads(body)
    loan = told if row["kind"] == Kind.CHECK_OUT else told["loan"] or {"id": None}
    await pool.execute(_APPLIED, row["id"], loan.get("id"), now)


def once_for(action_id: UUID, principal: Principal) -> Once:
    """An action is done once, whichever process is at it and whenever it was killed."""
    return Once(str(principal.actor), f"offline/{action_id}", hashlib.sha256(action_id.bytes).digest())


async def _done(
    resources: Resources, row: asyncpg.Record, principal: Principal, once: Once, *, now: datetime
) -> bytes:
    """The answer, as the desk would have had it."""
    pool, shelf = resources.pool, resources.own["shelf"]
    assert isinstance(shelf, Shelf)

    async def act(once: Once) -> Any:
        if row["kind"] == Kind.CHECK_IN:
            back = returning.Return(None, row["item_barcode"], row["service_point_id"], row["at"], once)
            return await returning.take_back(pool, shelf, back, principal, now=now)
        lent = lending.CheckOut(
            patron_id=None,
            patron_barcode=row["patron_barcode"],
            item_id=None,
            item_barcode=row["item_barcode"],
            desk_id=row["service_point_id"],
            lent_at=row["at"],
            override=_override(row["override"]),
            once=once,
        )
        return await lending.check_out(pool, shelf, lent, principal, now=now)

    outcome = await outcome_of(act, once)
    if outcome.problem is not None:
        raise outcome.problem
    if outcome.body is None:
        raise NotFound
    return outcome.body


def _override(told: dict[str, Any]) -> Override | None:
    if not told:
        return None
    return Override(frozenset(Block(block) for block in told["blocks"]), told["comment"])


def _reasons(problem: Problem) -> list[Reason]:
    return list(problem.reasons) or [Reason(problem.code, str(problem))]


async def _conflict(pool: asyncpg.Pool, action_id: UUID, reasons: list[Reason]) -> None:
    await pool.execute(_CONFLICT, action_id, [reason.as_json() for reason in reasons])
