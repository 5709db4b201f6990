"""Facts and tags of a library's own: held against the configuration, seen by whom they are for, told and found."""

import asyncio
from typing import Any

import pytest

from catalog.lists import worker as lists
from chassis.custom import Definition, Kind, told
from contracts.catalog import ItemCreated, ItemUpdated, TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, record

FIELDS: list[dict[str, Any]] = [
    {"code": "donor", "name": "Given by", "of": ["items"]},
    {"code": "weight", "name": "Grams", "of": ["items"], "kind": "number", "visible": "public"},
    {
        "code": "binding", "name": "Binding", "of": ["items"], "kind": "choice", "choices": ["cloth", "vellum"],
        "required": True,
    },
    {
        "code": "project", "name": "Projects", "of": ["titles"], "kind": "many", "choices": ["maps", "music"],
        "visible": "public", "facet": True,
    },
    {"code": "seen", "name": "Looked at", "of": ["titles"], "kind": "date"},
]  # fmt: skip
KNOWN = (
    Definition("donor", Kind.TEXT),
    Definition("weight", Kind.NUMBER),
    Definition("seen", Kind.DATE),
    Definition("binding", Kind.CHOICE, ("cloth", "vellum"), required=True),
    Definition("project", Kind.MANY, ("maps", "music")),
)
BOUND = {"binding": "cloth"}


@pytest.fixture
async def own(shelves: Shelves) -> Shelves:
    """A catalogue with facts of its own."""
    await shelves.configure(custom_fields=FIELDS)
    return shelves


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"donor": "M. Curie", "weight": 3.5, "seen": "2026-03-01", "project": ["music"]}, []),
        ({"donor": " "}, ["/custom/donor"]),
        ({"donor": 3}, ["/custom/donor"]),
        ({"weight": True}, ["/custom/weight"]),
        ({"weight": "3"}, ["/custom/weight"]),
        ({"weight": 1e300}, ["/custom/weight"]),
        ({"weight": float("nan")}, ["/custom/weight"]),
        ({"seen": "2026-02-30"}, ["/custom/seen"]),
        ({"seen": "20260301"}, ["/custom/seen"]),
        ({"binding": "paper", "project": ["maps", "maps"]}, ["/custom/binding", "/custom/project"]),
        ({"project": []}, ["/custom/project"]),
        ({"project": [["maps"]]}, ["/custom/project"]),
        ({"binding": None}, ["/custom/binding"]),
        ({"a/b~": 1}, ["/custom/a~1b~0"]),
    ],
)
def test_every_value_that_does_not_fit_its_field_is_told(changes: dict[str, Any], wrong: list[str]) -> None:
    _, faults = told(BOUND, changes, KNOWN)

    assert [each.pointer for each in faults] == wrong


def test_what_is_not_changed_is_not_judged_anew() -> None:
    before = BOUND | {"project": ["globes"]}

    after, faults = told(before, {"project": ["globes"], "donor": "X"}, KNOWN)

    assert (faults, after) == ([], before | {"donor": "X"})


async def test_an_items_own_facts_are_changed_one_by_one_and_told(catalog: Harness, own: Shelves) -> None:
    item = await own.item(custom=BOUND | {"donor": "M. Curie", "weight": 250}, tags=["display", "display"])
    door = f"/v1/items/{item['id']}"

    changed = await catalog.patch(
        door, json={"custom": {"donor": None, "binding": "vellum"}}, headers={"If-Match": '"1"'}
    )
    wrong = await catalog.patch(
        door, json={"custom": {"binding": None, "weight": "x", "z": 1}}, headers={"If-Match": '"2"'}
    )
    with catalog.asking(None):
        seen = (await catalog.get(door)).json()

    assert (changed.json()["custom"], item["tags"]) == ({"binding": "vellum", "weight": 250}, ["display"])
    assert {each["code"] for each in wrong.json()["reasons"]} == {
        "custom-value-wrong",
        "custom-field-unknown",
        "custom-field-required",
    }
    assert (seen["custom"], seen["tags"]) == ({"weight": 250}, [])
    (created,) = await catalog.announced(ItemCreated)
    assert (created.item.custom["donor"], created.item.tags) == ("M. Curie", ("display",))
    (updated,) = await catalog.announced(ItemUpdated)
    assert updated.item.custom == {"binding": "vellum", "weight": 250}


async def test_a_required_fact_is_asked_of_whoever_adds_an_item(catalog: Harness, own: Shelves) -> None:
    title = await own.title()

    answer = await catalog.post(
        "/v1/items", json={"title_id": title["id"], "location_id": await own.location()}
    )

    assert (answer.status_code, [each["pointer"] for each in answer.json()["reasons"]]) == (
        422,
        ["/custom/binding"],
    )


async def test_a_titles_own_facts_are_told_and_found_by_what_the_public_sees(
    catalog: Harness, own: Shelves
) -> None:
    title = await own.title()
    door = f"/v1/titles/{title['id']}"
    facts = {"custom": {"project": ["maps", "music"], "seen": "2026-03-01"}, "tags": ["to do"]}

    changed = await catalog.patch(door, json=facts, headers={"If-Match": '"1"'})
    async with own.indexed():
        narrowed = {"filter[custom]": "project:music", "facets": "custom", "query": ""}
        found = await catalog.get("/v1/titles", params=narrowed)
        hidden = await catalog.get("/v1/titles", params={"filter[custom]": "seen:2026-03-01"})
    with catalog.asking(None):
        seen = (await catalog.get(door)).json()

    assert changed.json()["custom"] == facts["custom"]
    assert (changed.json()["tags"], changed.json()["version"]) == (["to do"], 2)
    assert [each["id"] for each in found.json()["items"]] == [title["id"]]
    assert {each["value"] for each in found.json()["facets"]["custom"]} == {"project:maps", "project:music"}
    assert (hidden.json()["total"], seen["custom"], seen["tags"]) == (0, {"project": ["maps", "music"]}, [])
    (event,) = await catalog.announced(TitleUpdated)
    assert event.title.custom == {"project": ("maps", "music"), "seen": "2026-03-01"}
    assert event.title.tags == ("to do",)


async def test_questions_and_sheets_know_the_librarys_own_facts(catalog: Harness, own: Shelves) -> None:
    await own.item(barcode="1", custom=BOUND | {"donor": "Curie"}, tags=["display"])
    await own.item(await own.title(record("r2")), barcode="2", custom=BOUND)
    conditions = [{"field": "item.custom.donor", "is": "Curie"}, {"field": "item.tag", "is": "display"}]
    asked = {
        "kind": "items",
        "name": "Given by Curie",
        "source": {"condition": {"all": conditions}},
    }

    made = await catalog.post("/v1/lists", json=asked)
    while await lists.work_once(catalog.resources, asyncio.Event()):
        pass
    rows = await catalog.get(
        f"{made.headers['location']}/members",
        params={"columns": ["item.barcode", "item.custom.donor", "item.tag"]},
    )
    sheet = await catalog.get(
        f"{made.headers['location']}/content",
        params={"columns": ["item.barcode", "item.custom.donor"]},
        headers={"Accept": "text/csv"},
    )
    wrong = await catalog.post(
        "/v1/lists", json=asked | {"source": {"condition": {"field": "item.custom.DROP", "is": "x"}}}
    )

    assert made.status_code == 201, made.text
    assert rows.status_code == 200, rows.text
    (row,) = rows.json()["items"]
    assert (row["item.barcode"], row["item.custom.donor"], row["item.tag"]) == ("1", "Curie", "display")
    assert (sheet.text.splitlines()[1].split(",")[1:], wrong.status_code) == (["1", "Curie"], 422)


async def test_a_field_that_is_in_use_is_neither_dropped_nor_made_of_something_else(
    catalog: Harness, own: Shelves
) -> None:
    await own.item(custom=BOUND | {"weight": 250})
    exported = (await catalog.get("/v1/configuration/catalog")).json()
    dropped = [each for each in FIELDS if each["code"] != "weight"]
    remade = [each if each["code"] != "weight" else each | {"kind": "text"} for each in FIELDS]
    unsound = [{"code": "x", "name": "X", "of": ["items"], "kind": "choice", "facet": True}]

    answers = [
        await catalog.put("/v1/configuration/catalog", json=exported | {"custom_fields": fields})
        for fields in (dropped, remade, [*FIELDS, *unsound], FIELDS)
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 200]
    assert [each["code"] for each in answers[0].json()["reasons"]] == ["still-in-use"]
    assert [each["code"] for each in answers[1].json()["reasons"]] == ["still-in-use"]
    assert [each["code"] for each in answers[2].json()["reasons"]] == ["choices-wrong", "facet-hidden"]
