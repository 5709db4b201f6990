"""The nightly counting: it finds what was bent, mends what follows from something else, and says so."""

from datetime import timedelta
from typing import Any

import pytest

from circulation.reconciling import timers
from circulation.reconciling.rules import Walk
from circulation.reconciling.timers import EVERY
from contracts.circulation import ItemAvailabilityChanged
from support.desk import NOW, Make
from support.harness import Harness
from support.invariants import Watch
from support.money import configured


async def discrepancies(circulation: Harness) -> dict[str, Any]:
    """What the counting found, as operators see it."""
    answer = await circulation.get("/v1/discrepancies")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_where_everything_is_right_nothing_is_found_and_all_was_looked_at(
    circulation: Harness, make: Make
) -> None:
    patron, items = await make.patron(), [await make.item() for _ in range(3)]
    await make.loan(patron, items[0])

    await circulation.tick("reconcile")

    told = await discrepancies(circulation)
    assert (told["items"], told["open"]) == ([], 0)
    assert {each["walk"]: each["looked_at"] for each in told["walks"]} == {
        "patrons": 1,
        "items": 3,
        "fees": 0,
    }
    assert all(each["finished_at"] for each in told["walks"])


async def test_counters_and_items_that_were_bent_are_right_again_in_the_morning(
    circulation: Harness, make: Make
) -> None:
    patron, lent, shelved = await make.patron(), await make.item(), await make.item()
    await make.loan(patron, lent)
    pool = circulation.resources.pool
    await pool.execute("UPDATE patron SET open_loans = 7, owed = 5000")
    await pool.execute("UPDATE item SET loan_id = NULL, due_at = NULL, state = 'available'")
    await pool.execute("UPDATE item SET state = 'in-transit' WHERE id = $1", shelved.item_id)
    before = len(await circulation.announced(ItemAvailabilityChanged))

    await circulation.tick("reconcile")

    told = await discrepancies(circulation)
    assert {(each["kind"], each["settled"]) for each in told["items"]} == {
        ("loans-miscounted", "repaired"),
        ("debt-miscounted", "repaired"),
        ("item-unlike-loan", "repaired"),
        ("item-state", "repaired"),
    }
    assert told["open"] == 0
    heard = (await circulation.announced(ItemAvailabilityChanged))[before:]
    states = {str(each.item_id): each.availability.state for each in heard}
    assert states == {str(lent.item_id): "on-loan", str(shelved.item_id): "available"}
    await make.take_back(lent)
    await Watch(circulation).check()


async def test_a_fee_unlike_its_ledger_stands_until_a_person_has_mended_it(
    circulation: Harness, make: Make
) -> None:
    await configured(circulation)
    patron = await make.patron()
    await circulation.post(
        "/v1/fees",
        json={"patron_id": patron["id"], "type": "lost-card", "service_point_id": make.desk},
    )
    pool = circulation.resources.pool
    await pool.execute("UPDATE fee SET remaining = 300")
    await pool.execute("UPDATE patron SET owed = 300")

    for day in range(2):
        circulation.at(NOW + day * EVERY)
        await circulation.tick("reconcile")
    standing = await discrepancies(circulation)
    await pool.execute("UPDATE fee SET remaining = 500")
    await pool.execute("UPDATE patron SET owed = 500")
    circulation.at(NOW + 2 * EVERY)
    await circulation.tick("reconcile")

    [fee] = standing["items"]
    assert (fee["kind"], fee["settled"], standing["open"]) == ("fee-unlike-ledger", None, 1)
    assert (fee["kept"], fee["counted"]) == ({"remaining": 300}, {"remaining": 500})
    assert fee["found_at"] < fee["seen_at"]
    after = await discrepancies(circulation)
    assert (after["items"][0]["settled"], after["open"]) == ("gone", 0)


async def test_the_counting_goes_on_where_its_turn_ended_and_begins_anew_the_next_day(
    circulation: Harness, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await make.patron()
    monkeypatch.setattr(timers, "SLICE", 2)
    monkeypatch.setattr(timers, "TURN_SECONDS", 0.0)
    await circulation.tick("reconcile")
    stopped = await discrepancies(circulation)
    monkeypatch.setattr(timers, "TURN_SECONDS", 5.0)
    await circulation.tick("reconcile")
    await circulation.tick("reconcile")
    once = await discrepancies(circulation)
    circulation.at(NOW + timedelta(days=1, minutes=1))
    await circulation.tick("reconcile")
    again = await discrepancies(circulation)

    assert [(each["walk"], each["looked_at"]) for each in stopped["walks"]] == [("patrons", 0)]
    assert [each["looked_at"] for each in once["walks"] if each["walk"] == "patrons"] == [5]
    assert {each["begun_at"] for each in again["walks"]} != {each["begun_at"] for each in once["walks"]}
    assert [each["looked_at"] for each in again["walks"] if each["walk"] == "patrons"] == [5]


async def test_what_a_desk_does_meanwhile_is_no_difference(
    circulation: Harness, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look may fall between two facts; the second, with the rows locked, does not."""
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    pool = circulation.resources.pool
    real = timers.WAYS[Walk.PATRONS]
    looks: list[int] = []

    def unlucky(row: Any) -> list[Any]:
        looks.append(1)
        return real.judge({**row, "open_loans": 9} if len(looks) == 1 else row)

    way = timers.Way(real.table, real.alias, real.look, unlucky)
    monkeypatch.setattr(timers, "WAYS", {**timers.WAYS, Walk.PATRONS: way})

    await circulation.tick("reconcile")

    assert len(looks) == 2
    assert (await discrepancies(circulation))["items"] == []
    assert await pool.fetchval("SELECT open_loans FROM patron") == 1
