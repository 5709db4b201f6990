"""Binding through acquisitions' own door; the catalogue's answers are delivered."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.catalog import BindingAnswered, BoundPiece, MadeItem, ReceivedItemsMade
from contracts.erm import BindingUndone, PiecesToBind
from support.acquiring import NOW, Make
from support.desk import codes, pointers


async def issues(make: Make, count: int = 2) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A subscription of which issues have come, with items."""
    make.erm.at(NOW)
    told: dict[str, Any] = {
        "quantity": 5,
        "receipt": "items",
        "location_id": str(uuid7()),
        "title_id": str(uuid7()),
    }
    order = await make.approved(make.line(await make.budget(), "10.00", **told))
    (line,) = order["lines"]
    receipt = await make.receive(line, count)
    made = tuple(MadeItem(piece_id=UUID(each["id"]), item_id=uuid7()) for each in receipt["pieces"])
    answer = ReceivedItemsMade(
        version=1, occurred_at=NOW, receipt_id=UUID(receipt["id"]), order_line_id=UUID(line["id"]),
        title_id=UUID(told["title_id"]), items=made,
    )  # fmt: skip
    await make.erm.deliver(answer, source="catalog")
    return line, (await make.get(f"/v1/receipts/{receipt['id']}"))["pieces"]


async def bind(make: Make, line: dict[str, Any], pieces: list[dict[str, Any]], **more: Any) -> Any:
    body = {"piece_ids": [each["id"] for each in pieces], "enumeration": "12"} | more
    return await make.erm.post(f"/v1/order-lines/{line['id']}/bindings", json=body)


async def answer(make: Make, told: dict[str, Any], what: str, version: int = 1, **more: Any) -> None:
    event = BindingAnswered(
        version=version, occurred_at=NOW, binding_id=UUID(told["id"]), order_line_id=UUID(told["order_line_id"]),
        what=what, **more,
    )  # fmt: skip
    await make.erm.deliver(event, source="catalog")


async def act(make: Make, told: dict[str, Any], action: str, version: int) -> Any:
    return await make.erm.post(
        f"/v1/bindings/{told['id']}/actions", json={"action": action}, headers={"If-Match": f'"{version}"'}
    )


async def test_the_catalogue_is_told_what_becomes_a_volume_and_asked_again_for_what_stays(make: Make) -> None:
    line, pieces = await issues(make)
    told = (await bind(make, line, pieces, chronology="2027")).json()
    stays = BoundPiece(
        piece_id=UUID(pieces[0]["id"]), item_id=UUID(pieces[0]["item_id"]), reasons=("on-loan",)
    )
    await answer(make, told, "refused", pieces=(stays,))
    waits = (await make.get("/v1/bindings?state=waiting"))["items"]
    again = await act(make, told, "ask-again", 2)
    stale = await act(make, told, "undo", 2)
    item = uuid7()
    await answer(make, told, "made", 2, volume_item_id=item)
    await answer(make, told, "refused", 3)  # late

    first, second = await make.erm.announced(PiecesToBind)
    assert (first.volume, [str(each.item_id) for each in first.pieces]) == (
        "12 (2027)",
        sorted(each["item_id"] for each in pieces) if pieces[0]["id"] < pieces[1]["id"] else [],
    )
    assert (second.version, second.pieces) == (3, first.pieces)
    assert [(each["reasons"], each["pieces"][0]["reasons"]) for each in waits] == [(["on-loan"], ["on-loan"])]
    assert (again.json()["state"], stale.status_code, codes(stale)) == ("asked", 409, ["binding-state"])
    now = await make.get(f"/v1/bindings/{told['id']}")
    assert (now["state"], now["item_id"], now["pieces"][0]["reasons"]) == ("ready", str(item), [])


async def test_a_volume_that_circulation_needs_stays_bound(make: Make) -> None:
    line, pieces = await issues(make)
    told = (await bind(make, line, pieces)).json()
    item = uuid7()
    await answer(make, told, "made", volume_item_id=item)
    bound = (await act(make, told, "bind", 2)).json()
    undoing = (await act(make, told, "undo", 3)).json()
    await answer(make, told, "stays", 2, volume_item_id=item, reasons=("on-loan",))

    now = await make.get(f"/v1/bindings/{told['id']}")
    assert (bound["state"], undoing["state"], now["state"]) == ("bound", "undoing", "bound")
    assert (now["reasons"], now["item_id"]) == (["on-loan"], str(item))
    assert [each.binding_id for each in await make.erm.announced(BindingUndone)] == [UUID(told["id"])]


async def test_of_two_who_bind_the_same_issues_at_once_one_does(make: Make) -> None:
    line, pieces = await issues(make)

    answers = await asyncio.gather(*(bind(make, line, pieces) for _ in range(3)))

    assert sorted(each.status_code for each in answers) == [201, 409, 409]
    assert len((await make.get(f"/v1/order-lines/{line['id']}/bindings"))["items"]) == 1


async def test_what_cannot_be_bound_is_told_with_every_reason(make: Make) -> None:
    line, pieces = await issues(make)
    other = (await make.approved(make.line(await make.budget(), "10.00")))["lines"][0]
    counted = (await make.receive(other))["pieces"]
    listed = await make.post(
        f"/v1/order-lines/{line['id']}/routing-lists",
        {"name": "x", "back_to": "y", "stops": [{"name": "Room 3"}]},
    )
    going = {"piece_id": pieces[0]["id"], "issue": "1"}
    await make.post(f"/v1/routing-lists/{listed['id']}/rounds", going)

    refused = await bind(make, line, [pieces[0], pieces[1], pieces[1], counted[0]])
    unknown = await bind(make, line, [pieces[0], {"id": str(uuid7())}])
    alone = await bind(make, other, counted)
    told = (await bind(make, line, [pieces[1]])).json()
    round_too = await make.erm.post(
        f"/v1/routing-lists/{listed['id']}/rounds", json=going | {"piece_id": pieces[1]["id"]}
    )

    assert (codes(refused), pointers(refused)) == (
        ["piece-goes-round", "piece-twice", "piece-of-other-line"],
        ["/piece_ids/0", "/piece_ids/2", "/piece_ids/3"],
    )
    assert (unknown.status_code, pointers(unknown)) == (422, ["/piece_ids/1"])
    assert codes(alone) == ["line-not-catalogued"]
    assert (told["state"], codes(round_too)) == ("asked", ["piece-bound"])


async def test_a_shipment_is_over_when_the_last_volume_is_back(make: Make) -> None:
    line, pieces = await issues(make, 3)
    told = [(await bind(make, line, [each])).json() for each in pieces]
    for each in told[:2]:
        await answer(make, each, "made", volume_item_id=uuid7())
    body = {"bindery_id": make.vendor["id"], "sent_on": "2027-03-02", "due_on": "2027-04-01"}
    ids = [each["id"] for each in told]

    early = await make.erm.post("/v1/bindery-shipments", json=body | {"binding_ids": ids})
    nobody = await make.erm.post(
        "/v1/bindery-shipments", json=body | {"binding_ids": ids[:2], "bindery_id": str(uuid7())}
    )
    sent = await make.post("/v1/bindery-shipments", body | {"binding_ids": ids[:2]})
    path = f"/v1/bindery-shipments/{sent['id']}/returns"

    async def back(binding_id: str, version: int, day: str = "2027-03-20") -> Any:
        told = {"binding_ids": [binding_id], "returned_on": day}
        return await make.erm.post(path, json=told, headers={"If-Match": f'"{version}"'})

    before = await back(ids[0], 1, "2027-03-01")
    first = (await back(ids[0], 1)).json()
    twice = await back(ids[0], 2)
    last = (await back(ids[1], 2, "2027-03-25")).json()

    assert (codes(early), pointers(early)) == (["binding-state"], ["/binding_ids/2"])
    assert codes(nobody) == ["organisation-unknown"]
    assert (codes(before), codes(twice)) == (["returned-before-sent"], ["binding-state"])
    assert (first["state"], first["away"], last["state"], last["returned_on"]) == (
        "sent",
        1,
        "returned",
        "2027-03-25",
    )
    listed = (await make.get(f"/v1/bindery-shipments?bindery_id={make.vendor['id']}"))["items"]
    assert [each["id"] for each in listed] == [sent["id"]]


@pytest.mark.parametrize("scope", ["orders:read", "orders:write"])
async def test_who_may_read_orders_sees_volumes_and_binds_none(make: Make, scope: str) -> None:
    line, pieces = await issues(make)
    told = (await bind(make, line, pieces)).json()

    with make.erm.asking(Principal("staff", "clerk", frozenset({scope}))):
        read = await make.erm.get(f"/v1/bindings/{told['id']}")
        refused = [await bind(make, line, pieces), await act(make, told, "undo", 1)]

    assert (read.status_code, [each.status_code for each in refused]) == (200, [403, 403])
