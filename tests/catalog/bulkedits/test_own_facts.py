"""Tags and facts of a library's own are changed of many: joined, set, refused with reasons, and taken back."""

import asyncio
from typing import Any

import pytest

from catalog.bulkedits.own_rules import OwnEdit, TagsEdit, differences, faults_of_all
from catalog.bulkedits.worker import work_once
from catalog.lists import worker as lists
from chassis.custom import Definition, Kind
from contracts.catalog import ItemsAnnounced, TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, record

KNOWN = (
    Definition("donor", Kind.TEXT),
    Definition("binding", Kind.CHOICE, ("cloth", "vellum"), required=True),
    Definition("project", Kind.MANY, ("maps", "music")),
)
FIELDS: list[dict[str, Any]] = [
    {"code": "donor", "name": "Given by", "of": ["items"]},
    {"code": "binding", "name": "Binding", "of": ["items"], "kind": "choice", "choices": ["cloth", "vellum"],
     "required": True},
    {"code": "project", "name": "Projects", "of": ["titles"], "kind": "many", "choices": ["maps", "music"],
     "visible": "public"},
]  # fmt: skip


@pytest.mark.parametrize(
    ("edit", "tags", "after"),
    [
        (TagsEdit(add=("b", "a", "b")), ["c"], ["a", "b", "c"]),
        (TagsEdit(remove=("c", "z")), ["a", "c"], ["a"]),
        (TagsEdit(add=("d",), remove=("a",)), ["a"], ["d"]),
        (TagsEdit(replace=()), ["a"], []),
        (TagsEdit(replace=("x",)), [], ["x"]),
    ],
)
def test_tags_are_put_on_taken_off_or_set(edit: TagsEdit, tags: list[str], after: list[str]) -> None:
    assert edit.of(tags) == after


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"donor": "Curie"}, []),
        ({"binding": None}, ["custom-field-required"]),
        ({"donor": 3, "z": 1}, ["custom-value-wrong", "custom-field-unknown"]),
        ({"project": []}, ["custom-value-wrong"]),
    ],
)
def test_what_no_record_could_have_is_known_before(changes: dict[str, Any], codes: list[str]) -> None:
    assert [each.code for each in faults_of_all(changes, KNOWN)] == codes


def test_what_is_not_named_stays_and_a_required_fact_is_asked_for() -> None:
    row = {"tags": ["a"], "custom": {"donor": "Curie", "project": ["maps"]}}

    after, faults = OwnEdit(custom={"donor": None}).of(row, KNOWN)

    assert after == {"custom": {"project": ["maps"]}}
    assert [each.code for each in faults] == ["custom-field-required"]
    assert differences(row["custom"], after["custom"]) == [  # type: ignore[arg-type]  # a row's facts
        {"field": "custom.donor", "before": "Curie", "after": None}
    ]
    assert not OwnEdit()


@pytest.fixture
async def own(shelves: Shelves) -> Shelves:
    """Three titles with an item each: of the last item nobody has told the binding."""
    await shelves.configure()
    for number in range(3):
        title = await shelves.title(record(f"r{number}", title=f"Rome {number}"))
        await shelves.item(title, barcode=f"b{number}", tags=["old"])
    await shelves.configure(custom_fields=FIELDS)
    for number in range(2):
        item = await _item(shelves.catalog, number)
        await _patched(shelves.catalog, "items", item, custom={"binding": "cloth", "donor": f"D{number}"})
    return shelves


async def _item(catalog: Harness, number: int) -> dict[str, Any]:
    (told,) = (await catalog.get("/v1/items", params={"barcode": f"b{number}"})).json()["items"]
    return dict(told)


async def _patched(catalog: Harness, kind: str, told: dict[str, Any], **facts: Any) -> None:
    tag = {"If-Match": f'"{told["version"]}"'}
    answer = await catalog.patch(f"/v1/{kind}/{told['id']}", json=facts, headers=tag)
    assert answer.status_code == 200, answer.text


async def _worked(catalog: Harness) -> None:
    for work in (lists.work_once, work_once):
        while await work(catalog.resources, asyncio.Event()):
            pass


async def _edited(catalog: Harness, changes: dict[str, Any]) -> dict[str, Any]:
    barcodes = {"barcodes": ["b0", "b1", "b2"]}
    asked = {"name": "Own", "changes": changes, "source": barcodes}
    answer = await catalog.post("/v1/bulk-edits", json=asked)
    assert answer.status_code == 202, answer.text
    door = answer.headers["location"]
    await _worked(catalog)
    told = (await catalog.get(door)).json()
    confirmed = await catalog.post(f"{door}/confirmations", headers={"If-Match": f'"{told["version"]}"'})
    assert confirmed.status_code == 202, confirmed.text
    await _worked(catalog)
    return dict((await catalog.get(door)).json())


async def _undone(catalog: Harness, told: dict[str, Any]) -> dict[str, int]:
    answer = await catalog.post(f"/v1/bulk-edits/{told['id']}/undoing")
    assert answer.status_code == 202, answer.text
    await _worked(catalog)
    return _counted((await catalog.get(f"/v1/bulk-edits/{told['id']}")).json())


def _counted(told: dict[str, Any]) -> dict[str, int]:
    return {name: number for name, number in told["counts"].items() if number}


async def test_facts_and_tags_of_items_are_set_and_taken_back(catalog: Harness, own: Shelves) -> None:
    changes = {"items": {"set": {"custom": {"donor": None, "binding": "vellum"}}, "tags": {"add": ["new"]}}}
    done = await _edited(catalog, changes)
    shown = (await catalog.get(f"/v1/bulk-edits/{done['id']}/records", params={"outcome": "edited"})).json()
    after = [await _item(catalog, number) for number in range(3)]
    events = [each for batch in await catalog.announced(ItemsAnnounced) for each in batch.items][-3:]
    await _patched(catalog, "items", after[1], custom={"donor": "somebody"})
    back = await _undone(catalog, done)
    again = [await _item(catalog, number) for number in range(3)]

    assert _counted(done) == {"edited": 3}
    assert [each["custom"] for each in after] == [{"binding": "vellum"}] * 3
    assert [each["tags"] for each in after] == [["new", "old"]] * 3
    assert {"field": "custom.donor", "before": "D0", "after": None} in [
        difference for each in shown["items"] for difference in each["differences"]
    ]
    assert {(each.custom["binding"], each.tags) for each in events} == {("vellum", ("new", "old"))}
    assert back == {"restored": 2, "conflict": 1}
    assert [each["custom"] for each in again] == [
        {"binding": "cloth", "donor": "D0"},
        {"binding": "vellum", "donor": "somebody"},
        {},
    ]
    assert [each["tags"] for each in again] == [["old"], ["new", "old"], ["old"]]


async def test_an_item_of_which_a_required_fact_is_not_told_is_left_alone(
    catalog: Harness, own: Shelves
) -> None:
    done = await _edited(catalog, {"items": {"set": {"custom": {"donor": "Curie"}}}})
    told = await catalog.get(f"/v1/bulk-edits/{done['id']}/records", params={"outcome": "cannot"})

    assert _counted(done) == {"edited": 2, "cannot": 1}
    assert [each["code"] for each in told.json()["items"][0]["reasons"]] == ["custom-field-required"]
    assert [(await _item(catalog, number))["custom"].get("donor") for number in range(3)] == [
        "Curie",
        "Curie",
        None,
    ]


async def test_facts_and_tags_of_titles_are_set_told_and_taken_back(catalog: Harness, own: Shelves) -> None:
    async def titles() -> list[dict[str, Any]]:
        ids = [(await _item(catalog, number))["title_ids"][0] for number in range(3)]
        return [(await catalog.get(f"/v1/titles/{each}")).json() for each in ids]

    await _patched(catalog, "titles", (await titles())[0], custom={"project": ["music"]}, tags=["x"])
    changes = {"titles": {"custom": {"project": ["maps"]}, "tags": {"remove": ["x"], "add": ["y"]}}}
    done = await _edited(catalog, changes)
    after = await titles()
    told = (await catalog.announced(TitleUpdated))[-3:]
    back = await _undone(catalog, done)
    again = await titles()

    assert _counted(done) == {"edited": 3}
    assert [(each["custom"], each["tags"]) for each in after] == [({"project": ["maps"]}, ["y"])] * 3
    assert {(each.title.tags, str(each.title.custom)) for each in told} == {
        (("y",), "{'project': ('maps',)}")
    }
    assert back == {"restored": 3}
    assert [(each["custom"], each["tags"]) for each in again] == [
        ({"project": ["music"]}, ["x"]),
        ({}, []),
        ({}, []),
    ]


async def test_what_could_be_nobodys_is_refused_with_its_place(catalog: Harness, own: Shelves) -> None:
    async def asked(changes: dict[str, Any]) -> list[str]:
        body = {"name": "Own", "changes": changes, "source": {"barcodes": ["b0"]}}
        answer = await catalog.post("/v1/bulk-edits", json=body)
        assert answer.status_code == 422, answer.text
        return [each["pointer"] for each in answer.json()["reasons"]]

    items = await asked({"items": {"set": {"custom": {"binding": "paper", "project": ["maps"]}}}})
    titles = await asked({"titles": {"custom": {"donor": "x"}}})
    both = await asked({"titles": {"tags": {"add": ["a"], "remove": ["a"]}}})

    assert items == ["/changes/items/set/custom/binding", "/changes/items/set/custom/project"]
    assert titles == ["/changes/titles/custom/donor"]
    assert len(both) == 1
