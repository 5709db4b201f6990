"""C48: many patrons are previewed, changed, told of and taken back, by whoever may."""

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest

from circulation.patronedits import worker
from circulation.patronedits.rules import KEPT
from circulation.patronedits.worker import sweep_patron_edits, work_once
from contracts.circulation import PatronBlockAdded, PatronBlockRemoved, PatronUpdated
from support.desk import NOW, Make, codes, pointers
from support.harness import STAFF, Harness

REGISTRATION: dict[str, Any] = {
    "custom_fields": [
        {"code": "hall", "name": "Hall", "kind": "choice", "choices": ["north", "south"]},
        {"code": "locker", "name": "Locker", "kind": "number", "personal": False},
    ],
    "tags": [{"code": "alumni", "name": "Alumni"}, {"code": "fresh", "name": "New", "personal": False}],
}
TEMPLATES = [
    {"code": "address", "name": "Address", "actions": ["borrow"], "note": "Ask for it.", "days": 30},
    {"code": "left", "name": "Left", "actions": ["borrow", "hold"], "note": "Has left."},
]
EDITING = frozenset({"patron-edits:create", "patrons:read", "patrons:write"})
NUMBERS = itertools.count()
STUDENTS = {"condition": {"field": "patron.group", "is": "student"}}


@pytest.fixture
async def ready(make: Make) -> Make:
    """A library with facts, tags and templates of its own."""
    answer = await make.configure(registration=REGISTRATION, block_templates=TEMPLATES)
    assert answer.status_code == 200, answer.text
    return make


async def asked(circulation: Harness, patrons: Any, changes: Any, **more: Any) -> Any:
    body = {"name": "Tidy", "patrons": patrons, "changes": changes} | more
    return await circulation.post("/v1/patron-edits", json=body, key=f"ask-{next(NUMBERS)}")


async def worked(circulation: Harness) -> None:
    while await work_once(circulation.resources):
        pass


async def previewed(circulation: Harness, patrons: Any, changes: Any) -> str:
    """An edit whose preview is there: its address."""
    answer = await asked(circulation, patrons, changes)
    assert answer.status_code == 202, answer.text
    await worked(circulation)
    door: str = answer.headers["location"]
    assert (await read(circulation, door))["state"] == "previewed"
    return door


async def step(circulation: Harness, door: str, wish: str, **headers: str) -> Any:
    """Confirmed, cancelled, or taken back, and worked on."""
    answer = await circulation.post(f"{door}/{wish}", headers=headers, key=f"{wish}-{next(NUMBERS)}")
    await worked(circulation)
    return answer


async def confirmed(circulation: Harness, door: str) -> dict[str, Any]:
    tag = (await circulation.get(door)).headers["etag"]
    answer = await step(circulation, door, "confirmations", **{"If-Match": tag})
    assert answer.status_code == 202, answer.text
    return await read(circulation, door)


async def read(circulation: Harness, door: str) -> dict[str, Any]:
    told: dict[str, Any] = (await circulation.get(door)).json()
    return told


def counted(edit: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in edit["counts"].items() if number}


async def patron_now(circulation: Harness, patron: dict[str, Any]) -> dict[str, Any]:
    return await read(circulation, f"/v1/patrons/{patron['id']}")


async def blocks_of(circulation: Harness, patron: dict[str, Any]) -> list[str]:
    found = await read(circulation, f"/v1/patrons/{patron['id']}/blocks")
    return [each["template"] for each in found["items"]]


async def test_patrons_are_previewed_changed_told_of_and_taken_back(
    circulation: Harness, ready: Make
) -> None:
    ada = await ready.patron(
        barcode="ADA",
        custom={"hall": "north"},
        tags=["alumni"],
        note="old",
        expires_at="2027-06-01T00:00:00Z",
    )
    bob = await ready.patron(barcode="BOB", group="visitor", custom={"hall": "south"})
    for template in ("left", "left", "address"):
        await circulation.post(f"/v1/patrons/{ada['id']}/blocks", json={"template": template})
    changes = {
        "set": {"group": "visitor", "library": "LAW"},
        "extend_days": 10,
        "note": {"how": "append", "text": "moved"},
        "custom": {"hall": None, "locker": 7},
        "tags": {"add": ["fresh"], "remove": ["alumni"]},
        "block": {"template": "address"},
        "lift": {"template": "left", "reason": "All are back."},
    }

    door = await previewed(circulation, {"barcodes": ["ADA", "BOB", "NOBODY"]}, changes)
    seen = await read(circulation, door)
    page = (await read(circulation, f"{door}/records?limit=1"))["items"][0]
    untouched = [await patron_now(circulation, each) for each in (ada, bob)]
    done = await confirmed(circulation, door)
    after = [await patron_now(circulation, each) for each in (ada, bob)]
    blocks = [await blocks_of(circulation, each) for each in (ada, bob)]
    sheet = (await circulation.get(f"{door}/sheet?what=changes")).text.splitlines()
    back = await step(circulation, door, "undoing")

    assert (counted(seen), seen["unknown"], seen["matched"]) == ({"change": 2}, ["NOBODY"], 2)
    assert untouched == [ada, bob]
    assert {"field": "group", "before": "student", "after": "visitor"} in page["differences"]
    assert {"field": "block", "before": "left", "after": None} in page["differences"]
    assert (done["state"], counted(done)) == ("finished", {"edited": 2})
    changed = after[0]
    assert (changed["group"], changed["library"], changed["expires_at"]) == (
        "visitor", "LAW", "2027-06-11T00:00:00Z",
    )  # fmt: skip
    assert (changed["note"], changed["custom"], changed["tags"]) == ("old\nmoved", {"locker": 7}, ["fresh"])
    assert (after[1]["expires_at"], after[1]["version"]) == (None, 2)
    assert blocks == [["address"], ["address"]]
    assert sheet[0] == "id,barcode,outcome,code,text,field,before,after"
    assert any("ADA,edited,,,custom.locker,,7" in line for line in sheet)
    assert (back.status_code, counted(await read(circulation, door))) == (202, {"restored": 2})
    again = [await patron_now(circulation, each) for each in (ada, bob)]
    assert [each | {"version": 1} for each in again] == [ada, bob]
    assert [await blocks_of(circulation, each) for each in (ada, bob)] == [["address", "left", "left"], []]
    updated = [
        each for each in await circulation.announced(PatronUpdated) if str(each.patron_ref) == ada["id"]
    ]
    assert [(each.version, each.custom, each.tags) for each in updated] == [
        (2, {"locker": 7}, ("fresh",)), (3, {}, ()),
    ]  # fmt: skip
    assert len(await circulation.announced(PatronBlockAdded)) == 3 + 1 + 2
    assert len(await circulation.announced(PatronBlockRemoved)) == 2 + 1


async def test_only_what_the_preview_saw_is_changed_and_only_what_nobody_touched_is_taken_back(
    circulation: Harness, ready: Make
) -> None:
    ada, bob, eve, fay = [await ready.patron() for _ in range(4)]
    door = await previewed(circulation, STUDENTS, {"custom": {"hall": "north"}, "tags": {"add": ["fresh"]}})

    async def change(patron: dict[str, Any], **told: Any) -> None:
        tag = (await circulation.get(f"/v1/patrons/{patron['id']}")).headers["etag"]
        answer = await circulation.patch(f"/v1/patrons/{patron['id']}", json=told, headers={"If-Match": tag})
        assert answer.status_code == 200, answer.text

    await change(ada, language="de")
    await circulation.post(f"/v1/patrons/{bob['id']}/merges", json={"merged": [fay["id"]]})
    late = await ready.patron()
    done = await confirmed(circulation, door)
    errors = (await circulation.get(f"{door}/sheet")).text.splitlines()
    await change(eve, custom={"hall": "south"})
    await step(circulation, door, "undoing")
    first = await read(circulation, door)
    await change(eve, custom={"hall": "north"}, language="fr")
    await step(circulation, door, "undoing")
    nothing = await step(circulation, door, "undoing")

    assert counted(done) == {"edited": 1, "changed_meanwhile": 3}
    assert sorted(line.split(",")[3] for line in errors[1:]) == [
        "changed-meanwhile",
        "changed-meanwhile",
        "gone",
    ]
    assert counted(first) == {"conflict": 1, "changed_meanwhile": 3}
    assert counted(await read(circulation, door)) == {"restored": 1, "changed_meanwhile": 3}
    left = await patron_now(circulation, eve)
    assert (left["custom"], left["tags"], left["language"]) == ({}, [], "fr")
    assert (nothing.status_code, codes(nothing)) == (409, ["nothing-to-undo"])
    assert (await patron_now(circulation, late))["tags"] == []


async def test_what_cannot_be_done_is_told_of_all_at_once_or_of_each(
    circulation: Harness, ready: Make
) -> None:
    required = REGISTRATION["custom_fields"] + [{"code": "kin", "name": "Kin", "required": True}]
    ada = await ready.patron(barcode="ADA")
    await ready.configure(registration=REGISTRATION | {"custom_fields": required}, block_templates=TEMPLATES)
    bob = await ready.patron(custom={"kin": "Eve"})
    wrong = {
        "set": {"group": "wizard"}, "custom": {"shoe": 1, "hall": "west"}, "tags": {"add": ["fresh", "tall"]},
        "block": {"template": "none"}, "statistics": {"hair": "red"},
    }  # fmt: skip

    refused = await asked(circulation, STUDENTS, wrong)
    malformed = await asked(
        circulation, {"condition": {"field": "loan.open", "is": True}}, {"extend_days": 1}
    )
    unknown = await asked(circulation, {"question_id": ada["id"]}, {"extend_days": 1})
    door = await previewed(circulation, STUDENTS, {"custom": {"locker": 3}})
    early = await step(circulation, door, "undoing")
    done = await confirmed(circulation, door)
    idle = await previewed(circulation, {"ids": [bob["id"]]}, {"custom": {"locker": 3}})
    none = await step(circulation, idle, "confirmations", **{"If-Match": '"2"'})

    assert (refused.status_code, sorted(pointers(refused))) == (
        422,
        [
            "/changes/block/template", "/changes/custom/hall", "/changes/custom/shoe", "/changes/set/group",
            "/changes/statistics/hair", "/changes/tags/add/1",
        ],
    )  # fmt: skip
    assert (malformed.status_code, pointers(malformed)) == (422, ["/patrons/condition/field"])
    assert (unknown.status_code, codes(unknown)) == (422, ["question-unknown"])
    assert (early.status_code, codes(early)) == (409, ["patron-edit-state"])
    assert counted(done) == {"cannot": 1, "edited": 1}
    record = (await read(circulation, f"{door}/records?outcome=cannot"))["items"][0]
    assert (record["patron_id"], record["reasons"][0]["code"]) == (ada["id"], "custom-field-required")
    assert (none.status_code, codes(none)) == (409, ["nothing-to-change"])


async def test_a_kept_question_says_who_is_meant_and_a_cancelled_edit_changes_nobody_further(
    circulation: Harness, ready: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        await ready.patron()
    monkeypatch.setattr(worker, "SLICE", 2)
    monkeypatch.setattr(worker, "GATHERED", 2)
    kept = await circulation.post(
        "/v1/questions", json={"kind": "patrons", "name": "All", "condition": None}, key="q"
    )
    door = await previewed(circulation, {"question_id": kept.json()["id"]}, {"set": {"active": False}})
    tag = (await circulation.get(door)).headers["etag"]

    said = await circulation.post(f"{door}/confirmations", headers={"If-Match": tag}, key="yes")
    twice = await circulation.post(f"{door}/confirmations", headers={"If-Match": tag}, key="yes again")
    await work_once(circulation.resources)
    stopped = await circulation.post(f"{door}/cancellations", key="no")
    await worked(circulation)

    assert (said.status_code, twice.status_code, stopped.status_code) == (202, 412, 202)
    assert counted(await read(circulation, door)) == {"edited": 2, "change": 3}
    await step(circulation, door, "undoing")
    assert counted(await read(circulation, door)) == {"restored": 2, "change": 3}
    rows = (await circulation.get("/v1/patrons")).json()["items"]
    assert all(each["active"] for each in rows)


async def test_a_block_that_somebody_has_set_anew_is_not_set_a_second_time(
    circulation: Harness, ready: Make
) -> None:
    ada = await ready.patron()
    blocks = f"/v1/patrons/{ada['id']}/blocks"
    await circulation.post(blocks, json={"template": "left"})
    door = await previewed(circulation, STUDENTS, {"lift": {"template": "left", "reason": "Back."}})
    await confirmed(circulation, door)
    await circulation.post(blocks, json={"template": "left"})

    await step(circulation, door, "undoing")

    assert counted(await read(circulation, door)) == {"restored": 1}
    assert await blocks_of(circulation, ada) == ["left"]


async def test_two_workers_at_once_change_everybody_once(circulation: Harness, ready: Make) -> None:
    patrons = [await ready.patron() for _ in range(6)]
    answer = await asked(circulation, STUDENTS, {"block": {"template": "address"}})
    door = answer.headers["location"]
    await asyncio.gather(*(worked(circulation) for _ in range(3)))
    tag = (await circulation.get(door)).headers["etag"]
    await circulation.post(f"{door}/confirmations", headers={"If-Match": tag}, key="yes")

    await asyncio.gather(*(worked(circulation) for _ in range(3)))

    assert (await read(circulation, door))["matched"] == 6
    assert counted(await read(circulation, door)) == {"edited": 6}
    assert [await blocks_of(circulation, each) for each in patrons] == [["address"]] * 6
    assert len(await circulation.announced(PatronBlockAdded)) == 6


async def test_an_edit_reaches_and_shows_only_patrons_whom_its_asker_may_see(
    circulation: Harness, ready: Make
) -> None:
    await ready.configure(registration=REGISTRATION | {"patrons_apart": True}, block_templates=TEMPLATES)
    law, main = await ready.patron(library="LAW"), await ready.patron(library="MAIN", barcode="M")
    of_law = replace(STAFF, ref="law", libraries=frozenset({"LAW"}), scopes=EDITING)
    theirs = await previewed(circulation, STUDENTS, {"tags": {"add": ["fresh"]}})

    with circulation.asking(of_law):
        door = await previewed(circulation, STUDENTS, {"tags": {"add": ["alumni"]}})
        told = await asked(circulation, {"barcodes": ["M"], "ids": [law["id"]]}, {"extend_days": 1})
        shut = [await circulation.get(path) for path in (theirs, f"{theirs}/records", f"{theirs}/sheet")]
        refused = await circulation.post(f"{theirs}/cancellations", key="c")
        mine = (await read(circulation, "/v1/patron-edits"))["items"]
        await confirmed(circulation, door)
    with circulation.asking(replace(of_law, scopes=EDITING - {"patrons:write"})):
        unable = await asked(circulation, STUDENTS, {"extend_days": 1})

    assert (told.json()["matched"], told.json()["unknown"]) == (1, ["M"])
    assert [each.status_code for each in (*shut, refused)] == [404] * 4
    assert theirs.rpartition("/")[2] not in [each["id"] for each in mine]
    assert unable.status_code == 403
    assert [(await patron_now(circulation, each))["tags"] for each in (law, main)] == [["alumni"], []]


async def test_what_an_edit_has_told_of_patrons_is_forgotten_in_its_time(
    circulation: Harness, ready: Make
) -> None:
    await ready.patron()
    door = await previewed(circulation, STUDENTS, {"set": {"library": "LAW"}})
    await confirmed(circulation, door)

    await sweep_patron_edits(circulation.resources, NOW)
    kept = await circulation.get(door)
    await sweep_patron_edits(circulation.resources, NOW + 2 * KEPT)

    assert kept.status_code == 200
    assert (await circulation.get(door)).status_code == 404
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM patron_edit_record") == 0
