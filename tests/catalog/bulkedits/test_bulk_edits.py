"""Many records are changed at once: previewed, confirmed, only as the preview saw them, and taken back."""

import asyncio
import csv
import io
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from catalog.bulkedits import rules, shelved, titles, worker
from catalog.bulkedits.worker import step, work_once
from catalog.lists import worker as lists
from chassis.principal import Principal
from contracts.catalog import HoldingsUpdated, ItemsAnnounced, TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

COUNT = 7
READER = Principal("staff", "reader", frozenset({"bulk-edits:read", "lists:read"}))
ITEM_ALONE = Principal("staff", "items", frozenset({"bulk-edits:create", "items:write", "lists:write"}))
GIFT = {
    "titles": {"fields": [{"do": "add-field", "tag": "590", "subfields": [{"code": "a", "value": "Gift"}]}]}
}


@pytest.fixture
async def stock(catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch) -> Shelves:
    """Seven titles with an item each, and slices of three."""
    for each in (shelved.Items, shelved.Holdings, titles.Titles):
        monkeypatch.setattr(each, "slice", 3)
    await shelves.imported(
        file_of(
            *(
                with_items(record(f"r{n}", title=f"Rome {n}"), (f"b{n}", "MAIN", "STACKS"))
                for n in range(COUNT)
            )
        ),
        profile="local-999",
    )
    return shelves


def some(*numbers: int) -> dict[str, Any]:
    return {"barcodes": [f"b{n}" for n in (numbers or range(COUNT))]}


async def asked(catalog: Harness, changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    if "list_id" not in more:
        more.setdefault("source", some())
    answer = await catalog.post("/v1/bulk-edits", json={"name": "Tidy", "changes": changes} | more)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/bulk-edits/{told['id']}"
    return told


async def worked(catalog: Harness) -> None:
    while await lists.work_once(catalog.resources, asyncio.Event()):
        pass
    while await work_once(catalog.resources, asyncio.Event()):
        pass


async def read(catalog: Harness, told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = (await catalog.get(f"/v1/bulk-edits/{told['id']}")).json()
    return found


async def previewed(catalog: Harness, changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = await asked(catalog, changes, **more)
    await worked(catalog)
    found = await read(catalog, told)
    assert found["state"] == "previewed", found
    return found


async def wish(catalog: Harness, told: dict[str, Any], what: str, **headers: str) -> Any:
    return await catalog.post(f"/v1/bulk-edits/{told['id']}/{what}", headers=headers)


async def confirmed(catalog: Harness, told: dict[str, Any]) -> None:
    answer = await wish(catalog, told, "confirmations", **{"If-Match": f'"{told["version"]}"'})
    assert answer.status_code == 202, answer.text


async def edited(catalog: Harness, changes: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = await previewed(catalog, changes, **more)
    await confirmed(catalog, told)
    await worked(catalog)
    return await read(catalog, told)


async def undone(catalog: Harness, told: dict[str, Any]) -> dict[str, Any]:
    assert (await wish(catalog, told, "undoing")).status_code == 202
    await worked(catalog)
    return await read(catalog, told)


def counted(told: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in told["counts"].items() if number}


async def item(catalog: Harness, number: int) -> dict[str, Any]:
    (told,) = (await catalog.get("/v1/items", params={"barcode": f"b{number}"})).json()["items"]
    return dict(told)


async def items(catalog: Harness, fact: str) -> list[Any]:
    return [(await item(catalog, n))[fact] for n in range(COUNT)]


async def change_item(catalog: Harness, number: int, **facts: Any) -> None:
    told = await item(catalog, number)
    answer = await catalog.patch(
        f"/v1/items/{told['id']}", json=facts, headers={"If-Match": f'"{told["version"]}"'}
    )
    assert answer.status_code == 200, answer.text


async def rows(catalog: Harness, told: dict[str, Any], outcome: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"outcome": outcome, "limit": 2}
    while True:
        answer = (await catalog.get(f"/v1/bulk-edits/{told['id']}/records", params=params)).json()
        found += answer["items"]
        if answer["next_cursor"] is None:
            return found
        params["cursor"] = answer["next_cursor"]


async def sheet(catalog: Harness, told: dict[str, Any], what: str = "errors") -> list[dict[str, str]]:
    answer = await catalog.get(f"/v1/bulk-edits/{told['id']}/sheet", params={"what": what})
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


async def test_items_are_previewed_changed_and_taken_back(catalog: Harness, stock: Shelves) -> None:
    await change_item(catalog, 0, base_state="restricted", note="torn")
    changes = {
        "items": {
            "set": {"base_state": "restricted", "suppressed": True},
            "note": {"how": "append", "text": "=2027"},
        }
    }
    told = await previewed(catalog, changes)
    before = await items(catalog, "base_state")
    shown = await rows(catalog, told, "change")
    b0 = (await item(catalog, 0))["id"]
    (first,) = [each for each in shown if each["id"] == b0]
    await confirmed(catalog, told)
    await worked(catalog)
    done = await read(catalog, told)
    after = [await items(catalog, name) for name in ("base_state", "suppressed", "note")]
    events = [each for batch in await catalog.announced(ItemsAnnounced) for each in batch.items][-COUNT:]
    changes_sheet = await sheet(catalog, told, "changes")
    back = await undone(catalog, done)

    assert before == ["restricted", *["active"] * (COUNT - 1)]
    assert (told["matched"], counted(told)) == (COUNT, {"change": COUNT})
    assert {each["field"]: (each["before"], each["after"]) for each in first["differences"]} == {
        "suppressed": (False, True),
        "note": ("torn", "torn =2027"),
    }
    assert (done["state"], counted(done)) == ("finished", {"edited": COUNT})
    assert after == [["restricted"] * COUNT, [True] * COUNT, ["torn =2027", *["=2027"] * (COUNT - 1)]]
    assert {(each.base_state, each.suppressed) for each in events} == {("restricted", True)}
    assert {row["after"] for row in changes_sheet if row["field"] == "note"} == {"torn =2027", "'=2027"}
    assert (back["state"], counted(back)) == ("undone", {"restored": COUNT})
    assert await items(catalog, "base_state") == before
    assert await items(catalog, "note") == ["torn", *[None] * (COUNT - 1)]


async def test_only_what_the_preview_saw_is_changed_and_only_what_nobody_touched_is_taken_back(
    catalog: Harness, stock: Shelves
) -> None:
    told = await previewed(catalog, {"items": {"set": {"base_state": "missing"}}})
    await change_item(catalog, 1, note="meanwhile")
    await confirmed(catalog, told)
    await worked(catalog)
    done = await read(catalog, told)
    await change_item(catalog, 2, base_state="active")
    await change_item(catalog, 3, note="since")
    (title,) = (await item(catalog, 4))["title_ids"]
    await catalog.patch(f"/v1/titles/{title}", json={"suppressed": True}, headers={"If-Match": '"1"'})
    back = await undone(catalog, done)
    await change_item(catalog, 3, note=None)
    again = await undone(catalog, done)

    assert counted(done) == {"edited": COUNT - 1, "changed_meanwhile": 1}
    assert counted(back) == {"restored": COUNT - 3, "conflict": 2, "changed_meanwhile": 1}
    assert {(row["item.barcode"], row["outcome"], row["code"]) for row in await sheet(catalog, done)} == {
        ("b1", "changed-meanwhile", "changed-meanwhile"),
        ("b2", "conflict", "changed-since"),
    }
    assert counted(again) == {"restored": COUNT - 2, "conflict": 1, "changed_meanwhile": 1}
    assert await items(catalog, "base_state") == ["active"] * COUNT


async def test_titles_are_edited_field_by_field_with_their_history_kept(
    catalog: Harness, stock: Shelves
) -> None:
    fields = [
        {
            "do": "replace-text",
            "tag": "245",
            "code": "a",
            "find": "Rome",
            "replacement": "Roma",
            "match": "start",
        },
        {"do": "set-indicator", "tag": "650", "indicator": 2, "value": "4"},
    ]
    done = await edited(
        catalog, {"titles": {"fields": fields}}, source={"barcodes": ["b0", "b1", "b2", "b3"]}
    )
    (title,) = (await item(catalog, 0))["title_ids"]
    now = (await catalog.get(f"/v1/titles/{title}")).json()
    history = (await catalog.get(f"/v1/titles/{title}/versions")).json()
    events = await catalog.announced(TitleUpdated)
    told = [each for batch in await catalog.announced(ItemsAnnounced) for each in batch.items][-4:]
    (other,) = (await item(catalog, 1))["title_ids"]
    await catalog.patch(f"/v1/titles/{other}", json={"suppressed": True}, headers={"If-Match": '"2"'})
    back = await undone(catalog, done)

    assert counted(done) == {"edited": 4}
    assert (now["title"], now["version"]) == ("Roma 0", 2)
    assert "staff:test-desk" in str(history)
    assert sorted(each.title.title for each in events[:4]) == ["Roma 0", "Roma 1", "Roma 2", "Roma 3"]
    assert sorted(each.short_title for each in told) == ["Roma 0", "Roma 1", "Roma 2", "Roma 3"]
    assert counted(back) == {"restored": 3, "conflict": 1}
    restored = (await catalog.get(f"/v1/titles/{title}")).json()
    assert (restored["title"], restored["version"]) == ("Rome 0", 3)
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM title WHERE title LIKE 'Roma%'") == 1


async def test_titles_are_held_to_what_the_library_asks_and_protects(
    catalog: Harness, stock: Shelves
) -> None:
    specification = {
        "name": "Ours",
        "on_save": "refuse",
        "fields": [
            {"tag": "590", "protected": True},
            {"tag": "650", "presence": "required"},
        ],
    }
    fine = await previewed(catalog, GIFT)
    answer = await catalog.put(
        "/v1/record-specifications/ours", json=specification, headers={"If-Match": '"0"'}
    )
    assert answer.status_code == 200, answer.text
    refused = await catalog.post("/v1/bulk-edits", json={"name": "x", "source": some(), "changes": GIFT})
    faulty = await previewed(catalog, {"titles": {"fields": [{"do": "remove-field", "tag": "650"}]}})
    nothing = await wish(catalog, faulty, "confirmations", **{"If-Match": f'"{faulty["version"]}"'})
    await confirmed(catalog, fine)
    await worked(catalog)

    assert [(each["code"], each["pointer"]) for each in refused.json()["reasons"]] == [
        ("field-protected", "/changes/titles/fields/0")
    ]
    assert counted(faulty) == {"cannot": COUNT}
    assert {row["title.number"] for row in await sheet(catalog, faulty)} == {str(n + 1) for n in range(COUNT)}
    assert nothing.json()["reasons"][0]["code"] == "nothing-to-change"
    assert counted(await read(catalog, fine)) == {"refused": COUNT}


async def test_conditions_and_codes_are_set_of_many_and_only_those_that_there_are(
    catalog: Harness, stock: Shelves
) -> None:
    await stock.configure(statistical_codes=[{"code": "gift", "name": "Gifts"}])
    asked_for = {"damaged_status": "damaged", "damaged_on": "2026-03-01", "statistical_codes": ["gift"]}

    told = await edited(catalog, {"items": {"set": asked_for}})
    unknown = await previewed(catalog, {"items": {"set": {"statistical_codes": ["gift", "x"]}}})
    short = await previewed(catalog, {"items": {"set": {"missing_pieces": 1}}})

    assert counted(told) == {"edited": COUNT}
    assert {name: (await item(catalog, 3))[name] for name in asked_for} == asked_for
    assert (counted(unknown), counted(short)) == ({"cannot": COUNT}, {"cannot": COUNT})
    assert counted(await undone(catalog, told)) == {"restored": COUNT}
    assert (await item(catalog, 3))["statistical_codes"] == []


async def test_holdings_take_their_items_along_and_back(catalog: Harness, stock: Shelves) -> None:
    closed = await stock.location("MAIN", "READING")
    stacks = await stock.location()
    title = (await item(catalog, 0))["title_ids"][0]
    there = await catalog.post(
        "/v1/holdings", json={"title_id": title, "location_id": closed, "call_number": "X"}
    )
    assert there.status_code == 201, there.text
    done = await edited(catalog, {"holdings": {"set": {"location_id": closed, "call_number": "X"}}})
    places = await items(catalog, "location_id")
    events = await catalog.announced(HoldingsUpdated)
    back = await undone(catalog, done)

    assert counted(done) == {"edited": COUNT - 1, "cannot": 1}
    assert [row["code"] for row in await sheet(catalog, done)] == ["holdings-taken"]
    assert places == [stacks, *[closed] * (COUNT - 1)]
    assert len(events) == COUNT - 1
    assert {each.holdings.call_number for each in events} == {"X"}
    assert counted(back) == {"restored": COUNT - 1, "cannot": 1}
    assert await items(catalog, "location_id") == [stacks] * COUNT


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"items": {"set": {"location_id": str(UUID(int=7)), "loan_type": "none"}}},
         [("location-unknown", "/changes/items/set/location_id"),
          ("loan-type-unknown", "/changes/items/set/loan_type")]),
        ({"items": {"set": {"base_state": "withdrawn"}}}, [("withdrawal-needed", "/changes/items/set/base_state")]),
        ({"items": {"set": {"barcode": "x"}}}, None),
        ({"items": {"set": {"suppressed": None}}}, None),
        ({"items": {"set": {}}}, None),
        ({"items": {"set": {"note": "x"}, "note": {"how": "append", "text": "y"}}}, None),
        ({"titles": {}}, None),
        ({"titles": {"suppressed": True}, "items": {"set": {"note": "x"}}}, None),
        ({"titles": {"fields": [{"do": "remove-field", "tag": "001"}]}}, None),
    ],
)  # fmt: skip
async def test_what_no_record_could_be_changed_to_is_told_at_once(
    catalog: Harness, shelves: Shelves, changes: dict[str, Any], codes: list[tuple[str, str]] | None
) -> None:
    answer = await catalog.post(
        "/v1/bulk-edits", json={"name": "x", "source": {"ids": []}, "changes": changes}
    )

    assert answer.status_code == 422
    if codes is not None:
        assert [(each["code"], each["pointer"]) for each in answer.json()["reasons"]] == codes


async def test_it_is_paused_gone_on_with_and_cancelled_between_two_slices(
    catalog: Harness, stock: Shelves
) -> None:
    told = await previewed(catalog, {"items": {"set": {"note": "x"}}})
    early = await wish(catalog, told, "undoing")
    unread = await wish(catalog, told, "confirmations")
    stale = await wish(catalog, told, "confirmations", **{"If-Match": '"0"'})
    await confirmed(catalog, told)
    async with catalog.resources.pool.acquire() as connection:
        await step(catalog.resources, connection, UUID(told["id"]))
        paused = await wish(catalog, told, "pauses")
        await worked(catalog)
        halfway = await items(catalog, "note")
        resumed = await wish(catalog, told, "resumptions")
        await step(catalog.resources, connection, UUID(told["id"]))
    cancelled = await wish(catalog, told, "cancellations")
    await worked(catalog)
    after = await read(catalog, told)
    back = await undone(catalog, told)

    assert [each.status_code for each in (early, unread, stale)] == [409, 428, 412]
    assert (paused.json()["state"], halfway.count("x")) == ("paused", 3)
    assert (resumed.json()["state"], cancelled.json()["state"]) == ("applying", "cancelled")
    assert counted(after) == {"edited": 6, "change": 1}
    assert counted(back) == {"restored": 6, "change": 1}


async def test_a_pause_in_the_midst_of_a_slice_leaves_nothing_of_it(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await previewed(catalog, {"items": {"set": {"note": "x"}}})
    await confirmed(catalog, told)
    tell = worker._tell

    async def interrupted(*about: Any, **more: Any) -> None:
        await tell(*about, **more)
        assert (await wish(catalog, told, "pauses")).status_code == 202

    monkeypatch.setattr(worker, "_tell", interrupted)
    assert await work_once(catalog.resources, asyncio.Event())
    monkeypatch.setattr(worker, "_tell", tell)
    paused, notes = await read(catalog, told), await items(catalog, "note")
    await wish(catalog, told, "resumptions")
    await worked(catalog)

    assert (paused["state"], counted(paused), notes) == ("paused", {"change": COUNT}, [None] * COUNT)
    assert counted(await read(catalog, told)) == {"edited": COUNT}


async def test_who_is_killed_is_followed_by_one_that_goes_on_behind_the_last_slice(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await previewed(catalog, {"items": {"note": {"how": "append", "text": "once"}}})
    await confirmed(catalog, told)
    slices = iter(range(10))
    tell = worker._tell

    async def breaking(*about: Any, **more: Any) -> None:
        await tell(*about, **more)
        if next(slices) == 1:
            raise asyncpg.InterfaceError("killed")

    monkeypatch.setattr(worker, "_tell", breaking)
    with pytest.raises(asyncpg.InterfaceError):
        await work_once(catalog.resources, asyncio.Event())
    halfway = (await items(catalog, "note")).count("once")
    await worked(catalog)

    assert halfway == 3
    assert await items(catalog, "note") == ["once"] * COUNT
    assert counted(await read(catalog, told)) == {"edited": COUNT}


async def test_two_workers_and_a_cataloguer_do_nothing_twice(catalog: Harness, stock: Shelves) -> None:
    told = await previewed(catalog, {"items": {"note": {"how": "append", "text": "once"}}})
    await confirmed(catalog, told)
    versions = {n: (await item(catalog, n))["version"] for n in range(COUNT)}

    async def work() -> None:
        while await work_once(catalog.resources, asyncio.Event()):
            pass

    async def disturb(number: int) -> int:
        found = await item(catalog, number)
        answer = await catalog.patch(
            f"/v1/items/{found['id']}", json={"volume": "v.1"}, headers={"If-Match": f'"{found["version"]}"'}
        )
        return answer.status_code

    disturbed = (await asyncio.gather(work(), work(), *(disturb(n) for n in range(COUNT)), work()))[2:-1]
    await worked(catalog)
    done = await read(catalog, told)

    notes, volumes = await items(catalog, "note"), await items(catalog, "volume")
    assert set(notes) <= {None, "once"}
    assert notes.count("once") == counted(done).get("edited", 0)
    assert volumes.count("v.1") == disturbed.count(200)
    made = sum([(await item(catalog, n))["version"] - versions[n] for n in range(COUNT)])
    assert made == notes.count("once") + disturbed.count(200)
    assert sum(counted(done).values()) == COUNT


async def test_a_slice_costs_as_many_statements_however_many_records_it_has(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs: dict[str, list[int]] = {}
    asked_of: dict[str, dict[str, Any]] = {
        "items": {"items": {"set": {"note": "x", "location_id": await stock.location("MAIN", "READING")}}},
        "holdings": {"holdings": {"set": {"call_number": "N"}}},
        "titles": GIFT,
    }
    for kind, changes in asked_of.items():
        for each in (shelved.Items, shelved.Holdings, titles.Titles):
            monkeypatch.setattr(each, "slice", 3)
        told = await previewed(catalog, changes)
        await confirmed(catalog, told)
        async with catalog.resources.pool.acquire() as connection:
            for size in (2, 1, 4):  # what the driver asks about types comes with the first
                for each in (shelved.Items, shelved.Holdings, titles.Titles):
                    monkeypatch.setattr(each, "slice", size)
                seen: list[Any] = []
                connection.add_query_logger(seen.append)
                await step(catalog.resources, connection, UUID(told["id"]))
                connection.remove_query_logger(seen.append)
                if size != 2:
                    costs.setdefault(kind, []).append(len(seen))
        assert counted(await read(catalog, told)) == {"edited": COUNT}

    assert all(one == many for one, many in costs.values()), costs
    assert max(max(each) for each in costs.values()) <= 16, costs


async def test_who_may_see_it_may_not_change_and_who_edits_items_edits_no_titles(
    catalog: Harness, stock: Shelves
) -> None:
    told = await previewed(catalog, GIFT)
    match = {"If-Match": f'"{told["version"]}"'}
    with catalog.asking(READER):
        seen = await catalog.get(f"/v1/bulk-edits/{told['id']}")
        refused = [
            await wish(catalog, told, "confirmations", **match),
            await wish(catalog, told, "cancellations"),
            await catalog.post("/v1/bulk-edits", json={"name": "x", "source": some(), "changes": GIFT}),
        ]
    with catalog.asking(ITEM_ALONE):
        refused += [
            await wish(catalog, told, "confirmations", **match),
            await catalog.post("/v1/bulk-edits", json={"name": "x", "source": some(), "changes": GIFT}),
        ]
        own = (await catalog.get("/v1/bulk-edits", params={"whose": "mine"})).json()["items"]

    assert seen.status_code == 200
    assert {each.status_code for each in refused} == {403}
    assert own == []


async def test_a_list_is_edited_as_it_was_when_it_was_asked_for(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await catalog.post("/v1/lists", json={"kind": "items", "name": "x", "source": some(0, 1)})).json()
    told = await previewed(catalog, {"items": {"set": {"note": "x"}}}, list_id=made["id"])
    await catalog.post(f"/v1/lists/{made['id']}/members", json={"barcodes": ["b5"]})
    await catalog.delete(f"/v1/lists/{made['id']}")
    await confirmed(catalog, told)
    await worked(catalog)
    wrong = [
        await catalog.post("/v1/bulk-edits", json={"name": "x", "list_id": made["id"], "changes": GIFT}),
        await catalog.post(
            "/v1/bulk-edits",
            json={"name": "x", "source": {"condition": {"field": "item.note", "is": 1}}, "changes": GIFT},
        ),
    ]
    monkeypatch.setattr(worker, "MOST_EDITED", 2)
    large = await asked(catalog, GIFT)
    await worked(catalog)

    assert (await items(catalog, "note"))[:6] == ["x", "x", None, None, None, None]
    assert [each.json()["reasons"][0]["code"] for each in wrong] == ["list-unknown", "field-elsewhere"]
    assert (await read(catalog, large))["state"] == "failed"
    assert (await catalog.get("/v1/lists")).json()["items"] == []


async def test_a_small_edit_does_not_wait_for_a_large_one(
    catalog: Harness, stock: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TURN", 1)
    large = await asked(catalog, {"items": {"set": {"note": "large"}}}, source=some(*range(6)))
    await worked(catalog)
    large = await read(catalog, large)
    await confirmed(catalog, large)
    small = await previewed(catalog, {"items": {"set": {"volume": "s"}}}, source=some(6))
    await confirmed(catalog, small)
    while await work_once(catalog.resources, asyncio.Event(), largest=1):
        pass

    assert (await item(catalog, 6))["volume"] == "s"
    assert counted(await read(catalog, small)) == {"edited": 1}
    assert rules.SMALL < rules.MOST_EDITED


async def test_edits_are_kept_their_time(catalog: Harness, stock: Shelves) -> None:
    told = await edited(catalog, {"items": {"set": {"note": "x"}}})
    now = catalog.resources.clock()
    await worker.sweep_edits(catalog.resources, now)
    kept = await catalog.get(f"/v1/bulk-edits/{told['id']}")
    await worker.sweep_edits(catalog.resources, now + rules.KEPT)
    gone = await catalog.get(f"/v1/bulk-edits/{told['id']}")

    assert (kept.status_code, gone.status_code) == (200, 404)
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM bulk_edit_record") == 0
