"""Macros: small edits with a name, tried with every difference, and applied to one record."""

import asyncio
from typing import Any

import httpx

from catalog.marc.iso2709 import dumps, loads
from chassis.principal import Principal
from contracts.catalog import TitleUpdated
from support.harness import Harness
from support.shelves import Shelves, record

PATH = "/v1/record-macros/rda"
NAME = {"name": "To RDA", "fields": [
    {"do": "add-field", "tag": "336", "only_absent": True, "subfields": [{"code": "a", "value": "text"}]},
    {"do": "replace-text", "tag": "245", "code": "a", "find": "Walden", "replacement": "Walden, or"},
]}  # fmt: skip
READER = Principal("staff", "reader", frozenset({"titles:read"}))


async def put(catalog: Harness, version: int, **changed: Any) -> httpx.Response:
    return await catalog.put(PATH, json=NAME | changed, headers={"If-Match": f'"{version}"'})


async def test_macros_are_written_read_and_taken_away(catalog: Harness) -> None:
    answers = [await put(catalog, 0), await put(catalog, 1, name="Other"), await put(catalog, 1)]
    listed = (await catalog.get("/v1/record-macros")).json()["items"]
    one = await catalog.get(PATH)
    empty = await put(catalog, 2, fields=[])
    with catalog.asking(READER):
        strange = await catalog.get(PATH)
    gone = await catalog.delete(PATH, headers={"If-Match": '"2"'})
    again = await catalog.delete(PATH, headers={"If-Match": '"2"'})

    assert [each.status_code for each in answers] == [200, 200, 412]
    assert [(each["code"], each["name"], each["version"]) for each in listed] == [("rda", "Other", 2)]
    assert (one.headers["etag"], one.json()["fields"][1]["find"]) == ('"2"', "Walden")
    assert [each.status_code for each in (empty, strange, gone, again)] == [422, 403, 204, 404]


async def test_of_two_who_write_a_first_one_at_once_one_looks_again(catalog: Harness) -> None:
    answers = await asyncio.gather(put(catalog, 0, name="one"), put(catalog, 0, name="other"))

    assert sorted(each.status_code for each in answers) == [200, 412]


async def test_a_macro_is_tried_and_then_applied_once(catalog: Harness, shelves: Shelves) -> None:
    await put(catalog, 0)
    title = await shelves.title()
    door = f"/v1/titles/{title['id']}/macro-applications"

    tried = (await catalog.post(f"{PATH}/trials", json={"title_id": title["id"]})).json()
    untouched = (await catalog.get(f"/v1/titles/{title['id']}")).json()
    tag = {"If-Match": f'"{tried["title_version"]}"'}
    applied = await catalog.post(door, json={"macro": "rda"}, headers=tag)
    stale = await catalog.post(door, json={"macro": "rda"}, headers=tag)
    unknown = await catalog.post(door, json={"macro": "none"}, headers={"If-Match": '"2"'})

    assert [(each["field"], each["kind"]) for each in tried["differences"]] == [
        ("245[1]", "changed"),
        ("336[1]", "added"),
    ]
    assert (untouched["version"], tried["refused"]) == (1, False)
    assert (applied.status_code, applied.json()["title"], applied.headers["etag"]) == (
        200,
        "Walden, or",
        '"2"',
    )
    assert (stale.status_code, unknown.status_code) == (412, 404)
    assert len(await catalog.announced(TitleUpdated)) == 1


async def test_an_editor_has_it_done_with_what_is_not_saved_yet(catalog: Harness) -> None:
    await put(catalog, 0)
    kind = "application/marc"

    answer = await catalog.post(
        f"{PATH}/records", content=dumps(record("new")), headers={"Content-Type": kind, "Accept": kind}
    )

    after = loads(answer.content).record
    assert after is not None
    assert (after.get("245", "a"), after.get("336", "a")) == ("Walden, or", "text")
    assert (await catalog.get("/v1/titles:deleted")).json()["items"] == []


async def test_a_macro_heeds_what_the_library_protects_and_asks_of_records(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    await put(catalog, 0)
    fields: list[dict[str, Any]] = [{"tag": "300", "presence": "required"}]
    ours = {"name": "Ours", "on_save": "refuse", "fields": fields}
    code = "/v1/record-specifications/ours"
    await catalog.put(code, json=ours, headers={"If-Match": '"0"'})
    door = f"/v1/titles/{title['id']}/macro-applications"

    tried = (await catalog.post(f"{PATH}/trials", json={"title_id": title["id"]})).json()
    faulty = await catalog.post(door, json={"macro": "rda"}, headers={"If-Match": '"1"'})
    fields.append({"tag": "336", "protected": True})
    await catalog.put(code, json=ours, headers={"If-Match": '"1"'})
    stands = await catalog.post(door, json={"macro": "rda"}, headers={"If-Match": '"1"'})

    assert tried["refused"] is True
    assert (faulty.status_code, faulty.json()["code"]) == (422, "record-faulty")
    assert (stands.status_code, stands.json()["reasons"][0]["pointer"]) == (409, "/fields/0")
    assert (await catalog.get(f"/v1/titles/{title['id']}")).json()["version"] == 1
