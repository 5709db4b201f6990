"""Fees for tests: a library that charges by hand, and the ledger's own invariants."""

from typing import Any

from support.desk import CONFIGURATION, Make
from support.harness import Harness

FEES: dict[str, Any] = CONFIGURATION | {
    "fee_types": [
        {"code": "lost-card", "name": "A new card", "amount": 500},
        {"code": "damage", "name": "Damage"},
    ],
    "bursar_accounts": [{"code": "bursar", "name": "Student accounts"}],
}


async def configured(circulation: Harness, **more: Any) -> None:
    """The small library with fee types and a bursar, changed as a test says."""
    answer = await circulation.put("/v1/configuration/circulation", json=FEES | more)
    assert answer.status_code == 200, answer.text


async def charged(make: Make, patron: dict[str, Any], amount: int, **more: Any) -> dict[str, Any]:
    """A fee charged by hand."""
    body = {"patron_id": patron["id"], "type": "damage", "amount": amount} | more
    answer = await make.circulation.post("/v1/fees", json=body)
    assert answer.status_code == 201, answer.text
    fee: dict[str, Any] = answer.json()
    return fee


async def owed(make: Make, patron: dict[str, Any]) -> int:
    """What the patron's registration says is owed."""
    told: int = (await make.circulation.get(f"/v1/patrons/{patron['id']}")).json()["owed"]
    return told


UNBALANCED = """
SELECT booking_id FROM ledger_entry GROUP BY booking_id, currency HAVING sum(amount) <> 0 OR count(*) <> 2
"""
REMAINING_UNLIKE_LEDGER = """
SELECT f.id FROM fee f JOIN ledger_entry e ON e.fee_id = f.id
GROUP BY f.id HAVING f.remaining <> coalesce(sum(e.amount) FILTER (WHERE e.account = 'receivable'), 0)
"""
GIVEN_BACK_TWICE = """
SELECT fee_id FROM ledger_entry WHERE account IN ('cash', 'transferred') GROUP BY fee_id, account
HAVING sum(amount) < 0
"""
OWED_UNLIKE_FEES = """
SELECT p.id FROM patron p WHERE p.owed <> coalesce((SELECT sum(remaining) FROM fee WHERE patron_id = p.id), 0)
"""
METHODS_UNLIKE_CASH = """
SELECT f.id FROM fee f
WHERE coalesce((SELECT sum(amount) FROM payment WHERE fee_id = f.id), 0)
    - coalesce((SELECT sum(amount) FROM fee_action WHERE fee_id = f.id AND act = 'refund'), 0)
    <> coalesce((SELECT sum(amount) FROM ledger_entry WHERE fee_id = f.id AND account = 'cash'), 0)
"""


async def money_is_whole(circulation: Harness) -> None:
    """Raise if the ledger, the fees, the payments and the balances disagree, or an event of a fee is missing."""
    for statement in (
        UNBALANCED,
        REMAINING_UNLIKE_LEDGER,
        GIVEN_BACK_TWICE,
        OWED_UNLIKE_FEES,
        METHODS_UNLIKE_CASH,
    ):
        assert await circulation.resources.pool.fetch(statement) == [], statement
    told: dict[str, list[int]] = {}
    for envelope in await circulation.envelopes():
        if envelope.type.startswith("circulation.fee-"):
            told.setdefault(envelope.subject, []).append(envelope.sequence)
    for subject, versions in told.items():
        assert versions == list(range(1, len(versions) + 1)), subject
    for row in await circulation.resources.pool.fetch("SELECT id, version FROM fee"):
        assert told[str(row["id"])][-1] == row["version"]
