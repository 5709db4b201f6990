"""The configuration is one document: compared, applied as a whole, never at the cost of what is in use."""

from copy import deepcopy

import pytest

from chassis.principal import ANONYMOUS, Principal
from contracts.catalog import LocationChanged
from support.harness import Harness
from support.shelves import Shelves
from support.university import CATALOG


async def test_what_was_applied_is_exported_and_told(catalog: Harness) -> None:
    applied = await catalog.put("/v1/configuration/catalog", json=CATALOG)

    exported = (await catalog.get("/v1/configuration/catalog")).json()
    assert applied.json()["applied"] is True
    assert len(applied.json()["sections"]["locations"]["added"]) == 9
    assert {(each["library"], each["code"]) for each in exported["locations"]} == {
        (each["library"], each["code"]) for each in CATALOG["locations"]
    }
    told = await catalog.announced(LocationChanged)
    assert len(told) == 9
    assert {(event.location.campus, event.location.institution) for event in told} == {("CITY", "UNI")}
    again = await catalog.put("/v1/configuration/catalog", json=exported)
    assert (again.json()["applied"], again.json()["sections"]) == (False, {})


async def test_a_dry_run_tells_and_changes_nothing(catalog: Harness, shelves: Shelves) -> None:
    doc = deepcopy(CATALOG)
    doc["locations"][0]["name"] = "Renamed"
    gone = doc["locations"].pop()
    doc["libraries"][0]["name"] = "Another name"

    answer = await catalog.put("/v1/configuration/catalog", json=doc, params={"dry_run": True})

    sections = answer.json()["sections"]
    assert sections["locations"] == {
        "added": [],
        "changed": [f"{doc['locations'][0]['library']}/{doc['locations'][0]['code']}"],
        "removed": [f"{gone['library']}/{gone['code']}"],
    }
    assert sections["libraries"]["changed"] == [doc["libraries"][0]["code"]]
    assert len((await catalog.get("/v1/locations")).json()["items"]) == 9


async def test_a_renamed_library_is_told_for_each_of_its_locations(
    catalog: Harness, shelves: Shelves
) -> None:
    doc = deepcopy(CATALOG)
    doc["libraries"][0]["name"] = "Another name"

    await catalog.put("/v1/configuration/catalog", json=doc)

    told = (await catalog.announced(LocationChanged))[9:]
    assert {(event.version, event.location.library_name) for event in told} == {(2, "Another name")}
    assert len(told) == 3


async def test_every_flaw_is_told_at_once(catalog: Harness) -> None:
    doc = deepcopy(CATALOG)
    doc["locations"][0]["library"] = "NOWHERE"
    doc["libraries"].append(doc["libraries"][0])
    doc["loan_types"] = []

    answer = await catalog.put("/v1/configuration/catalog", json=doc)

    assert answer.status_code == 422
    codes = {reason["code"] for reason in answer.json()["reasons"]}
    assert codes == {"code-unknown", "code-twice", "type-needed"}
    assert (await catalog.get("/v1/locations")).json()["items"] == []


async def test_what_is_in_use_stays(catalog: Harness, shelves: Shelves) -> None:
    await shelves.item(material_type="BOOK")
    doc = deepcopy(CATALOG)
    doc["locations"] = [place for place in doc["locations"] if place["library"] != "MAIN"]
    doc["material_types"] = doc["material_types"][:1]

    answer = await catalog.put("/v1/configuration/catalog", json=doc)

    assert answer.status_code == 422
    pointers = sorted(reason["pointer"] for reason in answer.json()["reasons"])
    assert pointers == ["/locations", "/material_types"]


async def test_a_location_that_nobody_needs_goes(catalog: Harness, shelves: Shelves) -> None:
    doc = deepcopy(CATALOG)
    doc["locations"] = doc["locations"][1:]

    await catalog.put("/v1/configuration/catalog", json=doc)

    gone = (await catalog.announced(LocationChanged))[-1].location
    assert (gone.version, gone.active) == (2, False)
    assert (await catalog.get(f"/v1/locations/{gone.location_id}")).status_code == 404


@pytest.mark.parametrize(
    ("asker", "status"), [(ANONYMOUS, 401), (Principal("staff", "x", frozenset({"configuration:read"})), 403)]
)
async def test_only_a_configurator_configures(catalog: Harness, asker: Principal, status: int) -> None:
    with catalog.asking(asker):
        assert (await catalog.put("/v1/configuration/catalog", json=CATALOG)).status_code == status


async def test_locations_are_for_everybody_in_two_queries(catalog: Harness, shelves: Shelves) -> None:
    with catalog.asking(ANONYMOUS):
        answer = await catalog.get("/v1/locations", params={"library": "LAW"})

    assert [place["code"] for place in answer.json()["items"]] == ["READING", "STACKS", "STORAGE"]
