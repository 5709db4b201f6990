"""Holdings with a record of their own: in and out whole, and the shelf is what the record says."""

import asyncio
from typing import Any

import httpx
import pytest

from catalog.marc.iso2709 import dumps, loads
from catalog.marc.marcjson import dumps as as_json
from catalog.marc.marcxml import dumps as as_xml
from catalog.marc.record import Field, Record
from chassis.principal import ANONYMOUS, Principal
from contracts.catalog import HoldingsCreated, HoldingsUpdated
from support.harness import Harness
from support.shelves import Shelves, record

MARC = {"Content-Type": "application/marc"}


def mfhd(*fields: Field, number: str = "PS1", library: str = "MAIN", location: str = "STACKS") -> Record:
    return Record(
        "00000ny  a2200000zn 4500",
        [
            Field.control("001", "h1"),
            Field.control("008", "2601010u    8   4001uueng0000000"),
            Field.data("852", "8 ", ("b", library), ("c", location), ("h", number), ("z", "ask")),
            Field.data("853", "20", ("8", "1"), ("a", "v."), ("b", "no."), ("u", "4"), ("v", "r")),
            *(Field.data("863", "41", ("8", f"1.{n}"), ("a", "1"), ("b", str(n))) for n in (1, 2, 3, 4)),
            *fields,
        ],
    )


async def describe(catalog: Harness, path: str, made: Record, version: int, **params: Any) -> httpx.Response:
    return await catalog.put(
        path, content=dumps(made), headers={**MARC, "If-Match": f'"{version}"'}, params=params
    )


async def raw(catalog: Harness, path: str) -> Record:
    answer = await catalog.get(path, headers={"Accept": "application/marc"})
    assert answer.status_code == 200, answer.text
    found = loads(answer.content).record
    assert found is not None
    return found


async def added(catalog: Harness, title: dict[str, Any], made: Record | None = None) -> httpx.Response:
    return await catalog.post(
        f"/v1/titles/{title['id']}/holdings", content=dumps(made or mfhd()), headers=MARC
    )


@pytest.mark.parametrize(
    ("kind", "written"),
    [("application/marcxml+xml", as_xml), ("application/marc+json", as_json), ("application/marc", dumps)],
    ids=["marcxml", "json", "marc"],
)
async def test_a_record_comes_out_as_it_went_in(
    catalog: Harness, shelves: Shelves, kind: str, written: Any
) -> None:
    title = await shelves.title()

    answer = await catalog.post(
        f"/v1/titles/{title['id']}/holdings", content=written(mfhd()), headers={"Content-Type": kind}
    )

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["call_number"], told["call_number_scheme"], told["library"]) == ("PS1", None, "MAIN")
    assert [(each["kind"], each["text"]) for each in told["statements"]] == [("basic", "v.1")]
    out = await raw(catalog, answer.headers["location"])
    assert [*out] == [*mfhd()]
    assert len(await catalog.announced(HoldingsCreated)) == 1


async def test_holdings_stand_where_their_record_says(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(call_number="PS1", barcode="1")
    path = f"/v1/holdings/{item['holdings_id']}"

    answer = await describe(catalog, path, mfhd(library="LAW", location="READING", number="QA9 .B1"), 1)

    assert (answer.status_code, answer.json()["location"], answer.json()["version"]) == (200, "READING", 2)
    now = (await catalog.get(f"/v1/items/{item['id']}")).json()
    assert (now["library"], now["call_number"]) == ("LAW", "QA9 .B1")
    shelf = (await catalog.get("/v1/shelf", params={"near": "QA9"})).json()
    assert [each["call_number"] for each in shelf["items"]] == ["QA9 .B1"]
    assert len(await catalog.announced(HoldingsUpdated)) == 1


async def test_the_record_follows_the_shelf_and_the_title(catalog: Harness, shelves: Shelves) -> None:
    title, other = await shelves.title(record("a")), await shelves.title(record("b"))
    path = (await added(catalog, title, mfhd(Field.control("004", "a")))).headers["location"]
    law = await shelves.location("LAW", "STORAGE")

    await catalog.patch(path, json={"location_id": law, "call_number": "Z7"}, headers={"If-Match": '"1"'})
    await catalog.post(f"{path}/moves", json={"title_id": other["id"]}, headers={"If-Match": '"2"'})

    out = await raw(catalog, path)
    assert out.control("004") == "b"
    (shelf,) = out.fields("852")
    assert shelf.subfields == (("b", "LAW"), ("c", "STORAGE"), ("h", "Z7"), ("z", "ask"))
    assert len(out.fields("863")) == 4


async def test_holdings_without_a_record_are_told_as_one(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title(record("a"))
    item = await shelves.item(title, call_number="QA76 .B2", call_number_scheme="lc")

    out = await raw(catalog, f"/v1/holdings/{item['holdings_id']}")
    told = (await catalog.get(f"/v1/titles/{title['id']}/holdings")).json()["items"][0]

    assert out.control("004") == "a"
    (shelf,) = out.fields("852")
    assert (shelf.indicators, shelf.subfields) == (
        "0 ",
        (("b", "MAIN"), ("c", "STACKS"), ("h", "QA76 .B2")),
    )
    assert (told["described"], told["statements"]) == (False, [])


async def test_earlier_records_are_kept_for_staff(catalog: Harness, shelves: Shelves) -> None:
    path = (await added(catalog, await shelves.title())).headers["location"]
    await describe(catalog, path, mfhd(Field.data("866", "41", ("8", "0"), ("a", "v.2"))), 1)

    same = await describe(catalog, path, mfhd(Field.data("866", "41", ("8", "0"), ("a", "v.2"))), 2)
    before = await raw(catalog, f"{path}?version=1")
    gone = await catalog.delete(f"{path}/record", headers={"If-Match": '"2"'})
    second = await raw(catalog, f"{path}?version=2")
    twice = await catalog.delete(f"{path}/record", headers={"If-Match": '"3"'})
    with catalog.asking(ANONYMOUS):
        strange = await catalog.get(f"{path}?version=1", headers={"Accept": "application/marc"})

    assert same.json()["version"] == 2
    assert (before.fields("866"), len(second.fields("866"))) == ([], 1)
    assert (gone.status_code, twice.status_code, strange.status_code) == (204, 404, 404)
    assert (await catalog.get(path)).json()["statements"] == []


async def test_what_cannot_be_is_refused(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    path = (await added(catalog, title)).headers["location"]

    wrong_kind = await describe(catalog, path, record("a"), 1)
    nowhere = await describe(catalog, path, mfhd(library="NONE"), 1)
    stale = await describe(catalog, path, mfhd(), 7)
    twice = await added(catalog, title)
    unplaced = await added(catalog, title, mfhd().without("852"))
    damaged = await catalog.put(path, content=b"rubbish", headers={**MARC, "If-Match": '"1"'})
    by_rda = await describe(catalog, path, mfhd(), 1, specification="rda")
    held_against = await describe(
        catalog, path, mfhd(Field.data("866", "9x", ("a", "v.2"))), 1, specification="marc21-holdings"
    )
    with catalog.asking(Principal("staff", "c", frozenset({"titles:read"}))):
        forbidden = await describe(catalog, path, mfhd(), 1)

    answers = (wrong_kind, nowhere, stale, twice, unplaced, damaged, by_rda, held_against, forbidden)
    assert [answer.status_code for answer in answers] == [422, 422, 412, 409, 422, 422, 422, 422, 403]
    assert [wrong_kind.json()["reasons"][0]["code"], nowhere.json()["reasons"][0]["code"]] == [
        "not-holdings",
        "location-unknown",
    ]
    assert held_against.json()["code"] == "record-faulty"


async def test_of_two_who_describe_at_once_one_looks_again(catalog: Harness, shelves: Shelves) -> None:
    path = (await added(catalog, await shelves.title())).headers["location"]

    answers = await asyncio.gather(
        *(
            describe(catalog, path, mfhd(Field.data("866", "41", ("8", "0"), ("a", text))), 1)
            for text in ("one", "other")
        )
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_merge_keeps_records_and_names_two_that_clash(catalog: Harness, shelves: Shelves) -> None:
    here, gone = await shelves.title(record("a")), await shelves.title(record("b"))
    plain = await shelves.item(here, call_number="PS1")
    told = (await added(catalog, gone)).json()
    body = {"merged": [{"title_id": gone["id"]}]}

    await describe(catalog, f"/v1/holdings/{plain['holdings_id']}", mfhd(), 1)
    clash = await catalog.post(f"/v1/titles/{here['id']}/merges", json=body, headers={"If-Match": '"1"'})
    await catalog.delete(f"/v1/holdings/{plain['holdings_id']}/record", headers={"If-Match": '"2"'})
    merged = await catalog.post(f"/v1/titles/{here['id']}/merges", json=body, headers={"If-Match": '"1"'})

    assert (clash.status_code, clash.json()["reasons"][0]["code"]) == (409, "holdings-both-described")
    assert (merged.status_code, merged.json()["holdings_joined"]) == (201, 1)
    (held,) = (await catalog.get(f"/v1/titles/{here['id']}/holdings")).json()["items"]
    assert (held["id"], held["described"]) == (plain["holdings_id"], True)
    lost = await catalog.get(f"/v1/holdings/{told['id']}")
    assert (lost.status_code, lost.json()["holdings_id"]) == (404, plain["holdings_id"])
