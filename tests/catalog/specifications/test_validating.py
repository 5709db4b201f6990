"""Specifications as data: written, held against on saving, taken back."""

import asyncio
from typing import Any

import httpx

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from chassis.principal import Principal
from support.harness import Harness
from support.shelves import Shelves, record

MARC = {"Content-Type": "application/marc"}
CATALOGUER = Principal("staff", "c", frozenset({"titles:write"}))
OURS: dict[str, Any] = {
    "name": "Ours",
    "on_save": "refuse",
    "fields": [
        {"tag": "100", "presence": "required"},
        {"tag": "500", "presence": "unwanted", "name": "General note"},
        {"tag": "949", "subfields": [{"code": "l", "presence": "required", "values": ["MAIN"]}]},
    ],
}
PATH = "/v1/record-specifications/ours"


async def written(
    catalog: Harness, doc: dict[str, Any] = OURS, version: int = 0, path: str = PATH
) -> httpx.Response:
    return await catalog.put(path, json=doc, headers={"If-Match": f'"{version}"'})


def good() -> Record:
    return record("a").without("008").having(Field.control("008", "260101s1854    mau           000 0 eng d"))


async def save(catalog: Harness, made: Record, **params: Any) -> httpx.Response:
    return await catalog.post("/v1/titles", content=dumps(made), headers=MARC, params=params)


async def test_faults_are_told_with_what_would_mend_them(catalog: Harness, shelves: Shelves) -> None:
    made = good().having(Field.data("500", "x ", ("!", "")))

    answer = await catalog.post("/v1/records:validate", content=dumps(made), headers=MARC)
    by_rda = await catalog.post("/v1/records:validate?specification=rda", content=dumps(made), headers=MARC)
    unknown = await catalog.post("/v1/records:validate?specification=no", content=dumps(made), headers=MARC)

    told = answer.json()
    assert (told["specification"], told["errors"], told["warnings"]) == ("marc21", 2, 1)
    first = told["findings"][0]
    assert (first["where"], first["code"], first["severity"]) == ("500[1]/ind1", "indicator", "error")
    assert (first["text"], first["mend"]) == ("x is no value of this indicator.", "Use one of blank.")
    assert by_rda.json()["errors"] == 5
    assert (unknown.status_code, unknown.json()["code"]) == (404, "specification-unknown")


async def test_a_record_with_errors_is_refused_where_the_library_wishes_so(
    catalog: Harness, shelves: Shelves
) -> None:
    assert (await save(catalog, good())).status_code == 201
    assert (await written(catalog)).status_code == 200
    bad = record("b").having(Field.data("949", "  ", ("l", "LAW"))).without("100")

    with catalog.asking(CATALOGUER):
        refused = await save(catalog, bad)
    warned = await save(
        catalog, good().without("001").having(Field.control("001", "c"), Field.data("500", "  ", ("a", "X")))
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "record-faulty")
    assert [each["pointer"] for each in refused.json()["reasons"]] == ["949[1]$l", "100"]
    assert (warned.status_code, warned.headers["carrel-findings"]) == (201, "1")
    assert [each["where"] for each in warned.json()["findings"]] == ["500[1]"]
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM title") == 2


async def test_a_named_specification_is_held_against_instead(catalog: Harness, shelves: Shelves) -> None:
    title = (await save(catalog, good())).json()
    path = f"/v1/titles/{title['id']}"

    refused = await catalog.put(
        f"{path}?specification=rda", content=dumps(good()), headers={**MARC, "If-Match": '"1"'}
    )
    await written(
        catalog,
        {"name": "RDA, gently", "on_save": "warn", "fields": [{"tag": "336", "presence": "required"}]},
    )
    saved = await catalog.put(
        f"{path}?specification=ours", content=dumps(good()), headers={**MARC, "If-Match": '"1"'}
    )
    wrong_kind = await save(catalog, good(), specification="marc21-holdings")
    later = (await catalog.get(f"{path}/findings", params={"specification": "ours"})).json()

    assert (refused.status_code, refused.json()["code"]) == (422, "record-faulty")
    assert (saved.status_code, [each["where"] for each in saved.json()["findings"]]) == (200, ["336"])
    assert (wrong_kind.status_code, wrong_kind.json()["reasons"][0]["code"]) == (422, "specification-kind")
    assert (later["errors"], later["findings"][0]["code"]) == (1, "field-missing")


async def test_specifications_are_written_and_taken_back(catalog: Harness, shelves: Shelves) -> None:
    first = await written(catalog)
    stale = await written(catalog)
    second = await written(catalog, OURS | {"on_save": "nothing"}, 1)
    listed = (await catalog.get("/v1/record-specifications")).json()["items"]
    rules = (await catalog.get(f"{PATH}/rules")).json()["fields"]
    rda = await written(catalog, OURS | {"name": "Our RDA"}, 0, "/v1/record-specifications/rda")
    gone = await catalog.delete("/v1/record-specifications/rda", headers={"If-Match": '"1"'})
    shipped = await catalog.get("/v1/record-specifications/rda")
    twice = await catalog.delete("/v1/record-specifications/rda", headers={"If-Match": '"0"'})

    assert (first.status_code, first.json()["version"]) == (200, 1)
    assert (stale.status_code, second.status_code) == (412, 200)
    assert [each["code"] for each in listed] == ["aacr2", "marc21", "marc21-holdings", "ours", "rda"]
    assert next(each for each in rules if each["tag"] == "949")["subfields"] == [
        {"code": "l", "presence": "required", "repeatable": True, "values": ["MAIN"]}
    ]
    assert (rda.status_code, gone.status_code) == (200, 204)
    assert (shipped.json()["name"], shipped.headers["etag"]) == ("RDA", '"0"')
    assert twice.status_code == 404


async def test_one_specification_of_a_kind_is_held_against_on_saving(
    catalog: Harness, shelves: Shelves
) -> None:
    answers = await asyncio.gather(
        written(catalog), written(catalog, OURS | {"on_save": "warn"}, 0, "/v1/record-specifications/other")
    )
    holdings = await written(
        catalog, {"name": "H", "kind": "holdings", "on_save": "warn"}, 0, "/v1/record-specifications/h"
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert holdings.status_code == 200


async def test_two_who_write_at_once_do_not_overwrite_each_other(catalog: Harness, shelves: Shelves) -> None:
    for _ in range(20):
        answers = await asyncio.gather(*(written(catalog, OURS | {"name": name}) for name in "abc"))
        await catalog.delete(PATH, headers={"If-Match": '"1"'})

        assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_a_wrong_specification_is_told_so(catalog: Harness, shelves: Shelves) -> None:
    wrong: list[dict[str, Any]] = [
        {},
        OURS | {"fields": [{"tag": "24"}]},
        OURS | {"fields": [{"tag": "245"}, {"tag": "245"}]},
        OURS | {"kind": "authority"},
        OURS | {"local_tags": ["ABC"]},
        OURS | {"fields": [{"tag": "245", "ind1": "Ä"}]},
    ]

    assert [(await written(catalog, doc)).status_code for doc in wrong] == [422] * len(wrong)
    with catalog.asking(CATALOGUER):
        assert (await written(catalog)).status_code == 403
