"""Exports on schedule: what has changed since the last one, neither skipped nor doubled, whoever writes meanwhile."""

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any

import pymarc
import pytest

from catalog.exports import worker
from catalog.exports.worker import work_once
from catalog.marc.iso2709 import dumps
from support.harness import Harness
from support.shelves import Shelves, file_of, record

MARC = {"Content-Type": "application/marc"}


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE", 3)
    monkeypatch.setattr(worker, "FOUND", 4)


async def scheduled(catalog: Harness, version: int = 0, **body: Any) -> dict[str, Any]:
    answer = await catalog.put(
        "/v1/export-schedules/nightly",
        json={"format": "marc"} | body,
        headers={"If-Match": f'"{version}"'},
    )
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{version + 1}"'
    return told


async def worked(catalog: Harness) -> None:
    while await work_once(catalog.resources, asyncio.Event()):
        pass


async def run(catalog: Harness, **body: Any) -> dict[str, Any]:
    """A run of the schedule, done; with its records: number and leader/05."""
    answer = await catalog.post("/v1/export-schedules/nightly/runs", json=body)
    assert answer.status_code == 202, answer.text
    await worked(catalog)
    told: dict[str, Any] = (await catalog.get(answer.headers["location"])).json()
    assert told["state"] == "done", told
    told["records"] = records((await catalog.get(f"/v1/exports/{told['id']}/content")).content)
    return told


def records(file: bytes) -> dict[str, str]:
    read = [each for each in pymarc.MARCReader(file) if each is not None]
    told = {str(each["001"].data): str(each.leader)[5] for each in read}
    assert len(told) == len(read), "a record came twice"
    return told


async def change(catalog: Harness, title: dict[str, Any], number: str, words: str) -> None:
    now = (await catalog.get(f"/v1/titles/{title['id']}")).json()
    answer = await catalog.put(
        f"/v1/titles/{title['id']}",
        content=dumps(record(number, title=words)),
        headers=MARC | {"If-Match": f'"{now["version"]}"'},
    )
    assert answer.status_code == 200, answer.text


async def test_each_export_tells_what_has_changed_since_the_one_before(
    catalog: Harness, shelves: Shelves
) -> None:
    made = [await shelves.title(record(f"r{number}")) for number in range(8)]
    await scheduled(catalog)
    first = await run(catalog)
    nothing = await run(catalog)
    await change(catalog, made[1], "r1", "Changed")
    hidden = await catalog.patch(
        f"/v1/titles/{made[2]['id']}", json={"suppressed": True}, headers={"If-Match": '"1"'}
    )
    deleted = await catalog.delete(f"/v1/titles/{made[3]['id']}", headers={"If-Match": '"1"'})
    await shelves.title(record("r8"))

    changed = await run(catalog)
    gone = (await catalog.get(f"/v1/exports/{changed['id']}/titles")).json()["items"]
    back = await catalog.post(f"/v1/titles/{made[3]['id']}/undeletions", headers={"If-Match": '"2"'})
    returned = await run(catalog)
    whole = await run(catalog, full=True)

    assert (hidden.status_code, deleted.status_code, back.status_code) == (200, 204, 200)
    assert (first["mode"], first["since"], len(first["records"])) == ("full", None, 8)
    assert (nothing["mode"], nothing["since"], nothing["records"]) == ("delta", first["id"], {})
    assert changed["records"] == {"r1": "n", "r2": "d", "r3": "d", "r8": "n"}
    assert (changed["since"], changed["given"], changed["gone"]) == (nothing["id"], 2, 2)
    assert [each["title_id"] for each in gone] == [made[2]["id"], made[3]["id"]]
    assert returned["records"] == {"r3": "n"}
    assert (whole["mode"], len(whole["records"])) == ("full", 8)
    assert (await run(catalog))["records"] == {}


async def test_what_changes_of_holdings_and_items_alone_is_told_where_they_are_given(
    catalog: Harness, shelves: Shelves
) -> None:
    made = [await shelves.title(record(f"r{number}")) for number in range(4)]
    items = [await shelves.item(title, call_number="PS1") for title in made[:3]]
    await scheduled(catalog, with_holdings=True)
    first = await run(catalog)
    nothing = await run(catalog)
    await catalog.patch(f"/v1/items/{items[0]['id']}", json={"note": "x"}, headers={"If-Match": '"1"'})
    shelf = f"/v1/holdings/{items[1]['holdings_id']}"
    moved = await catalog.patch(shelf, json={"call_number": "QA1"}, headers={"If-Match": '"1"'})
    await shelves.item(made[3])

    changed = await run(catalog)
    again = await run(catalog)
    await scheduled(catalog, 1, with_holdings=False)
    anew = await run(catalog)

    assert moved.status_code == 200, moved.text
    assert (len(first["records"]), nothing["records"]) == (4, {})
    assert changed["records"] == {"r0": "n", "r1": "n", "r3": "n"}
    assert again["records"] == {}
    assert (anew["mode"], len(anew["records"])) == ("full", 4)


async def test_what_a_reader_has_is_what_the_catalogue_has_whoever_writes_while_exports_are_made(
    catalog: Harness, shelves: Shelves
) -> None:
    chance = random.Random(7)
    numbers = [f"r{number}" for number in range(12)]
    made = {number: await shelves.title(record(number)) for number in numbers}
    await scheduled(catalog)
    has: dict[str, str] = {}
    told: Counter[str] = Counter()
    writing = True

    async def write() -> None:
        step = 0
        while writing:
            step += 1
            number = chance.choice(numbers)
            path = f"/v1/titles/{made[number]['id']}"
            now = (await catalog.get(path)).json()
            if chance.random() < 0.4:
                await catalog.patch(
                    path,
                    json={"suppressed": not now["suppressed"]},
                    headers={"If-Match": f'"{now["version"]}"'},
                )
            else:
                await catalog.put(
                    path,
                    content=dumps(record(number, title=f"Walden {step}")),
                    headers=MARC | {"If-Match": f'"{now["version"]}"'},
                )

    async def fetch() -> None:
        answer = await catalog.post("/v1/export-schedules/nightly/runs", json={})
        await worked(catalog)
        file = (await catalog.get(f"{answer.headers['location']}/content")).content
        for each in pymarc.MARCReader(file):
            assert each is not None
            number = str(each["001"].data)
            told[number] += 1
            if str(each.leader)[5] == "d":
                assert number in has, "a title that the reader never had is told to be gone"
                del has[number]
            else:
                words = str(each["245"]["a"])
                assert has.get(number) != words or words == "Walden"
                has[number] = words

    writer = asyncio.create_task(write())
    for _ in range(5):
        await fetch()
    writing = False
    await writer
    await fetch()

    rows = await catalog.resources.pool.fetch("SELECT control_number, title FROM title WHERE NOT suppressed")
    assert has == {row["control_number"]: row["title"] for row in rows}
    assert sum(told.values()) > len(numbers)


async def test_a_title_that_no_longer_answers_is_told_to_be_gone(catalog: Harness, shelves: Shelves) -> None:
    made = [await shelves.title(record(f"r{number}", title="Rome")) for number in range(5)]
    await shelves.title(record("other", title="Athens"))
    await scheduled(catalog, query="title:rome")
    async with shelves.indexed() as indexer:
        first = await run(catalog)
        await change(catalog, made[0], "r0", "Athens")
        while await indexer.follow():
            pass
        second = await run(catalog)
        await scheduled(catalog, 1, query="title:athens")
        third = await run(catalog)

    assert first["records"] == {f"r{number}": "n" for number in range(5)}
    assert second["records"] == {"r0": "d"}
    assert third["records"] == {"r0": "n", "other": "n"} | {f"r{number}": "d" for number in range(1, 5)}


async def test_what_was_cancelled_is_told_by_the_next_one(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title(record("r1"))
    await scheduled(catalog)
    first = await run(catalog)
    await change(catalog, title, "r1", "Changed")
    under_way = await catalog.post("/v1/export-schedules/nightly/runs", json={})
    twice = await catalog.post("/v1/export-schedules/nightly/runs", json={})
    rewritten = await catalog.put(
        "/v1/export-schedules/nightly", json={"format": "csv"}, headers={"If-Match": '"1"'}
    )
    await catalog.post(f"{under_way.headers['location']}/cancellations")

    second = await run(catalog)

    assert [answer.json()["code"] for answer in (twice, rewritten)] == ["export-under-way"] * 2
    assert (second["since"], second["records"]) == (first["id"], {"r1": "n"})


async def test_of_those_who_start_a_schedule_at_once_one_does(catalog: Harness, shelves: Shelves) -> None:
    await scheduled(catalog)

    answers = await asyncio.gather(
        *(catalog.post("/v1/export-schedules/nightly/runs", json={}) for _ in range(5))
    )

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]


async def test_another_format_begins_anew_another_hour_does_not(catalog: Harness, shelves: Shelves) -> None:
    await shelves.title(record("r1"))
    await scheduled(catalog)
    await run(catalog)
    await scheduled(catalog, 1, every_hours=12)
    same = await run(catalog)
    changed = await scheduled(catalog, 2, with_ids=True)
    anew = await run(catalog)
    stale = await catalog.put(
        "/v1/export-schedules/nightly", json={"format": "csv"}, headers={"If-Match": '"1"'}
    )

    assert (same["mode"], same["records"]) == ("delta", {})
    assert changed["last_done"] is None
    assert (anew["mode"], anew["records"]) == ("full", {"r1": "n"})
    assert stale.status_code == 412


async def test_the_clock_starts_what_is_due_once_and_does_not_catch_up(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.imported(file_of(record("r1")))
    now = catalog.resources.clock()
    starts = now + timedelta(hours=1)
    told = await scheduled(catalog, every_hours=24, starts_at=starts.isoformat())

    async def mine() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await catalog.get("/v1/exports?schedule=nightly")).json()["items"]
        return found

    await catalog.tick("start-exports")
    early = await mine()
    catalog.at(starts + timedelta(days=3))
    await catalog.tick("start-exports")
    await catalog.tick("start-exports")
    once = await mine()
    catalog.at(starts + timedelta(days=4))
    await catalog.tick("start-exports")
    waits = await mine()
    await worked(catalog)
    catalog.at(starts + timedelta(days=5))
    await catalog.tick("start-exports")
    await worked(catalog)

    assert told["next_at"] is not None
    assert (early, len(once), len(waits)) == ([], 1, 1)
    assert [(each["mode"], each["given"]) for each in await mine()] == [("delta", 0), ("full", 1)]
    after = (await catalog.get("/v1/export-schedules/nightly")).json()
    assert after["next_at"] == (starts + timedelta(days=6)).isoformat().replace("+00:00", "Z")


async def test_schedules_are_listed_page_by_page_and_taken_away(catalog: Harness, shelves: Shelves) -> None:
    await scheduled(catalog)
    await run(catalog)
    other = await catalog.put(
        "/v1/export-schedules/weekly", json={"format": "csv", "mode": "full"}, headers={"If-Match": '"0"'}
    )
    first = (await catalog.get("/v1/export-schedules?limit=1")).json()
    second = (await catalog.get(f"/v1/export-schedules?limit=1&cursor={first['next_cursor']}")).json()
    stale = await catalog.delete("/v1/export-schedules/nightly", headers={"If-Match": '"9"'})
    gone = await catalog.delete("/v1/export-schedules/nightly", headers={"If-Match": '"1"'})
    unknown = [
        await catalog.get("/v1/export-schedules/nightly"),
        await catalog.post("/v1/export-schedules/nightly/runs", json={}),
        await catalog.delete("/v1/export-schedules/nightly", headers={"If-Match": '"1"'}),
    ]

    assert other.status_code == 200
    assert [each["code"] for page in (first, second) for each in page["items"]] == ["nightly", "weekly"]
    assert second["next_cursor"] is None
    assert (stale.status_code, gone.status_code) == (412, 204)
    assert [answer.status_code for answer in unknown] == [404, 404, 404]
    assert len((await catalog.get("/v1/exports?schedule=nightly")).json()["items"]) == 1
    assert not await catalog.resources.pool.fetchval("SELECT count(*) FROM export_given")
