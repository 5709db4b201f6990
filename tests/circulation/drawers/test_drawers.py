"""Cash drawers: opened, filled, counted, closed; alone and raced."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from circulation.drawers.rules import Movement, difference, expected
from circulation.fees.rules import Money
from support.desk import CONFIGURATION, Make
from support.harness import STAFF, Harness
from support.money import charged, configured, money_is_whole


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.mark.parametrize(
    ("movements", "counted", "missing"),
    [
        ([], 5000, 0),
        ([("cash", 700), ("cash", -200)], 5500, 0),
        ([("cash", 700)], 5600, -100),
        ([("cash", 700)], 5800, 100),
        # What was paid by card does not lie in the drawer.
        ([("card", 900)], 5000, 0),
    ],
)
def test_what_should_lie_in_a_drawer_is_what_was_paid_and_given_back_in_cash(
    movements: list[tuple[str, int]], counted: int, missing: int
) -> None:
    moved = [Movement(method, "MAIN", eur(amount)) for method, amount in movements]

    assert difference(eur(counted), eur(5000), moved) == eur(missing)
    assert expected(eur(5000), moved) == eur(counted - missing)


@pytest.fixture(autouse=True)
async def _counting_cash(circulation: Harness, make: Make) -> None:
    """The main desk takes cash only into an open drawer; the law desk does not mind."""
    main, law = CONFIGURATION["service_points"]
    await configured(circulation, service_points=[main | {"cash_drawer": True, "fee_owner": "bursary"}, law])


async def opened(make: Make, **more: Any) -> Any:
    return await make.circulation.post("/v1/cash-drawers", json={"service_point_id": make.desk} | more)


async def pay(
    make: Make, fee: dict[str, Any], amount: int, *, method: str = "cash", at: str = "main-desk"
) -> Any:
    body = {"amount": amount, "method": method, "service_point_id": str(make.desks[at])}
    return await make.circulation.post(f"/v1/fees/{fee['id']}/payments", json=body)


def codes(answer: Any) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


async def test_a_drawer_tells_at_night_what_should_be_in_it(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 3000, service_point_id=make.desk)
    foreign = await charged(make, patron, 3000)
    drawer = (await opened(make, opening=5000)).json()
    await pay(make, fee, 700)
    await pay(make, fee, 900, method="card")
    await pay(make, foreign, 300)
    await pay(make, foreign, 500, at="law-desk")
    back = {"amount": 200, "method": "cash", "comment": "too much", "service_point_id": make.desk}
    await circulation.post(f"/v1/fees/{fee['id']}/refunds", json=back)

    before = (await circulation.get(f"/v1/cash-drawers/{drawer['id']}")).json()
    closed = await circulation.post(
        f"/v1/cash-drawers/{drawer['id']}/closings", json={"counted": 5750, "comment": "50 short"}
    )

    assert (before["expected"], before["difference"]) == (5800, None)
    told = closed.json()
    assert (closed.status_code, told["expected"], told["counted"], told["difference"]) == (
        201,
        5800,
        5750,
        -50,
    )
    assert {(m["method"], m["owner"]): m["amount"] for m in told["movements"]} == {
        ("cash", "bursary"): 500,
        ("card", "bursary"): 900,
        ("cash", None): 300,
    }
    listed = (await circulation.get(f"/v1/cash-drawers?service_point_id={make.desk}&open=false")).json()[
        "items"
    ]
    assert [(each["id"], each["expected"]) for each in listed] == [(drawer["id"], 5800)]
    await money_is_whole(circulation)


async def test_where_cash_is_counted_none_is_taken_or_given_back_without_a_drawer(
    circulation: Harness, make: Make
) -> None:
    fee = await charged(make, await make.patron(), 3000)

    cash = await pay(make, fee, 100)
    card = await pay(make, fee, 100, method="card")
    elsewhere = await pay(make, fee, 100, at="law-desk")
    back = {"method": "cash", "comment": "no", "service_point_id": make.desk}
    refund = await circulation.post(f"/v1/fees/{fee['id']}/refunds", json=back)
    with circulation.asking(replace(STAFF, service_point_id=make.desks["main-desk"])):
        own = await circulation.post(f"/v1/fees/{fee['id']}/payments", json={"amount": 100})

    assert [(answer.status_code, codes(answer)) for answer in (cash, refund, own)] == [
        (409, ["drawer-closed"])
    ] * 3
    assert (card.status_code, elsewhere.status_code) == (201, 201)
    await money_is_whole(circulation)


async def test_one_drawer_is_open_at_a_service_point_at_a_time(circulation: Harness, make: Make) -> None:
    answers = await asyncio.gather(*(opened(make, opening=100) for _ in range(4)))
    nowhere = await opened(make, service_point_id=str(uuid4()))
    [drawer] = [answer.json() for answer in answers if answer.status_code == 201]
    door = f"/v1/cash-drawers/{drawer['id']}/closings"

    closings = await asyncio.gather(*(circulation.post(door, json={"counted": 100}) for _ in range(3)))
    unknown = await circulation.post(f"/v1/cash-drawers/{uuid4()}/closings", json={"counted": 100})
    again = await opened(make)

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert sorted(answer.status_code for answer in closings) == [201, 409, 409]
    assert (nowhere.status_code, codes(nowhere)) == (422, ["service-point-unknown"])
    assert unknown.status_code == 404
    assert again.status_code == 201


async def test_a_payment_at_closing_time_is_in_the_count_or_refused(circulation: Harness, make: Make) -> None:
    fee = await charged(make, await make.patron(), 10_000)
    for _ in range(4):
        drawer = (await opened(make)).json()

        closing, *payments = await asyncio.gather(
            circulation.post(f"/v1/cash-drawers/{drawer['id']}/closings", json={"counted": 0}),
            *(pay(make, fee, 10) for _ in range(3)),
        )

        taken = sum(10 for answer in payments if answer.status_code == 201)
        assert {answer.status_code for answer in payments} <= {201, 409}
        assert (closing.status_code, closing.json()["expected"]) == (201, taken)
        later = (await circulation.get(f"/v1/cash-drawers/{drawer['id']}")).json()
        assert later["expected"] == taken
    await money_is_whole(circulation)


async def test_drawers_are_opened_by_those_who_may(circulation: Harness, make: Make) -> None:
    with circulation.asking(replace(STAFF, scopes=frozenset({"fees:pay"}))):
        refused = await opened(make)
    with circulation.asking(replace(STAFF, scopes=frozenset({"drawers:operate"}))):
        done = await opened(make)

    assert (refused.status_code, done.status_code) == (403, 201)


async def test_a_drawer_is_its_own_librarys_business(circulation: Harness, make: Make) -> None:
    drawer, patron = (await opened(make)).json(), await make.patron()
    fee = await charged(make, patron, 700)
    place = f"/v1/cash-drawers/{drawer['id']}"
    with circulation.asking(replace(STAFF, libraries=frozenset({"LAW"}))):
        elsewhere = [
            await opened(make),
            await circulation.get(place),
            await circulation.post(f"{place}/closings", json={"counted": 0}),
            await pay(make, fee, 100),
        ]
        listed = (await circulation.get("/v1/cash-drawers")).json()["items"]
        own = await opened(make, service_point_id=str(make.desks["law-desk"]))
    with circulation.asking(replace(STAFF, libraries=frozenset({"MAIN"}))):
        paid = await pay(make, fee, 100)
        told = (await circulation.get(place)).json()
        all_of_main = (await circulation.get("/v1/cash-drawers")).json()["items"]

    assert [answer.status_code for answer in elsewhere] == [403, 404, 404, 403]
    assert (listed, own.status_code) == ([], 201)
    assert (paid.status_code, told["expected"]) == (201, 100)
    assert [each["id"] for each in all_of_main] == [drawer["id"]]
