"""Whatever is sent: answered clearly, counted wholly, and no neighbour pays for it."""

import asyncio
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from typing import Any

import pymarc
import pytest
from starlette.requests import ClientDisconnect

from catalog.apart import Apart
from catalog.imports import uploading
from catalog.imports.worker import ANY, SMALL, lane
from catalog.marc.generate import generate
from catalog.marc.marcjson import dumps as as_json
from catalog.marc.marcxml import write as as_xml
from chassis.ids import uuid7
from chassis.problems import Malformed
from support.box import until
from support.harness import Harness
from support.shared_data import shared_data
from support.shelves import Shelves, file_of, record, with_items

MARC, MARCXML, MARC_JSON = "application/marc", "application/marcxml+xml", "application/marc+json"
GIB = 1024**3


def uploads(catalog: Harness) -> list[str]:
    folder = uploading.folder(catalog.resources.settings.data_dir)
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


async def test_a_body_that_says_it_is_too_long_is_refused_before_a_byte_is_read(
    catalog: Harness, shelves: Shelves
) -> None:
    limit = catalog.resources.settings.upload_limit
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        read += 1
        yield b"0" * 1000

    answer = await catalog.post(
        "/v1/imports", content=body(), headers={"Content-Type": MARC, "Content-Length": str(limit + 1)}
    )

    assert limit >= 2 * GIB
    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (413, "upload-too-large")
    assert (read, uploads(catalog)) == (0, [])


async def test_a_body_that_does_not_say_its_length_is_read_up_to_the_limit_and_not_kept(
    catalog: Harness, shelves: Shelves
) -> None:
    catalog.resources.settings.__dict__["upload_limit"] = 10_000
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1
            yield b"0" * 1000

    answer = await catalog.post("/v1/imports", content=body(), headers={"Content-Type": MARC})

    assert answer.status_code == 413
    assert (read, uploads(catalog)) == (11, [])


async def test_an_upload_that_breaks_off_leaves_nothing_behind(catalog: Harness, shelves: Shelves) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"0" * 2_000_000
        raise ClientDisconnect

    with pytest.raises(Malformed):
        await uploading.receive(
            chunks(), catalog.resources.settings.data_dir, uuid7(), limit=GIB, declared=None
        )

    assert uploads(catalog) == []


async def test_a_packed_body_is_refused_and_a_packed_file_is_no_record(
    catalog: Harness, shelves: Shelves
) -> None:
    packed = gzip.compress(file_of(record("a")))

    told = await catalog.post(
        "/v1/imports", content=packed, headers={"Content-Type": MARC, "Content-Encoding": "gzip"}
    )
    job = await shelves.imported(packed)

    assert (told.status_code, uploads(catalog)) == (415, [])
    assert (job["state"], job["counts"]["created"]) == ("finished-with-errors", 0)
    assert job["counts"]["rejected"] == job["records_read"] > 0


WRITTEN: dict[str, Callable[..., bytes]] = {
    MARC: file_of,
    MARCXML: lambda *records: b"".join(as_xml(list(records))),
    MARC_JSON: lambda *records: b"[" + b",".join(map(as_json, records)) + b"]",
}


@pytest.mark.parametrize("kind", WRITTEN)
async def test_a_file_cut_anywhere_gives_every_record_that_is_whole(shelves: Shelves, kind: str) -> None:
    records = [record(f"r{number}", title=f"Title {number}") for number in range(4)]
    whole = WRITTEN[kind](*records)
    ends = [len(WRITTEN[kind](*records[:count])) for count in range(1, 4)]
    slack = len(WRITTEN[kind](*records[:1])) // 4 if kind == MARCXML else 0

    for cut in range(40, len(whole), max(len(whole) // 12, 1)):
        job = await shelves.imported(whole[:cut], kind)

        told = job["counts"]
        taken = told["created"] + told["unchanged"] + told["updated"] + told["duplicate"]
        assert sum(told.values()) == job["records_read"] == len(await shelves.outcomes(job)), cut
        assert taken >= sum(end <= cut - slack for end in ends), cut
        assert job["state"] in ("finished", "finished-with-errors"), cut


DEEP = b"<x>" * 10_000 + b"</x>" * 10_000
LOL = b'<!DOCTYPE c [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = b'<!DOCTYPE c [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prologue", [LOL, OUTSIDE, DEEP], ids=["entities", "a file from outside", "deep"])
async def test_xml_that_attacks_is_refused_and_ends_its_job_in_words(
    shelves: Shelves, prologue: bytes
) -> None:
    good = WRITTEN[MARCXML](record("a", title="&a;"))

    job = await shelves.imported(good.replace(b"<collection", prologue + b"<collection", 1), MARCXML)

    assert job["state"] == "finished-with-errors"
    assert job["counts"]["created"] == 0
    assert [each["reasons"] for each in await shelves.outcomes(job, outcome="rejected")] != []
    assert (await shelves.catalog.get("/v1/items")).status_code == 200


@pytest.mark.parametrize(
    "odd",
    [
        "1",
        "null",
        '"a record"',
        "[]",
        "{}",
        '{"leader": 5, "fields": []}',
        '{"leader": "00000nam a2200000 i 4500", "fields": {"245": "x"}}',
        '{"leader": "00000nam a2200000 i 4500", "fields": [{"245": {"ind1": 1, "subfields": [{"a": [1]}]}}]}',
        '{"leader": "00000nam a2200000 i 4500", "fields": [{"001": "x", "002": "y"}, 7, null]}',
        '{"leader": "00000nam a2200000 i 4500", "fields": [{"245": {"ind1": "1", "ind2": "0"}}]}',
        "[" * 10_000 + "]" * 10_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"leader": 1e999, "fields": NaN}',
    ],
    ids=lambda text: text[:60],
)
async def test_json_of_an_odd_shape_costs_no_neighbour(shelves: Shelves, odd: str) -> None:
    content = as_json(record("a")) + b"\n" + odd.encode() + b"\n" + as_json(record("b"))

    job = await shelves.imported(content, MARC_JSON)

    assert job["state"] in ("finished", "finished-with-errors")
    assert sum(job["counts"].values()) == job["records_read"]
    numbers = [each["control_number"] for each in await shelves.outcomes(job, outcome="created")]
    assert {"a", "b"} <= set(numbers)


async def test_outcomes_tell_where_each_record_stands_and_why_it_was_not_taken(
    catalog: Harness, shelves: Shelves
) -> None:
    made = list(generate(120, seed=8, item_profile="local-949", damaged_share=0.3))
    places = [sum(len(one.raw) for one in made[:place]) for place in range(len(made))]

    job = await shelves.imported(b"".join(one.raw for one in made), profile="local-949")

    told = await shelves.outcomes(job)
    assert [each["ordinal"] for each in told] == list(range(1, job["records_read"] + 1))
    assert Counter(each["outcome"] for each in told) == {
        outcome: count for outcome, count in job["counts"].items() if count
    }
    by_place = {each["position"]: each for each in told}
    for place, one in zip(places, made, strict=True):
        if one.damage is None and place in by_place:
            assert by_place[place]["outcome"] == "created", one
            assert by_place[place]["control_number"] == one.control_number
    assert all(each["reasons"] for each in told if each["outcome"] in ("rejected", "failed"))
    rejected = await shelves.outcomes(job, outcome="rejected")
    assert len(rejected) == job["counts"]["rejected"]
    barcodes = {item["barcode"] for item in await every_item(catalog)}
    assert barcodes >= {code for one in made if one.damage is None for code in one.barcodes}


async def every_item(catalog: Harness) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        answer = await catalog.get(
            "/v1/items", params={"limit": 200} | ({"cursor": cursor} if cursor else {})
        )
        found += answer.json()["items"]
        if (cursor := answer.json()["next_cursor"]) is None:
            return found


async def test_two_thousand_real_records_have_the_titles_and_items_that_pymarc_sees(
    catalog: Harness,
) -> None:
    content = shared_data("marc", "bib", "solrmarc__uva_001_2000.mrc").read_bytes()
    seen = [each for each in pymarc.MARCReader(BytesIO(content)) if each is not None]
    barcodes = Counter(
        field["i"].strip() for each in seen for field in each.get_fields("999") if field.get("i")
    )
    unmarked = sum(not field.get("i") for each in seen for field in each.get_fields("999"))

    job = await Shelves(catalog).imported(content, profile="local-999", create_locations=True)

    assert job["counts"]["created"] == len(seen) == 2000
    assert job["items"]["created"] == len(barcodes) + unmarked
    assert job["items"]["problems"] + job["items"]["unchanged"] == barcodes.total() - len(barcodes)
    assert {item["barcode"] for item in await every_item(catalog)} - {None} == set(barcodes)
    rows = await catalog.resources.pool.fetch("SELECT control_number FROM title")
    assert Counter(row["control_number"] for row in rows) == Counter(
        each["001"].data.strip() for each in seen
    )


async def test_a_barcode_of_another_title_here_already_is_told_and_left_where_it_is(
    catalog: Harness, shelves: Shelves
) -> None:
    there = await shelves.item(barcode="31000001")

    job = await shelves.imported(
        file_of(with_items(record("new"), ("31000001", "LAW", "STACKS"), ("31000002", "LAW", "STACKS"))),
        profile="local-999",
    )

    assert (job["items"]["created"], job["items"]["problems"]) == (1, 1)
    ((reason,),) = [each["reasons"] for each in await shelves.outcomes(job, with_reasons=True)]
    assert (reason["code"], there["id"] in reason["text"]) == ("barcode-taken", True)
    (item,) = (await catalog.get("/v1/items", params={"barcode": "31000001"})).json()["items"]
    assert item == (await catalog.get(f"/v1/items/{there['id']}")).json()


async def test_a_worker_killed_outright_leaves_no_record_twice_and_none_out(
    catalog: Harness, shelves: Shelves
) -> None:
    count = 7000  # a large file: it is read in a process of its own
    made = list(generate(count, seed=4, item_profile="local-999"))
    answer = await shelves.send(b"".join(one.raw for one in made), profile="local-999")
    place = answer.headers["Location"]
    environment = {
        **os.environ,
        "CATALOG_DATABASE_URL": catalog.dsn,
        "CATALOG_TRANSPORT_URL": "postgresql://nowhere/bus",
        "CATALOG_IMPORT_NICENESS": "0",
        "CATALOG_DATA_DIR": str(catalog.resources.settings.data_dir),
    }
    between = []

    for least in (1, 2500):
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "catalog", "work", env=environment, stderr=asyncio.subprocess.DEVNULL
        )

        async def some(least: int = least) -> bool:
            return bool((await catalog.get(place)).json()["records_read"] >= least)

        try:
            await until(some, seconds=60)
        finally:
            worker.kill()
            await worker.wait()
        between.append((await catalog.get(place)).json())
    await shelves.work()

    job = (await catalog.get(place)).json()
    assert all(0 < each["records_read"] == sum(each["counts"].values()) for each in between)
    assert (between[0]["state"], job["size"] > SMALL) == ("running", True)
    assert (job["state"], job["counts"]["created"], job["records_read"]) == ("finished", count, count)
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM title") == count
    assert job["items"]["created"] == sum(len(one.barcodes) for one in made)
    ordinals = await catalog.resources.pool.fetch("SELECT ordinal FROM import_outcome ORDER BY ordinal")
    assert [row["ordinal"] for row in ordinals] == list(range(1, count + 1))


@pytest.mark.parametrize("kind", WRITTEN)
async def test_a_large_file_is_read_as_a_small_one_is(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    records = [
        with_items(record(f"r{n}"), (f"{n}", "MAIN", "STACKS"), (None, "LAW", "VAULT")) for n in range(30)
    ]
    content = WRITTEN[kind](*records, record("z", leader="00000dam a2200000 i 4500")).replace(
        b"r7", b"\x07\xff", 1
    )
    small = await shelves.imported(content, kind, profile="local-999")
    first = await shelves.outcomes(small)
    await catalog.resources.pool.execute("TRUNCATE title, item, holdings CASCADE")
    monkeypatch.setattr("catalog.imports.worker.SMALL", 0)

    large = await shelves.imported(content, kind, profile="local-999")

    assert (large["counts"], large["items"]) == (small["counts"], small["items"])
    assert small["counts"]["created"] >= 29
    unnamed = [{name: value for name, value in each.items() if name != "title_id"} for each in first]
    assert unnamed == [
        {name: value for name, value in each.items() if name != "title_id"}
        for each in await shelves.outcomes(large)
    ]


async def test_a_reader_that_dies_costs_a_moment_and_no_record(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Apart] = []
    monkeypatch.setattr("catalog.imports.worker.SMALL", 0)
    monkeypatch.setattr("catalog.imports.worker.SLICE_RECORDS", 50)
    begin = Apart.__init__

    def noted(self: Apart, *arguments: object, niceness: int) -> None:
        begin(self, *arguments, niceness=niceness)  # type: ignore[arg-type]
        started.append(self)

    monkeypatch.setattr(Apart, "__init__", noted)
    place = (await shelves.send(b"".join(one.raw for one in generate(2000)))).headers["Location"]
    stop = asyncio.Event()
    working = asyncio.create_task(lane(catalog.resources, stop, largest=ANY))

    async def under_way() -> bool:
        return bool((await catalog.get(place)).json()["records_read"])

    await until(under_way)
    started[0].process.kill()

    async def ended() -> Any:
        job = (await catalog.get(place)).json()
        return job if job["state"] == "finished" else None

    job = await until(ended, seconds=30)
    stop.set()
    await working

    assert len(started) == 2
    assert (job["counts"]["created"], job["records_read"]) == (2000, 2000)


async def test_an_unknown_import_is_not_found_and_odd_cursors_are_told(
    catalog: Harness, shelves: Shelves
) -> None:
    job = await shelves.imported(file_of(record("a")))

    unknown = [
        await catalog.get(f"/v1/imports/{uuid7()}{tail}")
        for tail in ("", "/outcomes", "/outcomes/1/original")
    ]
    odd = await catalog.get(f"/v1/imports/{job['id']}/outcomes", params={"cursor": json.dumps([2**40])})

    assert [answer.status_code for answer in unknown] == [404, 404, 404]
    assert odd.status_code == 422
