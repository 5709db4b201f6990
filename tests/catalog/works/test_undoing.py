"""What staff have said of works is taken back, and nothing else is."""

import asyncio
import random
from typing import Any

import pytest

from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from catalog.works.following import step
from chassis.principal import Principal
from support.harness import Harness
from support.shelves import Shelves, file_of, record

READER = Principal("staff", "reader", frozenset({"titles:read"}))
NOBODY = "01890000-0000-7000-8000-00000000dead"


async def grouped(catalog: Harness) -> None:
    while await step(catalog.resources.pool):
        pass


async def work_of(catalog: Harness, title_id: str) -> dict[str, Any]:
    answer = await catalog.get(f"/v1/titles/{title_id}/work")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def members(work: dict[str, Any]) -> set[str]:
    return {each["title_id"] for kind in work["expressions"] for each in kind["editions"]}


async def said(catalog: Harness, title_id: str, how: str, **body: Any) -> dict[str, Any]:
    """A merge or a split of this title's work; what it answers."""
    work = await work_of(catalog, title_id)
    answer = await catalog.post(
        f"/v1/works/{work['id']}/{how}", json=body, headers={"If-Match": f'"{work["version"]}"'}
    )
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def decisions(catalog: Harness, work_id: str) -> list[dict[str, Any]]:
    answer = await catalog.get(f"/v1/works/{work_id}/decisions")
    assert answer.status_code == 200, answer.text
    told: list[dict[str, Any]] = answer.json()["items"]
    return told


async def undone(catalog: Harness, work: dict[str, Any], decision_id: str) -> Any:
    return await catalog.post(
        f"/v1/works/{work['id']}/decisions/{decision_id}/undoing",
        headers={"If-Match": f'"{work["version"]}"'},
    )


async def corrected(catalog: Harness, title_id: str, made: Record) -> None:
    now = (await catalog.get(f"/v1/titles/{title_id}")).json()
    answer = await catalog.put(
        f"/v1/titles/{title_id}",
        content=dumps(made),
        headers={"Content-Type": "application/marc", "If-Match": f'"{now["version"]}"'},
    )
    assert answer.status_code == 200, answer.text


async def titles(shelves: Shelves, *names: str) -> list[str]:
    """Titles of these names, each with its work."""
    made = [await shelves.title(record(f"w{n}", title=name)) for n, name in enumerate(names)]
    await grouped(shelves.catalog)
    return [each["id"] for each in made]


async def test_a_merged_work_comes_forth_again_with_what_has_come_by_its_keys(
    catalog: Harness, shelves: Shelves
) -> None:
    walden, woods, again = await titles(shelves, "Walden", "Life in the woods", "Life in the woods")
    woods_work = await work_of(catalog, woods)
    merged = await said(catalog, walden, "merges", merged=[woods_work["id"]])
    late = [
        (await shelves.title(record(number, title=title)))["id"]
        for number, title in (("l1", "Walden"), ("l2", "Life in the woods"))
    ]
    await grouped(catalog)
    whole = await work_of(catalog, walden)
    (decision,) = await decisions(catalog, whole["id"])

    answer = await undone(catalog, whole, decision["id"])
    await grouped(catalog)
    await catalog.post("/v1/works:rebuild")
    await grouped(catalog)

    assert merged["id"] == whole["id"]
    assert members(whole) == {walden, woods, again, *late}
    assert answer.status_code == 200, answer.text
    assert (answer.json()["id"], members(answer.json())) == (woods_work["id"], {woods, again, late[1]})
    assert [members(await work_of(catalog, each)) for each in (walden, woods)] == [
        {walden, late[0]}, {woods, again, late[1]},
    ]  # fmt: skip
    assert (await catalog.get(f"/v1/works/{woods_work['id']}")).status_code == 200
    (told,) = await decisions(catalog, woods_work["id"])
    assert (told["kind"], told["work_id"], told["other_id"]) == ("merge", whole["id"], woods_work["id"])
    assert set(told["title_ids"]) == {woods, again}
    assert (told["made_by"], told["undone_by"]) == (decision["made_by"], decision["made_by"])
    assert decision["undone_at"] is None
    assert told["undone_at"] is not None


async def test_other_merges_stand_and_what_was_within_stays_so(catalog: Harness, shelves: Shelves) -> None:
    one, two, three, four = await titles(shelves, "One", "Two", "Three", "Four")
    third = await work_of(catalog, three)
    await said(catalog, three, "merges", merged=[(await work_of(catalog, four))["id"]])
    await said(catalog, one, "merges", merged=[(await work_of(catalog, each))["id"] for each in (two, three)])
    whole = await work_of(catalog, one)
    by_other = {each["other_id"]: each["id"] for each in await decisions(catalog, whole["id"])}

    first = await undone(catalog, whole, by_other[third["id"]])
    await shelves.title(record("l1", title="Two"))
    await grouped(catalog)
    await catalog.post("/v1/works:rebuild")
    await grouped(catalog)

    assert (first.status_code, members(first.json())) == (200, {three, four})
    assert {one, two} < members(await work_of(catalog, one))
    assert len(members(await work_of(catalog, one))) == 3
    assert members(await work_of(catalog, four)) == {three, four}


async def test_titles_that_were_taken_out_return_and_their_works_id_leads_on(
    catalog: Harness, shelves: Shelves
) -> None:
    one, two, three = await titles(shelves, "Walden", "Walden", "Walden")
    apart = await said(catalog, one, "splits", title_ids=[two, three])
    (decision,) = await decisions(catalog, apart["id"])
    await catalog.delete(f"/v1/titles/{three}", headers={"If-Match": '"1"'})
    await grouped(catalog)

    answer = await undone(catalog, await work_of(catalog, two), decision["id"])
    whole = await work_of(catalog, one)
    await corrected(catalog, two, record("w1", title="Cape Cod"))
    await grouped(catalog)

    assert (answer.status_code, answer.json()["id"]) == (200, whole["id"])
    assert members(whole) == {one, two}
    led = await catalog.get(f"/v1/works/{apart['id']}")
    assert (led.status_code, led.headers["location"]) == (308, f"/v1/works/{whole['id']}")
    assert members(await work_of(catalog, two)) == {two}, "it goes by its keys again"


async def test_what_stands_against_it_is_told(catalog: Harness, shelves: Shelves) -> None:
    one, two, three, four = await titles(shelves, "One", "Two", "Three", "Three")
    second = await work_of(catalog, two)
    whole = await said(catalog, one, "merges", merged=[second["id"]])
    (decision,) = await decisions(catalog, whole["id"])
    with catalog.asking(READER):
        refused = [
            (await undone(catalog, whole, decision["id"])).status_code,
            (await catalog.get(f"/v1/works/{whole['id']}/decisions")).status_code,
        ]
    bridge = record("b", title="One").having(Field.data("765", "0 ", ("t", "Two")))
    bridging = (await shelves.title(bridge))["id"]
    await grouped(catalog)
    torn = await undone(catalog, await work_of(catalog, one), decision["id"])
    await corrected(catalog, bridging, record("b", title="One"))
    await grouped(catalog)
    third = await said(catalog, three, "merges", merged=[whole["id"]])
    version = await catalog.resources.pool.fetchval("SELECT version FROM work WHERE id = $1", whole["id"])
    onward = await undone(catalog, whole | {"version": version}, decision["id"])
    stale = await undone(catalog, third | {"version": 99}, (await decisions(catalog, third["id"]))[0]["id"])
    unread = await catalog.post(f"/v1/works/{third['id']}/decisions/{decision['id']}/undoing")
    unknown = [
        await undone(catalog, third, NOBODY),
        await undone(catalog, third, decision["id"]),
        await undone(catalog, third | {"id": NOBODY}, decision["id"]),
        await catalog.get(f"/v1/works/{NOBODY}/decisions"),
    ]
    (of_third,) = await decisions(catalog, third["id"])
    back = await undone(catalog, await work_of(catalog, three), of_third["id"])
    after = await undone(catalog, await work_of(catalog, one), decision["id"])
    twice = await undone(catalog, await work_of(catalog, one), decision["id"])

    def reasons(answer: Any) -> list[str]:
        assert (answer.status_code, answer.json()["code"]) == (409, "work-decision-stands"), answer.text
        return [each["code"] for each in answer.json()["reasons"]]

    assert refused == [403, 403]
    assert reasons(torn) == ["records-hold-together"]
    assert bridging in torn.text
    assert reasons(onward) == ["later-decision"]
    assert (stale.status_code, unread.status_code) == (412, 428)
    assert [(each.status_code, each.json()["code"]) for each in unknown] == [
        (404, "work-decision-unknown"), (404, "work-decision-unknown"), (404, "work-unknown"), (404, "work-unknown"),
    ]  # fmt: skip
    assert (back.status_code, after.status_code) == (200, 200), (back.text, after.text)
    assert reasons(twice) == ["already-undone"]
    assert members(await work_of(catalog, two)) == {two}
    assert members(await work_of(catalog, four)) == {three, four}


async def test_two_who_take_the_same_back_at_once_do_so_once(catalog: Harness, shelves: Shelves) -> None:
    one, two, three = await titles(shelves, "One", "Two", "Three")
    for each in (two, three):
        await said(catalog, one, "merges", merged=[(await work_of(catalog, each))["id"]])
    whole = await work_of(catalog, one)
    last, first = await decisions(catalog, whole["id"])

    answers = await asyncio.gather(
        *(undone(catalog, whole, each["id"]) for each in (first, first, last)),
        *(step(catalog.resources.pool) for _ in range(2)),
    )

    codes = sorted(each.status_code for each in answers[:3])
    assert codes[0] == 200
    assert set(codes[1:]) <= {409, 412}, "the others have read a version that is no more"
    kept = {two} if last["undone_at"] is None and answers[2].status_code == 200 else {three}
    assert members(await work_of(catalog, one)) == {one} | kept


@pytest.mark.parametrize(
    ("seed", "in_turn"), [(0, True), (1, True), (2, True), (3, False), (4, False), (5, False)]
)
async def test_whatever_was_said_is_as_before_when_all_is_taken_back(
    catalog: Harness, shelves: Shelves, seed: int, in_turn: bool
) -> None:
    chance = random.Random(seed)
    names = [f"Title {chance.randrange(5)}" for _ in range(9)]
    await shelves.imported(file_of(*(record(f"n{n}", title=name) for n, name in enumerate(names))))
    await grouped(catalog)
    pool = catalog.resources.pool
    ids = [str(row["id"]) for row in await pool.fetch("SELECT id FROM title ORDER BY id")]

    async def works() -> dict[str, str]:
        return {each: (await work_of(catalog, each))["id"] for each in ids}

    async def keys() -> set[tuple[str, bool]]:
        rows = await pool.fetch("SELECT key || work_id AS key, by_staff FROM work_key")
        return {(row["key"], row["by_staff"]) for row in rows}

    before, keys_before = await works(), await keys()
    for _ in range(8):
        now = await works()
        one = chance.choice(ids)
        others = sorted(set(now.values()) - {now[one]})
        own = sorted(each for each in ids if now[each] == now[one])
        if chance.random() < 0.6 and others:
            chosen = chance.sample(others, chance.randint(1, min(2, len(others))))
            await said(catalog, one, "merges", merged=chosen)
        elif len(own) > 1:
            await said(catalog, one, "splits", title_ids=chance.sample(own, chance.randint(1, len(own) - 1)))
        await grouped(catalog)
    standing = await pool.fetch("SELECT id, work_id, other_id, kind FROM work_decision ORDER BY id DESC")
    assert len(standing) > 3
    refused = 0
    while standing:
        assert refused <= 100, standing
        each = standing.pop(0 if in_turn else chance.randrange(len(standing)))
        at = each["work_id"] if each["kind"] == "merge" else each["other_id"]
        version = await pool.fetchval("SELECT version FROM work WHERE id = $1", at)
        answer = await undone(catalog, {"id": at, "version": version}, str(each["id"]))
        if answer.status_code != 200:
            assert (in_turn, answer.status_code) == (False, 409), answer.text
            assert {one["code"] for one in answer.json()["reasons"]} == {"later-decision"}
            refused += 1
            standing.append(each)
        await grouped(catalog)

    assert await works() == before
    assert await keys() == keys_before
    assert not await pool.fetchval("SELECT EXISTS (SELECT FROM work_title WHERE pinned)")
