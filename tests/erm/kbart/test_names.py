"""Titles of lists that no number tells: staff are told what is called alike, and a library may have it taken."""

from typing import Any

import asyncpg
import pytest

from erm.kbart import statements
from support.knowing import Knowledge, listing
from support.plans import overheard

ROW = {"publication_title": "Annals of Mater", "title_id": "am", "publisher_name": "Example Press"}


async def known(kb: Knowledge, name: str = "The Annals of Matter", *numbers: str, **more: Any) -> str:
    """A title of another provider's list, by hand."""
    title: str = (await kb.title(name, *numbers, publisher="Example Press", **more))["id"]
    return title


async def configured(kb: Knowledge, **names: int | None) -> None:
    answer = await kb.erm.put("/v1/configuration/erm", json={"names": names})
    assert answer.status_code == 200, answer.text


async def rows(kb: Knowledge, load: dict[str, Any]) -> list[list[str]]:
    found = await kb.get(f"/v1/package-loads/{load['id']}/rows?limit=100")
    return [[reason["code"] for reason in each["reasons"]] for each in found["items"]]


async def test_what_is_called_alike_is_told_to_staff_with_its_score_and_why(kb: Knowledge) -> None:
    title = await known(kb)
    await known(kb, "Annals of Zoology")
    package = await kb.package()

    load = await kb.load(package, listing(ROW, {"publication_title": "Nothing Like It", "title_id": "x"}))

    assert (load["state"], load["questions"], load["titles"]["added"]) == ("finished", 1, 2)
    (review,) = (await kb.get("/v1/title-reviews"))["items"]
    made = (await kb.items(package))["Annals of Mater"]["title"]["id"]
    assert (review["kind"], review["title_id"], review["other_id"], review["line"], review["score"]) == (
        "name-alike",
        made,
        title,
        2,
        83,
    )
    assert [each["code"] for each in review["why"]] == ["similar-name", "same-publisher"]
    assert await rows(kb, load) == [["name-alike"], []]
    again = await kb.load(package, listing(ROW | {"notes": "changed"}))
    assert again["questions"] == 0
    await kb.post(f"/v1/title-instances/{title}/merges", {"title_ids": [made]})
    assert (await kb.get("/v1/title-reviews"))["items"] == []


async def test_it_is_taken_by_itself_only_from_the_likeness_that_the_library_sets(kb: Knowledge) -> None:
    title, other = await known(kb), await known(kb, "Archives of Stone")
    exact = {"publication_title": "Archives of Stone : a review", "title_id": "as"}
    await configured(kb, ask_from=80, take_from=95)
    package = await kb.package()

    load = await kb.load(package, listing(ROW, exact))

    items = await kb.items(package)
    assert items["Archives of Stone : a review"]["title"]["id"] == other
    assert items["Annals of Mater"]["title"]["id"] != title
    assert await rows(kb, load) == [["name-alike"], ["taken-by-name"]]
    assert (load["new_titles"], load["questions"]) == (1, 1)


async def test_numbers_that_contradict_each_other_tell_titles_apart_whatever_they_are_called(
    kb: Knowledge,
) -> None:
    numbered = await known(kb, "Annals of Mater", "issn:2049-3630")
    await configured(kb, ask_from=50, take_from=50)
    package = await kb.package()

    load = await kb.load(package, listing(ROW | {"online_identifier": "1476-4687"}))
    without = await kb.load(await kb.package(source="other"), listing(ROW))

    assert (load["questions"], load["warned"], load["new_titles"]) == (0, 0, 1)
    made = (await kb.items(package))["Annals of Mater"]["title"]["id"]
    reviews = (await kb.get("/v1/title-reviews"))["items"]
    assert {each["other_id"] for each in reviews} == {numbered, made}  # two are like it: neither is taken
    assert without["questions"] == 2


async def test_a_number_that_nobody_knew_is_given_to_the_title_that_is_called_the_same(kb: Knowledge) -> None:
    title = await known(kb)
    await configured(kb, ask_from=80, take_from=100)
    row = {**ROW, "publication_title": "Annals of Matter", "online_identifier": "2049-3630"}
    tried = await kb.load(await kb.package(), listing(row), "?dry_run=true")
    assert await rows(kb, tried) == [["taken-by-name"]]

    await kb.load(await kb.package(), listing(row))

    found = (await kb.get("/v1/title-instances?identifier=issn:2049-3630"))["items"]
    assert [each["id"] for each in found] == [title]


async def test_a_library_may_have_names_not_compared(kb: Knowledge) -> None:
    await known(kb)
    await configured(kb, ask_from=None)

    load = await kb.load(await kb.package(), listing(ROW))
    wrong = await kb.erm.put("/v1/configuration/erm", json={"names": {"ask_from": 90, "take_from": 80}})

    assert (load["questions"], load["warned"], wrong.status_code) == (0, 0, 422)


async def test_titles_that_a_former_release_has_entered_are_found_once_they_are_named(kb: Knowledge) -> None:
    await known(kb)
    pool = kb.erm.resources.pool
    await pool.execute("UPDATE title_instance SET core_name = NULL")

    before = await kb.load(await kb.package(), listing(ROW))
    await kb.erm.tick("name-titles")
    after = await kb.load(await kb.package(source="other"), listing(ROW | {"title_id": "y"}))

    assert (before["questions"], after["questions"]) == (0, 2)


@pytest.mark.parametrize("numbered", [False, True])
async def test_names_are_looked_for_by_an_index_however_many_there_are(
    kb: Knowledge, *, numbered: bool
) -> None:
    pool = kb.erm.resources.pool
    await pool.execute("""
INSERT INTO title_instance (id, work_id, name, sort_name, core_name, kind, medium, created_at)
SELECT w.id, w.id, w.name, w.name, w.name, 'serial', 'electronic', now()
FROM (SELECT gen_random_uuid() AS id, 'annals of ' || md5(n::text) AS name FROM generate_series(1, 5000) n) w
""")
    await pool.execute("ANALYZE title_instance")
    row = ROW | ({"online_identifier": "2049-3630"} if numbered else {})

    async with overheard(kb.erm) as asked:
        await kb.load(await kb.package(), listing(row, row | {"notes": "in two parts"}))

    assert statements.ALIKE in asked
    plan = await _plan(pool, numbered=numbered)
    assert "Seq Scan" not in plan, plan
    assert "title_instance_alike" in plan


async def _plan(pool: asyncpg.Pool, *, numbered: bool) -> str:
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(
            f"EXPLAIN ANALYZE {statements.ALIKE}", ["serial"], ["annals of mater"], [numbered]
        )
    return "\n".join(row[0] for row in rows)
