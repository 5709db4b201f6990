"""A card's PIN: set, changed, forgotten, guessed at every door at once, and told to nobody."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher, Type

from chassis.principal import Principal
from circulation.pins import hashing
from support.desk import NOW, Make, codes, pointers, themselves
from support.harness import Harness

SHIPPED = hashing._hasher
DOOR = Principal("client", "sip2", frozenset({"pins:verify"}))
NO = {"verified": False, "patron_id": None}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same function with little work, so that tests do not spend their time on it."""
    monkeypatch.setattr(hashing, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    hashing._nobodys.cache_clear()
    yield
    hashing._nobodys.cache_clear()


def test_a_guess_costs_what_argon2id_should() -> None:
    assert SHIPPED.type is Type.ID
    assert (SHIPPED.memory_cost >= 19 * 1024, SHIPPED.time_cost >= 2) == (True, True)


async def guess(circulation: Harness, barcode: str, pin: str) -> Any:
    with circulation.asking(DOOR):
        answer = await circulation.post("/v1/card-pins/verifications", json={"barcode": barcode, "pin": pin})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def pinned(circulation: Harness, make: Make, pin: str = "2580", **more: Any) -> dict[str, Any]:
    patron = await make.patron(**more)
    answer = await circulation.put(f"/v1/patrons/{patron['id']}/card-pin", json={"pin": pin})
    assert answer.status_code == 204, answer.text
    return patron


async def test_a_door_opens_by_card_and_pin_and_the_pin_is_told_to_nobody(
    circulation: Harness, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    patron = await pinned(circulation, make, "73911937")
    path = f"/v1/patrons/{patron['id']}/card-pin"

    right = await guess(circulation, patron["barcode"], "73911937")
    answers = [
        await circulation.get(path),
        await circulation.put(path, json={"pin": "73911937 and far too long for a PIN"}),
        await circulation.put(path, json={"pin": "73911937", "current": ["73911937"]}),
        await circulation.get(f"/v1/patrons/{patron['id']}"),
    ]
    rows = await circulation.resources.pool.fetch("SELECT c::text AS told FROM card_pin c")
    kept = await circulation.resources.pool.fetch(
        "SELECT convert_from(body, 'utf8') AS told FROM idempotency"
    )

    assert right == {"verified": True, "patron_id": patron["id"]}
    assert [answer.status_code for answer in answers] == [200, 422, 422, 200]
    told = [answer.text for answer in answers] + [row["told"] or "" for row in (*rows, *kept)]
    told += [each.model_dump_json() for each in await circulation.envelopes()] + [caplog.text]
    assert not [each for each in told if "73911937" in each]
    assert "$argon2id$" in rows[0]["told"]
    assert not [each for each in told[:4] if "argon2" in each]


async def test_a_wrong_pin_a_locked_one_none_and_no_card_are_answered_alike_with_the_same_work(
    circulation: Harness, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    patron, bare = await pinned(circulation, make), await make.patron()
    compared: list[str | None] = []

    def counting(kept: str | None, pin: str) -> bool:
        compared.append(kept)
        return (kept is not None) and pin == "2580"

    monkeypatch.setattr(hashing, "_verified", counting)
    asked = [patron["barcode"]] * 6 + [bare["barcode"], "no such card"]
    answers = [await guess(circulation, barcode, "0000") for barcode in asked]
    locked = await guess(circulation, patron["barcode"], "2580")

    assert answers == [NO] * 8
    assert locked == NO
    assert len(compared) == 9
    assert [kept is not None for kept in compared] == [True] * 5 + [False] * 4


async def test_fifty_guesses_at_once_are_fifty_guesses(
    circulation: Harness, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    patron = await pinned(circulation, make)
    compared: list[str] = []

    def counting(kept: str | None, pin: str) -> bool:
        compared.extend([pin] if kept else [])
        return False

    monkeypatch.setattr(hashing, "_verified", counting)
    with circulation.asking(DOOR):
        await asyncio.gather(
            *(
                circulation.post(
                    "/v1/card-pins/verifications", json={"barcode": patron["barcode"], "pin": f"{n:04}"}
                )
                for n in range(50)
            )
        )

    assert len(compared) == 5


async def test_a_locked_pin_opens_again_by_time_by_staff_or_by_a_new_pin(
    circulation: Harness, make: Make
) -> None:
    patron = await pinned(circulation, make)
    path = f"/v1/patrons/{patron['id']}/card-pin"

    async def lock() -> bool:
        for _ in range(5):
            await guess(circulation, patron["barcode"], "0000")
        return bool((await guess(circulation, patron["barcode"], "2580"))["verified"])

    locked = [await lock()]
    stands = (await circulation.get(path)).json()
    circulation.at(NOW + timedelta(minutes=31))
    by_time = await guess(circulation, patron["barcode"], "2580")
    circulation.at(NOW)
    locked.append(await lock())
    await circulation.post(f"{path}/unlockings")
    by_staff = await guess(circulation, patron["barcode"], "2580")
    locked.append(await lock())
    await circulation.put(path, json={"pin": "9713"})
    by_new = await guess(circulation, patron["barcode"], "9713")
    await circulation.delete(path)
    gone = await guess(circulation, patron["barcode"], "9713")

    assert locked == [False, False, False]
    assert (stands["wrong_guesses"], stands["locked_until"]) == (5, "2027-03-01T09:30:00Z")
    assert [each["verified"] for each in (by_time, by_staff, by_new, gone)] == [True, True, True, False]


async def test_patrons_change_their_pin_by_saying_the_present_one(circulation: Harness, make: Make) -> None:
    patron, other = await make.patron(), await make.patron()
    mine = "/v1/patrons/me/card-pin"

    with circulation.asking(themselves(patron)):
        first = await circulation.put(mine, json={"pin": "2580"})
        silent = await circulation.put(mine, json={"pin": "9713"})
        wrong = await circulation.put(mine, json={"pin": "9713", "current": "0852"})
        changed = await circulation.put(mine, json={"pin": "9713", "current": "2580"})
        simple = await circulation.put(mine, json={"pin": "1111", "current": "9713"})
        foreign = await circulation.put(f"/v1/patrons/{other['id']}/card-pin", json={"pin": "2580"})
        verifying = await circulation.post(
            "/v1/card-pins/verifications", json={"barcode": patron["barcode"], "pin": "9713"}
        )

    assert (first.status_code, changed.status_code) == (204, 204)
    assert [(answer.status_code, codes(answer)) for answer in (silent, wrong)] == [(403, ["pin-wrong"])] * 2
    assert (simple.status_code, codes(simple), pointers(simple)) == (422, ["pin-too-simple"], ["/pin"])
    assert (foreign.status_code, verifying.status_code) == (404, 403)
    assert (await guess(circulation, patron["barcode"], "9713"))["verified"]


async def test_a_merged_card_opens_by_the_surviving_pin_and_a_replaced_one_by_none(
    circulation: Harness, make: Make
) -> None:
    new, old = await make.patron(barcode="NEW"), await pinned(circulation, make, barcode="OLD")
    await circulation.post(f"/v1/patrons/{new['id']}/merges", json={"merged": [old["id"]]})

    by_old, by_new = await guess(circulation, "OLD", "2580"), await guess(circulation, "NEW", "2580")
    await circulation.patch(f"/v1/patrons/{new['id']}", json={"barcode": "3"}, headers={"If-Match": '"2"'})
    replaced = await guess(circulation, "NEW", "2580")

    assert by_old == by_new == {"verified": True, "patron_id": new["id"]}
    assert replaced == NO
