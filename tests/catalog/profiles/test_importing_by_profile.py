"""Files come in by a profile: found by more than their number, laid over what is here, rehearsed, in few questions."""

import asyncio
from typing import Any

import asyncpg
import pytest

from catalog.imports import worker
from catalog.imports.worker import work_once
from catalog.marc.record import Field, Record
from contracts.catalog import ImportFinished, TitlesImported
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

ISBN, OTHER_ISBN = "9780306406157", "9780804429573"
BY_ISBN = {"any": [{"point": "control-number"}, {"point": "isbn"}]}


def book(number: str | None, isbn: str | None = ISBN, *more: Field, **told: Any) -> Record:
    fields = [Field.data("020", "  ", ("a", isbn))] if isbn else []
    return record(number, **told).having(*fields, *more)


def note(text: str, tag: str = "500") -> Field:
    return Field.data(tag, "  ", ("a", text))


async def profile(catalog: Harness, code: str = "ours", **told: Any) -> str:
    answer = await catalog.put(
        f"/v1/import-profiles/{code}", json={"name": "Ours", **told}, headers={"If-Match": '"0"'}
    )
    assert answer.status_code == 200, answer.text
    return code


async def marc(catalog: Harness, title_id: str) -> list[str]:
    answer = await catalog.get(f"/v1/titles/{title_id}", headers={"Accept": "application/marc+json"})
    told = []
    for field in answer.json()["fields"]:
        ((tag, value),) = field.items()
        text = value if isinstance(value, str) else next(iter(value["subfields"][0].values()))
        told.append(f"{tag} {text}")
    return told


async def one_outcome(shelves: Shelves, job: dict[str, Any]) -> dict[str, Any]:
    (told,) = await shelves.outcomes(job)
    return told


async def test_a_vendors_record_is_found_by_isbn_and_laid_over_ours(
    catalog: Harness, shelves: Shelves
) -> None:
    await catalog.put(
        "/v1/record-specifications/rda",
        json={"name": "RDA", "on_save": "warn", "fields": [{"tag": "591", "protected": True}]},
        headers={"If-Match": '"0"'},
    )
    mine = await shelves.title(book("ours", ISBN, note("kept", "590"), note("guarded", "591"), note("old")))
    code = await profile(
        catalog,
        match=BY_ISBN,
        overlay={"preserve": [{"tag": "590"}]},
        strip=[{"tag": "9XX"}],
        set=[{"tag": "949", "subfields": [{"code": "a", "value": "from the vendor"}]}],
    )

    theirs = book("v1", ISBN, note("new"), note("theirs", "590"), note("x", "999"), title="Walden; or, Life")
    job = await shelves.imported(file_of(theirs), profile=code)

    assert (job["profile"], job["profile_version"], job["counts"]["updated"]) == ("ours", 1, 1)
    told = await one_outcome(shelves, job)
    assert (told["title_id"], told["title_version"]) == (mine["id"], 2)
    assert told["matching"] == [{"title_id": mine["id"], "holds": True, "score": 1, "points": ["isbn"]}]
    assert await marc(catalog, mine["id"]) == [
        "001 ours", "008 260101s1854    xx                  eng d", f"020 {ISBN}", "035 v1",
        "100 Thoreau, Henry David", "245 Walden; or, Life", "500 new", "590 kept", "591 guarded", "650 Solitude",
        "949 from the vendor",
    ]  # fmt: skip
    whole = (await catalog.get(f"/v1/imports/{job['id']}/outcomes/1")).json()
    changed = [(each["kind"], each["tag"]) for each in whole["differences"]]
    assert changed == [("added", "035"), ("changed", "245"), ("changed", "500"), ("added", "949")]
    history = (await catalog.get(f"/v1/titles/{mine['id']}/history")).json()["items"]
    assert [(step["version"], step["by"]) for step in history] == [(2, "staff:test-desk")]

    again = await shelves.imported(file_of(theirs), profile=code)
    assert again["counts"]["unchanged"] == 1


async def test_several_that_fit_are_reported_or_the_best_is_taken(catalog: Harness, shelves: Shelves) -> None:
    await shelves.title(book("a"))
    rich = await shelves.title(book("b", ISBN, *(note(f"subject {n}", "650") for n in range(5))))
    report = await profile(catalog, "report", match={"point": "isbn"})
    best = await profile(catalog, "best", match={"point": "isbn"}, several="best")
    content = file_of(book("v"))

    many = await shelves.imported(content, profile=report)
    taken = await shelves.imported(content, profile=best)

    assert (many["state"], many["counts"]["matched_many"]) == ("finished-with-errors", 1)
    (told,) = await shelves.outcomes(many, outcome="matched-many")
    assert (told["title_id"], told["has_original"]) == (None, True)
    assert [reason["code"] for reason in told["reasons"]] == ["matched-many"]
    assert {each["title_id"] for each in told["matching"]} >= {rich["id"]}
    original = await catalog.get(f"/v1/imports/{many['id']}/outcomes/1/original")
    assert original.content == content
    assert (await one_outcome(shelves, taken))["title_id"] == rich["id"]
    (first, _) = await catalog.announced(ImportFinished)
    assert first.counts["matched_many"] == 1


async def test_what_a_profile_does_not_want_is_set_aside_with_its_reason(
    catalog: Harness, shelves: Shelves
) -> None:
    full = book("full", ISBN, *(note(f"subject {n}", "650") for n in range(20)))
    mine = await shelves.title(full)
    holder = await shelves.title(book("taken", OTHER_ISBN))
    code = await profile(
        catalog,
        match={"point": "isbn"},
        on_no_match="discard",
        overlay={"least_quality": 0.9, "control_number": "take"},
    )

    job = await shelves.imported(
        file_of(
            book("poor"),
            book("nobody", None),
            full.without("001").having(Field.control("001", "taken")),
            book("taken", None),
        ),
        profile=code,
    )

    told = [(each["outcome"], each["reasons"][0]["code"]) for each in await shelves.outcomes(job)]
    assert told == [
        ("rejected", "quality-lower"),
        ("discarded", "no-match"),
        ("matched-many", "control-number-elsewhere"),
        ("rejected", "control-number-taken"),
    ]
    for title in (mine, holder):
        assert (await catalog.get(f"/v1/titles/{title['id']}")).json()["version"] == 1


async def test_records_of_one_file_that_fit_each_other_are_one_title(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "SLICE_RECORDS", 2)
    code = await profile(catalog, match=BY_ISBN, suppress_new=True)
    content = file_of(
        *(book(f"n{n}") for n in range(3)),
        book("other", OTHER_ISBN),
        book("n1", None),
        book(None, OTHER_ISBN),
    )

    tried = await shelves.imported(content, profile=code, dry_run=True)
    nothing = await catalog.resources.pool.fetchval("SELECT count(*) FROM title")
    done = await shelves.imported(content, profile=code)

    assert nothing == 0
    outcomes = [each["outcome"] for each in await shelves.outcomes(done)]
    assert outcomes == ["created", "duplicate", "duplicate", "created", "created", "duplicate"]
    assert [each["outcome"] for each in await shelves.outcomes(tried)] == outcomes
    assert tried["counts"] == done["counts"]
    assert {
        row["suppressed"] for row in await catalog.resources.pool.fetch("SELECT suppressed FROM title")
    } == {True}
    (told, *_) = await catalog.announced(TitlesImported)
    assert all(title.suppressed for title in told.titles)


async def test_a_dry_run_tells_everything_and_writes_nothing(catalog: Harness, shelves: Shelves) -> None:
    mine = await shelves.title(book("a"))
    items = {"tag": "999", "subfields": {"i": "barcode", "l": "location", "m": "library"}}
    code = await profile(catalog, match=BY_ISBN, holdings={"items": items})
    content = file_of(
        with_items(book("a", title="Walden Pond"), ("1", "MAIN", "STACKS")),
        with_items(book("b", OTHER_ISBN), ("2", "MAIN", "STACKS"), ("3", "NO", "WHERE")),
        with_items(book("c", None), ("1", "MAIN", "STACKS")),
    )
    events = len(await catalog.envelopes())

    job = await shelves.imported(content, profile=code, dry_run=True)

    assert (job["dry_run"], job["counts"]["created"], job["counts"]["updated"]) == (True, 2, 1)
    assert job["items"] == {"created": 2, "updated": 0, "unchanged": 0, "problems": 2}
    whole = (await catalog.get(f"/v1/imports/{job['id']}/outcomes/1")).json()
    changed = [(each["kind"], each["tag"], each["parts"]) for each in whole["differences"]]
    assert changed == [("changed", "245", ["$a"]), ("added", "999", [])]
    made = (await catalog.get(f"/v1/imports/{job['id']}/outcomes/2")).json()
    assert (made["title_id"], {each["kind"] for each in made["differences"]}) == (None, {"added"})
    pool = catalog.resources.pool
    counts = [await pool.fetchval(f"SELECT count(*) FROM {table}") for table in ("title", "item", "holdings")]
    assert counts == [1, 0, 0]
    assert (await catalog.get(f"/v1/titles/{mine['id']}")).json()["version"] == 1
    assert len(await catalog.envelopes()) == events
    contradiction = await shelves.send(content, dry_run=True, create_locations=True)
    assert contradiction.json()["reasons"][0]["code"] == "dry-run-makes-nothing"


async def test_holdings_and_items_are_found_made_or_left_as_the_profile_says(
    catalog: Harness, shelves: Shelves
) -> None:
    items = {
        "tag": "999",
        "subfields": {"i": "barcode", "l": "location", "t": "item_type"},
        "translate": {"location": {"stacks": "MAIN/STACKS"}},
    }
    add = await profile(
        catalog,
        "add",
        match=BY_ISBN,
        on_match="keep",
        holdings={"call_numbers": [{"tag": "050"}], "items": items},
    )
    only = await profile(
        catalog,
        "only",
        match=BY_ISBN,
        on_match="keep",
        holdings={"on_no_match": "discard", "items": items | {"on_match": "keep"}},
    )
    mine = await shelves.title(book("a"))
    told = with_items(
        book("v", ISBN, Field.data("050", " 0", ("a", "PS3048"), ("b", ".A1"))), ("1", "", "stacks")
    )

    first = await shelves.imported(file_of(told), profile=add)
    second = await shelves.imported(
        file_of(with_items(book("v"), ("1", "", "stacks"), ("2", "", "stacks"))), profile=only
    )

    assert (first["counts"]["unchanged"], first["items"]["created"]) == (1, 1)
    (item,) = (await catalog.get("/v1/items", params={"barcode": "1"})).json()["items"]
    assert (item["title_id"], item["location"], item["call_number"]) == (mine["id"], "STACKS", "PS3048 .A1")
    assert second["items"] == {"created": 0, "updated": 0, "unchanged": 1, "problems": 0}
    codes = [reason["code"] for reason in (await one_outcome(shelves, second))["reasons"]]
    assert codes == ["holdings-unknown"]


async def test_two_imports_at_once_make_one_title(catalog: Harness, shelves: Shelves) -> None:
    code = await profile(catalog, match=BY_ISBN)
    for number in ("x", "y"):
        assert (await shelves.send(file_of(book(number)), profile=code)).status_code == 202

    await asyncio.gather(*(work_once(catalog.resources, asyncio.Event()) for _ in range(2)))

    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM title") == 1
    jobs = (await catalog.get("/v1/imports")).json()["items"]
    assert sorted((job["counts"]["created"], job["counts"]["updated"]) for job in jobs) == [(0, 1), (1, 0)]


async def test_a_slice_is_matched_in_as_many_questions_as_one_record(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await profile(
        catalog,
        match={"all": [{"point": "title"}, {"point": "author"}]},
        overlay={"preserve": [{"tag": "590"}]},
    )
    asked: list[str] = []
    for name in ("fetch", "execute", "fetchval", "fetchrow", "copy_records_to_table"):
        real = getattr(asyncpg.Connection, name)

        async def counting(self: Any, told: str, *more: Any, _real: Any = real, **named: Any) -> Any:
            asked.append(told)
            return await _real(self, told, *more, **named)

        monkeypatch.setattr(asyncpg.Connection, name, counting)
    numbers = []
    for several in (1, 200):
        made = [book(f"{several}-{n}", None, title=f"Title {several} {n}") for n in range(several)]
        await shelves.imported(file_of(*made), profile=code)
        asked.clear()
        job = await shelves.imported(file_of(*(each.having(note("x")) for each in made)), profile=code)
        assert job["counts"]["updated"] == several
        numbers.append(len(asked))

    assert numbers[0] == numbers[1]
    assert numbers[0] < 40


async def test_titles_of_an_earlier_release_are_found_too(catalog: Harness, shelves: Shelves) -> None:
    mine = await shelves.title(book("a"))
    await shelves.title(book("b", OTHER_ISBN))
    await catalog.resources.pool.execute("UPDATE title SET keys = NULL")
    code = await profile(catalog, match={"point": "isbn"})

    job = await shelves.imported(file_of(book("v")), profile=code)
    await catalog.resources.pool.execute("UPDATE title SET keys = NULL")
    await catalog.tick("key-titles")

    assert (await one_outcome(shelves, job))["title_id"] == mine["id"]
    assert not await catalog.resources.pool.fetchval("SELECT count(*) FROM title WHERE keys IS NULL")


async def test_profiles_are_written_checked_and_taken_back(catalog: Harness, shelves: Shelves) -> None:
    wrong = await catalog.put(
        "/v1/import-profiles/ours",
        json={"name": "Ours", "match": {"point": "author"}, "specification": "nobody"},
        headers={"If-Match": '"0"'},
    )
    assert (wrong.status_code, [(each["pointer"], each["code"]) for each in wrong.json()["reasons"]]) == (
        422,
        [("/match", "match-finds-nothing"), ("/specification", "specification-unknown")],
    )
    await profile(catalog, "local-999", match=BY_ISBN)

    codes = {
        each["code"]: each["version"] for each in (await catalog.get("/v1/import-profiles")).json()["items"]
    }
    assert codes == {
        "holdings": 0, "local-949": 0, "local-952": 0, "local-999": 1, "none": 0, "standard": 0,
    }  # fmt: skip
    stale = await catalog.put(
        "/v1/import-profiles/local-999", json={"name": "Again"}, headers={"If-Match": '"0"'}
    )
    gone = await catalog.delete("/v1/import-profiles/local-999", headers={"If-Match": '"1"'})
    missing = await catalog.delete("/v1/import-profiles/local-999", headers={"If-Match": '"1"'})
    assert [each.status_code for each in (stale, gone, missing)] == [412, 204, 404]
    shipped = (await catalog.get("/v1/import-profiles/local-999")).json()
    assert (shipped["version"], shipped["holdings"]["items"]["tag"]) == (0, "999")


async def test_profiles_travel_with_the_configuration(catalog: Harness, shelves: Shelves) -> None:
    await profile(catalog, match=BY_ISBN)
    exported = (await catalog.get("/v1/configuration/catalog")).json()

    async def put(profiles: Any, **more: Any) -> Any:
        answer = await catalog.put(
            "/v1/configuration/catalog", json=exported | {"import_profiles": profiles}, params=more
        )
        return answer.json().get("sections", answer.json().get("reasons"))

    assert await put(exported["import_profiles"]) == {}
    assert await put(None) == {}
    (kept,) = exported["import_profiles"]
    changed = [{"code": kept["code"], "name": "Renamed"}, {"code": "more", "name": "More"}]
    diff = {"import_profiles": {"added": ["more"], "changed": ["ours"], "removed": []}}
    assert await put(changed, dry_run=True) == diff
    assert await put(changed) == diff
    assert (await catalog.get("/v1/import-profiles/ours")).json()["version"] == 2
    (flaw,) = await put([kept | {"match": {"point": "year"}}])
    assert (flaw["pointer"], flaw["code"]) == ("/import_profiles/0/match", "match-finds-nothing")
    assert await put([]) == {"import_profiles": {"added": [], "changed": [], "removed": ["more", "ours"]}}
