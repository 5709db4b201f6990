"""Links of records are checked at a server that behaves as servers do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from catalog.linkchecks import gathering
from catalog.linkchecks.rules import MOST_OPEN
from catalog.linkchecks.worker import sweep_links, work_once
from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from chassis.clock import system_clock
from support.harness import Harness
from support.shelves import Shelves, file_of, record

OPEN = ("queued", "gathering", "checking")


@dataclass
class There:
    """What other servers say, and what they were asked."""

    address: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    gone: set[str] = field(default_factory=set)
    agents: set[str] = field(default_factory=set)
    under_way: int = 0
    most: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[f"{request.method} {request.path}"] += 1
        self.agents.add(request.headers.get("User-Agent", ""))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        path = request.path
        leads = {
            "/old": (301, "/new"),
            "/new": (302, "/well"),
            "/away": (303, "/well"),
            "/inside": (302, "http://169.254.169.254/latest"),
            "/loop": (302, "/loop"),
            "/odd": (301, "http://[::1"),
        }
        if path in self.gone or path == "/missing":
            return web.Response(status=404)
        if path in leads:
            status, where = leads[path]
            return web.Response(status=status, headers={"Location": where})
        if path == "/nohead":
            return web.Response(status=405 if request.method == "HEAD" else 200)
        if path == "/shut":
            return web.Response(status=403)
        if path == "/busy":
            return web.Response(status=503, headers={"Retry-After": "120"})
        return web.Response(body=b"x" * 100_000)


@pytest.fixture
async def there(catalog: Harness) -> AsyncIterator[There]:
    """The other servers; they stand in a network that the operator allows."""
    found = There()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.address = "http://{}:{}".format(*runner.addresses[0][:2])
    told = {"link_networks": ("127.0.0.0/8",), "link_pause": 0, "link_seconds": 2}
    catalog.resources.settings = catalog.resources.settings.model_copy(update=told)
    try:
        yield found
    finally:
        await runner.cleanup()


def linked(number: str, *urls: str) -> Record:
    return record(number, title=f"Title {number}").having(
        *(Field.data("856", "40", ("u", url), ("y", "Here")) for url in urls)
    )


async def asked(catalog: Harness, **body: Any) -> dict[str, Any]:
    answer = await catalog.post("/v1/link-checks", json=body)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/link-checks/{told['id']}"
    return told


async def worked(catalog: Harness, stop: asyncio.Event | None = None) -> None:
    while await work_once(catalog.resources, stop or asyncio.Event()):
        pass


async def checked(catalog: Harness, **body: Any) -> dict[str, Any]:
    told = await asked(catalog, **body)
    await worked(catalog)
    return dict((await catalog.get(f"/v1/link-checks/{told['id']}")).json())


async def links(catalog: Harness, path: str, **params: Any) -> dict[str, dict[str, Any]]:
    """By the end of their addresses."""
    answer = await catalog.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return {each["url"].rpartition("/")[2]: each for each in answer.json()["items"]}


async def test_each_address_is_asked_once_and_told_with_every_redirection(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    paths = ("well", "old", "away", "missing", "nohead", "inside", "loop", "odd", "shut")
    mine = [f"{there.address}/{path}" for path in paths]
    title = await shelves.title(
        linked("a", *mine, "http://10.0.0.1/intern", "ftp://x.example/file", "no url")
    )
    await shelves.title(linked("b", f"{there.address}/well"))
    await shelves.title(linked("h", f"{there.address}/hidden"), suppressed=True)
    shelf = Record("00000nx  a22000001i 4500", [
        Field.data("852", "  ", ("b", "MAIN"), ("c", "STACKS")),
        Field.data("856", "41", ("u", f"{there.address}/shelf"), ("3", "Vol. 1")),
    ])  # fmt: skip
    described = await catalog.post(
        f"/v1/titles/{title['id']}/holdings",
        content=dumps(shelf),
        headers={"Content-Type": "application/marc"},
    )
    assert described.status_code == 201, described.text

    done = await checked(catalog)

    found = await links(catalog, f"/v1/link-checks/{done['id']}/links", limit=100)
    told = {name: (each["outcome"], each["problem"], each["status"]) for name, each in found.items()}
    assert told == {
        "well": ("well", None, 200), "nohead": ("well", None, 200), "away": ("well", None, 200),
        "shelf": ("well", None, 200), "hidden": ("well", None, 200), "old": ("moved", None, 200),
        "missing": ("broken", "not-found", 404), "no url": ("broken", "url-unreadable", None),
        "odd": ("broken", "redirect-unreadable", 301), "loop": ("unclear", "redirect-loop", 302),
        "inside": ("unclear", "address-literal", None), "shut": ("unclear", "not-let-in", 403),
        "intern": ("not-asked", "address-literal", None), "file": ("not-asked", "scheme-refused", None),
    }  # fmt: skip
    old = found["old"]
    assert [(hop["status"], hop["address"].rpartition("/")[2]) for hop in old["hops"]] == [
        (301, "new"),
        (302, "well"),
    ]
    assert (old["moved_to"], old["final_address"]) == (f"{there.address}/new", f"{there.address}/well")
    assert [(each["kind"], each["relation"], each["label"]) for each in found["shelf"]["places"]] == [
        ("holdings", "version", "Vol. 1")
    ]
    assert (len(found["well"]["places"]), found["well"]["places_total"]) == (2, 2)
    assert {name: done[name] for name in (*OPEN, "state") if name in done} == {"state": "done"}
    counted = {name: done[name] for name in ("titles", "links", "checked", "well", "moved", "broken")}
    assert counted == {"titles": 3, "links": 14, "checked": 14, "well": 5, "moved": 1, "broken": 3}
    assert (done["unclear"], done["not_asked"], done["broke"], done["mended"]) == (3, 2, 0, 0)
    assert there.asked["HEAD /well"] == 3  # its own question, and two redirections that lead there
    assert there.asked["GET /well"] == 0
    assert there.most == 1
    assert [agent.startswith("Carrel-Links/1 (+") for agent in there.agents] == [True]
    relations = (await catalog.get(f"/v1/titles/{title['id']}/relations")).json()["links"]
    assert [each["holdings_id"] is not None for each in relations] == [False] * 12 + [True]
    page = (await catalog.get(f"/titles/{title['id']}")).text
    assert page.index(f'href="{there.address}/shut"') < page.index(f'href="{there.address}/shelf"')


async def test_nobody_within_our_walls_is_asked(catalog: Harness, shelves: Shelves, there: There) -> None:
    update = {"link_networks": ()}
    catalog.resources.settings = catalog.resources.settings.model_copy(update=update)
    await shelves.title(linked("a", f"{there.address}/well", "http://localhost:8080/x"))

    done = await checked(catalog)

    assert (done["links"], done["not_asked"], there.asked) == (2, 2, Counter())


async def test_what_broke_and_what_was_mended_is_told_and_checked_again(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    title = await shelves.title(linked("a", *(f"{there.address}/{path}" for path in ("one", "two", "three"))))
    there.gone = {"/two"}
    first = await checked(catalog)
    listed = await links(catalog, "/v1/links")
    since = listed["two"]["since"]
    there.gone = {"/one"}
    there.asked.clear()

    again = await checked(catalog, again=True)
    assert {key.split("/")[1] for key in there.asked} == {"two"}
    catalog.at(system_clock() + timedelta(days=1))
    second = await checked(catalog, title_ids=[title["id"]])

    assert (first["broken"], first["broke"]) == (1, 0)
    assert (list(listed), listed["two"]["places"][0]["id"]) == (["two"], title["id"])
    assert (again["links"], again["mended"], second["broke"], second["links"]) == (1, 1, 1, 3)
    path = f"/v1/link-checks/{second['id']}/links"
    broke = await links(catalog, path, change="broke")
    assert (list(broke), broke["one"]["before"]) == (["one"], "well")
    assert list(await links(catalog, f"/v1/link-checks/{again['id']}/links", change="mended")) == ["two"]
    assert list(await links(catalog, "/v1/links")) == ["one"]
    of_title = await links(catalog, f"/v1/titles/{title['id']}/links")
    assert of_title["two"]["mended_at"] is not None
    assert of_title["two"]["since"] > since
    assert list(await links(catalog, "/v1/links", host="other.example")) == []

    # whoever takes the link out of the record need not wait for the next check
    changed = await catalog.put(
        f"/v1/titles/{title['id']}",
        content=dumps(linked("a", f"{there.address}/three")),
        headers={"If-Match": '"1"', "Content-Type": "application/marc"},
    )
    assert (changed.status_code, await links(catalog, "/v1/links")) == (200, {})
    await checked(catalog)
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM link_place") == 1


async def test_a_host_that_is_busy_is_left_alone_and_asked_again_before_it_counts(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    await shelves.title(linked("a", f"{there.address}/busy", "http://127.0.0.2:1/nobody"))
    start = system_clock()
    catalog.at(start)
    told = await asked(catalog)
    await worked(catalog)
    await worked(catalog)
    busy_first = there.asked["HEAD /busy"]
    waiting = (await catalog.get(f"/v1/link-checks/{told['id']}")).json()
    for minutes in (1, 3, 14, 60):
        catalog.at(start + timedelta(minutes=minutes))
        await worked(catalog)

    found = await links(catalog, f"/v1/link-checks/{told['id']}/links")
    assert (busy_first, waiting["state"], waiting["checked"]) == (1, "checking", 0)
    assert {name: (each["outcome"], each["problem"], each["tries"]) for name, each in found.items()} == {
        "busy": ("unclear", "busy", 3),
        "nobody": ("broken", "connect-failed", 3),
    }
    assert there.asked["HEAD /busy"] == 3


async def test_between_two_questions_a_host_has_a_pause_and_named_titles_go_first(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    update = {"link_pause": 30}
    catalog.resources.settings = catalog.resources.settings.model_copy(update=update)
    await shelves.imported(file_of(*(linked(f"n{n}", f"{there.address}/p{n}") for n in range(4))))
    start = system_clock()
    catalog.at(start)
    await asked(catalog)
    await worked(catalog)
    first = set(there.asked)
    named = await shelves.title(linked("z", f"{there.address}/named"))
    await asked(catalog, title_ids=[named["id"]])
    await worked(catalog)
    none = set(there.asked) - first
    catalog.at(start + timedelta(seconds=31))
    await worked(catalog)
    second = set(there.asked) - first

    assert (len(first), none, second) == (1, set(), {"HEAD /named"})


async def test_two_workers_ask_no_host_twice_at_once_and_what_was_begun_is_gone_on_with(
    catalog: Harness, shelves: Shelves, there: There, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "SLICE", 2)
    await shelves.imported(file_of(*(linked(f"n{n}", f"{there.address}/p{n}") for n in range(7))))
    stop = asyncio.Event()
    told = await asked(catalog)
    stop.set()
    await work_once(catalog.resources, stop)
    assert there.asked == Counter()

    await asyncio.gather(worked(catalog), worked(catalog))
    await worked(catalog)

    done = (await catalog.get(f"/v1/link-checks/{told['id']}")).json()
    assert (done["state"], done["titles"], done["well"], there.most) == ("done", 7, 7, 1)
    assert set(there.asked.values()) == {1}
    assert await catalog.resources.pool.fetchval("SELECT count(*) FROM link_host") == 0


async def test_a_check_is_cancelled_and_what_it_found_stays(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    await shelves.title(linked("a", f"{there.address}/busy", f"{there.address}/well"))
    told = await asked(catalog)
    await worked(catalog)
    path = f"/v1/link-checks/{told['id']}"

    stopped = await catalog.post(f"{path}/cancellations")
    again = await catalog.post(f"{path}/cancellations")

    await worked(catalog)
    assert (stopped.json()["state"], again.status_code) == ("cancelled", 409)
    kept = await links(catalog, f"{path}/links")
    assert "busy" not in kept
    assert (await catalog.get(f"/v1/link-checks/{UUID(int=0)}")).status_code == 404
    catalog.at(system_clock() + timedelta(days=200))
    await sweep_links(catalog.resources, catalog.resources.clock())
    assert (await catalog.get(path)).status_code == 404
    for _ in range(MOST_OPEN):
        await asked(catalog)
    many = await catalog.post("/v1/link-checks", json={})
    assert (many.status_code, many.json()["code"]) == (409, "too-many-link-checks")
    newest = (await catalog.get("/v1/link-checks", params={"limit": 3})).json()
    assert (len(newest["items"]), newest["next_cursor"] is not None) == (3, True)


async def test_only_a_person_takes_a_new_address_over_into_a_record(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    title = await shelves.title(linked("a", f"{there.address}/old", f"{there.address}/away"))
    done = await checked(catalog)
    found = await links(catalog, f"/v1/link-checks/{done['id']}/links")
    version = (await catalog.get(f"/v1/titles/{title['id']}")).json()["version"]
    body = {"kind": "title", "id": title["id"], "to": f"{there.address}/new"}
    path = f"/v1/links/{found['old']['id']}/replacements"

    elsewhere = await catalog.post(
        path, json=body | {"to": "https://evil.example/"}, headers={"If-Match": '"1"'}
    )
    passing = await catalog.post(
        f"/v1/links/{found['away']['id']}/replacements", json=body, headers={"If-Match": '"1"'}
    )
    stale = await catalog.post(path, json=body, headers={"If-Match": '"7"'})
    taken = await catalog.post(path, json=body, headers={"If-Match": '"1"'})
    twice = await catalog.post(path, json=body, headers={"If-Match": '"2"'})
    bare = await catalog.post(path, json=body | {"kind": "holdings"}, headers={"If-Match": '"1"'})

    assert version == 1
    assert (elsewhere.status_code, elsewhere.json()["reasons"][0]["code"]) == (409, "moved-elsewhere")
    assert (passing.status_code, stale.status_code, bare.status_code) == (409, 412, 404)
    assert (taken.status_code, taken.json()["version"]) == (200, 2)
    assert (twice.status_code, twice.json()["reasons"][0]["code"]) == (409, "link-not-there")
    urls = (await catalog.get(f"/v1/titles/{title['id']}")).json()["urls"]
    assert urls == [f"{there.address}/new", f"{there.address}/away"]
    assert (await links(catalog, "/v1/links", outcome="moved")) == {}


async def test_checks_are_made_of_a_list_and_on_schedule(
    catalog: Harness, shelves: Shelves, there: There
) -> None:
    title = await shelves.title(linked("a", f"{there.address}/well"))
    await shelves.title(linked("b", f"{there.address}/other"))
    made = await catalog.post(
        "/v1/lists", json={"kind": "titles", "name": "Mine", "source": {"ids": [title["id"]]}}
    )
    assert made.status_code in (201, 202), made.text
    start = system_clock()
    catalog.at(start)
    path, once = "/v1/link-check-schedules/weekly", {"If-Match": '"0"'}
    body = {"name": "Every week", "list_id": made.json()["id"], "every_hours": 168}

    written = await catalog.put(path, json=body, headers=once)
    stale = await catalog.put(path, json=body, headers=once)
    unknown = await catalog.put(
        "/v1/link-check-schedules/x", json={"list_id": str(UUID(int=1))}, headers=once
    )
    await catalog.tick("start-link-checks")
    early = await catalog.post(f"{path}/runs")
    await worked(catalog)
    catalog.at(start + timedelta(hours=169))
    await catalog.tick("start-link-checks")
    await catalog.tick("start-link-checks")
    await worked(catalog)

    assert (written.status_code, stale.status_code, unknown.status_code) == (200, 412, 422)
    assert (early.status_code, early.json()["code"]) == (409, "link-check-under-way")
    made_so_far = (await catalog.get("/v1/link-checks", params={"schedule": "weekly"})).json()["items"]
    assert [(each["state"], each["links"], each["well"]) for each in made_so_far] == [("done", 1, 1)] * 2
    read = (await catalog.get(path)).json()
    assert (read["version"], read["next_at"] > (start + timedelta(hours=169)).isoformat()) == (1, True)
    gone = await catalog.delete(path, headers={"If-Match": '"1"'})
    assert (gone.status_code, (await catalog.get(path)).status_code) == (204, 404)
