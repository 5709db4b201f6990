"""Slips are printed once, and it is known when and by whom."""

import asyncio
from typing import Any

from chassis.principal import Principal
from support.desk import Make, held_up
from support.harness import Harness


async def print_slips(circulation: Harness, make: Make, kind: str, **more: Any) -> Any:
    path = f"/v1/service-points/{make.desk}/slip-prints"
    answer = await circulation.post(path, json={"kind": kind} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_only_what_is_new_is_printed_and_the_log_tells_by_whom(
    circulation: Harness, make: Make
) -> None:
    items = [await make.item(call_number=number) for number in ("QA 9", "QA 10")]
    for item in reversed(items):
        await make.hold(await make.patron(), item)

    first = await print_slips(circulation, make, "pick")
    nothing = await print_slips(circulation, make, "pick")
    third = await make.item(call_number="QA 1")
    await make.hold(await make.patron(), third)
    with circulation.asking(Principal("staff", "anna", frozenset({"holds:manage", "holds:read"}))):
        second = await print_slips(circulation, make, "pick")
    all_again = await print_slips(circulation, make, "pick", again=True)

    assert [slip["call_number"] for slip in first["entries"]] == ["QA 9", "QA 10"]
    assert (nothing["id"], nothing["entries"]) == (None, [])
    assert [slip["call_number"] for slip in second["entries"]] == ["QA 1"]
    assert len(all_again["entries"]) == 3
    path = f"/v1/service-points/{make.desk}/slip-prints"
    log = (await circulation.get(f"{path}?kind=pick")).json()["items"]
    assert [(each["printed_by"], each["slips"]) for each in log] == [
        ("staff:test-desk", 3),
        ("staff:anna", 1),
        ("staff:test-desk", 2),
    ]
    lost_in_the_printer = (await circulation.get(f"{path}/{second['id']}")).json()
    assert lost_in_the_printer["entries"] == second["entries"]


async def test_what_waits_on_the_hold_shelf_has_a_slip_of_its_own(circulation: Harness, make: Make) -> None:
    patrons = [await make.patron(family_name=name) for name in ("Zeller", "adam")]
    for patron in patrons:
        item = await make.item()
        await make.hold(patron, item)
        await make.take_back(item)

    printed = await print_slips(circulation, make, "hold", most=1)
    rest = await print_slips(circulation, make, "hold")

    assert (printed["entries"][0]["patron_name"], printed["more"]) == ("adam", True)
    assert [slip["patron_name"] for slip in rest["entries"]] == ["Zeller"]
    assert rest["entries"][0]["shelf_expires_at"] is not None
    assert (await print_slips(circulation, make, "pick"))["entries"] == []


async def test_of_two_who_print_at_once_each_slip_is_one_persons(circulation: Harness, make: Make) -> None:
    for _ in range(3):
        await make.hold(await make.patron(), await make.item())

    async with held_up(circulation, "slip_printed"):
        asked = [asyncio.create_task(print_slips(circulation, make, "pick")) for _ in range(3)]
    prints = await asyncio.gather(*asked)

    assert sorted(len(each["entries"]) for each in prints) == [0, 0, 3]
