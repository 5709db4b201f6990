"""Another library's catalogue is searched, looked at, and copied by a profile. The other library is this one's twin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aiohttp import web

from catalog.marc.record import Field
from chassis.clock import system_clock
from support.harness import Harness
from support.shelves import Shelves, file_of, record

ISBN = "9780306406157"


@asynccontextmanager
async def served(catalog: Harness) -> AsyncIterator[str]:
    """The catalogue's own SRU over a socket, and servers that behave badly beside it."""

    async def hand(request: web.Request) -> web.StreamResponse:
        if request.path == "/slow":
            await asyncio.sleep(5)
        if request.path == "/long":
            return web.Response(body=b"x" * 5000)
        if request.path == "/elsewhere":
            return web.Response(status=302, headers={"Location": "http://169.254.169.254/"})
        answer = await catalog.get(f"/sru?{request.query_string}")
        return web.Response(body=answer.content, content_type="text/xml")

    app = web.Application()
    app.router.add_get("/{tail:.*}", hand)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def allow(catalog: Harness, *networks: str, limit: int = 8_000_000) -> None:
    told = {"search_networks": networks, "search_target_limit": limit}
    catalog.resources.settings = catalog.resources.settings.model_copy(update=told)


async def configured(catalog: Harness, *targets: dict[str, Any]) -> Any:
    document = (await catalog.get("/v1/configuration/catalog")).json()
    return await catalog.put("/v1/configuration/catalog", json=document | {"search_targets": targets})


async def test_a_record_of_another_library_is_found_looked_at_and_laid_over_ours(
    catalog: Harness, shelves: Shelves
) -> None:
    allow(catalog, "127.0.0.0/8")
    note = Field.data("500", "  ", ("a", "copied"))
    number = Field.data("020", "  ", ("a", ISBN))
    await shelves.imported(file_of(record("theirs", title="Ponds").having(number, note)))
    async with served(catalog) as there, shelves.indexed() as indexer:
        targets = [
            {
                "code": "v" + version.replace(".", "-"),
                "name": version,
                "url": f"{there}/sru",
                "version": version,
            }
            for version in ("1.1", "1.2", "2.0")
        ]
        assert (await configured(catalog, *targets)).status_code == 200
        while await indexer.follow():
            pass
        answer = await catalog.post("/v1/copy-searches", json={"terms": {"isbn": ISBN, "title": "ponds"}})

    assert answer.status_code == 200, answer.text
    told = answer.json()["answers"]
    assert [(each["target"], each["total"], each["problem"]) for each in told] == [
        ("v1-1", 1, None), ("v1-2", 1, None), ("v2-0", 1, None),
    ]  # fmt: skip
    (found,) = told[0]["records"]
    assert (found["title"], found["isbns"], len(found["ours"])) == ("Ponds", [ISBN], 1)
    whole = await catalog.get(f"/v1/found-records/{found['id']}", headers={"Accept": "application/marc+json"})
    assert whole.json()["fields"][0] == {"001": "theirs"}

    mine = await shelves.title(record("mine").having(number))
    await catalog.resources.pool.execute("UPDATE title SET keys = '{}' WHERE id <> $1", mine["id"])
    overlay = {"mode": "merge", "add": [{"tag": "5XX"}]}
    profile = {"name": "Copy", "match": {"point": "isbn"}, "overlay": overlay}
    await catalog.put("/v1/import-profiles/copy", json=profile, headers={"If-Match": '"0"'})
    taken = await catalog.post(f"/v1/found-records/{found['id']}/imports", params={"profile": "copy"})
    await shelves.work()

    job = (await catalog.get(taken.headers["Location"])).json()
    (outcome,) = await shelves.outcomes(job)
    assert (outcome["outcome"], outcome["title_id"]) == ("updated", mine["id"])
    catalog.at(system_clock() + timedelta(days=2))
    late = await catalog.post(f"/v1/found-records/{found['id']}/imports")
    assert (late.status_code, late.json()["code"]) == (404, "found-record-unknown")
    await catalog.tick("forget-found")
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM found_record") == 0


async def test_a_server_that_does_not_answer_costs_no_others_answer(
    catalog: Harness, shelves: Shelves
) -> None:
    allow(catalog, "127.0.0.0/8", limit=4000)
    async with served(catalog) as there:
        at = {"name": "x", "version": "1.2", "seconds": 0.5}
        await configured(
            catalog,
            *({"code": path, "url": f"{there}/{path}", **at} for path in ("elsewhere", "long", "slow")),
            {"code": "well", "url": f"{there}/sru", **at},
            {"code": "gone", "url": "http://127.0.0.1:1/", **at},
        )
        answer = await catalog.post("/v1/copy-searches", json={"cql": 'title = "x'})

    told = {each["target"]: each["problem"] for each in answer.json()["answers"]}
    assert told["elsewhere"] == "HTTP 302"
    assert told["long"] == "an answer of more than 4000 bytes"
    assert told["slow"] == "no answer within 0.5 s"
    assert told["gone"].startswith("no answer: ")
    assert told["well"].startswith("the server says: ")


async def test_nobody_within_our_walls_is_asked_unless_the_operator_allows_it(
    catalog: Harness, shelves: Shelves
) -> None:
    target = {"code": "inside", "name": "Inside", "url": "http://127.0.0.1:9/sru"}
    refused = await configured(catalog, target)
    allow(catalog, "127.0.0.0/8")
    assert (await configured(catalog, target)).status_code == 200
    allow(catalog)

    answer = await catalog.post("/v1/copy-searches", json={"terms": {"any": "x"}})

    assert (refused.status_code, {each["pointer"] for each in refused.json()["reasons"]}) == (
        422,
        {"/search_targets/0/url"},
    )
    (told,) = answer.json()["answers"]
    assert told["problem"].startswith("not asked: ")
    wrong = await catalog.post("/v1/copy-searches", json={"targets": ["nobody"], "terms": {"any": "x"}})
    assert wrong.json()["reasons"][0]["pointer"] == "/targets/0"
    both = await catalog.post("/v1/copy-searches", json={"cql": "x", "terms": {"any": "x"}})
    assert both.status_code == 422
