"""What stays true however the desks are used: many hands at once, in no order."""

import asyncio
import random
from collections import defaultdict

import pytest

from support.desk import Make
from support.harness import Harness

POSITIONS_WITH_GAPS = """
SELECT title_id FROM hold WHERE position IS NOT NULL
GROUP BY title_id HAVING min(position) <> 1 OR max(position) <> count(*)
"""
LENT_TWICE = "SELECT item_id FROM loan WHERE returned_at IS NULL GROUP BY item_id HAVING count(*) > 1"
MONEY_LOST = "SELECT currency FROM ledger_entry GROUP BY currency HAVING sum(amount) <> 0"


async def invariants(circulation: Harness) -> None:
    """Raise if anything that must always hold does not."""
    pool = circulation.resources.pool
    for statement in (POSITIONS_WITH_GAPS, LENT_TWICE, MONEY_LOST):
        assert await pool.fetch(statement) == [], statement
    told = defaultdict(list)
    for envelope in await circulation.envelopes():
        if envelope.type.startswith(("circulation.loan-", "circulation.hold-")):
            told[envelope.subject].append(envelope.sequence)
    assert told
    for subject, versions in told.items():
        assert sorted(versions) == list(range(1, len(versions) + 1)), subject


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_busy_day_leaves_every_invariant_true(circulation: Harness, make: Make, seed: int) -> None:
    chance = random.Random(seed)
    patrons = [await make.patron() for _ in range(4)]
    items = [await make.item() for _ in range(3)]

    for _ in range(20):
        hands = []
        for _ in range(4):
            patron, item = chance.choice(patrons), chance.choice(items)
            match chance.randrange(3):
                case 0:
                    hands.append(make.lend(patron, item))
                case 1:
                    back = {"item_id": str(item.item_id), "service_point_id": make.desk}
                    hands.append(circulation.post("/v1/returns", json=back))
                case _:
                    wish = {
                        "patron_id": patron["id"],
                        "item_id": str(item.item_id),
                        "pickup_id": make.desk,
                    }
                    hands.append(circulation.post("/v1/holds", json=wish))
        answers = await asyncio.gather(*hands)
        assert {answer.status_code for answer in answers} <= {200, 201, 409}, [a.text for a in answers]

    await invariants(circulation)
