"""What an import set aside is taken up again; nobody's pile stands before another's single record."""

import asyncio

import pytest

from catalog.imports import queries
from catalog.imports.worker import A_FEW, work_once
from catalog.marc import mods
from catalog.marc.marcjson import dumps as as_json
from catalog.marc.marcxml import write as as_xml
from catalog.marc.record import Field, Record
from chassis.principal import Principal
from support.harness import Harness
from support.shelves import Shelves, file_of, record

ISBN = Field.data("020", "  ", ("a", "9780306406157"))
DESK = Principal("staff", "somebody-else", frozenset({"*"}))


def book(number: str) -> Record:
    return record(number).having(ISBN)


@pytest.mark.parametrize(
    "media_type",
    ["application/marc", "application/marcxml+xml", "application/marc+json", "application/mods+xml"],
)
async def test_only_what_was_set_aside_is_taken_up_again(
    catalog: Harness, shelves: Shelves, media_type: str
) -> None:
    for code, several in (("report", "report"), ("best", "best")):
        doc = {"name": code, "match": {"point": "isbn"}, "several": several}
        await catalog.put(f"/v1/import-profiles/{code}", json=doc, headers={"If-Match": '"0"'})
    await shelves.title(book("a"))
    best = await shelves.title(book("b").having(*(Field.data("650", " 0", ("a", str(n))) for n in range(4))))
    made = [book("v1"), record("v2"), book("v3")]
    content = {
        "application/marc": file_of(*made),
        "application/marcxml+xml": b"".join(as_xml(made)),
        "application/marc+json": b"\n".join(map(as_json, made)),
        "application/mods+xml": f"<modsCollection>{''.join(map(mods.dumps, made))}</modsCollection>".encode(),
    }[media_type]
    job = await shelves.imported(content, media_type, profile="report")
    assert (job["counts"]["created"], job["counts"]["matched_many"]) == (1, 2)

    answer = await catalog.post(f"/v1/imports/{job['id']}/reruns", params={"profile": "best"})
    assert answer.status_code == 202, answer.text
    await shelves.work()
    again = (await catalog.get(answer.headers["Location"])).json()

    assert (again["rerun_of"], again["profile"], again["records_read"]) == (job["id"], "best", 2)
    told = await shelves.outcomes(again)
    assert [(each["control_number"], each["outcome"], each["title_id"]) for each in told] == [
        ("v1", "updated", best["id"]),
        ("v3", "duplicate", best["id"]),
    ]
    nothing = await catalog.post(f"/v1/imports/{again['id']}/reruns")
    assert (nothing.status_code, nothing.json()["reasons"][0]["code"]) == (409, "all-taken")


async def test_whoever_was_served_longest_ago_is_next(catalog: Harness, shelves: Shelves) -> None:
    for number in range(3):
        await shelves.send(file_of(record(f"pile{number}")))
    with catalog.asking(DESK):
        await shelves.send(file_of(record("single")))

    while await work_once(catalog.resources, asyncio.Event()):
        pass

    rows = await catalog.resources.pool.fetch("SELECT requested_by FROM import_job ORDER BY started_at")
    assert [row["requested_by"] for row in rows] == [
        "staff:test-desk", "staff:somebody-else", "staff:test-desk", "staff:test-desk",
    ]  # fmt: skip


async def test_a_record_is_in_while_a_large_file_is_under_way(catalog: Harness, shelves: Shelves) -> None:
    large = (await shelves.send(file_of(*(record(f"r{n}") for n in range(400))))).json()
    async with catalog.resources.pool.acquire() as busy:
        held = await queries.take(busy, largest=2**40)
        assert held is not None
        assert str(held["id"]) == large["id"]
        one = (await shelves.send(file_of(record("one")))).json()

        assert await work_once(catalog.resources, asyncio.Event(), largest=A_FEW)

        assert (await catalog.get(f"/v1/imports/{one['id']}")).json()["state"] == "finished"
        assert (await catalog.get(f"/v1/imports/{large['id']}")).json()["state"] == "queued"
        await queries.give_back(busy, held["id"])


async def test_one_user_may_have_so_many_imports_waiting(catalog: Harness, shelves: Shelves) -> None:
    settings = catalog.resources.settings
    catalog.resources.settings = settings.model_copy(update={"import_jobs_per_user": 2})
    sent = [await shelves.send(file_of(record(str(n)))) for n in range(3)]
    with catalog.asking(DESK):
        other = await shelves.send(file_of(record("x")))

    assert [answer.status_code for answer in (*sent, other)] == [202, 202, 409, 202]
    (reason,) = sent[2].json()["reasons"]
    assert (reason["code"], reason["value"], reason["limit"]) == ("too-many-imports", 2, 2)
