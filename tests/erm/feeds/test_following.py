"""Knowledge bases elsewhere are followed: page by page, from where it was left, and each in its own turn."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from contracts.erm import PackageChanged
from support.knowing import Knowledge
from support.licensing import NOW
from support.providing import Provider

Begin = Callable[[], Awaitable[set[asyncio.Task[None]]]]


def record(name: str, status: str = "Current", **more: str) -> dict[str, str]:
    return {"uuid": name.lower(), "name": name, "status": status} | more


class Pages:
    """A feed that says what a test wants, by cursor."""

    def __init__(self, *pages: Any) -> None:
        self.pages = list(pages)

    def __call__(self, request: web.Request) -> web.StreamResponse:
        at = int(request.query.get("cursor", "0"))
        told = self.pages[at]
        if isinstance(told, web.StreamResponse):
            return told
        if isinstance(told, list):
            told = {"records": told, "next": str(at + 1) if at + 1 < len(self.pages) else None}
        return web.json_response(told)


async def fed(kb: Knowledge, url: str, **more: Any) -> dict[str, Any]:
    body = {"source": f"kb{len(url)}", "url": url, "platform_id": kb.platform["id"], "follow_new": True}
    return await kb.post("/v1/kb-feeds", body | more)


async def harvested(begin: Begin) -> int:
    turns = await begin()
    await asyncio.gather(*turns)
    return len(turns)


async def packages(kb: Knowledge) -> dict[str, tuple[str, bool]]:
    found = (await kb.get("/v1/packages?limit=500"))["items"]
    return {each["name"]: (each["state"], each["sync"]) for each in found}


async def test_packages_are_entered_renamed_and_retired_by_what_has_changed(
    kb: Knowledge, provider: Provider, begin: Begin
) -> None:
    kb.erm.at(NOW)
    lists = provider.url("/list")
    provider.lists["/kb"] = Pages([record("Acta", list_url=lists)], [record("Books")])
    feed = await fed(kb, provider.url("/kb"))

    first = await harvested(begin)
    told = await kb.get(f"/v1/kb-feeds/{feed['id']}")
    sources = (await kb.get("/v1/list-sources"))["items"]
    kb.erm.at(NOW + timedelta(hours=24))
    provider.lists["/kb"] = Pages([record("Acta", "Deleted"), record("Books") | {"name": "Books Complete"}])
    second = await harvested(begin)
    later = await kb.get(f"/v1/kb-feeds/{feed['id']}")

    assert (first, second) == (1, 1)
    assert (told["outcome"], told["pages"], told["changed"], told["since"]) == (
        "taken",
        2,
        2,
        "2027-03-01T09:00:00Z",
    )
    assert [each["url"] for each in sources] == [lists]
    assert "since=2027-03-01T09:00:00" in provider.asked[-1][0]
    assert await packages(kb) == {"Acta": ("retired", True), "Books Complete": ("current", True)}
    assert ((await kb.get("/v1/list-sources"))["items"][0]["active"], later["changed"]) == (False, 2)
    what = [each.what for each in await kb.erm.announced(PackageChanged)]
    assert what == ["entered", "entered", "changed", "changed"]


async def test_a_package_that_does_not_follow_stays_as_it_is(
    kb: Knowledge, provider: Provider, begin: Begin
) -> None:
    provider.lists["/kb"] = Pages([record("Acta", list_url=provider.url("/list"))])
    feed = await fed(kb, provider.url("/kb"), follow_new=False)
    await harvested(begin)
    provider.lists["/kb"] = Pages([record("Acta", "Retired")])
    body = {name: feed[name] for name in ("source", "url", "platform_id")}
    await kb.put(f"/v1/kb-feeds/{feed['id']}", body, 1)

    await harvested(begin)

    assert await packages(kb) == {"Acta": ("current", False)}
    assert (await kb.get("/v1/list-sources"))["items"] == []
    assert (await kb.get(f"/v1/kb-feeds/{feed['id']}"))["outcome"] == "unchanged"


async def test_a_page_that_is_broken_is_told_and_the_next_turn_goes_on_there(
    kb: Knowledge, provider: Provider, begin: Begin
) -> None:
    kb.erm.at(NOW)
    pages = provider.lists["/kb"] = Pages([record("Acta"), {"uuid": "x"}], web.Response(text="<html>"), [])
    feed = await fed(kb, provider.url("/kb"))
    await harvested(begin)
    told = await kb.get(f"/v1/kb-feeds/{feed['id']}")
    pages.pages[1] = [record("Books")]
    too_early = await harvested(begin)
    kb.erm.at(NOW + timedelta(hours=1))
    await harvested(begin)
    later = await kb.get(f"/v1/kb-feeds/{feed['id']}")

    assert (told["outcome"], told["error"], told["failures"]) == (
        "failed",
        "a page is broken: it is no JSON",
        1,
    )
    assert (told["pages"], told["next_at"], too_early) == (1, "2027-03-01T10:00:00Z", 0)
    assert [each["code"] for each in told["findings"]] == ["name-missing"]
    asked = [path for path, _ in provider.asked]
    assert asked == ["/kb", "/kb?cursor=1", "/kb?cursor=1", "/kb?cursor=2"]
    assert (later["outcome"], later["failures"], later["pages"]) == ("taken", 0, 3)
    assert set(await packages(kb)) == {"Acta", "Books"}


async def test_pages_that_go_round_in_circles_are_left(
    kb: Knowledge, provider: Provider, begin: Begin
) -> None:
    circle = {"records": [record("Acta")], "next": "1"}
    provider.lists["/kb"] = Pages([record("Acta")], circle)
    feed = await fed(kb, provider.url("/kb"))

    await harvested(begin)

    told = await kb.get(f"/v1/kb-feeds/{feed['id']}")
    assert (told["outcome"], told["error"]) == ("failed", "its pages lead back to one that was read")
    assert len(provider.asked) == 2


async def test_a_slow_knowledge_base_holds_up_no_other(
    kb: Knowledge, provider: Provider, begin: Begin
) -> None:
    let_go = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await let_go.wait()
        return web.json_response({"records": [record("Slow")]})

    provider.lists = {"/slow": slow, "/kb": Pages([record("Acta")])}
    await fed(kb, provider.url("/slow"))
    quick = await fed(kb, provider.url("/kb"))
    turns = await begin()
    done, waiting = await asyncio.wait(turns, return_when=asyncio.FIRST_COMPLETED)

    assert (len(done), len(waiting), await begin()) == (1, 1, set())
    assert (await kb.get(f"/v1/kb-feeds/{quick['id']}"))["outcome"] == "taken"
    assert set(await packages(kb)) == {"Acta"}
    let_go.set()
    await asyncio.gather(*waiting)
    assert set(await packages(kb)) == {"Acta", "Slow"}


async def test_two_workers_at_once_take_a_feed_once(kb: Knowledge, provider: Provider, begin: Begin) -> None:
    provider.lists["/kb"] = Pages([record(f"P{n}") for n in range(20)])
    await fed(kb, provider.url("/kb"))

    turns = await asyncio.gather(*(begin() for _ in range(4)))
    await asyncio.gather(*(turn for each in turns for turn in each))

    assert sorted(map(len, turns)) == [0, 0, 0, 1]
    assert len(await packages(kb)) == 20


async def test_nothing_within_the_walls_is_asked_and_who_may_not_is_not_asked_again(
    kb: Knowledge, provider: Provider, begin: Begin
) -> None:
    body = {"source": "x", "url": "http://10.0.0.1/kb", "platform_id": kb.platform["id"]}
    refused = await kb.erm.post("/v1/kb-feeds", json=body)
    provider.lists["/kb"] = Pages([record("Acta", list_url="http://10.0.0.1/list")])
    provider.lists["/no"] = lambda request: web.Response(status=403)
    feed, closed = await fed(kb, provider.url("/kb")), await fed(kb, provider.url("/no"), source="closed")
    taken = await kb.erm.post("/v1/kb-feeds", json=body | {"source": "closed", "url": provider.url("/x")})
    await harvested(begin)

    assert refused.status_code == 422
    assert await kb.codes(taken, 409) == ["source-taken"]
    told, not_asked = [await kb.get(f"/v1/kb-feeds/{each['id']}") for each in (feed, closed)]
    assert (told["outcome"], len(told["findings"])) == ("taken", 1)
    assert (not_asked["outcome"], not_asked["next_at"]) == ("refused", None)
    assert (await kb.get("/v1/list-sources"))["items"] == []
