"""Routing lists through the front door: issues go round, readers leave, and nobody is told who has read."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from chassis.principal import Principal
from contracts.circulation import PatronMerged, PatronUpdated
from support.acquiring import NOW, Make
from support.desk import codes, pointers
from support.harness import Harness

ANN, BOB = str(uuid7()), str(uuid7())
STOPS = [
    {"name": "Ann", "patron_ref": ANN},
    {"name": "Bob", "patron_ref": BOB, "keep_days": 3},
    {"name": "Room 3"},
]


async def issue(make: Make) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A subscription with a list, and an issue that has come."""
    make.erm.at(NOW)
    order = await make.approved(make.line(await make.budget(), "10.00", quantity=2))
    line = order["lines"][0]
    body = {"name": "Chemistry", "back_to": "Reading room", "stops": STOPS}
    listed = await make.post(f"/v1/order-lines/{line['id']}/routing-lists", body)
    receipt = await make.receive(line)
    return line, listed, receipt


async def start(make: Make, listed: dict[str, Any], receipt: dict[str, Any]) -> dict[str, Any]:
    body = {"piece_id": receipt["pieces"][0]["id"], "issue": "12 (2027), 3"}
    return await make.post(f"/v1/routing-lists/{listed['id']}/rounds", body)


async def act(make: Make, told: dict[str, Any], action: str) -> Any:
    return await make.erm.post(
        f"/v1/routing-rounds/{told['id']}/actions",
        json={"action": action},
        headers={"If-Match": f'"{told["version"]}"'},
    )


def stand(told: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(leg["name"], leg["state"], leg["due_on"]) for leg in told["legs"]]


async def test_an_issue_goes_round_and_who_has_read_it_is_forgotten(make: Make) -> None:
    _, listed, receipt = await issue(make)
    begun = await start(make, listed, receipt)
    slip = await make.erm.get(f"/v1/routing-rounds/{begun['id']}/slip")
    second = (await act(make, begun, "hand-on")).json()
    third = (await act(make, second, "skip")).json()
    late = await make.get("/v1/routing-rounds/overdue?on=2027-03-09")
    ended = await act(make, third, "hand-on")
    again = await act(make, ended.json(), "hand-on")

    assert stand(begun) == [
        ("Ann", "here", "2027-03-08"),
        ("Bob", "waiting", None),
        ("Room 3", "waiting", None),
    ]
    assert [name in slip.text for name in ("Ann", "Bob", "Room 3", "Reading room", "12 (2027), 3")] == [
        True
    ] * 5
    assert stand(second)[1] == ("Bob", "here", "2027-03-04")
    assert [each["state"] for each in third["legs"]] == ["done", "skipped", "here"]
    assert [each["id"] for each in late["items"]] == [begun["id"]]
    told = ended.json()
    assert (told["state"], told["readers"], told["legs"], told["due_on"]) == ("ended", 2, [], None)
    assert (again.status_code, codes(again)) == (409, ["round-over"])
    assert (await make.erm.get(f"/v1/routing-rounds/{begun['id']}/slip")).status_code == 409
    assert await make.erm.resources.pool.fetchval("SELECT count(*) FROM routing_leg") == 0
    assert [each["id"] for each in (await make.get(f"/v1/routing-lists/{listed['id']}/rounds"))["items"]] == [
        begun["id"]
    ]


async def test_of_two_who_hand_it_on_at_once_one_does_and_nobody_is_passed_over(make: Make) -> None:
    _, listed, receipt = await issue(make)
    begun = await start(make, listed, receipt)

    answers = await asyncio.gather(*(act(make, begun, "hand-on") for _ in range(3)))

    assert sorted(each.status_code for each in answers) == [200, 412, 412]
    now = await make.get(f"/v1/routing-rounds/{begun['id']}")
    assert [each["state"] for each in now["legs"]] == ["done", "here", "waiting"]


async def test_who_leaves_the_library_is_on_no_list_and_what_they_have_is_fetched(make: Make) -> None:
    _, listed, receipt = await issue(make)
    begun = await start(make, listed, receipt)
    moved = PatronUpdated(
        version=2, occurred_at=NOW, patron_ref=UUID(BOB), patron_group="staff", changed=("note",)
    )
    left = [
        PatronUpdated(
            version=3,
            occurred_at=NOW,
            patron_ref=UUID(ref),
            patron_group="staff",
            changed=("active",),
            active=False,
        )
        for ref in (ANN, BOB)
    ]

    await make.erm.deliver(moved, source="circulation")
    before = await make.get(f"/v1/routing-lists/{listed['id']}")
    await make.erm.deliver(*left, source="circulation")

    now = await make.get(f"/v1/routing-lists/{listed['id']}")
    assert [each["name"] for each in before["stops"]] == ["Ann", "Bob", "Room 3"]
    assert ([each["name"] for each in now["stops"]], now["version"] > before["version"]) == (["Room 3"], True)
    told = await make.get(f"/v1/routing-rounds/{begun['id']}")
    assert [(leg["name"], leg["state"], leg["leaver"]) for leg in told["legs"]] == [
        ("Ann", "here", True),
        ("Room 3", "waiting", False),
    ]
    today = datetime.now(UTC).date().isoformat()
    assert told["due_on"] <= max(today, "2027-03-08")
    on = (await act(make, told, "hand-on")).json()
    assert [leg["name"] for leg in on["legs"]] == ["Room 3"]


async def test_registrations_that_become_one_have_one_place(make: Make) -> None:
    _, listed, receipt = await issue(make)
    begun = await start(make, listed, receipt)
    merged = PatronMerged(
        version=4, occurred_at=NOW, patron_ref=UUID(BOB), merged_refs=(UUID(ANN),), patron_group="staff",
        loans=0, holds=0, fees=0,
    )  # fmt: skip

    await make.erm.deliver(merged, source="circulation")
    await make.erm.deliver(merged, source="circulation")

    now = await make.get(f"/v1/routing-lists/{listed['id']}")
    assert [(each["name"], each["patron_ref"]) for each in now["stops"]] == [("Ann", BOB), ("Room 3", None)]
    told = await make.get(f"/v1/routing-rounds/{begun['id']}")
    assert [(leg["name"], leg["patron_ref"]) for leg in told["legs"]] == [("Ann", BOB), ("Room 3", None)]


async def test_what_cannot_go_round_is_told_with_every_reason(make: Make) -> None:
    line, listed, receipt = await issue(make)
    away = [{"name": "Ann", "patron_ref": ANN, "away_from": "2027-02-01", "away_until": "2027-04-01"}]
    put = await make.erm.put(
        f"/v1/routing-lists/{listed['id']}",
        json={"name": "x", "back_to": "y", "active": False, "stops": away},
        headers={"If-Match": '"1"'},
    )
    stale = await make.erm.put(
        f"/v1/routing-lists/{listed['id']}", json={"name": "x", "back_to": "y"}, headers={"If-Match": '"1"'}
    )
    await make.post(f"/v1/receipts/{receipt['id']}/actions", {"action": "undo"}, expect=200)
    body = {"piece_id": receipt["pieces"][0]["id"], "issue": "1"}
    refused = await make.erm.post(f"/v1/routing-lists/{listed['id']}/rounds", json=body)
    unknown = await make.erm.post(
        f"/v1/routing-lists/{listed['id']}/rounds", json=body | {"piece_id": str(uuid7())}
    )
    taken = await make.erm.post(
        f"/v1/order-lines/{line['id']}/routing-lists", json={"name": "x", "back_to": "y"}
    )
    wrong = await make.erm.post(
        f"/v1/order-lines/{line['id']}/routing-lists",
        json={"name": "x", "back_to": "y", "copy_number": 3, "stops": [STOPS[0], STOPS[2], STOPS[0]]},
    )

    assert (put.status_code, stale.status_code) == (200, 412)
    assert codes(refused) == ["list-inactive", "piece-undone", "nobody-there"]
    assert (unknown.status_code, codes(unknown)) == (422, ["piece-unknown"])
    assert (taken.status_code, codes(taken)) == (409, ["routing-list-taken"])
    assert (codes(wrong), pointers(wrong)) == (
        ["reader-twice", "copy-unknown"],
        ["/stops/2/patron_ref", "/copy_number"],
    )


async def test_an_issue_goes_round_once_unless_it_was_called_back(make: Make) -> None:
    _, listed, receipt = await issue(make)
    begun = await start(make, listed, receipt)
    body = {"piece_id": receipt["pieces"][0]["id"], "issue": "1"}
    twice = await make.erm.post(f"/v1/routing-lists/{listed['id']}/rounds", json=body)
    cancelled = (await act(make, begun, "cancel")).json()

    anew = await start(make, listed, receipt)

    assert codes(twice) == ["goes-round"]
    assert (cancelled["state"], cancelled["legs"], anew["state"]) == ("cancelled", [], "under-way")


@pytest.mark.parametrize("scope", ["orders:read", "orders:write"])
async def test_who_reads_what_is_told_to_those_alone_who_hand_issues_on(make: Make, scope: str) -> None:
    _, listed, receipt = await issue(make)
    begun = await start(make, listed, receipt)

    with make.erm.asking(Principal("staff", "clerk", frozenset({scope}))):
        answers = [
            await make.erm.get(path)
            for path in (f"/v1/routing-lists/{listed['id']}", f"/v1/routing-rounds/{begun['id']}",
                f"/v1/routing-rounds/{begun['id']}/slip", "/v1/routing-rounds/overdue")
        ]  # fmt: skip

    assert {answer.status_code for answer in answers} == {403}


async def test_lists_cost_as_many_statements_whatever_they_have(make: Make, erm: Harness) -> None:
    line, listed, receipt = await issue(make)
    await start(make, listed, receipt)
    await make.post(
        f"/v1/order-lines/{line['id']}/routing-lists",
        {"name": "x", "back_to": "y", "copy_number": 2, "stops": STOPS},
    )
    asked = list[str]()
    for connection in [await erm.resources.pool.acquire() for _ in range(erm.resources.pool.get_max_size())]:
        connection.add_query_logger(lambda query: asked.append(query.query))
        await erm.resources.pool.release(connection)

    for _ in range(2):  # the first time connections also learn what types there are
        asked.clear()
        found = await make.get(f"/v1/order-lines/{line['id']}/routing-lists")
    lists = len(asked)
    asked.clear()
    rounds = await make.get(f"/v1/routing-lists/{listed['id']}/rounds")

    assert ([len(each["stops"]) for each in found["items"]], lists) == ([3, 3], 2)
    assert ([len(each["legs"]) for each in rounds["items"]], len(asked)) == ([3], 2)
