"""Files come in: every record has an outcome, and doing it twice changes nothing."""

import asyncio
import json
import os
from typing import Any

import pytest

from catalog.imports.worker import work_once
from catalog.marc.generate import generate
from catalog.marc.marcjson import dumps as as_json
from catalog.marc.marcxml import write as as_xml
from catalog.marc.record import Field
from contracts.catalog import ImportFinished, ItemsAnnounced, LocationChanged, TitlesImported
from support.harness import Harness
from support.shared_data import shared_data
from support.shelves import Shelves, file_of, record, with_items

ITEM = ("31000001", "MAIN", "STACKS")


def counts(**told: int) -> dict[str, int]:
    names = (
        "created",
        "updated",
        "unchanged",
        "duplicate",
        "discarded",
        "matched_many",
        "rejected",
        "failed",
    )
    return {name: told.get(name, 0) for name in names}


async def test_a_file_brings_titles_holdings_items_and_events(catalog: Harness, shelves: Shelves) -> None:
    content = file_of(with_items(record("a"), ITEM), record("b", title="Cape Cod"))

    job = await shelves.imported(content, profile="local-999")

    assert (job["state"], job["counts"]) == ("finished", counts(created=2))
    assert job["items"] == {"created": 1, "updated": 0, "unchanged": 0, "problems": 0}
    assert job["position"] == job["size"] == len(content)
    (item,) = (await catalog.get("/v1/items", params={"barcode": "31000001"})).json()["items"]
    assert (item["library"], item["location"], item["call_number"]) == ("MAIN", "STACKS", "PS3048 .A1")
    assert (item["material_type"], item["loan_type"], item["base_state"]) == ("BOOK", "standard", "active")
    (announced,) = await catalog.announced(ItemsAnnounced)
    assert [str(told.item_id) for told in announced.items] == [item["id"]]
    assert (announced.items[0].short_title, announced.items[0].short_author) == (
        "Walden",
        "Thoreau, Henry David",
    )
    (titles,) = await catalog.announced(TitlesImported)
    assert [told.title for told in titles.titles] == ["Walden", "Cape Cod"]
    (finished,) = await catalog.announced(ImportFinished)
    assert finished.counts == counts(created=2)


async def test_the_same_file_again_changes_nothing(catalog: Harness, shelves: Shelves) -> None:
    content = file_of(
        with_items(record("a"), ITEM, (None, "LAW", "STACKS"), (None, "LAW", "STACKS")),
        record(None, title="Without a number"),
    )
    first = await shelves.imported(content, profile="local-999")

    second = await shelves.imported(content, profile="local-999")

    assert first["counts"] == counts(created=2)
    assert second["counts"] == counts(unchanged=2)
    assert second["items"] == {"created": 0, "updated": 0, "unchanged": 3, "problems": 0}
    assert len(await catalog.announced(ItemsAnnounced)) == 1
    assert len(await catalog.announced(TitlesImported)) == 1


async def test_a_changed_record_replaces_the_old_one_and_keeps_it(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(with_items(record("a"), ITEM)), profile="local-999")

    job = await shelves.imported(
        file_of(
            with_items(record("a", title="Walden; or, Life in the woods"), ("31000001", "LAW", "READING"))
        ),
        profile="local-999",
    )

    assert job["counts"] == counts(updated=1)
    assert job["items"]["updated"] == 1
    (item,) = (await catalog.get("/v1/items", params={"barcode": "31000001"})).json()["items"]
    assert (item["version"], item["library"], item["location"]) == (2, "LAW", "READING")
    told = (await catalog.announced(ItemsAnnounced))[-1].items
    assert [(state.version, state.short_title) for state in told] == [(2, "Walden; or, Life in the woods")]
    old = await catalog.get(f"/v1/titles/{item['title_id']}", params={"version": 1})
    assert old.json()["title"] == "Walden"


async def test_items_are_told_anew_when_their_title_is(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(with_items(record("a"), ITEM)), profile="local-999")

    await shelves.imported(file_of(record("a", title="Another title")), profile="none")

    (state,) = (await catalog.announced(ItemsAnnounced))[-1].items
    assert (state.version, state.short_title) == (2, "Another title")


async def test_a_record_twice_in_a_file_is_a_duplicate_whose_items_count(shelves: Shelves) -> None:
    content = file_of(
        with_items(record("a"), ITEM), with_items(record("a"), ("31000002", "LAW", "STACKS")), record("a")
    )

    job = await shelves.imported(content, profile="local-999")

    assert job["counts"] == counts(created=1, duplicate=2)
    assert job["items"]["created"] == 2


async def test_a_barcode_of_another_title_is_told_and_the_record_taken(shelves: Shelves) -> None:
    content = file_of(with_items(record("a"), ITEM), with_items(record("b"), ITEM))

    job = await shelves.imported(content, profile="local-999")

    assert (job["state"], job["counts"]) == ("finished-with-errors", counts(created=2))
    assert (job["items"]["created"], job["items"]["problems"]) == (1, 1)
    (told,) = await shelves.outcomes(job, with_reasons=True)
    assert (told["ordinal"], told["control_number"]) == (2, "b")
    assert [reason["code"] for reason in told["reasons"]] == ["barcode-taken"]


async def test_unknown_locations_are_told_or_made_or_given_a_default(
    catalog: Harness, shelves: Shelves
) -> None:
    content = file_of(with_items(record("a"), ("1", "ANNEX", "VAULT")))

    told = await shelves.imported(content, profile="local-999")
    home = await shelves.imported(content, profile="local-999", default_location="LAW/STACKS")
    made = await shelves.imported(
        file_of(with_items(record("b"), ("2", "ANNEX", "VAULT"))), profile="local-999", create_locations=True
    )

    assert (told["state"], told["items"]["problems"]) == ("finished-with-errors", 1)
    ((reason,),) = [each["reasons"] for each in await shelves.outcomes(told)]
    assert reason["code"] == "location-unknown"
    assert home["items"]["created"] == 1
    assert made["items"]["created"] == 1
    places = {
        item["barcode"]: f"{item['library']}/{item['location']}"
        for item in (await catalog.get("/v1/items")).json()["items"]
    }
    assert places == {"1": "LAW/STACKS", "2": "ANNEX/VAULT"}
    assert (await catalog.announced(LocationChanged))[-1].location.library == "ANNEX"


async def test_a_bare_catalogue_can_be_filled_with_one_import(catalog: Harness) -> None:
    shelves = Shelves(catalog)

    job = await shelves.imported(
        file_of(with_items(record("a"), ITEM)), profile="local-999", create_locations=True
    )

    assert job["items"]["created"] == 1
    (place,) = (await catalog.get("/v1/locations")).json()["items"]
    assert (place["institution"], place["library"], place["code"]) == ("MAIN", "MAIN", "STACKS")


async def test_deleted_and_foreign_records_are_discarded(shelves: Shelves) -> None:
    content = file_of(
        record("a", leader="00000dam a2200000 i 4500"), record("b", leader="00000nz  a2200000n  4500")
    )

    job = await shelves.imported(content)

    assert (job["state"], job["counts"]) == ("finished", counts(discarded=2))
    codes = [each["reasons"][0]["code"] for each in await shelves.outcomes(job, outcome="discarded")]
    assert codes == ["record-deleted", "not-bibliographic"]


async def test_damage_stays_where_it_is_and_originals_are_kept(catalog: Harness, shelves: Shelves) -> None:
    garbage = b"this is no record at all\x1d"
    content = file_of(record("a")) + garbage + file_of(record("b"))

    job = await shelves.imported(content)

    assert (job["state"], job["counts"]) == ("finished-with-errors", counts(created=2, rejected=1))
    (told,) = await shelves.outcomes(job, outcome="rejected")
    assert told["position"] == len(file_of(record("a")))
    original = await catalog.get(f"/v1/imports/{job['id']}/outcomes/{told['ordinal']}/original")
    assert original.content == garbage


async def test_a_record_cut_short_does_not_overwrite_the_whole_one(
    catalog: Harness, shelves: Shelves
) -> None:
    whole = file_of(record("a"))
    await shelves.imported(whole)

    job = await shelves.imported(whole[: len(whole) * 3 // 4])

    assert job["counts"]["rejected"] == 1
    (title_id,) = [row["id"] for row in await catalog.resources.pool.fetch("SELECT id FROM title")]
    assert (await catalog.get(f"/v1/titles/{title_id}")).json()["version"] == 1


async def test_nul_in_a_record_is_kept_in_it_and_breaks_nothing(catalog: Harness, shelves: Shelves) -> None:
    made = record("a").having(Field.data("500", "  ", ("a", "before\x00after")))

    job = await shelves.imported(
        as_json(made) + as_json(record("b", title="nul\x00here")), "application/marc+json"
    )

    assert sum(job["counts"].values()) == 2
    assert job["counts"]["failed"] == 0


@pytest.mark.parametrize("surrogate", ["\\ud800", "x\\udfffy"])
async def test_half_a_surrogate_pair_breaks_nothing(shelves: Shelves, surrogate: str) -> None:
    text = json.dumps(json.loads(as_json(record("a", title="HERE")))).replace("HERE", surrogate)

    job = await shelves.imported(text.encode(), "application/marc+json")

    assert sum(job["counts"].values()) == 1


async def test_marcxml_is_read_and_a_dtd_refused(shelves: Shelves) -> None:
    good = b"".join(as_xml([record("a"), record("b")]))
    bad = good.replace(b"<collection", b'<!DOCTYPE c [<!ENTITY e "x">]><collection', 1)

    taken = await shelves.imported(good, "application/marcxml+xml")
    refused = await shelves.imported(bad, "application/marcxml+xml")

    assert taken["counts"] == counts(created=2)
    assert refused["counts"]["created"] == refused["counts"]["unchanged"] == 0
    assert refused["counts"]["rejected"] == 1


async def test_an_empty_body_an_odd_type_and_an_unknown_profile_are_refused(shelves: Shelves) -> None:
    empty = await shelves.send(b"")
    odd = await shelves.send(b"{}", "application/json")
    unknown = await shelves.send(b"x", profile="nobody")

    assert (empty.status_code, empty.json()["reasons"][0]["code"]) == (422, "empty-body")
    assert odd.status_code == 415
    assert (unknown.status_code, unknown.json()["reasons"][0]["code"]) == (422, "profile-unknown")


async def test_the_same_upload_with_the_same_key_is_one_job(catalog: Harness, shelves: Shelves) -> None:
    headers = {"Content-Type": "application/marc"}
    sent: dict[str, Any] = {"content": file_of(record("a")), "headers": headers, "key": "once"}
    first = await catalog.post("/v1/imports", **sent)

    again = await catalog.post("/v1/imports", **sent)
    other = await catalog.post("/v1/imports", **sent | {"content": file_of(record("b"))})

    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert len((await catalog.get("/v1/imports")).json()["items"]) == 1
    files = list((catalog.resources.settings.data_dir / "uploads").iterdir())
    assert [file.name for file in files] == [first.json()["id"]]


async def test_a_job_that_is_killed_goes_on_behind_its_last_slice(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.imports.worker.SLICE_RECORDS", 10)
    made = list(generate(200, seed=3, item_profile="local-999", marc8_share=0.3))
    answer = await shelves.send(b"".join(one.raw for one in made), profile="local-999")
    place = answer.headers["Location"]

    kills = 0
    for stop_after in (25, 60, 110):
        task = asyncio.create_task(work_once(catalog.resources, asyncio.Event()))
        while (await catalog.get(place)).json()["records_read"] < stop_after and not task.done():
            pass
        kills += task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await shelves.work()

    job = (await catalog.get(place)).json()
    assert kills
    assert job["counts"] == counts(created=200)
    assert job["items"]["created"] == sum(len(one.barcodes) for one in made)
    ordinals = [each["ordinal"] for each in await shelves.outcomes(job)]
    assert ordinals == list(range(1, 201))
    told = [item.item_id for event in await catalog.announced(ItemsAnnounced) for item in event.items]
    assert len(told) == len(set(told)) == job["items"]["created"]


async def test_a_stopped_worker_leaves_the_rest_to_the_next(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.imports.worker.SLICE_RECORDS", 10)
    answer = await shelves.send(b"".join(one.raw for one in generate(50)))
    stop = asyncio.Event()
    stop.set()

    for _ in range(2):
        await work_once(catalog.resources, stop)
    half = (await catalog.get(answer.headers["Location"])).json()
    await shelves.work()

    assert (half["state"], half["records_read"]) == ("running", 20)
    assert (await catalog.get(answer.headers["Location"])).json()["counts"] == counts(created=50)


async def test_a_large_import_works_its_share_of_the_time_behind_the_desk(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.imports.worker.SLICE_RECORDS", 10)
    monkeypatch.setattr("catalog.imports.worker.SMALL", 0)
    resources = catalog.resources
    resources.settings = resources.settings.model_copy(update={"import_share": 0.05, "import_niceness": 10})
    place = (await shelves.send(b"".join(one.raw for one in generate(30)))).headers["Location"]
    stop = asyncio.Event()

    task = asyncio.create_task(work_once(resources, stop))
    while not (await catalog.get(place)).json()["records_read"]:
        pass
    resting = await resources.pool.fetchval(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
    )
    behind = os.getpriority(os.PRIO_PROCESS, resting)
    stop.set()
    await asyncio.wait_for(task, 5)
    half = (await catalog.get(place)).json()["records_read"]
    resources.settings = resources.settings.model_copy(update={"import_share": 1.0, "import_niceness": 0})
    await shelves.work()

    assert half == 10, "it rested behind its first slice, and ended its rest when told to stop"
    assert behind == 10
    assert (await catalog.get(place)).json()["counts"] == counts(created=30)
    pids = [
        row["pid"]
        for row in await resources.pool.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        )
    ]
    assert {os.getpriority(os.PRIO_PROCESS, pid) for pid in pids} == {0}, "nobody else is left behind"


async def test_workers_racing_for_files_with_the_same_records_make_each_once(
    catalog: Harness, shelves: Shelves
) -> None:
    content = b"".join(one.raw for one in generate(300, item_profile="local-999"))
    places = [(await shelves.send(content, profile="local-999")).headers["Location"] for _ in range(3)]

    await asyncio.gather(*(work_once(catalog.resources, asyncio.Event()) for _ in range(4)))
    await shelves.work()

    jobs = [(await catalog.get(place)).json() for place in places]
    assert all(job["state"] == "finished" for job in jobs)
    assert sum(job["counts"]["created"] for job in jobs) == 300
    assert sum(job["counts"]["unchanged"] for job in jobs) == 600
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM title") == 300


async def test_a_cancelled_job_stops_and_keeps_what_it_did(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.imports.worker.SLICE_RECORDS", 10)
    answer = await shelves.send(b"".join(one.raw for one in generate(40)))
    stop = asyncio.Event()
    stop.set()
    await work_once(catalog.resources, stop)

    asked = await catalog.post(f"{answer.headers['Location']}/cancellations")
    await shelves.work()
    again = await catalog.post(f"{answer.headers['Location']}/cancellations")

    assert (asked.status_code, asked.json()["cancelling"]) == (202, True)
    job = (await catalog.get(answer.headers["Location"])).json()
    assert (job["state"], job["counts"]) == ("cancelled", counts(created=10))
    assert (again.status_code, again.json()["code"]) == (409, "import-ended")


async def test_a_lost_upload_fails_the_job_in_words(catalog: Harness, shelves: Shelves) -> None:
    answer = await shelves.send(file_of(record("a")))
    for file in (catalog.resources.settings.data_dir / "uploads").iterdir():
        file.unlink()

    await shelves.work()

    job = (await catalog.get(answer.headers["Location"])).json()
    assert job["state"] == "failed"
    assert "data folder" in job["error"]


async def test_lists_page_and_need_few_queries(shelves: Shelves) -> None:
    job = await shelves.imported(b"".join(one.raw for one in generate(25)))

    pages, cursor = [], None
    while True:
        answer = await shelves.catalog.get(
            f"/v1/imports/{job['id']}/outcomes", params={"limit": 10} | ({"cursor": cursor} if cursor else {})
        )
        pages.append([each["ordinal"] for each in answer.json()["items"]])
        if (cursor := answer.json()["next_cursor"]) is None:
            break

    assert pages == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26))]


@pytest.mark.parametrize(
    ("name", "profile", "told", "items"),
    [
        ("solrmarc__uva_001_2000.mrc", "local-999", counts(created=2000), 2903),
        ("Evergreen__jazz_1k.mrc", "none", counts(created=1000), 0),
        ("traject__test_data.utf8.mrc", "none", counts(created=29, discarded=1), 0),
    ],
)
async def test_real_files_come_in_whole(
    catalog: Harness, name: str, profile: str, told: dict[str, int], items: int
) -> None:
    content = shared_data("marc", "bib", name).read_bytes()
    shelves = Shelves(catalog)

    job = await shelves.imported(content, profile=profile, create_locations=True)
    again = await shelves.imported(content, profile=profile, create_locations=True)

    assert (job["state"], job["counts"]) == ("finished", told)
    assert (job["items"]["created"], job["items"]["problems"]) == (items, 0)
    assert again["counts"] == counts(unchanged=told["created"], discarded=told["discarded"])
    assert (again["items"]["created"], again["items"]["unchanged"]) == (0, items)


DESCRIBED = """<collection xmlns:m="http://www.loc.gov/mods/v3" xmlns:dc="http://purl.org/dc/elements/1.1/">
<m:mods><m:titleInfo><m:title>Walden</m:title></m:titleInfo>
  <m:name type="personal" usage="primary"><m:namePart>Thoreau, Henry David</m:namePart>
    <m:affiliation>Concord</m:affiliation></m:name>
  <m:recordInfo><m:recordIdentifier source="X">m1</m:recordIdentifier></m:recordInfo></m:mods>
<about><dc:title>Cape Cod</dc:title><dc:creator>Thoreau</dc:creator><dc:date>1865</dc:date></about>
<m:mods/>
</collection>"""


async def test_mods_and_dublin_core_are_imported_and_each_record_tells_what_was_lost(
    catalog: Harness, shelves: Shelves
) -> None:
    job = await shelves.imported(DESCRIBED.encode(), "application/xml", profile="none")

    assert (job["media_type"], job["state"]) == ("application/xml", "finished-with-errors")
    assert job["counts"] == counts(created=2, rejected=1)
    whole, plain, empty = await shelves.outcomes(job)
    assert whole["control_number"] == "m1"
    assert whole["reasons"] == [
        {"code": "not-said", "text": "Not taken over: 'Concord'.", "where": "name/affiliation"}
    ]
    assert plain["reasons"] == []
    assert [each["code"] for each in empty["reasons"]] == ["syntax"]
    titles = [(await catalog.get(f"/v1/titles/{each['title_id']}")).json() for each in (whole, plain)]
    assert [(each["title"], each["author"], each["year"]) for each in titles] == [
        ("Walden", "Thoreau, Henry David", None),
        ("Cape Cod", None, 1865),
    ]
    assert titles[1]["contributors"] == ["Thoreau"]

    again = await shelves.imported(DESCRIBED.encode(), "text/xml; charset=utf-8", profile="none")
    assert again["counts"] == counts(unchanged=2, rejected=1)


async def test_a_document_type_is_not_read_whatever_it_describes(catalog: Harness, shelves: Shelves) -> None:
    bomb = '<!DOCTYPE mods [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><mods>&b;</mods>'
    job = await shelves.imported(bomb.encode(), "application/xml")

    assert job["counts"] == counts(rejected=1)
    (only,) = await shelves.outcomes(job)
    assert [each["code"] for each in only["reasons"]] == ["forbidden"]
