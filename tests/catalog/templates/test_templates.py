"""Records begun with templates."""

import asyncio
from datetime import date

import httpx

from catalog.marc.iso2709 import dumps, loads
from catalog.marc.record import Field, Record
from catalog.templates.rules import begun
from support.harness import Harness
from support.shelves import record

MARC = {"Content-Type": "application/marc"}
PATH = "/v1/record-templates/thesis"


def thesis() -> Record:
    return record("t1").having(
        Field.control("003", "XX"), Field.control("005", "2026"), Field.data("502", "  ", ("b", "PhD"))
    )


async def put(catalog: Harness, version: int, name: str = "Theses", content: bytes = b"") -> httpx.Response:
    headers = {**MARC, "If-Match": f'"{version}"'}
    return await catalog.put(PATH, params={"name": name}, content=content or dumps(thesis()), headers=headers)


def test_a_new_record_has_no_number_and_todays_date() -> None:
    told = begun(Record("00000cam a2200000 i 4500", thesis()), on=date(2027, 3, 1))

    assert [field.tag for field in told] == ["008", "100", "245", "502", "650"]
    assert (told.leader[5], (told.control("008") or "")[:6]) == ("n", "270301")


async def test_templates_are_written_used_and_taken_away(catalog: Harness) -> None:
    first = await put(catalog, 0)
    second = await put(catalog, 1, "Theses and more")
    stale = await put(catalog, 1)
    used = await catalog.get(f"{PATH}/record", headers={"Accept": "application/marc"})
    listed = (await catalog.get("/v1/record-templates")).json()["items"]
    gone = await catalog.delete(PATH, headers={"If-Match": '"2"'})
    missing = [
        (await catalog.get(f"{PATH}/record")).status_code,
        (await catalog.delete(PATH, headers={"If-Match": '"2"'})).status_code,
    ]

    assert [each.status_code for each in (first, second, stale, gone)] == [200, 200, 412, 204]
    assert [(each["code"], each["name"], each["version"]) for each in listed] == [
        ("thesis", "Theses and more", 2)
    ]
    made = loads(used.content).record
    assert made is not None
    assert (made.control("001"), made.get("502", "b")) == (None, "PhD")
    assert missing == [404, 404]


async def test_of_two_who_write_at_once_one_looks_again(catalog: Harness) -> None:
    answers = await asyncio.gather(put(catalog, 0, "one"), put(catalog, 0, "other"))

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert (await put(catalog, 1, content=b"rubbish")).status_code == 422
