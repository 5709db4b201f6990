"""What stays true however the desks are used: many hands at once, in no order."""

import asyncio
import random
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from chassis.ids import uuid7
from contracts.catalog import ItemWithdrawalRequested
from support.desk import NOW, Make
from support.harness import Harness

INVARIANTS = {
    "a queue's positions are 1, 2, 3 …": """
        SELECT title_id FROM hold WHERE position IS NOT NULL
        GROUP BY title_id HAVING min(position) <> 1 OR max(position) <> count(*)""",
    "an item is lent once": """
        SELECT item_id FROM loan WHERE returned_at IS NULL GROUP BY item_id HAVING count(*) > 1""",
    "an item knows its loan, and the loan its due time": """
        SELECT i.id FROM item i FULL JOIN (SELECT * FROM loan WHERE returned_at IS NULL) l ON l.item_id = i.id
        WHERE i.loan_id IS DISTINCT FROM l.id OR i.due_at IS DISTINCT FROM l.due_at
           OR (i.state = 'on-loan') <> (l.id IS NOT NULL)""",
    "an item is kept for a hold that is open, and for its patron": """
        SELECT i.id FROM item i LEFT JOIN hold h ON h.id = i.hold_id
        WHERE (i.hold_id IS NULL) <> (i.kept_for IS NULL)
           OR i.hold_id IS NOT NULL AND (h.position IS NULL OR h.patron_id <> i.kept_for)""",
    "an item waits on the hold shelf exactly when a hold is ready with it": """
        SELECT i.id, h.id FROM (SELECT * FROM item WHERE state = 'on-hold-shelf') i
        FULL JOIN (SELECT * FROM hold WHERE state = 'ready') h ON h.item_id = i.id AND h.id = i.hold_id
        WHERE i.id IS NULL OR h.id IS NULL OR NOT i.hold_shelf""",
    "a hold on its way has an item on its way": """
        SELECT h.id FROM hold h LEFT JOIN item i ON i.id = h.item_id AND i.hold_id = h.id
        WHERE h.state = 'in-transit' AND (i.transit_to IS NULL OR i.transit_to <> h.pickup_id)""",
    "a hold is kept one copy": "SELECT hold_id FROM item WHERE hold_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1",
    "a patron's loans and debts are counted": """
        SELECT p.id FROM patron p
        WHERE open_loans <> (SELECT count(*) FROM loan WHERE patron_id = p.id AND returned_at IS NULL)
           OR owed <> (SELECT coalesce(sum(remaining), 0) FROM fee WHERE patron_id = p.id)""",
    "no money is lost": "SELECT currency FROM ledger_entry GROUP BY currency HAVING sum(amount) <> 0",
    "what is withdrawing is not out": """
        SELECT id FROM item WHERE withdrawal_id IS NOT NULL AND (loan_id IS NOT NULL OR hold_id IS NOT NULL)""",
}
VERSIONS = {
    "loan": "SELECT id, version FROM loan",
    "hold": "SELECT id, version FROM hold",
    "fee": "SELECT id, version FROM fee",
    "item": "SELECT id, told AS version FROM item",
}


async def invariants(circulation: Harness) -> None:
    """Raise if anything that must always hold does not."""
    pool = circulation.resources.pool
    for words, statement in INVARIANTS.items():
        assert await pool.fetch(statement) == [], words
    told = defaultdict(list)
    newest: dict[str, dict[str, Any]] = {}
    for envelope in await circulation.envelopes():
        told[envelope.subject].append(envelope.sequence)
        availability = envelope.data.get("availability")
        if availability is not None:
            known = newest.setdefault(availability["item_id"], availability)
            assert known is availability or known["version"] < availability["version"], "told in order"
            newest[availability["item_id"]] = availability
    for kind, statement in VERSIONS.items():
        for row in await pool.fetch(statement):
            versions = told[str(row["id"])]
            assert versions == list(range(1, row["version"] + 1)), f"every change of a {kind} is one event"
    for row in await pool.fetch("SELECT id, state, due_at FROM item"):
        if (last := newest.get(str(row["id"]))) is not None:
            assert last["state"] == row["state"], "the last that was told is what is"


@pytest.mark.parametrize("seed", range(5))
async def test_a_busy_day_leaves_every_invariant_true(circulation: Harness, make: Make, seed: int) -> None:
    chance = random.Random(seed)
    patrons = [await make.patron() for _ in range(5)]
    first = await make.item()
    items = [first, await make.item(title_ids=first.title_ids), await make.item(), await make.item()]
    items.append(await make.item(title_ids=first.title_ids, location_id=make.locations["LAW"]))
    holds: list[str] = []
    loans: list[str] = []

    async def withdraw() -> None:
        item = chance.choice(items)
        event = ItemWithdrawalRequested(
            version=1, occurred_at=NOW, withdrawal_id=uuid7(), item_id=item.item_id, reason="old"
        )
        await circulation.deliver(event, source="catalog")

    def hand() -> Any:
        patron, item = chance.choice(patrons), chance.choice(items)
        desk = str(chance.choice(list(make.desks.values())))
        wish = {"patron_id": patron["id"], "pickup_id": desk}
        match chance.randrange(12):
            case 0 | 1 | 2:
                return make.lend(patron, item, service_point_id=desk)
            case 3 | 4 | 5:
                back = {"item_id": str(item.item_id), "service_point_id": desk}
                return circulation.post("/v1/returns", json=back)
            case 6 | 7:
                return circulation.post("/v1/holds", json=wish | {"title_id": str(item.title_ids[0])})
            case 8:
                return circulation.post("/v1/holds", json=wish | {"item_id": str(item.item_id)})
            case 9 if holds:
                return circulation.post(f"/v1/holds/{chance.choice(holds)}/cancellations", json={})
            case 10 if loans:
                return circulation.post(f"/v1/loans/{chance.choice(loans)}/renewals")
            case 11:
                override = {"blocks": ["item-held-for-another"], "comment": "the dean"}
                return make.lend(patron, item, override=override)
        return circulation.get(f"/v1/patrons/{patron['id']}/account")

    for step in range(30):
        circulation.at(NOW + timedelta(days=step * 2))
        answers = await asyncio.gather(*(hand() for _ in range(5)))
        assert {answer.status_code for answer in answers} <= {200, 201, 409}, [a.text for a in answers]
        for answer in answers:
            (holds if "/v1/holds" in answer.headers.get("location", "") else loans).extend(
                [answer.json()["id"]] if answer.status_code == 201 and "location" in answer.headers else []
            )
        await circulation.tick("expire-holds")
        if step == 24:
            await withdraw()
        await invariants(circulation)
