"""C49: questions about patrons, loans, holds, fees and items: asked, kept, asked again, by whoever may."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from circulation.questions import looking
from support.desk import NOW, Make, codes, pointers
from support.harness import STAFF, Harness

LATE = {"all": [{"field": "loan.open", "is": True}, {"field": "loan.due_at", "before": "now-30d"}]}
HERE = {"field": "item.location", "is": "LAW-STACKS"}
ASKING = frozenset({"questions:ask", "patrons:read", "loans:read", "fees:read", "holds:read"})
OF_LAW = replace(STAFF, ref="law-desk", libraries=frozenset({"LAW"}), scopes=ASKING)


async def ask(circulation: Harness, kind: str, condition: Any = None, **more: Any) -> Any:
    return await circulation.post("/v1/questions:ask", json={"kind": kind, "condition": condition} | more)


async def told(circulation: Harness, kind: str, condition: Any, column: str) -> list[Any]:
    answer = await ask(circulation, kind, condition, columns=[column])
    assert answer.status_code == 200, answer.text
    return [row[column] for row in answer.json()["items"]]


async def paged(circulation: Harness, condition: Any, *, limit: int) -> list[list[str]]:
    """Patrons by their cards, page by page to the end."""
    pages: list[list[str]] = []
    cursor = None
    while True:
        asked = {"columns": ["patron.barcode"], "cursor": cursor, "limit": limit}
        page = (await ask(circulation, "patrons", condition, **asked)).json()
        pages.append([row["patron.barcode"] for row in page["items"]])
        if (cursor := page["next_cursor"]) is None:
            return pages


async def test_questions_put_patrons_loans_holds_fees_and_items_together(
    circulation: Harness, make: Make
) -> None:
    await make.configure(registration={"custom_fields": [{"code": "hall", "name": "Hall"}]})
    gone = (NOW - timedelta(days=20)).isoformat()
    ada = await make.patron(barcode="ADA", expires_at=gone, custom={"hall": "north"})
    bob = await make.patron(barcode="BOB", group="visitor")
    law = await make.item(barcode="LAW", location_id=make.locations["LAW"])
    main = await make.item(barcode="MAIN")
    await make.item(barcode="IDLE")
    circulation.at(NOW - timedelta(days=70))
    for patron, item in ((ada, law), (bob, main)):
        await make.loan(patron, item)
    circulation.at(NOW - timedelta(days=1))
    await make.take_back(main)
    circulation.at(NOW)
    await make.hold(bob, law)
    await circulation.post(
        f"/v1/patrons/{bob['id']}/blocks", json={"actions": ["borrow"], "note": "n", "message": "m"}
    )
    expired = {"field": "patron.expires_at", "before": "now"}
    unlent = {"not": {"some": "loans", "where": {"field": "loan.lent_at", "from": "now-300d"}}}

    asked = [
        ("patrons", {"all": [expired, {"some": "loans", "where": {"field": "loan.open", "is": True}}]},
         "patron.barcode", ["ADA"]),
        ("patrons", {"some": "fees", "where": {"field": "fee.kind", "is": "overdue"}}, "patron.barcode", ["BOB"]),
        ("patrons", {"some": "holds", "where": HERE}, "patron.barcode", []),
        ("patrons", {"some": "holds", "where": {"field": "hold.open", "is": True}}, "patron.barcode", ["BOB"]),
        ("patrons", {"field": "patron.custom.hall", "in": ["north", "x"]}, "patron.custom.hall", ["north"]),
        ("patrons", {"field": "patron.blocked", "is": True}, "patron.barcode", ["BOB"]),
        ("patrons", {"not": {"field": "patron.expires_at", "before": "now"}}, "patron.barcode", ["BOB"]),
        ("loans", {"all": [*LATE["all"], HERE]}, "patron.barcode", ["ADA"]),
        ("loans", {"all": [*LATE["all"], {"not": HERE}]}, "patron.barcode", []),
        ("loans", {"some": "fees", "where": {"field": "fee.open", "is": True}}, "item.barcode", ["MAIN"]),
        ("holds", {"field": "hold.pickup", "is": "main-desk"}, "patron.barcode", ["BOB"]),
        ("fees", {"field": "fee.remaining", "from": 1}, "fee.kind", ["overdue"]),
        ("items", unlent, "item.barcode", ["IDLE"]),
        ("items", {"not": {"some": "loans", "where": {"field": "patron.group", "is": "student"}}},
         "item.barcode", ["MAIN", "IDLE"]),
    ]  # fmt: skip

    for kind, condition, column, answers in asked:
        assert await told(circulation, kind, condition, column) == answers, condition


async def test_a_question_is_kept_shared_changed_and_asked_again(circulation: Harness, make: Make) -> None:
    for number in range(5):
        await make.patron(barcode=f"B{number}", family_name=f"=cmd{number}")
    body = {
        "kind": "patrons", "name": "Students", "shared": True,
        "condition": {"field": "patron.group", "is": "student"}, "columns": ["patron.barcode"],
    }  # fmt: skip
    other = replace(STAFF, ref="other", scopes=ASKING)

    made = await circulation.post("/v1/questions", json=body, key="once")
    again = await circulation.post("/v1/questions", json=body, key="once")
    door = made.headers["location"]
    with circulation.asking(other):
        pages, cursor = [], None
        while True:
            asked = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await circulation.get(f"{door}/answers", params=asked)).json()
            pages.append([row["patron.barcode"] for row in page["items"]])
            if (cursor := page["next_cursor"]) is None:
                break
        sheet = (await circulation.get(f"{door}/sheet?columns=patron.family_name")).text.splitlines()
        lines = await circulation.get(f"{door}/sheet", headers={"Accept": "application/x-ndjson"})
        shared = (await circulation.get("/v1/questions?whose=shared&kind=patrons")).json()["items"]
        foreign = await circulation.patch(door, json={"name": "x"}, headers={"If-Match": '"1"'})
    changed = await circulation.patch(
        door, json={"shared": False, "condition": None}, headers={"If-Match": '"1"'}
    )
    stale = await circulation.patch(door, json={"name": "x"}, headers={"If-Match": '"1"'})
    wrong = await circulation.patch(
        door, json={"condition": {"field": "loan.open", "is": True}}, headers={"If-Match": '"2"'}
    )
    with circulation.asking(other):
        hidden = await circulation.get(f"{door}/answers")
    gone = await circulation.delete(door)

    assert (made.status_code, again.json()["id"]) == (201, made.json()["id"])
    assert pages == [["B0", "B1"], ["B2", "B3"], ["B4"]]
    assert (sheet[0], sheet[1].partition(",")[2]) == ("id,patron.family_name", "'=cmd0")
    assert (len(sheet), len(lines.text.splitlines())) == (6, 5)
    assert [each["id"] for each in shared] == [made.json()["id"]]
    assert (foreign.status_code, hidden.status_code) == (404, 404)
    assert (changed.json()["condition"], changed.headers["etag"]) == (None, '"2"')
    assert (stale.status_code, wrong.status_code, pointers(wrong)) == (412, 422, ["/condition/field"])
    assert (gone.status_code, (await circulation.get(door)).status_code) == (204, 404)


async def test_nobody_learns_by_a_question_what_they_may_not_read(circulation: Harness, make: Make) -> None:
    await make.configure(registration={"patrons_apart": True})
    law = await make.patron(library="LAW", barcode="LAW")
    main = await make.patron(library="MAIN", barcode="MAIN")
    items = [await make.item(), await make.item()]
    for patron, item in zip((law, main), items, strict=True):
        await make.loan(patron, item)
    lent_to_main = {"some": "loans", "where": {"field": "patron.barcode", "is": "MAIN"}}
    lent = {"some": "loans", "where": {"field": "loan.open", "is": True}}

    with circulation.asking(replace(OF_LAW, scopes=ASKING - {"loans:read", "patrons:read"})):
        shut = await ask(circulation, "items", lent_to_main)
        open_ = await ask(circulation, "items", None)
    with circulation.asking(replace(OF_LAW, scopes=ASKING - {"questions:ask"})):
        nobody = await ask(circulation, "items", None)
    with circulation.asking(OF_LAW):
        patrons = await told(circulation, "patrons", None, "patron.barcode")
        loans = await told(circulation, "loans", None, "patron.barcode")
        theirs = await told(circulation, "items", lent_to_main, "item.barcode")
        all_ = await told(circulation, "items", lent, "item.barcode")

    assert (shut.status_code, codes(shut)) == (403, ["scope-missing", "scope-missing"])
    assert (open_.status_code, nobody.status_code) == (200, 403)
    assert (patrons, loans, theirs, len(all_)) == (["LAW"], ["LAW"], [], 2)


async def test_a_question_goes_through_a_table_slice_by_slice_and_misses_nobody(
    circulation: Harness, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    barcodes = [(await make.patron())["barcode"] for _ in range(7)]
    monkeypatch.setattr(looking, "RANGE", 2)
    odd = {"field": "patron.barcode", "contains": "P"}

    whole = await told(circulation, "patrons", odd, "patron.barcode")
    threes = await paged(circulation, odd, limit=3)
    monkeypatch.setattr(looking, "PATIENCE_SECONDS", 0.0)  # each page ends after its first slice
    hasty = await paged(circulation, odd, limit=100)

    assert whole == barcodes
    assert threes == [barcodes[:3], barcodes[3:6], barcodes[6:]]
    assert hasty == [barcodes[:2], barcodes[2:4], barcodes[4:6], barcodes[6:]]


async def test_as_many_questions_as_may_be_are_kept(
    circulation: Harness, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("circulation.questions.commands.MOST_KEPT", 2)
    body = {"kind": "items", "name": "Everything"}

    told = await asyncio.gather(
        *(circulation.post("/v1/questions", json=body, key=f"k{number}") for number in range(4))
    )
    nameless = await circulation.post("/v1/questions", json=body | {"name": " ", "columns": ["x"]}, key="w")

    assert sorted(each.status_code for each in told) == [201, 201, 409, 409]
    assert nameless.status_code == 422
