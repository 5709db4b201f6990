"""Patrons come at an agreed time for what is ready."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from contracts.circulation import (
    PickupAppointmentBooked,
    PickupAppointmentMissed,
    PickupAppointmentMoved,
)
from support.desk import CONFIGURATION, NOW, Make, codes, held_up, themselves
from support.harness import Harness

MAIN, *OTHERS = CONFIGURATION["service_points"]
PLAN = {"slot_minutes": 30, "capacity": 1, "days_ahead": 1}
NOON, HALF_PAST = "2027-03-01T11:00:00Z", "2027-03-01T11:30:00Z"
APPOINTMENTS = "/v1/pickup-appointments"


async def offering(make: Make, **more: Any) -> None:
    answer = await make.configure(service_points=[MAIN | {"appointments": PLAN | more}, *OTHERS])
    assert answer.status_code == 200, answer.text


async def with_something_ready(make: Make) -> dict[str, Any]:
    patron, item = await make.patron(), await make.item()
    await make.hold(patron, item)
    await make.take_back(item)
    return patron


async def book(circulation: Harness, make: Make, patron: dict[str, Any], at: str = NOON) -> Any:
    body = {"patron_id": patron["id"], "service_point_id": make.desk, "starts_at": at}
    return await circulation.post(APPOINTMENTS, json=body)


async def do(circulation: Harness, appointment: dict[str, Any], what: str, **body: Any) -> Any:
    return await circulation.post(f"{APPOINTMENTS}/{appointment['id']}/{what}", json=body)


async def test_a_patron_books_what_the_slots_say_is_free_moves_it_and_calls_it_off(
    circulation: Harness, make: Make
) -> None:
    await offering(make)
    patron = await with_something_ready(make)
    slots = f"/v1/service-points/{make.desk}/appointment-slots?days=1"

    async def free() -> dict[str, int]:
        return {slot["starts_at"]: slot["free"] for slot in (await circulation.get(slots)).json()["items"]}

    with circulation.asking(themselves(patron)):
        before = await free()
        answer = await circulation.post(APPOINTMENTS, json={"service_point_id": make.desk, "starts_at": NOON})
        booked = answer.json()
        taken = await free()
        moved = await do(circulation, booked, "moves", starts_at="2027-03-01T12:30:00+01:00")
        then = await free()
        again = await circulation.post(APPOINTMENTS, json={"service_point_id": make.desk, "starts_at": NOON})
        off = await do(circulation, booked, "cancellations")
        listed = (await circulation.get(APPOINTMENTS)).json()["items"]

    # Open from nine to six in Berlin, it is ten, and an hour's notice is wanted.
    assert (len(before), min(before), max(before)) == (14, "2027-03-01T10:00:00Z", "2027-03-01T16:30:00Z")
    assert answer.status_code == 201, answer.text
    assert (before[NOON], taken[NOON], then[NOON], then[HALF_PAST]) == (1, 0, 1, 0)
    assert (moved.json()["starts_at"], moved.json()["ends_at"]) == (HALF_PAST, "2027-03-01T12:00:00Z")
    assert codes(again) == ["booked-already"]
    assert (off.json()["state"], [each["id"] for each in listed]) == ("cancelled", [booked["id"]])
    assert (await free())[HALF_PAST] == 1
    (event,) = await circulation.announced(PickupAppointmentMoved)
    assert (event.version, str(event.appointment.patron_ref)) == (2, patron["id"])


async def test_the_last_place_of_a_slot_goes_to_one(circulation: Harness, make: Make) -> None:
    await offering(make, capacity=2)
    patrons = [await with_something_ready(make) for _ in range(4)]

    async with held_up(circulation, "pickup_appointment"):
        asked = [asyncio.create_task(book(circulation, make, patron)) for patron in patrons]
    answers = await asyncio.gather(*asked)

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert {codes(answer)[0] for answer in answers if answer.status_code == 409} == {"slot-full"}
    rows = await circulation.resources.pool.fetch("SELECT place FROM pickup_appointment ORDER BY place")
    assert [row["place"] for row in rows] == [1, 2]


async def test_two_who_move_to_the_same_slot_at_once_do_not_both_get_it(
    circulation: Harness, make: Make
) -> None:
    await offering(make)
    booked = [
        (await book(circulation, make, await with_something_ready(make), at)).json()
        for at in (NOON, "2027-03-01T12:00:00Z")
    ]

    answers = await asyncio.gather(
        *(do(circulation, each, "moves", starts_at=HALF_PAST) for each in booked), return_exceptions=False
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_it_is_put_together_the_patron_comes_and_takes_it(circulation: Harness, make: Make) -> None:
    await offering(make)
    patron = await with_something_ready(make)
    booked = (await book(circulation, make, patron)).json()

    early = await do(circulation, booked, "deliveries")
    with circulation.asking(themselves(patron)):
        theirs = await do(circulation, booked, "stagings")
        arrived = await do(circulation, booked, "arrivals")
    moved = await do(circulation, booked, "moves", starts_at=HALF_PAST)
    staged = await do(circulation, booked, "stagings")
    delivered = await do(circulation, booked, "deliveries")
    late = await do(circulation, booked, "cancellations")

    assert (early.status_code, codes(early)) == (409, ["appointment-booked"])
    assert (theirs.status_code, arrived.json()["state"]) == (403, "arrived")
    assert codes(moved) == ["appointment-arrived"]
    assert (staged.json()["state"], staged.json()["staged_at"]) == ("arrived", "2027-03-01T09:00:00Z")
    assert (delivered.json()["state"], delivered.json()["version"]) == ("delivered", 4)
    assert codes(late) == ["appointment-delivered"]


async def test_who_does_not_come_has_missed_it_and_who_has_come_has_not(
    circulation: Harness, make: Make
) -> None:
    await offering(make, capacity=2)
    there, away = [(await book(circulation, make, await with_something_ready(make))).json() for _ in range(2)]
    await do(circulation, there, "arrivals")

    circulation.at(datetime.fromisoformat(NOON) + timedelta(minutes=89))
    await circulation.tick("miss-appointments")
    assert await circulation.announced(PickupAppointmentMissed) == []
    circulation.at(datetime.fromisoformat(NOON) + timedelta(minutes=90))
    await circulation.tick("miss-appointments")

    states = [
        (await circulation.get(f"{APPOINTMENTS}/{each['id']}")).json()["state"] for each in (there, away)
    ]
    assert states == ["arrived", "missed"]
    assert len(await circulation.announced(PickupAppointmentMissed)) == 1


async def test_nobody_books_for_another_and_every_reason_is_told(circulation: Harness, make: Make) -> None:
    await offering(make)
    patron, stranger = await with_something_ready(make), await make.patron()
    booked = (await book(circulation, make, patron)).json()

    with circulation.asking(themselves(stranger)):
        for_another = await book(circulation, make, patron)
        refused = await book(circulation, make, stranger)
        read = await circulation.get(f"{APPOINTMENTS}/{booked['id']}")
        cancelled = await do(circulation, booked, "cancellations")
        listed = await circulation.get(f"{APPOINTMENTS}?patron_id={patron['id']}")
    law = {"patron_id": patron["id"], "service_point_id": str(make.desks["law-desk"]), "starts_at": NOON}

    assert [answer.status_code for answer in (for_another, read, cancelled)] == [404, 404, 404]
    assert codes(refused) == ["slot-full", "nothing-ready"]
    assert listed.json()["items"] == []
    assert codes(await circulation.post(APPOINTMENTS, json=law)) == ["no-appointments"]


async def test_a_desk_reads_its_day_in_pages(circulation: Harness, make: Make) -> None:
    await offering(make, capacity=2)
    circulation.at(NOW)
    booked = [
        (await book(circulation, make, await with_something_ready(make), at)).json()["id"]
        for at in (HALF_PAST, NOON, HALF_PAST)
    ]
    day = f"{APPOINTMENTS}?service_point_id={make.desk}&from=2027-03-01T00:00:00Z&to=2027-03-02T00:00:00Z&limit=2"

    first = (await circulation.get(day)).json()
    rest = (await circulation.get(f"{day}&cursor={first['next_cursor']}")).json()

    assert [each["id"] for each in (*first["items"], *rest["items"])] == [booked[1], booked[0], booked[2]]
    assert len(await circulation.announced(PickupAppointmentBooked)) == 3


async def test_registrations_that_become_one_come_once_and_are_in_a_group_once(
    circulation: Harness, make: Make
) -> None:
    await offering(make, capacity=2)
    old, new = [await with_something_ready(make) for _ in range(2)]
    of_old, of_new = [(await book(circulation, make, patron)).json() for patron in (old, new)]
    group = (await circulation.post("/v1/hold-groups", json={"name": "Crime"})).json()["id"]
    for patron in (old, new):
        await circulation.put(
            f"/v1/hold-groups/{group}/members/{patron['id']}", json={"pickup_id": make.desk}
        )

    merged = await circulation.post(f"/v1/patrons/{new['id']}/merges", json={"merged": [old["id"]]})

    assert merged.status_code == 201, merged.text
    read = [(await circulation.get(f"{APPOINTMENTS}/{each['id']}")).json() for each in (of_old, of_new)]
    assert [(each["state"], each["patron_id"]) for each in read] == [
        ("cancelled", new["id"]),
        ("booked", new["id"]),
    ]
    members = (await circulation.get(f"/v1/hold-groups/{group}/members")).json()["items"]
    assert [each["patron_id"] for each in members] == [new["id"]]
