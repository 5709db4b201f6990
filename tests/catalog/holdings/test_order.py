"""Items of holdings stand as somebody has arranged them, whoever adds and moves others at the same time."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from catalog.holdings.order_rules import arranged, arranging_faults
from contracts.catalog import HoldingsUpdated
from support.harness import Harness
from support.shelves import Shelves, record

A, B, C, D, E = (UUID(int=number) for number in range(1, 6))


@pytest.mark.parametrize(
    ("moved", "before", "after", "order"),
    [
        ([D, B], None, None, [D, B, A, C]),
        ([D, B], None, C, [A, C, D, B]),
        ([D, A], C, None, [B, D, A, C]),
        ([B], None, A, [A, B, C, D]),
        ([D, C, B, A], None, None, [D, C, B, A]),
    ],
)
def test_several_items_are_moved_together_and_the_others_keep_their_order(
    moved: list[UUID], before: UUID | None, after: UUID | None, order: list[UUID]
) -> None:
    assert arranged([A, B, C, D], moved, before=before, after=after) == order
    assert arranging_faults([A, B, C, D], moved, before=before, after=after) == []


def test_everything_against_an_order_is_told_at_once() -> None:
    faults = arranging_faults([A, B], [A, A, E], before=A, after=E)

    assert [(each.code, each.pointer) for each in faults] == [
        ("item-twice", "/item_ids/1"),
        ("item-elsewhere", "/item_ids/2"),
        ("item-itself", "/before"),
        ("item-elsewhere", "/after"),
        ("contradiction", "/after"),
    ]


async def four(shelves: Shelves) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    title = await shelves.title()
    return title, [await shelves.item(title, volume=f"v. {number}") for number in range(4)]


async def standing(catalog: Harness, holdings_id: str, **params: Any) -> list[str]:
    answer = await catalog.get("/v1/items", params={"holdings_id": holdings_id, **params})
    return [each["id"] for each in answer.json()["items"]]


async def arrange(catalog: Harness, holdings_id: str, version: int, **body: Any) -> Any:
    return await catalog.put(
        f"/v1/holdings/{holdings_id}/item-order", json=body, headers={"If-Match": f'"{version}"'}
    )


async def places(catalog: Harness, holdings_id: str) -> list[int | None]:
    rows = await catalog.resources.pool.fetch(
        "SELECT place FROM item WHERE holdings_id = $1 ORDER BY place, id", UUID(holdings_id)
    )
    return [row["place"] for row in rows]


async def test_an_order_is_kept_told_and_asked_for_page_by_page(catalog: Harness, shelves: Shelves) -> None:
    title, items = await four(shelves)
    holdings, ids = items[0]["holdings_id"], [each["id"] for each in items]

    answer = await arrange(catalog, holdings, 1, item_ids=[ids[3], ids[1]], after=ids[2])
    added = await shelves.item(title, volume="v. 9")
    stale = await arrange(catalog, holdings, 1, item_ids=[ids[0]])

    order = [ids[0], ids[2], ids[3], ids[1]]
    assert (answer.json()["item_ids"], answer.headers["etag"], stale.status_code) == (order, '"2"', 412)
    assert await standing(catalog, holdings) == [*order, added["id"]]
    assert await places(catalog, holdings) == [1, 2, 3, 4, None]
    (told,) = await catalog.announced(HoldingsUpdated)
    assert [str(each) for each in told.holdings.item_ids or ()] == order
    paged: list[str] = []
    cursor: str | None = None
    while cursor is not None or not paged:
        params = {"holdings_id": holdings, "limit": 1} | ({"cursor": cursor} if cursor else {})
        page = (await catalog.get("/v1/items", params=params)).json()
        paged, cursor = paged + [each["id"] for each in page["items"]], page["next_cursor"]
    assert paged == [*order, added["id"]]
    same = await arrange(catalog, holdings, 2, item_ids=[added["id"]], after=ids[1])
    assert (same.headers["etag"], await places(catalog, holdings)) == ('"2"', [1, 2, 3, 4, 5])


async def test_what_comes_from_elsewhere_stands_last_and_forgets_where_it_stood(
    catalog: Harness, shelves: Shelves
) -> None:
    title, items = await four(shelves)
    holdings, ids = items[0]["holdings_id"], [each["id"] for each in items]
    await arrange(catalog, holdings, 1, item_ids=ids[::-1])
    other = await shelves.item(title, call_number="elsewhere")

    await catalog.post("/v1/items:move", json={"item_ids": [ids[3]], "holdings_id": other["holdings_id"]})
    await catalog.post("/v1/items:move", json={"item_ids": [ids[3]], "holdings_id": holdings})
    wrong = await arrange(catalog, holdings, 2, item_ids=[other["id"]], before=ids[0])

    assert await standing(catalog, holdings) == [ids[2], ids[1], ids[0], ids[3]]
    assert (wrong.status_code, [each["code"] for each in wrong.json()["reasons"]]) == (
        422,
        ["item-elsewhere"],
    )


async def test_merged_titles_shelves_are_joined_behind_what_was_arranged(
    catalog: Harness, shelves: Shelves
) -> None:
    title, items = await four(shelves)
    holdings, ids = items[0]["holdings_id"], [each["id"] for each in items]
    twin = await shelves.title(record("r2"))
    come = [await shelves.item(twin) for _ in range(2)]
    await arrange(catalog, holdings, 1, item_ids=ids[::-1])
    await arrange(catalog, come[0]["holdings_id"], 1, item_ids=[come[1]["id"], come[0]["id"]])

    merged = await catalog.post(
        f"/v1/titles/{title['id']}/merges",
        json={"merged": [{"title_id": twin["id"]}]},
        headers={"If-Match": '"1"'},
    )

    assert merged.status_code == 201, merged.text
    assert await standing(catalog, holdings) == [*ids[::-1], come[0]["id"], come[1]["id"]]


async def test_adding_moving_and_arranging_at_once_loses_nothing_and_doubles_no_place(
    catalog: Harness, shelves: Shelves
) -> None:
    title, items = await four(shelves)
    holdings, ids = items[0]["holdings_id"], [each["id"] for each in items]
    other = await shelves.item(title, call_number="elsewhere")
    body = {"holdings_id": holdings}

    answers = await asyncio.gather(
        *(arrange(catalog, holdings, 1, item_ids=[ids[n], ids[n - 1]]) for n in (1, 2, 3)),
        *(catalog.post("/v1/items", json=body) for _ in range(4)),
        catalog.post("/v1/items:move", json={"item_ids": [ids[0]], "holdings_id": other["holdings_id"]}),
        catalog.post("/v1/items:move", json={"item_ids": [other["id"]], "holdings_id": holdings}),
    )

    assert sorted(each.status_code for each in answers[:3]) in ([200, 412, 412], [200, 412, 422])
    assert {each.status_code for each in answers[3:]} <= {200, 201}
    now = await standing(catalog, holdings)
    assert len(now) == len(set(now)) == 8
    given = [each for each in await places(catalog, holdings) if each is not None]
    assert len(given) == len(set(given))
    settled = await arrange(catalog, holdings, 2, item_ids=now[::-1])
    if settled.status_code == 200:
        assert await places(catalog, holdings) == list(range(1, 9))
