"""Title lists into packages and out again: every row taken or told, nothing lost, nothing done twice."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from chassis import outbox
from contracts.erm import PackageChanged, PackageItemsChanged, TitleInstanceChanged
from contracts.events import Actor
from erm.instances.commands import merge
from erm.instances.entering import MergeIn
from erm.kbart import statements, worker
from erm.kbart.applying import apply
from erm.kbart.rules import COLUMNS
from erm.kbart.worker import work_once
from support.acquiring import WAITING
from support.knowing import USUAL, Knowledge, listing
from support.shared_data import shared_data

TEN = [{"publication_title": f"Title {n}", "title_id": f"t{n}"} for n in range(10)]
HUNDRED = [{"publication_title": f"Title {n:03}", "title_id": f"t{n}"} for n in range(100)]


def made(name: str) -> bytes:
    return shared_data("kbart", "made", name).read_bytes()


def as_exported(file: bytes) -> list[str]:
    """Rows of a list by name, without the marks and empty rows that spreadsheets leave behind."""
    lines = file.decode("utf-8-sig").splitlines()
    return sorted(line for line in lines[1:] if line.strip())


async def wrongs(kb: Knowledge, load: dict[str, Any]) -> list[tuple[int, str, str | None]]:
    """What was said of rows, by line."""
    found = await kb.get(f"/v1/package-loads/{load['id']}/rows?limit=1000")
    return [(each["line"], r["code"], r["column"]) for each in found["items"] for r in each["reasons"]]


async def test_a_list_is_the_package_and_the_same_list_again_changes_nothing(kb: Knowledge) -> None:
    package, file = await kb.package(), made("ExamplePress_Global_AllJournals_2026-01-15.txt")
    told = json.loads(made("expected.json"))["ExamplePress_Global_AllJournals_2026-01-15.txt"]

    first = await kb.load(package, file, "?file_name=ExamplePress_Global_AllJournals_2026-01-15.txt")
    events = len(await kb.erm.envelopes())
    again = await kb.load(package, file)

    assert (first["state"], first["rows_read"], first["titles"]["added"]) == (
        "finished",
        told["rows"],
        told["titles"],
    )
    assert (again["titles"]["unchanged"], again["rows"]["unchanged"]) == (told["titles"], told["rows"])
    assert [each.what for each in await kb.erm.announced(PackageChanged)] == ["entered", "loaded", "loaded"]
    assert len(await kb.erm.envelopes()) == events + 1
    items = await kb.items(package)
    assert [each["starts"] for each in items["Annals of Gaps"]["coverage"]] == ["1990-01", "1999"]
    assert (items["Annals of Gaps"]["line"], items["Window Quarterly"]["coverage"][0]["embargo"]) == (
        3,
        "R10Y;P30D",
    )
    old, new = items["Old Journal"]["title"]["id"], items["New Name of Old Journal"]["title"]["id"]
    assert (await kb.get(f"/v1/title-instances/{new}"))["preceded_by"] == old
    acta = await kb.get(f"/v1/title-instances/{items['Acta Imaginaria']['title']['id']}")
    assert [(each["medium"], each["identifiers"][0]["value"]) for each in acta["siblings"]] == [
        ("print", "0306-4522")
    ]


async def test_what_came_in_goes_out_with_all_25_columns(kb: Knowledge) -> None:
    files = [
        made("ExamplePress_Global_AllJournals_2026-01-15.txt"),
        made("ExamplePress_Global_Books2026_2026-01-15.txt"),
        shared_data("kbart", "real", "Testdata_KBART_AnnualReviews.tsv").read_bytes(),
    ]
    for file in files:
        package = await kb.package()
        load = await kb.load(package, file)
        assert load["state"] == "finished", load

        answer = await kb.erm.get(f"/v1/packages/{package['id']}/kbart")

        assert answer.content.split(b"\n")[0].decode().split("\t") == list(COLUMNS)
        assert as_exported(answer.content) == as_exported(file)
    assert "example-press_Global_P3_" in answer.headers["content-disposition"]


async def test_rows_that_are_wrong_are_told_by_line_and_column_and_the_rest_is_taken(kb: Knowledge) -> None:
    package = await kb.package()
    load = await kb.load(package, made("bad_rows.txt"))

    assert (load["state"], load["rows"]["added"], load["rows"]["rejected"], load["warned"]) == (
        "finished-with-errors",
        3,
        6,
        3,
    )
    assert await wrongs(kb, load) == [
        (2, "issn-check-digit", "online_identifier"),
        (3, "issn-form", "online_identifier"),
        (4, "date-malformed", "date_first_issue_online"),
        (5, "ends-before-it-starts", "date_last_issue_online"),
        (6, "embargo-malformed", "embargo_info"),
        (7, "title-missing", "publication_title"),
        (8, "access-type", "access_type"),
        (9, "coverage-depth", "coverage_depth"),
        (10, "cell-count", None),
    ]
    rejected = await kb.get(f"/v1/package-loads/{load['id']}/rows?outcome=rejected&limit=2")
    rest = await kb.get(
        f"/v1/package-loads/{load['id']}/rows?outcome=rejected&cursor={rejected['next_cursor']}"
    )
    assert [each["line"] for each in rejected["items"] + rest["items"]] == [4, 5, 6, 7, 8, 10]
    report = (await kb.erm.get(f"/v1/package-loads/{load['id']}/report")).text.splitlines()
    assert report[3].startswith("4\terror\tdate_first_issue_online\tdate-malformed\t")
    assert len(report) == 10


async def test_997_of_1000_are_taken_and_the_same_again_changes_nothing(kb: Knowledge) -> None:
    rows: list[dict[str, str] | str] = [
        {"publication_title": f"Title {n}", "title_id": f"t{n}"} for n in range(1000)
    ]
    for wrong in (10, 500, 999):
        rows[wrong] = {"publication_title": f"Wrong {wrong}", "title_id": f"t{wrong}", "access_type": "X"}
    package = await kb.package()

    first, again = await kb.load(package, listing(*rows)), await kb.load(package, listing(*rows))

    assert (first["rows"]["added"], first["rows"]["rejected"]) == (997, 3)
    assert [line for line, *_ in await wrongs(kb, first)] == [12, 502, 1001]
    assert (again["rows"]["unchanged"], again["rows"]["rejected"]) == (997, 3)
    assert again["titles"] == {"added": 0, "changed": 0, "unchanged": 997, "removed": 0}


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (b"", ["empty-body"]),
        (listing(), ["no-rows"]),
        (listing(*TEN).replace(b"\t", b","), ["not-tab-separated", *["column-missing"] * 11]),
        (listing(*TEN, columns=COLUMNS[:-1]), ["column-missing"]),
        (listing(*TEN, columns=(*COLUMNS, "title_id")), ["column-twice"]),
        (b"PK\x03\x04rest of a workbook", ["not-text"]),
        (listing(*TEN).decode().replace("notes", "n\xf6tes").encode("latin-1"), ["not-utf-8"]),
        (listing("x" * 600_000), ["line-too-long"]),
    ],
    ids=["empty", "columns only", "commas", "no access type", "twice", "a workbook", "latin 1", "endless"],
)
async def test_what_is_no_list_is_refused_whole_and_leaves_nothing(
    kb: Knowledge, content: bytes, codes: list[str]
) -> None:
    package = await kb.package()

    assert await kb.codes(await kb.send(package, content), 422) == codes
    assert (await kb.get(f"/v1/packages/{package['id']}/loads"))["items"] == []
    assert await kb.erm.resources.pool.fetchval("SELECT count(*) FROM kbart_load") == 0


async def test_utf_16_with_quotes_and_unknown_columns_is_read_as_it_is_meant(kb: Knowledge) -> None:
    row = {"publication_title": '"Sämtliche" Werke, Bd. 1"', "notes": 'the "best', "extra": "x"}
    file = listing(row, columns=("extra", *reversed(COLUMNS))).decode()
    package = await kb.package()

    load = await kb.load(package, b"\xff\xfe" + file.replace("\n", "\r\n").encode("utf-16-le"))

    assert (load["encoding"], load["state"]) == ("utf-16-le", "finished")
    assert [each["code"] for each in load["findings"]] == ["column-unknown"]
    ((name, item),) = (await kb.items(package)).items()
    assert (name, item["coverage"][0]["note"]) == ('"Sämtliche" Werke, Bd. 1"', 'the "best')


async def test_titles_that_a_list_leaves_out_have_an_end_and_may_come_back(kb: Knowledge) -> None:
    package = await kb.package()
    await kb.load(package, listing(*HUNDRED))
    kb.erm.at(datetime(2027, 3, 1, 9, tzinfo=UTC))

    less = await kb.load(package, listing(*HUNDRED[:90]))
    gone = await kb.items(package, "&removed=true")
    went = await kb.get(f"/v1/package-loads/{less['id']}/removals")
    exported = (await kb.erm.get(f"/v1/packages/{package['id']}/kbart")).text
    back = await kb.load(package, listing(*HUNDRED))

    assert (less["state"], less["titles"]["removed"]) == ("finished", 10)
    assert {each["access_end_on"] for each in gone.values()} == {"2027-02-28"}
    assert sorted(each["name"] for each in went["items"]) == sorted(gone)
    assert len(exported.splitlines()) == 91
    assert back["titles"] == {"added": 0, "changed": 10, "unchanged": 90, "removed": 0}
    assert await kb.items(package, "&removed=true") == {}
    assert {each["access_end_on"] for each in (await kb.items(package)).values()} == {None}
    told = [each.what for event in await kb.erm.announced(PackageItemsChanged) for each in event.items]
    assert [told.count(what) for what in ("added", "removed", "returned")] == [100, 10, 10]
    versions = [each.sequence for each in await kb.erm.envelopes() if each.subject == package["id"]]
    assert versions == list(range(1, len(versions) + 1))


async def test_a_list_that_leaves_out_too_much_waits_and_nothing_is_changed_until_it_is_confirmed(
    kb: Knowledge,
) -> None:
    package = await kb.package()
    await kb.load(package, listing(*HUNDRED))
    less = listing(*HUNDRED[:89], {"publication_title": "New", "title_id": "new"})

    waits = await kb.load(package, less)
    names = set(await kb.items(package))
    meanwhile = await kb.send(package, less)
    would = await kb.get(f"/v1/package-loads/{waits['id']}/removals?limit=500")
    await kb.post(f"/v1/package-loads/{waits['id']}/confirmations", {}, expect=202)
    await kb.work()
    done = await kb.get(f"/v1/package-loads/{waits['id']}")

    assert (waits["state"], [each["code"] for each in waits["findings"]]) == ("waiting", ["too-many-removed"])
    assert "New" not in names
    assert await kb.codes(meanwhile, 409) == ["load-under-way"]
    assert len(would["items"]) == 11
    assert (done["state"], done["titles"]["removed"], done["titles"]["added"]) == ("finished", 11, 1)
    twice = await kb.erm.post(f"/v1/package-loads/{waits['id']}/confirmations")
    assert await kb.codes(twice, 409) == ["load-moved-on"]


async def test_rows_that_cannot_be_read_may_be_any_title(kb: Knowledge) -> None:
    package = await kb.package(removal_percent=100)
    await kb.load(package, listing(*TEN))

    waits = await kb.load(package, listing(*TEN[:9], "Title 9\twithout the rest"))
    await kb.post(f"/v1/package-loads/{waits['id']}/cancellations", {}, expect=202)
    await kb.work()

    assert (waits["state"], [each["code"] for each in waits["findings"]]) == ("waiting", ["rows-unreadable"])
    assert (await kb.get(f"/v1/package-loads/{waits['id']}"))["state"] == "cancelled"
    assert await kb.items(package, "&removed=true") == {}


async def test_a_dry_run_tells_what_would_become_of_it_and_changes_nothing(kb: Knowledge) -> None:
    package = await kb.package()
    await kb.load(package, listing(*HUNDRED))
    events = len(await kb.erm.envelopes())
    changed = {**HUNDRED[0], "publication_title": "Renamed"}
    file = listing(changed, *HUNDRED[1:60], {"publication_title": "New", "online_identifier": "2049-3630"})

    tried = await kb.load(package, file, "?dry_run=true")

    assert (tried["state"], tried["dry_run"]) == ("finished", True)
    assert tried["titles"] == {"added": 1, "changed": 1, "unchanged": 59, "removed": 40}
    assert [each["code"] for each in tried["findings"]] == ["too-many-removed"]
    assert len((await kb.get(f"/v1/package-loads/{tried['id']}/removals"))["items"]) == 40
    assert len(await kb.erm.envelopes()) == events
    assert set(await kb.items(package)) == {each["publication_title"] for each in HUNDRED}
    assert (await kb.get("/v1/title-instances?identifier=issn:2049-3630"))["items"] == []


async def test_of_two_lists_at_once_one_is_told_to_wait(kb: Knowledge) -> None:
    package = await kb.package()

    answers = await asyncio.gather(*(kb.send(package, listing(*TEN)) for _ in range(3)))
    await kb.work()

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    assert len((await kb.get(f"/v1/packages/{package['id']}/loads"))["items"]) == 1
    assert len(await kb.items(package)) == 10


async def test_the_same_request_again_is_the_same_load(kb: Knowledge) -> None:
    package = await kb.package()
    path, headers = f"/v1/packages/{package['id']}/loads", {"Content-Type": "text/plain"}

    first = await kb.erm.post(path, key="k", content=listing(*TEN), headers=headers)
    again = await kb.erm.post(path, key="k", content=listing(*TEN), headers=headers)
    other = await kb.erm.post(path, key="k", content=listing(*TEN[:5]), headers=headers)

    assert (again.json()["id"], other.status_code) == (first.json()["id"], 422)
    assert len((await kb.get(f"/v1/packages/{package['id']}/loads"))["items"]) == 1


async def test_a_package_that_follows_no_list_takes_none(kb: Knowledge) -> None:
    package = await kb.package(sync=False)

    assert await kb.codes(await kb.send(package, listing(*TEN)), 409) == ["not-followed"]
    assert (await kb.load(package, listing(*TEN), "?dry_run=true"))["titles"]["added"] == 10


async def test_whoever_comes_next_goes_on_where_a_load_was_left(
    kb: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        """The process is gone in the midst of a slice."""

    package, gone = await kb.package(), 0
    more = [{"publication_title": f"Other {n:03}", "title_id": f"x{n}"} for n in range(100)]
    load = (await kb.send(package, listing(*HUNDRED, *more))).json()
    monkeypatch.setattr(worker, "SLICE", 40)

    async def killed_after_writing(*told: Any, **more: Any) -> None:
        nonlocal gone
        await apply(*told, **more)
        gone += 1
        if gone % 2:
            raise Killed

    monkeypatch.setattr(worker, "apply", killed_after_writing)
    for _ in range(40):
        try:
            if not await work_once(kb.erm.resources):
                break
        except Killed:
            continue

    done = await kb.get(f"/v1/package-loads/{load['id']}")
    assert gone > 8
    assert (done["state"], done["rows"]["added"], done["titles"]["added"]) == ("finished", 200, 200)
    assert len(await kb.items(package)) == 200
    told = [each.item_id for event in await kb.erm.announced(PackageItemsChanged) for each in event.items]
    assert len(told) == len(set(told)) == 200


async def test_a_list_costs_as_many_statements_whatever_it_has(kb: Knowledge) -> None:
    """A slice is looked up and written as a whole: none of its rows is asked for by itself."""
    pool, asked = kb.erm.resources.pool, list[str]()
    for connection in [await pool.acquire() for _ in range(pool.get_max_size())]:
        connection.add_query_logger(lambda query: asked.append(query.query))
        await pool.release(connection)
    counts = []
    for rows in (TEN, HUNDRED[:20], HUNDRED):
        named = [row | {"publication_title": f"Title {n} of {len(rows)}"} for n, row in enumerate(rows)]
        await kb.send(await kb.package(source=f"s{len(rows)}"), listing(*named))
        asked.clear()
        await kb.work()
        counts.append(len(asked))

    assert counts[1] == counts[2] < 70  # the first one also has connections learn what types there are


async def test_a_list_of_which_the_database_knows_nothing_yet_is_not_compared_with_all_of_itself(
    kb: Knowledge,
) -> None:
    load = await kb.load(await kb.package(), listing(*TEN))
    async with kb.erm.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute(statements.BY_HASH)
        plan = await connection.fetch(f"EXPLAIN {statements.TELL_APART}", UUID(load["id"]))

    assert "Hash Join" in str(plan)
    assert "Nested Loop" not in str(plan)


async def test_several_workers_at_once_do_each_row_once_and_make_each_title_once(
    kb: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SLICE", 20)
    packages = [await kb.package(), await kb.package(source="other")]
    rows = [
        {"publication_title": f"Title {n}", "online_identifier": number, "title_id": str(n)}
        for n, number in enumerate(("2049-3630", "1476-4687", "1554-8627", "2168-8478", "1091-6490"))
    ]
    sent = [await kb.send(each, listing(*rows, *TEN)) for each in packages]

    for _ in range(12):
        await asyncio.gather(*(work_once(kb.erm.resources) for _ in range(3)), return_exceptions=True)

    loads = [await kb.get(f"/v1/package-loads/{answer.json()['id']}") for answer in sent]
    assert [(each["state"], each["rows"]["added"]) for each in loads] == [("finished", 15)] * 2
    for row in rows:
        found = await kb.get(f"/v1/title-instances?identifier=issn:{row['online_identifier']}")
        assert len(found["items"]) == 1


async def test_a_load_that_is_cancelled_half_way_keeps_what_is_committed(
    kb: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SLICE", 40)
    package = await kb.package()
    load = (await kb.send(package, listing(*HUNDRED))).json()
    for _ in range(3):  # read; seen what is left out; a first slice
        await work_once(kb.erm.resources)
    await kb.post(f"/v1/package-loads/{load['id']}/cancellations", {}, expect=202)
    await kb.work()

    done = await kb.get(f"/v1/package-loads/{load['id']}")
    assert (done["state"], len(await kb.items(package))) == ("cancelled", done["rows"]["added"])
    assert 0 < done["rows"]["added"] < 100
    assert (await kb.load(package, listing(*HUNDRED)))["titles"]["added"] == 100 - done["rows"]["added"]


async def test_titles_of_several_lists_are_one_by_their_numbers_and_doubts_are_told(kb: Knowledge) -> None:
    journals = await kb.package()
    await kb.load(
        journals,
        listing(
            {"publication_title": "Acta", "title_id": "a", "online_identifier": "2049-3630"},
            {"publication_title": "Annals", "title_id": "b", "online_identifier": "1476-4687"},
        ),
    )
    other = await kb.package(source="other")
    load = await kb.load(
        other,
        listing(
            {"publication_title": "ACTA", "title_id": "1", "online_identifier": "20493630"},
            {"publication_title": "Twin", "title_id": "2", "online_identifier": "2049-3630"},
        ),
    )
    mixed = await kb.package()
    doubtful = await kb.load(
        mixed, listing({"publication_title": "Acta", "title_id": "b", "online_identifier": "2049-3630"})
    )

    acta = (await kb.get("/v1/title-instances?identifier=issn:2049-3630"))["items"][0]
    here, there = await kb.items(journals), await kb.items(other)
    assert here["Acta"]["title"]["id"] == there["ACTA"]["title"]["id"] == acta["id"]
    assert there["Twin"]["title"]["id"] != acta["id"]
    assert (load["questions"], doubtful["questions"]) == (1, 1)
    reviews = (await kb.get("/v1/title-reviews"))["items"]
    assert [(each["kind"], each["line"]) for each in reviews] == [
        ("identifiers-disagree", 2),
        ("identifier-shared", 3),
    ]
    assert (await wrongs(kb, load))[1] == (3, "identifier-shared", None)
    merged = [reviews[0]["title_id"], reviews[0]["other_id"]]
    row = {"publication_title": "Acta 2", "title_id": "b", "online_identifier": "2049-3630"}
    assert (await kb.load(mixed, listing(row)))["questions"] == 0
    refused = await kb.erm.post(f"/v1/title-instances/{merged[0]}/merges", json={"title_ids": [merged[1]]})
    assert await kb.codes(refused, 409) == ["both-in-package"]
    await kb.post(
        f"/v1/title-reviews/{reviews[0]['id']}/settlements", {"note": "theirs is wrong"}, expect=200
    )
    assert [each["kind"] for each in (await kb.get("/v1/title-reviews"))["items"]] == ["identifier-shared"]


async def test_a_list_that_calls_its_titles_otherwise_changes_them_and_keeps_their_items(
    kb: Knowledge,
) -> None:
    package = await kb.package(removal_percent=100)
    row = {"publication_title": "Acta", "title_id": "a", "online_identifier": "2049-3630"}
    await kb.load(package, listing(row, {"publication_title": "By hand", "title_id": "b"}))
    before = await kb.items(package)
    hand = await kb.get(f"/v1/title-instances/{before['By hand']['title']['id']}")
    await kb.put(f"/v1/title-instances/{hand['id']}", {"name": "Ours", "kind": "serial"}, hand["version"])

    await kb.load(
        package,
        listing(
            row | {"title_id": "new-a", "publication_title": "Acta Nova", "date_first_issue_online": "1990"},
            {"publication_title": "Theirs", "title_id": "b"},
        ),
    )

    after = await kb.items(package)
    assert (after["Acta Nova"]["id"], after["Acta Nova"]["key"]) == (before["Acta"]["id"], "id:new-a")
    assert after["Acta Nova"]["coverage"][0]["starts"] == "1990"
    assert after["Acta Nova"]["title"]["name"] == "Acta Nova"
    assert after["Theirs"]["title"]["name"] == "Ours"
    title_id = after["Acta Nova"]["title"]["id"]
    told = [each for each in await kb.erm.announced(TitleInstanceChanged) if str(each.title_id) == title_id]
    assert [(each.version, each.what) for each in told] == [(2, "followed")]


async def test_where_a_title_lies_is_told_by_its_address(kb: Knowledge) -> None:
    other = await kb.post("/v1/platforms", {"code": "q", "name": "Q", "domains": ["q.example"]})
    package = await kb.package()
    rows = [
        {"publication_title": "Here", "title_id": "h", "title_url": "https://elsewhere.example/h"},
        {"publication_title": "There", "title_id": "t", "title_url": "https://q.example/t"},
    ]
    await kb.load(package, listing(*rows))
    moved = await kb.load(package, listing(rows[0] | {"title_url": "https://q.example/h"}, rows[1]))

    items = await kb.items(package)
    assert {each["platform_id"] for each in items.values()} == {other["id"]}
    assert moved["titles"] == {"added": 0, "changed": 1, "unchanged": 1, "removed": 0}


async def test_what_came_by_hand_stays_and_is_exported_too(kb: Knowledge) -> None:
    package = await kb.package(removal_percent=0)
    title = await kb.title("By Hand", "issn:2049-3630", publisher="Ours")
    await kb.title("By Hand", "issn:0306-4522", medium="print", sibling_of=title["id"])
    item = await kb.item(package, title, url="https://p.example/hand", coverage=[{"starts": "1990"}])

    load = await kb.load(package, listing(*TEN))
    exported = (await kb.erm.get(f"/v1/packages/{package['id']}/kbart")).text.splitlines()

    assert (load["state"], load["titles"]["removed"]) == ("finished", 0)
    assert (await kb.get(f"/v1/package-items/{item['id']}"))["removed_at"] is None
    told = dict(zip(COLUMNS, exported[1].split("\t"), strict=True))
    assert {name: value for name, value in told.items() if value} == USUAL | {
        "publication_title": "By Hand",
        "print_identifier": "0306-4522",
        "online_identifier": "2049-3630",
        "publisher_name": "Ours",
        "date_first_issue_online": "1990",
        "title_url": "https://p.example/hand",
    }
    listed = (await kb.items(package))["Title 0"]
    refused = await kb.erm.put(
        f"/v1/package-items/{listed['id']}",
        json={"coverage": [{"starts": "1999"}]},
        headers={"If-Match": '"1"'},
    )
    assert await kb.codes(refused, 409) == ["kept-by-list"]


async def test_rows_of_old_loads_are_forgotten_and_broken_uploads_with_them(kb: Knowledge) -> None:
    package = await kb.package()
    load = await kb.load(package, listing(*TEN))
    pool = kb.erm.resources.pool
    await pool.execute("UPDATE kbart_load SET finished_at = now() - interval '91 days'")
    await pool.execute(
        "INSERT INTO kbart_load (id, package_id, state, findings, requested_by, created_at) "
        "VALUES (gen_random_uuid(), $1, 'receiving', '[]', 'staff:x', now() - interval '2 days')",
        package["id"],
    )

    await kb.erm.tick("forget-rows-of-title-lists")

    told = await kb.get(f"/v1/package-loads/{load['id']}")
    assert (told["rows_kept"], told["titles"]["added"]) == (False, 10)
    assert (await kb.get(f"/v1/package-loads/{load['id']}/rows"))["items"] == []
    assert await pool.fetchval("SELECT count(*) FROM kbart_load") == 1


async def test_a_title_that_somebody_merges_meanwhile_is_met_as_what_it_became(kb: Knowledge) -> None:
    package = await kb.package()
    row = {"publication_title": "Acta", "title_id": "a", "online_identifier": "2049-3630"}
    await kb.load(package, listing(row))
    old = (await kb.items(package))["Acta"]
    stays = await kb.title("Acta", "issn:1476-4687")
    await kb.send(package, listing(row | {"online_identifier": "1554-8627"}))
    for _ in range(2):  # read; seen what is left out
        await work_once(kb.erm.resources)
    pool = kb.erm.resources.pool
    token = outbox.origin.set(kb.erm.resources.origin(Actor("staff", "x")))

    async with pool.acquire() as merging, merging.transaction():
        body = MergeIn(title_ids=[UUID(old["title"]["id"])])
        await merge(merging, UUID(stays["id"]), body, by="staff:x", now=datetime.now(UTC))
        loading = asyncio.create_task(kb.work())
        for _ in range(200):
            await merging.execute("SELECT pg_stat_clear_snapshot()")
            if waited := await merging.fetchval(WAITING):
                break
            await asyncio.sleep(0.01)
    await loading
    outbox.origin.reset(token)

    assert waited
    found = await kb.get("/v1/title-instances?identifier=issn:1554-8627")
    assert [each["id"] for each in found["items"]] == [stays["id"]]
    assert (await kb.get(f"/v1/package-items/{old['id']}"))["title"]["id"] == stays["id"]


async def test_one_id_for_a_journal_and_what_it_was_called_before_is_two_titles(kb: Knowledge) -> None:
    rows = [
        {"publication_title": "Nuclear and Particle", "title_id": "n", "print_identifier": "0306-4522"},
        {"publication_title": "Nuclear", "title_id": "n", "print_identifier": "2049-3630"},
    ]
    package = await kb.package()

    first, again = await kb.load(package, listing(*rows)), await kb.load(package, listing(*rows))

    assert (first["titles"]["added"], again["titles"]["unchanged"], first["questions"]) == (2, 2, 0)
    assert sorted(await kb.items(package)) == ["Nuclear", "Nuclear and Particle"]
