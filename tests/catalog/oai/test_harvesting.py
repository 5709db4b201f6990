"""Harvesters get every title, learn of every change, and miss nothing, whoever writes meanwhile."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sickle import Sickle

from catalog.marc.generate import generate
from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from catalog.marc.storage import pack
from catalog.oai import harvesting
from catalog.oai.following import LOCK, follow_for_harvesters
from support import schemas
from support.front import listening
from support.harness import Harness
from support.shelves import Shelves, record
from support.university import CATALOG

from .conftest import OAI, PAGE, Harvester

MARC = "{http://www.loc.gov/MARC21/slim}"


async def hide(catalog: Harness, title: dict[str, Any], *, hidden: bool = True) -> None:
    now = (await catalog.get(f"/v1/titles/{title['id']}")).json()
    answer = await catalog.patch(
        f"/v1/titles/{title['id']}", json={"suppressed": hidden}, headers={"If-Match": f'"{now["version"]}"'}
    )
    assert answer.status_code == 200, answer.text


async def rewrite(catalog: Harness, title: dict[str, Any], made: Record) -> None:
    now = (await catalog.get(f"/v1/titles/{title['id']}")).json()
    answer = await catalog.put(
        f"/v1/titles/{title['id']}",
        content=dumps(made),
        headers={"If-Match": f'"{now["version"]}"', "Content-Type": "application/marc"},
    )
    assert answer.status_code == 200, answer.text


ODD = Record(
    "xx",
    [
        Field.control("001", "odd\x1f<&>"),
        Field.data("24X", "\x01é", ("a", "x")),
        Field.data("245", "É9", ("a", "A\x0b]]>"), ("", "y")),
    ],
)
"""What no schema allows, and no XML document."""


async def test_every_verb_and_format_is_answered_by_the_schema(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    made = b"".join(one.raw for one in generate(12, seed=5, item_profile="local-999", marc8_share=0.3))
    await shelves.imported(made, profile="local-999", create_locations="true")
    await catalog.resources.pool.execute(
        "UPDATE title SET record = $1 WHERE id = (SELECT id FROM title LIMIT 1)", pack(ODD)
    )
    await harvester.follow()

    who = await harvester.ask(verb="Identify")
    formats = await harvester.ask(verb="ListMetadataFormats")
    prefixes = [str(each.text) for each in formats.iter(f"{OAI}metadataPrefix")]
    told = {
        prefix: [
            each
            for page in await harvester.pages(metadataPrefix=prefix)
            for each in page.iter(f"{OAI}record")
        ]
        for prefix in prefixes
    }
    one = (await harvester.headers())[0]["id"]
    got = await harvester.ask(
        verb="GetRecord", identifier=f"oai:library.example:{one}", metadataPrefix="marc21_withholdings"
    )

    assert who.findtext(f".//{OAI}deletedRecord") == "persistent"
    assert prefixes == ["oai_dc", "marc21", "marc21_withholdings", "mods", "mets"]
    assert {prefix: len(records) for prefix, records in told.items()} == dict.fromkeys(prefixes, 12)
    assert got.findall(f".//{MARC}datafield[@tag='852']")
    assert got.findall(f".//{MARC}datafield[@tag='876']")
    assert not told["marc21"][0].findall(f".//{MARC}datafield[@tag='876']")


async def test_a_list_in_pieces_has_every_title_once_and_says_how_many(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    titles = [await shelves.title(record(str(number))) for number in range(2 * PAGE + 1)]
    await harvester.follow()

    for verb in ("ListRecords", "ListIdentifiers"):
        pages = await harvester.pages(verb)
        tokens = [page.find(f".//{OAI}resumptionToken") for page in pages]
        found = [
            str(each.text).rpartition(":")[2] for page in pages for each in page.iter(f"{OAI}identifier")
        ]

        assert sorted(found) == sorted(title["id"] for title in titles)
        assert [(each.get("cursor"), each.get("completeListSize")) for each in tokens if each is not None] == [
            ("0", "15"), ("7", "15"), ("14", "15"),
        ]  # fmt: skip
        assert [bool(each.text) for each in tokens if each is not None] == [True, True, False]


ERRORS: list[tuple[dict[str, str], str]] = [
    ({}, "badVerb"),
    ({"verb": "Nonsense"}, "badVerb"),
    ({"verb": "ListRecords"}, "badArgument"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "x"}, "badArgument"),
    ({"verb": "ListRecords", "metadataPrefix": "rdf"}, "cannotDisseminateFormat"),
    (
        {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "oai:library.example:1"},
        "idDoesNotExist",
    ),
    ({"verb": "ListMetadataFormats", "identifier": "oai:library.example:1"}, "idDoesNotExist"),
    ({"verb": "ListRecords", "resumptionToken": "bm9uc2Vuc2U"}, "badResumptionToken"),
    ({"verb": "ListSets", "resumptionToken": "bm9uc2Vuc2U"}, "badResumptionToken"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc"}, "noRecordsMatch"),
    ({"verb": "ListIdentifiers", "metadataPrefix": "oai_dc", "until": "1000-01-01"}, "noRecordsMatch"),
    ({"verb": "ListSets"}, "noSetHierarchy"),
    ({"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "a"}, "noSetHierarchy"),
]


async def test_every_error_of_the_protocol_is_an_answer_by_its_name(
    catalog: Harness, harvester: Harvester
) -> None:
    for arguments, code in ERRORS:
        assert await harvester.error(**arguments) == code, arguments
        form = await catalog.post("/oai", data=arguments)
        root = schemas.valid(form.content, schemas.oai())
        request = root.find(f"{OAI}request")
        assert request is not None
        assert root.find(f"{OAI}error").get("code") == code  # type: ignore[union-attr]
        assert {str(name): told for name, told in request.items()} == (
            {} if code in ("badVerb", "badArgument") else arguments
        )


async def test_what_was_once_shown_stays_told_of_and_what_never_was_is_not(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    shown = await shelves.title(record("1"))
    await shelves.title(record("2"), suppressed="true")
    await harvester.follow()
    (first,) = await harvester.headers()

    await hide(catalog, shown)
    unfollowed = await harvester.ask(verb="ListRecords", metadataPrefix="marc21")
    (at_once,) = await harvester.headers()
    await harvester.follow()
    (second,) = await harvester.headers("ListRecords")
    got = await harvester.ask(
        verb="GetRecord", identifier=f"oai:library.example:{shown['id']}", metadataPrefix="mods"
    )
    await rewrite(catalog, shown, record("1", title="Hidden words"))
    await harvester.follow()
    (third,) = await harvester.headers("ListRecords")
    await hide(catalog, shown, hidden=False)
    await harvester.follow()
    (fourth,) = await harvester.headers("ListRecords")

    assert not unfollowed.findall(f".//{OAI}metadata"), "what is hidden is hidden at once"
    assert at_once["deleted"]
    assert [each["deleted"] for each in (first, second, third, fourth)] == [False, True, True, False]
    assert third["datestamp"] == second["datestamp"], (
        "nothing of a hidden title is told, not even that it changes"
    )
    assert not got.findall(f".//{OAI}metadata")
    (header,) = got.iter(f"{OAI}header")
    assert header.get("status") == "deleted"


async def test_a_loan_changes_nothing_for_harvesters_and_a_moved_item_does(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    item = await shelves.item(barcode="31000001")
    await harvester.follow()
    stamps = [await datestamp(catalog)]

    await catalog.resources.pool.execute(
        "INSERT INTO title_change (title_id) VALUES ($1)", UUID(item["title_id"])
    )
    await harvester.follow()
    stamps.append(await datestamp(catalog))
    moved = await catalog.patch(
        f"/v1/items/{item['id']}",
        json={"location_id": await shelves.location("LAW", "READING")},
        headers={"If-Match": f'"{item["version"]}"'},
    )
    assert moved.status_code == 200, moved.text
    await harvester.follow()
    stamps.append(await datestamp(catalog))
    (page,) = await harvester.pages(metadataPrefix="marc21_withholdings")

    assert stamps[0] == stamps[1] < stamps[2]
    (held,) = page.findall(f".//{MARC}datafield[@tag='852']")
    (copy,) = page.findall(f".//{MARC}datafield[@tag='876']")
    assert [(each.get("code"), each.text) for each in held][:3] == [
        ("8", "1"),
        ("b", "LAW"),
        ("c", "READING"),
    ]
    assert {each.get("code"): each.text for each in copy}["p"] == "31000001"
    (mapped,) = await harvester.pages(metadataPrefix="mets")
    assert [
        each.get("LABEL")
        for each in mapped.iter("{http://www.loc.gov/METS/}div")
        if each.get("TYPE") != "title"
    ] == ["LAW/READING", "31000001"]


async def datestamp(catalog: Harness) -> Any:
    return await catalog.resources.pool.fetchval("SELECT max(datestamp) FROM oai_record")


SETS = [
    {"code": "english", "name": "In English", "languages": ["eng"], "description": "All of them & more"},
    {"code": "places:law", "name": "At the law library", "libraries": ["LAW"]},
    {"code": "walden", "name": "Walden", "query": "title:walden"},
]


async def test_sets_are_what_their_rules_say_and_follow_the_titles(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    walden = await shelves.title(record("1"))
    other = await shelves.title(record("2", title="Civil disobedience"))
    await harvester.follow()
    await shelves.configure(harvest_sets=SETS)
    await harvester.follow()

    listed = await harvester.ask(verb="ListSets")
    first = {spec: await members(harvester, spec) for spec in ("english", "walden", "places", "places:law")}
    await shelves.item(other, location_id=await shelves.location("LAW", "READING"))
    await rewrite(catalog, walden, record("1", title="Cape Cod"))
    await harvester.follow()
    second = {spec: await members(harvester, spec) for spec in ("walden", "places", "places:law", "nowhere")}
    headers = {each["id"]: each["sets"] for each in await harvester.headers()}
    exported = (await catalog.get("/v1/configuration/catalog")).json()
    await shelves.configure(harvest_sets=[])
    await harvester.follow()

    assert [each.text for each in listed.iter(f"{OAI}setSpec")] == [
        "english",
        "places",
        "places:law",
        "walden",
    ]
    both = sorted((walden["id"], other["id"]))
    assert first == {"english": both, "walden": [walden["id"]], "places": [], "places:law": []}
    assert second == {"walden": [], "places": [other["id"]], "places:law": [other["id"]], "nowhere": []}
    assert headers == {walden["id"]: ["english"], other["id"]: ["english", "places:law"]}
    assert [each["code"] for each in exported["harvest_sets"]] == ["english", "places:law", "walden"]
    assert [each["sets"] for each in await harvester.headers()] == [[], []]


async def members(harvester: Harvester, spec: str) -> list[str]:
    root = await harvester.ask(verb="ListIdentifiers", metadataPrefix="oai_dc", set=spec)
    if (error := root.find(f"{OAI}error")) is not None:
        assert error.get("code") == "noRecordsMatch"
        return []
    return sorted(str(each.text).rpartition(":")[2] for each in root.iter(f"{OAI}identifier"))


async def test_a_set_that_names_what_is_not_there_is_refused_with_every_flaw(
    catalog: Harness, shelves: Shelves
) -> None:
    wrong = [
        {"code": "a", "name": "A", "libraries": ["MOON"], "locations": ["MAIN/MOON"], "query": "colour:red"},
        {"code": "a", "name": "A", "material_types": ["cheese"]},
    ]
    answer = await catalog.put("/v1/configuration/catalog", json=CATALOG | {"harvest_sets": wrong})

    assert answer.status_code == 422
    assert {(each["code"], each["pointer"]) for each in answer.json()["reasons"]} == {
        ("code-twice", "/harvest_sets/0/code"),
        ("code-twice", "/harvest_sets/1/code"),
        ("code-unknown", "/harvest_sets/0/libraries/0"),
        ("code-unknown", "/harvest_sets/0/locations/0"),
        ("field-unknown", "/harvest_sets/0/query"),
        ("code-unknown", "/harvest_sets/1/material_types/0"),
    }


async def test_what_was_begun_earlier_and_committed_later_is_in_the_next_harvest(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    await shelves.title(record("1"))
    late = await asyncpg.connect(catalog.dsn)
    began = late.transaction()
    await began.start()
    await late.execute(
        "INSERT INTO title (id, match_key, title, format, record, created_at, updated_at) "
        "SELECT gen_random_uuid(), 'late', 'Late', format, record, before, before "
        "FROM (SELECT *, created_at - interval '1 hour' AS before FROM title) earlier"
    )
    await late.execute("INSERT INTO title_change (title_id) SELECT id FROM title WHERE match_key = 'late'")
    await shelves.title(record("2"))
    await harvester.follow()
    first = await harvester.ask(verb="ListIdentifiers", metadataPrefix="oai_dc")
    await began.commit()
    await late.close()
    await harvester.follow()

    since = str(first.findtext(f"{OAI}responseDate"))
    found = [each["id"] for each in await harvester.headers(from_=since)]

    (expected,) = await catalog.resources.pool.fetch("SELECT id FROM title WHERE match_key = 'late'")
    assert str(expected["id"]) in found


async def test_a_database_that_was_restored_on_another_server_is_followed_from_where_it_is(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    title = await shelves.title(record("1"))
    await harvester.follow()
    before = await datestamp(catalog)
    await catalog.resources.pool.execute("UPDATE oai_state SET position = 1152921504606846976")
    await rewrite(catalog, title, record("1", title="Cape Cod"))

    await harvester.follow()

    assert await datestamp(catalog) > before
    again = await shelves.title(record("2"))
    await harvester.follow()
    assert again["id"] in {each["id"] for each in await harvester.headers()}


async def test_a_list_waits_for_datestamps_that_are_given_but_not_yet_visible(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    await shelves.title(record("1"))
    await harvester.follow()
    writing = await asyncpg.connect(catalog.dsn)
    async with writing.transaction():
        await writing.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
        await writing.execute("UPDATE oai_record SET datestamp = clock_timestamp(), title_version = 9")
        reading = asyncio.create_task(harvester.ask(verb="ListIdentifiers", metadataPrefix="oai_dc"))
        waited = not (await asyncio.wait({reading}, timeout=0.2))[0]
        stamped = await writing.fetchval("SELECT date_trunc('second', max(datestamp)) FROM oai_record")
    await writing.close()
    told = (await reading).findtext(f".//{OAI}datestamp")

    assert waited
    assert told == stamped.strftime("%Y-%m-%dT%H:%M:%SZ")


async def test_an_independent_harvester_misses_nothing_while_others_write(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    made = b"".join(one.raw for one in generate(60, seed=7))
    await shelves.imported(made)
    await harvester.follow()
    before = {each["id"] for each in await harvester.headers()}
    stop = asyncio.Event()
    following = asyncio.create_task(follow_for_harvesters(catalog.resources, stop))
    rewritten: list[str] = []

    async def write() -> None:
        for number, title_id in enumerate(sorted(before)):
            if stop.is_set():
                return
            if number % 2:
                await rewrite(catalog, {"id": title_id}, record(f"n{number}", title=f"New words {number}"))
            else:
                await hide(catalog, {"id": title_id})
            rewritten.append(title_id)

    async with listening(catalog.app) as url:
        writing = asyncio.create_task(write())
        told = await asyncio.to_thread(harvested, f"{url}/oai")
        await writing
        stop.set()
        await following
        await harvester.follow()
        since = told[0][1]
        later = await asyncio.to_thread(harvested, f"{url}/oai", since)

    assert {identifier for identifier, _, _ in told} >= before
    final = {identifier: status for identifier, _, status in (*told, *later)}
    wanted = {each["id"]: each["deleted"] for each in await harvester.headers()}
    assert len(rewritten) == len(before)
    assert final == wanted


def harvested(url: str, since: str | None = None) -> list[tuple[str, str, bool]]:
    """Identifier, the answer's date and whether it is deleted, as sickle reads them."""
    sickle = Sickle(url, max_retries=3, retry_status_codes=[503])
    asked = {"metadataPrefix": "marc21"} | ({"from": since} if since else {})
    found: Iterator[Any] = sickle.ListRecords(**asked)
    began, told = "", []
    for each in found:
        began = began or found.oai_response.xml.findtext(f"{OAI}responseDate")  # type: ignore[attr-defined]
        told.append((each.header.identifier.rpartition(":")[2], began, each.deleted))
    return told


async def test_answers_are_packed_when_the_harvester_takes_it(
    catalog: Harness, shelves: Shelves, harvester: Harvester
) -> None:
    await shelves.title(record("1"))
    await harvester.follow()
    params = {"verb": "ListRecords", "metadataPrefix": "marc21"}

    async with catalog.client.stream(
        "GET", "/oai", params=params, headers={"Accept-Encoding": "gzip"}
    ) as packed:
        raw = b"".join([piece async for piece in packed.aiter_raw()])
    plain = await catalog.get("/oai", params=params, headers={"Accept-Encoding": "gzip;q=0, identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    schemas.valid(gzip.decompress(raw), schemas.oai())


async def test_when_too_many_harvest_the_next_is_told_when_to_come_again(
    catalog: Harness, harvester: Harvester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harvesting, "MOST_AT_ONCE", 0)

    answer = await catalog.get("/oai", params={"verb": "Identify"})

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def test_before_every_title_was_looked_at_harvesters_are_asked_to_wait(
    catalog: Harness, shelves: Shelves
) -> None:
    answer = await catalog.get("/oai", params={"verb": "Identify"})

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
