"""What time does: everything that is kept as a count or a copy is counted once a day, in slices that rest (W2)."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.metrics import DISCREPANCIES
from chassis.resources import Resources
from circulation.items.handlers import tell_availability
from circulation.reconciling.rules import (
    REPAIRED,
    Finding,
    Kind,
    Walk,
    fee_findings,
    item_findings,
    patron_findings,
)

log = logging.getLogger(__name__)

SLICE: Final = 500
TURN_SECONDS: Final = 5.0
"""Then the other timers have theirs; the rest is for the next turn."""
EVERY: Final = timedelta(days=1)

_PATRONS = """
SELECT p.id, p.open_loans, p.claims_open, p.owed, l.loans, l.claims, f.owing FROM patron p
CROSS JOIN LATERAL (
    SELECT count(*) AS loans, count(claimed_at) AS claims FROM loan
    WHERE patron_id = p.id AND returned_at IS NULL
) l
CROSS JOIN LATERAL (
    SELECT coalesce(sum(remaining), 0)::bigint AS owing FROM fee WHERE patron_id = p.id AND state = 'open'
) f
"""
_ITEMS = """
SELECT i.id, i.base, i.state, i.loan_id, i.due_at, i.loss, i.hold_shelf, i.transit_to, i.hold_id, i.withdrawal_id,
    l.id AS lent_id, l.due_at AS lent_until, l.claimed_at, l.lost_at
FROM item i LEFT JOIN loan l ON l.item_id = i.id AND l.returned_at IS NULL
"""
_FEES = """
SELECT f.id, f.remaining, (
    SELECT coalesce(sum(amount), 0)::bigint FROM ledger_entry WHERE fee_id = f.id AND account = 'receivable'
) AS balance FROM fee f
"""
_COUNT = "UPDATE patron SET open_loans = $2, claims_open = $3, guard = guard + 1 WHERE id = $1"
_OWE = "UPDATE patron SET owed = $2, guard = guard + 1 WHERE id = $1"
_SET = """
UPDATE item SET loan_id = $2, due_at = $3, loss = $4, state = $5, guard = guard + 1 WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Way:
    """How one of the walks looks."""

    table: str
    alias: str
    look: str
    judge: Callable[[Mapping[str, Any]], list[Finding]]


WAYS: Final = {
    Walk.PATRONS: Way("patron", "p", _PATRONS, patron_findings),
    Walk.ITEMS: Way("item", "i", _ITEMS, item_findings),
    Walk.FEES: Way("fee", "f", _FEES, fee_findings),
}
_BEGIN = """
INSERT INTO reconciliation (name, begun_at) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET after = NULL, looked_at = 0, begun_at = $2, finished_at = NULL
WHERE reconciliation.finished_at IS NOT NULL AND reconciliation.begun_at <= $3
"""
_UNDER_WAY = "SELECT after FROM reconciliation WHERE name = $1 AND finished_at IS NULL"
_FOUND = """
INSERT INTO discrepancy (id, kind, subject_id, kept, counted, found_at, seen_at, settled, settled_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, CASE WHEN $7::text IS NOT NULL THEN $6::timestamptz END)
ON CONFLICT (kind, subject_id) WHERE settled IS NULL
DO UPDATE SET kept = excluded.kept, counted = excluded.counted, seen_at = excluded.seen_at
"""
_PASSED = "UPDATE reconciliation SET after = $2, looked_at = looked_at + $3 WHERE name = $1"
_FINISHED = """
WITH done AS (UPDATE reconciliation SET finished_at = $2 WHERE name = $1 RETURNING begun_at)
UPDATE discrepancy d SET settled = 'gone', settled_at = $2 FROM done
WHERE d.settled IS NULL AND d.kind = ANY ($3::text[]) AND d.seen_at < done.begun_at
"""
_KINDS: Final = {
    Walk.PATRONS: (Kind.LOANS_MISCOUNTED, Kind.DEBT_MISCOUNTED),
    Walk.ITEMS: (Kind.ITEM_UNLIKE_LOAN, Kind.ITEM_STATE),
    Walk.FEES: (Kind.FEE_UNLIKE_LEDGER,),
}


async def reconcile(resources: Resources, now: datetime) -> None:
    """Go on with today's walks; a slice, then a rest as long as it took."""
    until = time.monotonic() + TURN_SECONDS
    for walk in Walk:
        async with resources.pool.acquire() as connection:
            await connection.execute(_BEGIN, walk, now, now - EVERY)
        while (began := time.monotonic()) < until:
            async with resources.pool.acquire() as connection, connection.transaction():
                if not await _step(connection, walk, now):
                    break
            await asyncio.sleep(time.monotonic() - began)
        else:
            return


async def _step(connection: Connection, walk: Walk, now: datetime) -> bool:
    """A slice of a walk; whether there is more of it."""
    way = WAYS[walk]
    progress = await connection.fetchrow(_UNDER_WAY, walk)
    if progress is None:
        return False
    found = await connection.fetch(
        f"{way.look} WHERE {way.alias}.id > $1 ORDER BY {way.alias}.id LIMIT $2",
        progress["after"] or UUID(int=0),
        SLICE,
    )
    rows = [dict(row) for row in found]
    suspects = [row["id"] for row in rows if way.judge(row)]
    if suspects:
        await _settle(connection, way, suspects, now)
    if rows:
        await connection.execute(_PASSED, walk, rows[-1]["id"], len(rows))
    if len(rows) < SLICE:
        await connection.execute(_FINISHED, walk, now, [kind.value for kind in _KINDS[walk]])
    return len(rows) == SLICE


async def _settle(connection: Connection, way: Way, suspects: Sequence[UUID], now: datetime) -> None:
    """Look once more with the rows locked, for desks work meanwhile; what differs still is told, and mended."""
    await connection.execute(
        f"SELECT FROM {way.table} WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", suspects
    )
    found = await connection.fetch(
        f"{way.look} WHERE {way.alias}.id = ANY ($1::uuid[]) ORDER BY {way.alias}.id", suspects
    )
    changed: list[UUID] = []
    for row in map(dict, found):
        findings = way.judge(row)
        kinds = {finding.kind for finding in findings}
        if Kind.LOANS_MISCOUNTED in kinds:
            await connection.execute(_COUNT, row["id"], row["loans"], row["claims"])
        if Kind.DEBT_MISCOUNTED in kinds:
            await connection.execute(_OWE, row["id"], row["owing"])
        if kinds & {Kind.ITEM_UNLIKE_LOAN, Kind.ITEM_STATE}:
            await _right(connection, row, findings)
            changed.append(row["id"])
        for finding in findings:
            await _tell(connection, finding, now)
    await tell_availability(connection, changed, now)


async def _right(connection: Connection, row: Mapping[str, Any], findings: Sequence[Finding]) -> None:
    """The item as its loan has it, in the state that follows."""
    counted = {name: fact for finding in findings for name, fact in finding.counted.items()}
    await connection.execute(
        _SET,
        row["id"],
        row["lent_id"],
        row["lent_until"],
        counted.get("loss", row["loss"]),
        counted.get("state", row["state"]),
    )


async def _tell(connection: Connection, finding: Finding, now: datetime) -> None:
    settled = "repaired" if finding.kind in REPAIRED else None
    await connection.execute(
        _FOUND,
        uuid7(),
        finding.kind,
        finding.subject_id,
        finding.kept,
        finding.counted,
        now,
        settled,
    )
    DISCREPANCIES.labels("circulation", finding.kind.value).inc()
    log.error(
        "kept otherwise than it counts up to",
        extra={"kind": finding.kind.value, "subject": str(finding.subject_id), "settled": settled},
    )
