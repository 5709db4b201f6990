"""Exports are worked off patron by patron, each in a transaction of its own with the place where to go on.

A fee that was handed over is closed, so it cannot go twice, however often a process is killed; what was to be
given back (`credit`) goes with the next export of its account, once.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.resources import Resources
from circulation.bursar.rules import Criteria, OpenFee, handed_over
from circulation.fees import commands as fees
from circulation.fees.commands import By, Wish
from circulation.ledger.rules import Act
from circulation.lost.commands import close_settled
from circulation.lost.rules import LOST_FEES
from circulation.places.library import Library, Shelf

SLICE: Final = 200

_PATRONS = """
SELECT DISTINCT patron_id FROM fee WHERE state = 'open' AND ($1::uuid IS NULL OR patron_id > $1)
ORDER BY patron_id LIMIT $2
"""
_CREDITS = """
UPDATE fee_action SET export_id = $1
WHERE id IN (SELECT id FROM fee_action WHERE act = 'credit' AND account = $2 AND export_id IS NULL)
RETURNING amount
"""


async def work_off(resources: Resources, now: datetime) -> None:
    """Every export that was asked for."""
    shelf: Shelf = resources.own["shelf"]
    while True:
        export_id = await resources.pool.fetchval(
            "UPDATE bursar_export SET state = 'running' WHERE id = (SELECT id FROM bursar_export "
            "  WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1) RETURNING id"
        )
        if export_id is None:
            return
        library = await shelf.fresh()
        while await _slice(resources.pool, library, export_id, now=now):
            pass


async def _slice(pool: asyncpg.Pool, library: Library, export_id: UUID, *, now: datetime) -> bool:
    """Some patrons more; whether there may be others."""
    export = await pool.fetchrow("SELECT * FROM bursar_export WHERE id = $1", export_id)
    assert export is not None
    if export["state"] != "running":
        return False
    patrons = await pool.fetch(_PATRONS, export["after_patron"], SLICE)
    for row in patrons:
        async with pool.acquire() as connection, connection.transaction():
            if not await _patron(connection, library, export, row["patron_id"], now=now):
                return False
    if len(patrons) == SLICE:
        return True
    await _finish(pool, export, now=now)
    return False


async def _patron(
    connection: Connection, library: Library, export: asyncpg.Record, patron_id: UUID, *, now: datetime
) -> bool:
    """Hand over what the criteria say of one patron; False when the export was cancelled meanwhile."""
    state = await connection.fetchval(
        "SELECT state FROM bursar_export WHERE id = $1 FOR NO KEY UPDATE", export["id"]
    )
    if state != "running":
        return False
    rows = await fees.locked_open(connection, patron_id)
    group = await connection.fetchval("SELECT group_code FROM patron WHERE id = $1", patron_id)
    told = [
        OpenFee(row["id"], row["kind"], row["owner"], row["charged_at"], row["remaining"])
        for row in rows
        if row["currency"] == export["currency"]
    ]
    chosen = handed_over(criteria_of(export), told, group=group, now=now)
    by_id = {row["id"]: row for row in rows}
    by = By(f"bursar-export:{export['id']}", None, now)
    done = []
    for fee_id in chosen:
        wish = Wish(Act.TRANSFER, account=export["account"])
        done += await fees.act(connection, by_id[fee_id], wish, by)
    await connection.execute(
        "UPDATE fee_action SET export_id = $1 WHERE id = ANY ($2::uuid[])",
        export["id"],
        [each.id for each in done],
    )
    await connection.execute(
        "UPDATE bursar_export SET after_patron = $2, patrons = patrons + $3, lines = lines + $4, "
        "  amount = amount + $5 WHERE id = $1",
        export["id"],
        patron_id,
        bool(done) + 0,
        len(done),
        sum(each.amount.minor for each in done),
    )
    lost = {each.fee["loan_id"] for each in done if each.fee["kind"] in LOST_FEES}
    await close_settled(connection, library, lost, now=now)
    return True


def criteria_of(export: asyncpg.Record) -> Criteria:
    """As rules put them."""
    told = export["criteria"]

    def some(name: str) -> frozenset[str] | None:
        return None if told[name] is None else frozenset(told[name])

    return Criteria(
        told["older_than_days"], some("kinds"), some("owners"), some("patron_groups"), told["least_total"]
    )


async def _finish(pool: asyncpg.Pool, export: asyncpg.Record, *, now: datetime) -> None:
    """What is to be given back goes along; the export is done."""
    async with pool.acquire() as connection, connection.transaction():
        state = await connection.fetchval(
            "SELECT state FROM bursar_export WHERE id = $1 FOR NO KEY UPDATE", export["id"]
        )
        if state != "running":
            return
        due_back = await connection.fetch(_CREDITS, export["id"], export["account"])
        await connection.execute(
            "UPDATE bursar_export SET state = 'done', ended_at = $2, lines = lines + $3, amount = amount - $4 "
            "WHERE id = $1",
            export["id"],
            now,
            len(due_back),
            sum(row["amount"] for row in due_back),
        )
