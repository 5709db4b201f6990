"""Acquisition units through the front door: entered, filled, put upon records, taken away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from contracts.erm import InvoiceChanged, OrderChanged
from support.acquiring import WAITING, Make
from support.desk import codes
from support.harness import Harness
from support.units import buyer, put_into, unit

LAW, ARTS = buyer("jurist"), buyer("painter")


async def test_a_unit_is_entered_changed_filled_and_taken_away(erm: Harness, make: Make) -> None:
    told = await make.post("/v1/acquisition-units", {"name": "Law", "description": "Faculty of law"})
    path = f"/v1/acquisition-units/{told['id']}"

    again = await erm.post("/v1/acquisition-units", json={"name": "LAW"})
    for name in ("staff:b", "client:robot", "staff:b"):
        assert (await erm.put(f"{path}/members/{name}")).status_code == 200
    wrong = await erm.put(f"{path}/members/patron:x")
    first = (await erm.get(f"{path}/members?limit=1")).json()
    second = (await erm.get(f"{path}/members?limit=1&cursor={first['next_cursor']}")).json()
    found = (await make.get("/v1/acquisition-units?member=client:robot"))["items"]
    none = (await make.get("/v1/acquisition-units?member=client:other"))["items"]
    with erm.asking(buyer("b")):
        mine = (await make.get("/v1/acquisition-units"))["items"]
    changed = await erm.put(path, json={"name": "Law", "protect_read": True}, headers={"If-Match": '"1"'})
    stale = await erm.put(path, json={"name": "Law"}, headers={"If-Match": '"1"'})
    out = [(await erm.delete(f"{path}/members/staff:b")).status_code for _ in range(2)]
    gone = await erm.delete(path, headers={"If-Match": '"2"'})

    assert (told["protect_read"], told["protect_update"], told["mine"]) == (False, True, False)
    assert (again.status_code, codes(again)) == (409, ["acquisition-unit-taken"])
    assert wrong.status_code == 422
    assert [each["member"] for each in (*first["items"], *second["items"])] == ["client:robot", "staff:b"]
    assert second["next_cursor"] is None
    assert ([each["id"] for each in found], none) == ([told["id"]], [])
    assert [each["mine"] for each in mine] == [True]
    assert (changed.status_code, changed.json()["protect_read"], stale.status_code) == (200, True, 412)
    assert out == [204, 404]
    assert (gone.status_code, (await erm.get(path)).status_code) == (204, 404)


async def test_who_manages_units_is_asked_for_it(erm: Harness, make: Make) -> None:
    law = await unit(make, "Law")
    path = f"/v1/acquisition-units/{law}"

    with erm.asking(LAW):
        answers = [
            await erm.post("/v1/acquisition-units", json={"name": "Mine"}),
            await erm.put(path, json={"name": "Mine"}, headers={"If-Match": '"1"'}),
            await erm.put(f"{path}/members/staff:jurist"),
            await erm.delete(f"{path}/members/staff:jurist"),
            await erm.delete(path, headers={"If-Match": '"1"'}),
        ]

    assert [answer.status_code for answer in answers] == [403] * 5


async def test_a_record_is_put_into_units_by_their_members(erm: Harness, make: Make) -> None:
    law, arts = await unit(make, "Law", "jurist"), await unit(make, "Arts", "painter", protect_read=False)
    fund = await make.budget()
    order = await make.order(make.line(fund))

    with erm.asking(LAW):
        foreign = await put_into(make, "/v1/orders", order, arts)
        own = await put_into(make, "/v1/orders", order, law)
        unknown = await put_into(make, "/v1/orders", order, law, order["id"])
    with erm.asking(ARTS):
        hidden = await put_into(make, "/v1/orders", order, arts)
    with erm.asking(buyer("dean", "acquisition-units:manage")):
        unseen = await put_into(make, "/v1/orders", order)
    both = await put_into(make, "/v1/orders", order, law, arts)
    with erm.asking(ARTS):
        taken = await put_into(make, "/v1/orders", order, arts)
        left = await put_into(make, "/v1/orders", order, law)

    assert (foreign.status_code, codes(foreign)) == (403, ["not-in-acquisition-unit"])
    assert "Arts" in foreign.json()["reasons"][0]["text"]
    assert (own.status_code, own.json()) == (200, {"acquisition_unit_ids": [law], "version": 2})
    assert (unknown.status_code, codes(unknown)) == (422, ["acquisition-unit-unknown"])
    assert (hidden.status_code, unseen.status_code, both.status_code) == (404, 404, 200)
    assert (taken.status_code, left.status_code) == (403, 200)
    told = await erm.announced(OrderChanged)
    assert [(e.version, e.what, e.members_only) for e in told] == [
        (1, "entered", False),
        (2, "acquisition-units-changed", True),
        (3, "acquisition-units-changed", True),
        (4, "acquisition-units-changed", True),
    ]


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/ledgers", "/v1/funds", "/v1/organisations"])
async def test_everything_that_belongs_to_units_is_put_into_them(erm: Harness, make: Make, path: str) -> None:
    law = await unit(make, "Law", "jurist")
    budget = await make.budget()
    shares = [{"fund_id": budget["fund_id"], "percent": "100"}]
    records: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "/v1/invoices": lambda: make.invoice({"description": "x", "amount": "1.00", "shares": shares}),
        "/v1/ledgers": lambda: make.get(f"/v1/ledgers/{make.ledger['id']}"),
        "/v1/funds": lambda: make.get(f"/v1/funds/{budget['fund_id']}"),
        "/v1/organisations": lambda: make.get(f"/v1/organisations/{make.vendor['id']}"),
    }
    told = await records[path]()

    with erm.asking(LAW):
        put = await put_into(make, path, told, law)
        seen = await make.get(f"{path}/{told['id']}")
    with erm.asking(ARTS):
        hidden = await erm.get(f"{path}/{told['id']}")
        listed = (await make.get(path))["items"]
        nothing = await erm.get(f"{path}/{law}")
    unit_path = f"/v1/acquisition-units/{law}"
    used = await erm.delete(unit_path, headers={"If-Match": '"1"'})

    assert put.status_code == 200, put.text
    assert (seen["acquisition_unit_ids"], seen["version"]) == ([law], put.json()["version"])
    assert (hidden.status_code, listed) == (404, [])
    assert {**hidden.json(), "instance": 0, "trace_id": 0} == {**nothing.json(), "instance": 0, "trace_id": 0}
    assert (used.status_code, codes(used)) == (409, ["acquisition-unit-in-use"])
    if path == "/v1/invoices":
        assert [event.what for event in await erm.announced(InvoiceChanged)][
            -1
        ] == "acquisition-units-changed"


async def test_new_records_are_entered_into_a_unit_by_its_members(erm: Harness, make: Make) -> None:
    law = await unit(make, "Law", "jurist")
    open_unit = await unit(make, "Open", protect_create=False, protect_read=False)
    fund = await make.budget()
    body = {"vendor_id": make.vendor["id"], "currency": "EUR", "lines": [make.line(fund)]}

    with erm.asking(LAW):
        own = await erm.post("/v1/orders", json=body | {"acquisition_unit_ids": [law, law]})
    with erm.asking(ARTS):
        refused = await erm.post("/v1/orders", json=body | {"acquisition_unit_ids": [law]})
        entered = await erm.post("/v1/orders", json=body | {"acquisition_unit_ids": [open_unit]})
        vendor = {"code": "V2", "name": "x", "acquisition_unit_ids": [law]}
        organisation = await erm.post("/v1/organisations", json=vendor)
        ledger = {"code": "L2", "name": "x", "currency": "EUR", "acquisition_unit_ids": [law]}
        books = await erm.post("/v1/ledgers", json=ledger)
        money = {"code": "F2", "name": "x", "ledger_id": make.ledger["id"], "acquisition_unit_ids": [law]}
        purse = await erm.post("/v1/funds", json=money)

    assert own.json()["acquisition_unit_ids"] == [law]
    assert (entered.status_code, refused.status_code) == (201, 403)
    assert refused.json()["reasons"][0]["pointer"] == "/acquisition_unit_ids"
    assert [each.status_code for each in (organisation, books, purse)] == [403] * 3


async def test_who_is_taken_out_while_they_write_has_written_before_or_does_not_write(
    erm: Harness, make: Make
) -> None:
    law = await unit(make, "Law", "jurist")
    fund = await make.budget()
    order = await make.order(make.line(fund), acquisition_unit_ids=[law])
    jurist = buyer("jurist", "acquisition-units:manage")
    path = f"/v1/acquisition-units/{law}/members/staff:jurist"

    async def approved() -> int:
        with erm.asking(jurist):
            answer = await erm.post(f"/v1/orders/{order['id']}/actions", json={"action": "approve"})
        return int(answer.status_code)

    async with erm.resources.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM purchase_order WHERE id = $1 FOR UPDATE", order["id"])
        writing = asyncio.create_task(approved())
        await waited(erm, 1)
        leaving = asyncio.create_task(erm.delete(path))
        await waited(erm, 2)
        waiting = not leaving.done()
    outcome, left = await writing, (await leaving).status_code

    assert (waiting, outcome, left) == (True, 200, 204)
    assert await approved() == 404
    assert (await make.get(f"/v1/orders/{order['id']}"))["state"] == "open"


async def waited(erm: Harness, many: int) -> None:
    """Until so many wait for a lock."""
    for _ in range(400):
        if await erm.resources.pool.fetchval(WAITING) >= many:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("nobody waits")
