"""Titles in one file: whole, of one moment, resumable, in every format, and only for those who may."""

import asyncio
import base64
import csv
import hashlib
import io
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import orjson
import pymarc
import pytest

from catalog.exports import worker
from catalog.exports.rules import MOST_OPEN, Format
from catalog.exports.worker import place, sweep_exports, work_once
from catalog.exports.writing import written
from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field
from chassis.principal import ANONYMOUS, Principal
from support.harness import Harness
from support.shelves import Shelves, file_of, record

COUNT = 23


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE", 5)
    monkeypatch.setattr(worker, "FOUND", 4)


async def filled(shelves: Shelves, count: int = COUNT) -> None:
    await shelves.imported(
        file_of(*(record(f"r{number}", title=f"Rome {number}") for number in range(count)))
    )


async def asked(catalog: Harness, **body: Any) -> dict[str, Any]:
    answer = await catalog.post("/v1/exports", json={"format": "marc"} | body)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/exports/{told['id']}"
    return told


async def worked(catalog: Harness) -> None:
    while await work_once(catalog.resources, asyncio.Event()):
        pass


async def read(catalog: Harness, export_id: str) -> dict[str, Any]:
    told: dict[str, Any] = (await catalog.get(f"/v1/exports/{export_id}")).json()
    return told


async def content(catalog: Harness, export_id: str) -> bytes:
    answer = await catalog.get(f"/v1/exports/{export_id}/content")
    assert answer.status_code == 200, answer.text
    return answer.content


async def exported(catalog: Harness, **body: Any) -> bytes:
    told = await asked(catalog, **body)
    await worked(catalog)
    return await content(catalog, told["id"])


def titles(file: bytes) -> list[str]:
    """As another library reads them."""
    return [str(each["245"]["a"]) for each in pymarc.MARCReader(file) if each is not None]


ROME = [f"Rome {number}" for number in range(COUNT)]


async def test_a_file_has_every_title_and_says_what_it_is(catalog: Harness, shelves: Shelves) -> None:
    await filled(shelves)
    told = await asked(catalog)
    early = await catalog.get(f"/v1/exports/{told['id']}/content")
    await worked(catalog)

    done = await read(catalog, told["id"])
    answer = await catalog.get(f"/v1/exports/{told['id']}/content")

    assert (early.status_code, early.json()["code"]) == (409, "export-unfinished")
    assert titles(answer.content) == ROME
    assert {name: done[name] for name in ("state", "mode", "selected", "given", "gone", "left_out", "size")} == {
        "state": "done", "mode": "full", "selected": COUNT, "given": COUNT, "gone": 0, "left_out": 0,
        "size": len(answer.content),
    }  # fmt: skip
    assert done["position"] > 0
    assert done["sha256"] == hashlib.sha256(answer.content).hexdigest()
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-type"] == "application/marc"
    assert ".mrc" in answer.headers["content-disposition"]


async def test_who_was_cut_off_goes_on_by_range(catalog: Harness, shelves: Shelves) -> None:
    await filled(shelves, 3)
    told = await asked(catalog)
    await worked(catalog)
    where = f"/v1/exports/{told['id']}/content"
    first = await catalog.get(where, headers={"Range": "bytes=0-99"})

    rest = await catalog.get(where, headers={"Range": "bytes=100-", "If-Range": first.headers["etag"]})

    assert (first.status_code, rest.status_code) == (206, 206)
    assert titles(first.content + rest.content) == ROME[:3]


async def test_each_format_is_read_by_those_who_know_it(catalog: Harness, shelves: Shelves) -> None:
    await filled(shelves, 7)
    await shelves.title(record("evil", title="=1+1"))
    told = {each: await asked(catalog, format=each.value, with_ids=True) for each in Format}
    await worked(catalog)
    files = {each: await content(catalog, job["id"]) for each, job in told.items()}

    wanted = [*ROME[:7], "=1+1"]
    ids = [str(row["id"]) for row in await catalog.resources.pool.fetch("SELECT id FROM title ORDER BY hrid")]
    assert titles(files[Format.MARC]) == wanted
    shelf = pymarc.parse_xml_to_array(io.BytesIO(files[Format.MARCXML]))  # type: ignore[no-untyped-call]  # it has none
    assert [str(each["245"]["a"]) for each in shelf] == wanted
    array = orjson.loads(files[Format.MARC_JSON])
    assert [
        next(each["245"]["subfields"][0]["a"] for each in whole["fields"] if "245" in each) for whole in array
    ] == wanted
    lines = [orjson.loads(each) for each in files[Format.MARC_LINES].splitlines()]
    assert [
        next(field["035"]["subfields"][0]["a"] for field in each["fields"] if "035" in field)
        for each in lines
    ] == [f"(carrel.localhost){each}" for each in ids]
    dc = ET.fromstring(files[Format.DUBLIN_CORE])
    assert [each.get("id") for each in dc] == ids
    assert [each.findtext(".//{http://purl.org/dc/elements/1.1/}title") for each in dc] == wanted
    mods = "{http://www.loc.gov/mods/v3}"
    collection = ET.fromstring(files[Format.MODS])
    assert collection.tag == f"{mods}modsCollection"
    assert [each.findtext(f"{mods}titleInfo/{mods}title") for each in collection] == wanted
    maps = ET.fromstring(files[Format.METS])
    assert [each.get("id") for each in maps] == ids
    assert [each[0].get("LABEL") for each in maps] == wanted
    assert files[Format.RIS].decode().count("\r\nER  - \r\n") == len(wanted)
    sheet = list(csv.DictReader(io.StringIO(files[Format.CSV].decode(), newline="")))
    assert [(each["id"], each["title"]) for each in sheet] == [*zip(ids, [*ROME[:7], "'=1+1"], strict=True)]


async def test_holdings_and_items_go_with_their_titles_where_that_is_wanted(
    catalog: Harness, shelves: Shelves
) -> None:
    walden = await shelves.title(
        record("w").having(Field.data("852", "  ", ("a", "Somewhere")), Field.data("866", "41", ("a", "v.9")))
    )
    item = await shelves.item(walden, barcode="zz1", call_number="PS1", volume="v.1")
    shelf = (await catalog.get(f"/v1/holdings/{item['holdings_id']}")).json()
    await shelves.item(walden, barcode="zz2", suppressed=True, location_id=await shelves.location("LAW"))
    await shelves.title(record("bare"))

    plain = await exported(catalog)
    told = await exported(catalog, with_holdings=True)
    hidden_too = await exported(catalog, with_holdings=True, with_suppressed=True)
    mets = await exported(catalog, with_holdings=True, format="mets")
    unsayable = await catalog.post("/v1/exports", json={"format": "csv", "with_holdings": True})

    first, second = pymarc.MARCReader(told)
    assert first is not None
    assert second is not None
    assert [str(each) for each in first.get_fields("852", "866", "876")] == [
        "=866  41$av.9",
        f"=852  \\\\$81$bMAIN$cSTACKS$hPS1$zrecord number: {shelf['record_number']}",
        str(first["876"]),
    ]
    assert [first["876"][code] for code in "8p39"] == ["1", "zz1", "v.1", "unspecified"]
    assert second.get_fields("852", "876") == []
    assert [b"zz1" in each and b"zz2" in each for each in (told, hidden_too)] == [False, True]
    assert b"Somewhere" in plain
    assert b'LABEL="v.1 zz1"' in mets
    assert unsayable.status_code == 422


async def test_an_empty_catalogue_makes_files_that_are_whole(catalog: Harness, shelves: Shelves) -> None:
    told = {each: await asked(catalog, format=each.value) for each in Format}
    await worked(catalog)
    files = {each: await content(catalog, job["id"]) for each, job in told.items()}

    assert files[Format.MARC] == files[Format.MARC_LINES] == files[Format.RIS] == b""
    assert orjson.loads(files[Format.MARC_JSON]) == []
    for each in (Format.MARCXML, Format.MODS, Format.METS, Format.DUBLIN_CORE):
        assert len(ET.fromstring(files[each])) == 0
    assert len(files[Format.CSV].splitlines()) == 1


async def test_a_query_knows_what_was_written_before_it_was_asked_for(
    catalog: Harness, shelves: Shelves
) -> None:
    await filled(shelves)
    async with shelves.indexed() as indexer:
        late = await shelves.title(record("late", title="Rome 99"))
        told = await asked(catalog, query="title:rome", filters={"format": ["book"]})
        some = await asked(catalog, query="title:1 OR title:22")
        await worked(catalog)
        waiting = await read(catalog, told["id"])
        while await indexer.follow():
            pass
        await worked(catalog)

        assert waiting["state"] == "queued"
        assert titles(await content(catalog, told["id"])) == [*ROME, late["title"]]
        assert titles(await content(catalog, some["id"])) == ["Rome 1", "Rome 22"]
        assert (await read(catalog, told["id"]))["index_position"] > 0


async def test_a_file_is_of_one_moment_whatever_is_written_while_it_is_made(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(shelves)
    rows = await catalog.resources.pool.fetch("SELECT id FROM title ORDER BY hrid DESC LIMIT 3")
    told = await asked(catalog)
    first = written
    loop = asyncio.get_running_loop()
    once = iter([True])

    async def write() -> None:
        changed, hidden, deleted = (f"/v1/titles/{row['id']}" for row in rows)
        head = {"If-Match": '"1"', "Content-Type": "application/marc"}
        answers = [
            await catalog.put(changed, content=dumps(record("r22", title="Carthage")), headers=head),
            await catalog.patch(hidden, json={"suppressed": True}, headers={"If-Match": '"1"'}),
            await catalog.delete(deleted, headers={"If-Match": '"1"'}),
        ]
        assert [each.status_code for each in answers] == [200, 200, 204], answers[0].text
        await shelves.title(record("new", title="Athens"))

    def writing(*given: Any, **more: Any) -> Any:
        if next(once, False):
            asyncio.run_coroutine_threadsafe(write(), loop).result(30)
        return first(*given, **more)

    monkeypatch.setattr(worker, "written", writing)
    await worked(catalog)

    assert titles(await content(catalog, told["id"])) == ROME
    assert sorted(titles(await exported(catalog))) == sorted([*ROME[:20], "Athens", "Carthage"])


async def test_a_writer_that_was_killed_is_followed_by_one_that_writes_the_same_file(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(shelves)
    told = await asked(catalog, format="marc-json")
    keep = worker._keep
    slices: list[int] = []

    async def breaking(*given: Any) -> bool:
        slices.append(given[2]["last_number"])
        if len(slices) == 3:
            raise OSError("killed after the file was written, before it was told")
        return await keep(*given)

    monkeypatch.setattr(worker, "_keep", breaking)
    with pytest.raises(OSError, match="killed"):
        await work_once(catalog.resources, asyncio.Event())
    halfway = await read(catalog, told["id"])
    path = place(catalog.resources.settings.data_dir, UUID(told["id"]))
    longer = path.stat().st_size
    await worked(catalog)

    assert (halfway["state"], halfway["given"]) == ("writing", 10)
    assert longer > halfway["size"]
    assert slices[2] == slices[3]
    records = orjson.loads(await content(catalog, told["id"]))
    assert len(records) == COUNT


async def test_a_record_that_iso_2709_cannot_say_is_left_out_and_told(
    catalog: Harness, shelves: Shelves
) -> None:
    await filled(shelves, 2)
    long = record("long").having(Field.data("520", "  ", ("a", "x" * 10_500)))
    answer = await catalog.post(
        "/v1/titles",
        content=orjson.dumps(
            {
                "leader": long.leader,
                "fields": [
                    {each.tag: each.value}
                    if each.is_control
                    else {
                        each.tag: {
                            "ind1": each.ind1,
                            "ind2": each.ind2,
                            "subfields": [{code: value} for code, value in each.subfields],
                        }
                    }
                    for each in long
                ],
            }
        ),
        headers={"Content-Type": "application/marc+json"},
    )
    assert answer.status_code == 201, answer.text
    told = await asked(catalog)
    await worked(catalog)

    done = await read(catalog, told["id"])
    left = (await catalog.get(f"/v1/exports/{told['id']}/titles?outcome=left-out")).json()["items"]

    assert (done["given"], done["left_out"], done["selected"]) == (2, 1, 3)
    assert [each["title_id"] for each in left] == [answer.json()["id"]]
    assert left[0]["reason"]


async def test_hidden_titles_and_files_that_hold_them_are_for_those_who_see_them(
    catalog: Harness, shelves: Shelves
) -> None:
    await filled(shelves, 3)
    await catalog.resources.pool.execute("UPDATE title SET suppressed = true WHERE title = 'Rome 1'")
    vendor = Principal(kind="client", ref="vendor", scopes=frozenset({"exports:create"}))
    reader = Principal(kind="client", ref="reader", scopes=frozenset({"exports:read"}))
    full = await asked(catalog, with_suppressed=True)
    with catalog.asking(vendor):
        public = await asked(catalog)
        refused = await catalog.post("/v1/exports", json={"format": "marc", "with_suppressed": True})
        schedule = await catalog.put(
            "/v1/export-schedules/all",
            json={"format": "marc", "with_suppressed": True},
            headers={"If-Match": '"0"'},
        )
        cancelled = await catalog.post(f"/v1/exports/{full['id']}/cancellations")
    await worked(catalog)
    with catalog.asking(reader):
        listed = (await catalog.get("/v1/exports")).json()["items"]
        others = await catalog.get(f"/v1/exports/{full['id']}/content")
        shown = titles(await content(catalog, public["id"]))
        asking = await catalog.post("/v1/exports", json={"format": "marc"})
    with catalog.asking(ANONYMOUS):
        stranger = await catalog.get(f"/v1/exports/{public['id']}/content")

    assert (refused.status_code, schedule.status_code, cancelled.status_code) == (403, 403, 404)
    assert [each["id"] for each in listed] == [public["id"]]
    assert (others.status_code, asking.status_code, stranger.status_code) == (404, 403, 401)
    assert shown == ["Rome 0", "Rome 2"]
    assert titles(await content(catalog, full["id"])) == ROME[:3]


async def test_an_export_is_cancelled_while_it_is_written_and_nothing_of_it_stays(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(shelves)
    told = await asked(catalog)
    first = written
    loop = asyncio.get_running_loop()
    answers: list[httpx.Response] = []

    def cancelling(*given: Any, **more: Any) -> Any:
        if not answers:
            cancel = catalog.post(f"/v1/exports/{told['id']}/cancellations")
            answers.append(asyncio.run_coroutine_threadsafe(cancel, loop).result(30))
        return first(*given, **more)

    monkeypatch.setattr(worker, "written", cancelling)
    await worked(catalog)

    again = await catalog.post(f"/v1/exports/{told['id']}/cancellations")
    assert (answers[0].status_code, answers[0].json()["state"]) == (202, "cancelled")
    assert (again.status_code, again.json()["code"]) == (409, "export-ended")
    assert not place(catalog.resources.settings.data_dir, UUID(told["id"])).exists()
    assert not await catalog.resources.pool.fetchval("SELECT count(*) FROM export_title")


async def test_exports_are_bounded_repeated_safely_and_swept(catalog: Harness, shelves: Shelves) -> None:
    answers = await asyncio.gather(
        *(catalog.post("/v1/exports", json={"format": "marc"}) for _ in range(MOST_OPEN + 3))
    )
    refused = [answer.json()["code"] for answer in answers if answer.status_code == 409]
    (first, *_) = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    await worked(catalog)
    repeated = [
        (await catalog.post("/v1/exports", key="once", json={"format": "csv"})).json()["id"] for _ in range(2)
    ]
    stray = place(catalog.resources.settings.data_dir, UUID(int=9))
    stray.write_bytes(b"of nobody")
    now = catalog.resources.clock()
    await sweep_exports(catalog.resources, now + timedelta(days=6))
    kept = await catalog.get(f"/v1/exports/{first}/content")
    await sweep_exports(catalog.resources, now + timedelta(days=7, minutes=5))

    assert refused == ["too-many-exports"] * 3
    assert repeated[0] == repeated[1]
    assert not stray.exists()
    assert kept.status_code == 200
    assert (await catalog.get(f"/v1/exports/{first}")).status_code == 404
    assert [each.name for each in stray.parent.iterdir()] == []
    assert (await read(catalog, repeated[0]))["state"] == "queued"


async def test_what_cannot_be_exported_is_said_before_it_is_begun(catalog: Harness, shelves: Shelves) -> None:
    bodies: list[tuple[dict[str, Any], str]] = [
        ({"format": "marc", "query": 'title:"rome'}, "body/query"),
        ({"format": "marc", "filters": {"colour": ["red"]}}, "body/query"),
        ({"format": "parchment"}, "/format"),
        ({}, "/format"),
    ]
    for body, pointer in bodies:
        answer = await catalog.post("/v1/exports", json=body)

        assert answer.status_code == 422
        assert [each["pointer"] for each in answer.json()["reasons"]] == [pointer]
    assert (await catalog.get("/v1/exports")).json()["items"] == []
