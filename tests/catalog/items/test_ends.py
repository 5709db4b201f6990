"""What counts for a time may have an end: from then on it does not count, and everybody hears of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from catalog.holdings.embedding import embedded
from catalog.items.rules import ended, endless, gone, over
from contracts.catalog import HoldingsUpdated, ItemsAnnounced
from support.harness import Harness
from support.shelves import Shelves, record

LOANS = [{"code": "standard", "name": "Standard"}, {"code": "reserve", "name": "Course reserve"}]
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
SOON, PAST = NOW + timedelta(days=1), NOW - timedelta(days=1)
NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "temporary_location_id",
        "temporary_location_ends_at",
        "temporary_loan_type",
        "temporary_loan_type_ends_at",
    )
)
AWAY = NOTHING | {"temporary_location_id": "law", "temporary_location_ends_at": SOON}
TIMER = "end-what-is-for-a-time"


@pytest.mark.parametrize(
    ("facts", "pointers"),
    [
        (NOTHING, []),
        (AWAY, []),
        (AWAY | {"temporary_location_id": None}, ["/temporary_location_ends_at"]),
        (
            NOTHING | {"temporary_location_ends_at": SOON, "temporary_loan_type_ends_at": SOON},
            ["/temporary_location_ends_at", "/temporary_loan_type_ends_at"],
        ),
    ],
)
def test_only_what_counts_for_a_time_has_an_end(facts: dict[str, Any], pointers: list[str]) -> None:
    assert [each.pointer for each in endless(facts)] == pointers


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, []),
        ({"temporary_location_ends_at": None}, []),
        ({"temporary_location_ends_at": SOON}, []),
        ({"temporary_location_ends_at": NOW, "temporary_loan_type_ends_at": PAST}, ["end-passed", "end-passed"]),
    ],
)  # fmt: skip
def test_an_end_lies_ahead(changes: dict[str, Any], codes: list[str]) -> None:
    assert [each.code for each in over(changes, now=NOW)] == codes


@pytest.mark.parametrize(
    ("before", "changes", "told"),
    [
        (AWAY, {"temporary_location_id": None}, {"temporary_location_ends_at": None}),
        (AWAY, {"temporary_location_id": "science"}, {"temporary_location_ends_at": None}),
        (AWAY, {"temporary_location_id": "science", "temporary_location_ends_at": SOON}, {}),
        (AWAY, {"temporary_location_id": "law"}, {}),
        (AWAY, {"volume": "1"}, {}),
        (NOTHING, {"temporary_loan_type": "reserve"}, {}),
    ],
)
def test_an_end_goes_with_what_it_was_told_of(
    before: dict[str, Any], changes: dict[str, Any], told: dict[str, Any]
) -> None:
    assert ended(before, changes) == told


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (NOTHING, []),
        (AWAY, []),
        (AWAY | {"temporary_location_ends_at": NOW}, ["temporary_location_ends_at", "temporary_location_id"]),
        ({"temporary_loan_type_ends_at": PAST}, ["temporary_loan_type_ends_at", "temporary_loan_type"]),
    ],
)
def test_of_what_is_over_nothing_is_left(facts: dict[str, Any], told: list[str]) -> None:
    assert gone(facts, now=NOW) == dict.fromkeys(told)


@pytest.fixture
async def places(shelves: Shelves) -> tuple[str, str]:
    """Two locations, in a catalogue with two loan types."""
    await shelves.configure(loan_types=LOANS)
    return await shelves.location(), await shelves.location("LAW", "READING")


def ahead() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def change(catalog: Harness, door: str, **facts: Any) -> httpx.Response:
    tag = (await catalog.get(door)).headers["etag"]
    return await catalog.patch(door, json=facts, headers={"If-Match": tag})


async def time_passes(catalog: Harness, table: str = "item") -> None:
    """Whatever had an end has it behind itself."""
    ends = {"item": ("temporary_location_ends_at", "temporary_loan_type_ends_at")}
    for end in ends.get(table, ("temporary_location_ends_at",)):
        await catalog.resources.pool.execute(f"UPDATE {table} SET {end} = {end} - interval '2 hours'")


def counting(told: dict[str, Any]) -> tuple[Any, ...]:
    return (
        told["effective_location_id"], told["location"], told["effective_loan_type"], told["temporary_location_id"],
        told["temporary_loan_type"],
    )  # fmt: skip


async def test_what_is_over_does_not_count_and_is_told_of(
    catalog: Harness, shelves: Shelves, places: tuple[str, str]
) -> None:
    home, law = places
    item = await shelves.item()
    door, until = f"/v1/items/{item['id']}", ahead()

    put = await change(
        catalog,
        door,
        temporary_location_id=law,
        temporary_location_ends_at=until,
        temporary_loan_type="reserve",
        temporary_loan_type_ends_at=until,
    )
    await catalog.tick(TIMER)
    lasting = (await catalog.get(door)).json()
    await time_passes(catalog)
    at_once = (await catalog.get(door)).json()
    fields = (await embedded(catalog.resources.pool, [UUID(item["title_id"])]))[UUID(item["title_id"])]
    await catalog.tick(TIMER)
    settled = (await catalog.get(door)).json()
    await catalog.tick(TIMER)

    assert (put.status_code, counting(put.json())) == (200, (law, "READING", "reserve", law, "reserve"))
    assert datetime.fromisoformat(lasting["temporary_location_ends_at"]) == datetime.fromisoformat(until)
    assert (lasting["version"], counting(lasting)) == (2, counting(put.json()))
    assert counting(at_once) == counting(settled) == (home, "STACKS", "standard", None, None)
    assert (at_once["version"], at_once["temporary_location_ends_at"]) == (2, None)
    assert [(each.get("b"), each.get("h")) for each in fields if each.tag in ("852", "876")] == [
        ("MAIN", None), (None, "standard"),
    ]  # fmt: skip
    (event,) = await catalog.announced(ItemsAnnounced)
    (state,) = event.items
    assert (str(state.location_id), state.loan_type, state.version) == (home, "standard", 3)
    assert (state.permanent_location_id, state.temporary_loan_type_ends_at) == (None, None)
    steps = (await catalog.get(f"{door}/history")).json()["items"]
    assert (steps[0]["version"], steps[0]["by"]) == (3, f"system:timer:{TIMER}")
    assert {each["field"]: each["after"] for each in steps[0]["differences"]} == dict.fromkeys(NOTHING)


async def test_a_whole_shelf_comes_home_but_for_what_has_a_place_of_its_own(
    catalog: Harness, shelves: Shelves, places: tuple[str, str]
) -> None:
    home, law = places
    item = await shelves.item(call_number="PS3048 .A1")
    shelf = f"/v1/holdings/{item['holdings_id']}"
    other = (await catalog.post("/v1/items", json={"holdings_id": item["holdings_id"]})).json()
    until = {"temporary_location_id": law, "temporary_location_ends_at": ahead()}
    await change(catalog, f"/v1/items/{other['id']}", temporary_location_id=law)
    away = (await change(catalog, shelf, **until)).json()
    told_away = await catalog.announced(HoldingsUpdated)
    await time_passes(catalog, "holdings")

    at_once = (await catalog.get(shelf)).json()
    item_at_once = (await catalog.get(f"/v1/items/{item['id']}")).json()
    along = [
        (await catalog.get("/v1/shelf", params={"location_id": place})).json()["items"] for place in places
    ]
    await catalog.tick(TIMER)
    settled = (await catalog.get(shelf)).json()

    assert (away["effective_location_id"], away["library"]) == (law, "LAW")
    assert told_away[-1].holdings.temporary_location_ends_at is not None
    assert [(each["effective_location_id"], each["library"]) for each in (at_once, settled)] == [
        (home, "MAIN")
    ] * 2
    assert (item_at_once["effective_location_id"], item_at_once["location"]) == (home, "STACKS")
    assert [[each["library"] for each in walked] for walked in along] == [["MAIN"], []]
    assert settled["temporary_location_id"] is None
    event = (await catalog.announced(HoldingsUpdated))[-1].holdings
    assert (event.version, event.temporary_location_id, event.temporary_location_ends_at) == (3, None, None)
    moved = {
        str(each.item_id): str(each.location_id)
        for each in (await catalog.announced(ItemsAnnounced))[-1].items
    }
    assert moved == {item["id"]: home, other["id"]: law}
    assert (await catalog.get(f"{shelf}/history")).json()["items"][0]["by"] == f"system:timer:{TIMER}"


async def test_ends_that_cannot_be_are_told_at_once(
    catalog: Harness, shelves: Shelves, places: tuple[str, str]
) -> None:
    _, law = places
    item = await shelves.item()
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    doors = (f"/v1/items/{item['id']}", f"/v1/holdings/{item['holdings_id']}")

    alone = [await change(catalog, door, temporary_location_ends_at=ahead()) for door in doors]
    over_ = [
        await change(catalog, door, temporary_location_id=law, temporary_location_ends_at=past) for door in doors
    ]  # fmt: skip
    new = await catalog.post(
        "/v1/items", json={"holdings_id": item["holdings_id"], "temporary_loan_type_ends_at": past}
    )
    shelf = await catalog.post(
        "/v1/holdings",
        json={"title_id": item["title_id"], "location_id": law, "temporary_location_ends_at": past},
    )
    many = await catalog.post(
        "/v1/bulk-edits",
        json={
            "name": "X",
            "changes": {"items": {"set": {"temporary_location_id": law, "temporary_location_ends_at": past}}},
            "source": {"ids": [item["id"]]},
        },
    )

    def reasons(answer: httpx.Response) -> list[tuple[str, str]]:
        assert answer.status_code == 422, answer.text
        return [(each["code"], each["pointer"]) for each in answer.json()["reasons"]]

    at = "/temporary_location_ends_at"
    assert [reasons(each) for each in alone] == [[("end-of-nothing", at)]] * 2
    assert [reasons(each) for each in over_] == [[("end-passed", at)]] * 2
    lent = "/temporary_loan_type_ends_at"
    assert reasons(new) == [("end-of-nothing", lent), ("end-passed", lent)]
    assert reasons(shelf) == [("end-of-nothing", at), ("end-passed", at)]
    assert reasons(many) == [("end-passed", f"/changes/items/set{at}")]


async def test_whoever_changes_what_is_over_ends_it_and_what_was_over_is_not_restored(
    catalog: Harness, shelves: Shelves, places: tuple[str, str]
) -> None:
    home, law = places
    item = await shelves.item(temporary_location_id=law, temporary_location_ends_at=ahead())
    door = f"/v1/items/{item['id']}"
    await time_passes(catalog)

    noted = (await change(catalog, door, note="back")).json()
    again = (await change(catalog, door, temporary_location_id=law)).json()
    await catalog.tick(TIMER)
    tag = {"If-Match": (await catalog.get(door)).headers["etag"]}
    restored = (await catalog.post(f"{door}/restorations", json={"version": 1}, headers=tag)).json()

    assert (noted["effective_location_id"], again["effective_location_id"]) == (home, law)
    assert (again["temporary_location_ends_at"], again["version"]) == (None, 3)
    assert (restored["effective_location_id"], restored["note"]) == (home, None), restored


async def test_an_end_that_is_put_off_while_it_comes_is_put_off_or_has_come(
    catalog: Harness, shelves: Shelves, places: tuple[str, str]
) -> None:
    home, law = places
    for number in range(8):
        item = await shelves.item(
            await shelves.title(record(str(number))),
            temporary_location_id=law,
            temporary_location_ends_at=ahead(),
        )
        door, later = f"/v1/items/{item['id']}", ahead()
        await time_passes(catalog)

        put_off, _ = await asyncio.gather(
            catalog.patch(
                door,
                json={"temporary_location_id": law, "temporary_location_ends_at": later},
                headers={"If-Match": '"1"'},
            ),
            catalog.tick(TIMER),
        )

        told = (await catalog.get(door)).json()
        stands = {200: law, 412: home}[put_off.status_code]
        assert (told["effective_location_id"], told["version"]) == (stands, 2)
        await catalog.tick(TIMER)
        assert (await catalog.get(door)).json()["version"] == 2
