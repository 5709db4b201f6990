"""All that is known of an item: told by staff and by records, held against the configuration, passed on whole."""

from datetime import date
from typing import Any

import pytest

from catalog.items.rules import DESCRIBED, LISTS, contradictions, dated
from catalog.marc.record import Field
from catalog.undoing.worker import undo_some
from contracts.catalog import HoldingsUpdated, ItemCreated, ItemsAnnounced, ItemUpdated, TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, file_of, record

CODES = [
    {"code": "gift", "name": "Gifts", "kind": "origin"},
    {"code": "rare", "name": "Rare books", "kind": "stock"},
]
TOLD: dict[str, Any] = {
    "accession_number": "1957/0412",
    "enumeration": "v. 12, no. 3",
    "chronology": "1957 Mar",
    "year_caption": "1957",
    "pieces": 3,
    "missing_pieces": 1,
    "missing_pieces_text": "the map",
    "missing_pieces_on": "2024-02-29",
    "damaged_status": "damaged",
    "damaged_on": "2024-03-01",
    "statistical_codes": ["gift", "rare"],
    "check_out_notes": ["Mind the loose map."],
    "check_in_notes": ["Count the plates.", "Back to the strongroom."],
}
TODAY = date(2027, 3, 1)
EMPTY: dict[str, Any] = {"pieces": None, **{name: [] if name in LISTS else None for name in DESCRIBED}}


@pytest.fixture
async def counted(shelves: Shelves) -> Shelves:
    """A catalogue that knows statistical codes."""
    await shelves.configure(statistical_codes=CODES)
    return shelves


@pytest.mark.parametrize(
    ("facts", "codes"),
    [
        ({}, []),
        ({"pieces": 3, "missing_pieces": 3}, []),
        ({"pieces": 3, "missing_pieces": 0, "missing_pieces_on": TODAY}, []),
        ({"missing_pieces": 1}, ["pieces-uncounted"]),
        (
            {"pieces": 1, "missing_pieces": 2, "damaged_on": date(2027, 3, 2)},
            ["pieces-too-few", "date-ahead"],
        ),
    ],
)
def test_facts_that_cannot_be_true_together_are_all_told(facts: dict[str, Any], codes: list[str]) -> None:
    assert [each.code for each in contradictions(EMPTY | facts, on=TODAY)] == codes


@pytest.mark.parametrize(
    ("before", "changes", "days"),
    [
        ({}, {"damaged_status": "damaged"}, {"damaged_on": TODAY}),
        ({}, {"damaged_status": "damaged", "damaged_on": date(2020, 1, 1)}, {}),
        ({"damaged_status": "damaged", "damaged_on": date(2020, 1, 1)}, {"damaged_status": "damaged"}, {}),
        (
            {"damaged_status": "damaged", "damaged_on": date(2020, 1, 1)},
            {"damaged_status": None},
            {"damaged_on": None},
        ),
        ({"missing_pieces_text": "a map"}, {"missing_pieces": 1}, {"missing_pieces_on": TODAY}),
        ({}, {"volume": "1"}, {}),
    ],
)
def test_what_is_found_is_dated_today_and_what_is_mended_is_not_dated(
    before: dict[str, Any], changes: dict[str, Any], days: dict[str, Any]
) -> None:
    assert dated(EMPTY | before, changes, on=TODAY) == days


async def test_an_item_tells_all_that_is_known_of_it_to_staff_and_in_events(
    catalog: Harness, counted: Shelves
) -> None:
    item = await counted.item(**TOLD)

    assert {name: item[name] for name in TOLD} == TOLD
    (created,) = await catalog.announced(ItemCreated)
    told = created.item.model_dump(mode="json")
    assert {name: told[name] for name in TOLD} == TOLD
    found = (await catalog.get("/v1/items", params={"accession_number": "1957/0412"})).json()["items"]
    assert [each["id"] for each in found] == [item["id"]]
    with catalog.asking(None):
        seen = (await catalog.get(f"/v1/items/{item['id']}")).json()
    assert [seen[name] for name in sorted(LISTS)] == [[]] * len(LISTS)
    assert seen["enumeration"] == "v. 12, no. 3"


async def test_facts_are_changed_and_cleared_and_dated(catalog: Harness, counted: Shelves) -> None:
    item = await counted.item(**TOLD)
    door = f"/v1/items/{item['id']}"

    mended = await catalog.patch(
        door,
        json={"damaged_status": None, "missing_pieces": 2, "statistical_codes": ["rare", "rare"]},
        headers={"If-Match": '"1"'},
    )

    told = mended.json()
    assert (told["damaged_status"], told["damaged_on"]) == (None, None)
    assert (told["missing_pieces"], told["missing_pieces_on"] > "2024-02-29") == (2, True)
    assert (told["statistical_codes"], told["check_in_notes"]) == (["rare"], TOLD["check_in_notes"])
    (event,) = await catalog.announced(ItemUpdated)
    assert (event.item.damaged_status, event.item.statistical_codes) == (None, ("rare",))


async def test_whatever_contradicts_itself_or_is_unknown_is_told_at_once(
    catalog: Harness, counted: Shelves
) -> None:
    item = await counted.item(pieces=2)
    door, version = f"/v1/items/{item['id']}", {"If-Match": '"1"'}

    contradicting = await catalog.patch(
        door, json={"missing_pieces": 3, "missing_pieces_on": "2999-01-01"}, headers=version
    )
    unknown = await catalog.patch(
        door, json={"damaged_status": "eaten", "statistical_codes": ["gift", "x", "y"]}, headers=version
    )

    assert [each["code"] for each in contradicting.json()["reasons"]] == ["pieces-too-few", "date-ahead"]
    assert [(each["code"], each["pointer"]) for each in unknown.json()["reasons"]] == [
        ("damaged-status-unknown", "/damaged_status"),
        ("statistical-code-unknown", "/statistical_codes/1"),
        ("statistical-code-unknown", "/statistical_codes/2"),
    ]
    assert (contradicting.status_code, unknown.status_code) == (422, 422)


async def test_titles_and_holdings_count_too_and_a_code_in_use_stays(
    catalog: Harness, counted: Shelves
) -> None:
    title = await counted.title()
    item = await counted.item(title)

    of_title = await catalog.patch(
        f"/v1/titles/{title['id']}", json={"statistical_codes": ["gift"]}, headers={"If-Match": '"1"'}
    )
    of_holdings = await catalog.patch(
        f"/v1/holdings/{item['holdings_id']}",
        json={"statistical_codes": ["rare"]},
        headers={"If-Match": '"1"'},
    )
    nothing = await catalog.patch(f"/v1/titles/{title['id']}", json={}, headers={"If-Match": '"2"'})
    unknown = await catalog.patch(
        f"/v1/titles/{title['id']}", json={"statistical_codes": ["x"]}, headers={"If-Match": '"2"'}
    )
    exported = (await catalog.get("/v1/configuration/catalog")).json()
    kept = await catalog.put("/v1/configuration/catalog", json=exported | {"statistical_codes": []})

    assert (of_title.json()["statistical_codes"], of_title.json()["version"]) == (["gift"], 2)
    assert of_holdings.json()["statistical_codes"] == ["rare"]
    assert (nothing.status_code, unknown.status_code) == (422, 422)
    (renewed,) = await catalog.announced(TitleUpdated)
    assert renewed.title.statistical_codes == ("gift",)
    (told,) = await catalog.announced(HoldingsUpdated)
    assert told.holdings.statistical_codes == ("rare",)
    assert [each["code"] for each in kept.json()["reasons"]] == ["still-in-use"] * 2
    with catalog.asking(None):
        assert (await catalog.get(f"/v1/titles/{title['id']}")).json()["statistical_codes"] == []


async def test_records_tell_facts_by_the_profiles_meanings_and_what_is_unknown_is_told(
    catalog: Harness, counted: Shelves
) -> None:
    subfields = {
        "b": "barcode", "a": "accession_number", "e": "enumeration", "c": "chronology", "y": "year_caption",
        "n": "pieces", "d": "damaged_status", "s": "statistical_code", "o": "check_out_note", "i": "check_in_note",
    }  # fmt: skip
    told = await catalog.put(
        "/v1/import-profiles/described",
        json={
            "name": "Described",
            "holdings": {
                "items": {
                    "tag": "949",
                    "subfields": subfields,
                    "defaults": {"location": "STACKS", "library": "MAIN"},
                }
            },
        },
        headers={"If-Match": '"0"'},
    )
    assert told.status_code == 200, told.text
    field = Field.data(
        "949", "  ", ("b", "31"), ("a", "57-1"), ("e", "v. 1"), ("c", "1957"), ("y", "1957"), ("n", "two"),
        ("d", "damaged"), ("s", "gift"), ("s", "odd"), ("o", "Mind it."), ("i", "Count it."),
    )  # fmt: skip
    job = await counted.imported(file_of(record("a").having(field)), profile="described")
    outcomes = await counted.outcomes(job)

    again = Field.data("949", "  ", ("b", "31"), ("n", "2"), ("s", "rare"))
    changing = await counted.imported(file_of(record("a").having(again)), profile="described")

    assert [each["code"] for each in outcomes[0]["reasons"]] == [
        "pieces-unreadable",
        "statistical-code-unknown",
    ]
    (item,) = (await catalog.get("/v1/items", params={"barcode": "31"})).json()["items"]
    assert (item["accession_number"], item["enumeration"], item["chronology"]) == ("57-1", "v. 1", "1957")
    assert (item["damaged_status"], item["check_out_notes"], item["pieces"]) == ("damaged", ["Mind it."], 2)
    assert item["statistical_codes"] == ["rare"]
    first, *_ = await catalog.announced(ItemsAnnounced)
    assert (first.items[0].statistical_codes, first.items[0].check_in_notes) == (("gift",), ("Count it.",))

    assert (await catalog.post(f"/v1/imports/{changing['id']}/undoing")).status_code == 202
    while await undo_some(catalog.resources):
        pass

    (item,) = (await catalog.get("/v1/items", params={"barcode": "31"})).json()["items"]
    assert (item["statistical_codes"], item["pieces"], item["enumeration"]) == (["gift"], None, "v. 1")
