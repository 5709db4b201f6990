"""A place closes unexpectedly: one call moves what was due, and another one takes it back."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx

from chassis.principal import Principal
from circulation.closings.working import work_once
from contracts.circulation import CalendarChanged, HoldUpdated, LoanDueDateChanged, RulesActivated
from support.desk import CONFIGURATION, NOW, Make, pointers
from support.harness import Harness

PATH = "/v1/service-points/closings"
SPAN = {"from": "2027-03-29T10:00:00Z", "until": "2027-03-31T04:00:00Z", "reason": "A burst pipe"}
"""From noon of the day on which four weeks end until the early morning of the day after the next."""


async def close(
    circulation: Harness, make: Make, *, key: str | None = None, query: str = "", **more: Any
) -> httpx.Response:
    body = SPAN | {"service_point_ids": [make.desk]} | more
    return await circulation.post(f"{PATH}{query}", json=body, key=key)


async def done(circulation: Harness) -> None:
    while await work_once(circulation.resources, asyncio.Event()):
        pass


async def closing_of(circulation: Harness, answer: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = (await circulation.get(f"{PATH}/{answer.json()['id']}")).json()
    return told


async def due(circulation: Harness, loan: dict[str, Any]) -> str:
    return str((await circulation.get(f"/v1/loans/{loan['id']}")).json()["due_at"])


async def test_what_was_due_within_is_due_when_it_is_open_again(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    item, elsewhere, video = await make.item(), await make.item(), await make.item(material_type="video")
    loan = await make.loan(patron, item)
    other = await make.loan(patron, elsewhere, service_point_id=str(make.desks["law-desk"]))
    outside = await make.loan(patron, video)

    answer = await close(circulation, make)
    await done(circulation)

    told = await closing_of(circulation, answer)
    assert (answer.status_code, answer.json()["state"], answer.json()["total"]) == (202, "running", 1)
    assert (told["state"], told["loans_moved"], told["holds_moved"]) == ("finished", 1, 0)
    assert await due(circulation, loan) == "2027-03-31T21:59:59Z"
    assert await due(circulation, other) == other["due_at"]
    assert await due(circulation, outside) == outside["due_at"]
    assert (await make.state(item))["due_at"] == "2027-03-31T21:59:59Z"
    (event,) = await circulation.announced(LoanDueDateChanged)
    assert (event.version, event.reason, str(event.loan_id)) == (2, "closing", loan["id"])
    assert event.previous_due_at == datetime.fromisoformat(loan["due_at"])


async def test_nothing_new_falls_due_within_and_the_hours_are_told(circulation: Harness, make: Make) -> None:
    await close(circulation, make)
    await done(circulation)

    loan = await make.loan(await make.patron(), await make.item())

    # The morning of the first day is left, so four weeks end on it as ever; the next day is closed.
    assert loan["due_at"] == "2027-03-29T21:59:59Z"
    circulation.at(NOW + timedelta(days=1))
    later = await make.loan(await make.patron(), await make.item())
    assert later["due_at"] == "2027-03-31T21:59:59Z"
    points = (await circulation.get("/v1/service-points")).json()["items"]
    assert {point["code"]: point["calendar"]["exceptions"] for point in points} == {
        "main-desk": {"2027-03-29": [["09:00:00", "12:00:00"]], "2027-03-30": []},
        "law-desk": {},
    }
    assert [event.how for event in await circulation.announced(RulesActivated)] == ["applied", "closing"]
    changed = [
        event.version for event in await circulation.announced(CalendarChanged) if event.code == "main-desk"
    ]
    assert changed == [1, 2]


async def test_what_waits_on_the_shelf_waits_until_it_is_open_again(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    circulation.at(datetime.fromisoformat("2027-03-24T10:00:00Z"))
    await make.take_back(item)

    answer = await close(circulation, make)
    await done(circulation)

    told = await make.hold_of(hold)
    assert told["shelf_expires_at"] == "2027-03-31T21:59:59Z"
    assert (await closing_of(circulation, answer))["holds_moved"] == 1
    (event,) = await circulation.announced(HoldUpdated)
    assert event.changed == ("shelf_expires_at",)
    circulation.at(datetime.fromisoformat("2027-03-31T12:00:00Z"))
    await circulation.tick("expire-holds")
    assert (await make.hold_of(hold))["state"] == "ready"


async def undo(circulation: Harness, answer: httpx.Response, key: str = "undo") -> httpx.Response:
    return await circulation.post(f"{PATH}/{answer.json()['id']}/undoings", key=key)


async def test_a_closing_is_undone_where_nothing_else_has_changed_since(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    items = [await make.item() for _ in range(3)]
    back, renewed, ended = [await make.loan(patron, item) for item in items]
    answer = await close(circulation, make)
    await done(circulation)
    circulation.at(NOW + timedelta(days=10))
    await circulation.post(f"/v1/loans/{renewed['id']}/renewals")
    await make.take_back(items[2])
    after_renewal = await due(circulation, renewed)

    asked = [await undo(circulation, answer) for _ in range(2)]
    await done(circulation)
    again = await undo(circulation, answer, key="once more")

    told = await closing_of(circulation, answer)
    assert [each.status_code for each in asked] == [202, 202]
    assert (told["state"], told["moved_back"], told["kept"]) == ("undone", 1, 2)
    assert await due(circulation, back) == back["due_at"]
    assert await due(circulation, renewed) == after_renewal
    assert await due(circulation, ended) == "2027-03-31T21:59:59Z"
    assert (again.status_code, again.json()["code"]) == (409, "closing-not-finished")
    points = (await circulation.get("/v1/service-points")).json()["items"]
    assert all(point["calendar"]["exceptions"] == {} for point in points)


async def test_undoing_makes_nothing_overdue_at_once(circulation: Harness, make: Make) -> None:
    loan = await make.loan(await make.patron(), await make.item())
    answer = await close(circulation, make)
    await done(circulation)
    circulation.at(datetime.fromisoformat("2027-03-30T08:00:00Z"))

    await undo(circulation, answer)
    await done(circulation)

    assert await due(circulation, loan) == "2027-03-31T21:59:59Z"
    assert (await closing_of(circulation, answer))["kept"] == 1


async def test_a_closing_that_was_broken_off_is_gone_on_with_and_moves_nothing_twice(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    loans = [await make.loan(patron, await make.item()) for _ in range(4)]
    answer = await close(circulation, make)
    stopping = asyncio.Event()
    stopping.set()

    await work_once(circulation.resources, stopping)
    left = await closing_of(circulation, answer)
    await asyncio.gather(*(work_once(circulation.resources, asyncio.Event()) for _ in range(3)))
    await done(circulation)

    assert (left["state"], left["loans_moved"]) == ("running", 0)
    assert (await closing_of(circulation, answer))["loans_moved"] == 4
    events = await circulation.announced(LoanDueDateChanged)
    assert sorted(str(event.loan_id) for event in events) == sorted(loan["id"] for loan in loans)


async def test_desks_go_on_while_a_closing_is_worked_through(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    items = [await make.item() for _ in range(8)]
    loans = [await make.loan(patron, item) for item in items]
    answer = await close(circulation, make)

    await asyncio.gather(
        done(circulation),
        *(make.take_back(item) for item in items[:4]),
        *(circulation.post(f"/v1/loans/{loan['id']}/renewals?dry_run=true") for loan in loans[4:]),
    )

    assert (await closing_of(circulation, answer))["state"] == "finished"
    for loan in loans[4:]:
        assert await due(circulation, loan) == "2027-03-31T21:59:59Z"
    rows = await circulation.resources.pool.fetch(
        "SELECT l.version, l.due_at = i.due_at AS same FROM loan l JOIN item i ON i.loan_id = l.id"
    )
    assert [tuple(row) for row in rows] == [(2, True)] * 4


async def test_a_repetition_closes_once_and_a_dry_run_closes_nothing(
    circulation: Harness, make: Make
) -> None:
    await make.loan(await make.patron(), await make.item())

    looked = await close(circulation, make, query="?dry_run=true")
    closed = [await close(circulation, make, key="one") for _ in range(2)]

    assert (looked.status_code, looked.json()["total"], looked.json()["id"]) == (200, 1, None)
    assert closed[0].json() == closed[1].json()
    assert len((await circulation.get(PATH)).json()["items"]) == 1
    assert (await circulation.get("/v1/configuration/circulation")).headers["etag"] == '"2"'


async def test_what_cannot_be_closed_is_told(circulation: Harness, make: Make) -> None:
    unknown = await close(circulation, make, service_point_ids=[make.desk, make.desk[:-4] + "0000"])
    backwards = await close(circulation, make, until=SPAN["from"])
    endless = await close(circulation, make, until="2029-01-01T00:00:00Z")
    keyless = await close(circulation, make, key="")
    with circulation.asking(Principal("staff", "x", frozenset({"configuration:read"}))):
        forbidden = await close(circulation, make)
    nowhere = await circulation.get(f"{PATH}/{make.desk}")

    assert (unknown.status_code, pointers(unknown)) == (422, ["/service_point_ids/1"])
    assert [answer.status_code for answer in (backwards, endless, keyless)] == [422, 422, 400]
    assert (forbidden.status_code, nowhere.status_code) == (403, 404)
    assert (await circulation.get("/v1/configuration/circulation")).headers["etag"] == '"1"'
    assert CONFIGURATION["service_points"][0]["calendar"].get("exceptions") is None
