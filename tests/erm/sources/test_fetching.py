"""Lists are fetched on schedule: only where they may be, once while they stay the same, and the key stays secret."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from support.harness import Harness
from support.knowing import Knowledge, listing
from support.licensing import NOW
from support.providing import LIST, ROWS, Provider

Fetch = Callable[[], Awaitable[int]]


async def sourced(kb: Knowledge, url: str, **more: Any) -> dict[str, Any]:
    """A package whose list is fetched from there."""
    package = await kb.package()
    answer = await kb.erm.put(f"/v1/packages/{package['id']}/source", json={"url": url} | more)
    assert answer.status_code == 200, answer.text
    return package


async def of(kb: Knowledge, package: dict[str, Any]) -> dict[str, Any]:
    return await kb.get(f"/v1/packages/{package['id']}/source")


async def test_several_providers_are_asked_at_once_and_again_only_for_what_is_new(
    kb: Knowledge, provider: Provider, fetch: Fetch
) -> None:
    kb.erm.at(NOW)
    other = listing({"publication_title": "Other", "title_id": "o"})
    provider.lists = {"/all": LIST, "/other": other}
    first, second = [await sourced(kb, provider.url(path), every_hours=24) for path in provider.lists]

    assert (await fetch(), await fetch()) == (2, 0)
    await kb.work()
    taken = [await of(kb, each) for each in (first, second)]
    kb.erm.at(NOW + timedelta(hours=24))
    provider.lists["/other"] = listing({"publication_title": "Other", "title_id": "o"}, ROWS[0])
    assert await fetch() == 2
    await kb.work()
    later = [await of(kb, each) for each in (first, second)]

    assert [each["outcome"] for each in taken] == ["taken", "taken"]
    assert [each["outcome"] for each in later] == ["unchanged", "taken"]
    assert (later[0]["load_id"], later[0]["next_at"]) == (taken[0]["load_id"], "2027-03-03T09:00:00Z")
    load = await kb.get(f"/v1/package-loads/{later[1]['load_id']}")
    assert (load["state"], load["titles"]["added"], load["requested_by"]) == (
        "finished",
        1,
        "system:list-source",
    )
    assert set(await kb.items(first)) == {row["publication_title"] for row in ROWS}


async def test_the_key_is_sent_and_never_told(
    kb: Knowledge, provider: Provider, fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"http://127.0.0.2:{provider.port}/there"})

    provider.lists = {"/all": LIST, "/away": away, "/there": LIST}
    asked = await sourced(kb, provider.url("/all?customer_id=7"), key_name="api_key", key="very secret")
    sent = await sourced(kb, provider.url("/away"), key_name="X-Api-Key", key_in="header", key="more secret")
    await fetch()

    first = next(path for path, _ in provider.asked if path.startswith("/all?customer"))
    assert first == "/all?customer_id=7&api_key=very+secret"
    keys = {path: headers.get("X-Api-Key") for path, headers in provider.asked}
    assert (keys["/away"], keys["/there"]) == ("more secret", None)
    told = [await of(kb, each) for each in (asked, sent)]
    assert [each["has_key"] for each in told] == [True, True]
    kept = json.dumps(
        [str(dict(row)) for row in await kb.erm.resources.pool.fetch("SELECT * FROM list_source")]
    )
    assert "secret" not in json.dumps(told) + kept + caplog.text
    version = told[0]["version"]
    stolen = await kb.erm.put(
        f"/v1/packages/{asked['id']}/source",
        json={"url": "https://thief.example/", "key_name": "api_key"},
        headers={"If-Match": f'"{version}"'},
    )
    assert await kb.codes(stolen, 422) == ["key-needed"]


async def test_nothing_within_the_walls_is_asked(
    erm: Harness, kb: Knowledge, provider: Provider, fetch: Fetch
) -> None:
    def inwards(request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://10.0.0.1/latest/meta-data"})

    provider.lists = {"/inwards": inwards}
    package = await kb.package()
    refused = [
        await kb.codes(await erm.put(f"/v1/packages/{package['id']}/source", json={"url": url}), 422)
        for url in (
            "http://10.0.0.1/list",
            "https://db.internal/",
            "ftp://p.example/",
            "https://u:p@p.example/",
        )
    ]
    followed = await sourced(kb, provider.url("/inwards"))
    await fetch()

    assert all(refused)
    told = await of(kb, followed)
    assert (told["outcome"], told["error"], told["failures"]) == ("failed", "not asked: scheme-refused", 1)


async def test_what_is_no_list_changes_nothing_and_is_told(
    kb: Knowledge, provider: Provider, fetch: Fetch
) -> None:
    kb.erm.at(NOW)

    def later(request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, headers={"Retry-After": "7200"})

    provider.lists = {
        "/page": b"<html>Sign in</html>",
        "/later": later,
        "/closed": lambda request: web.Response(status=403),
    }
    sources = [await sourced(kb, provider.url(path)) for path in ("/page", "/later", "/closed", "/gone")]
    await fetch()

    told = [await of(kb, each) for each in sources]
    assert [(each["outcome"], each["error"]) for each in told[1:]] == [
        ("failed", "HTTP 503"),
        ("refused", "HTTP 403"),
        ("failed", "HTTP 404"),
    ]
    assert told[0]["error"].startswith("not taken: not-tab-separated")
    assert [each["next_at"] for each in told] == [
        "2027-03-01T10:00:00Z",
        "2027-03-01T11:00:00Z",
        None,
        "2027-03-01T10:00:00Z",
    ]
    assert [each["id"] for each in (await kb.get("/v1/list-sources?outcome=refused"))["items"]] == [
        told[2]["id"]
    ]
    assert await kb.erm.resources.pool.fetchval("SELECT count(*) FROM kbart_load") == 0


async def test_a_package_that_follows_no_list_or_takes_one_already_is_left_alone(
    kb: Knowledge, provider: Provider, fetch: Fetch
) -> None:
    provider.lists = {"/all": LIST}
    off, busy = await sourced(kb, provider.url("/all")), await sourced(kb, provider.url("/all"))
    body = {name: off[name] for name in ("source", "reference", "name", "platform_id")} | {"sync": False}
    await kb.put(f"/v1/packages/{off['id']}", body, off["version"])
    await kb.send(busy, LIST)
    await fetch()

    assert [(await of(kb, each))["outcome"] for each in (off, busy)] == ["not-followed", "busy"]
    assert provider.asked == []


async def test_a_source_is_changed_by_who_has_read_it_and_removed(kb: Knowledge, provider: Provider) -> None:
    package = await sourced(kb, provider.url("/all"))
    path = f"/v1/packages/{package['id']}/source"

    blind = await kb.erm.put(path, json={"url": provider.url("/new")})
    paused = await kb.erm.put(
        path, json={"url": provider.url("/new"), "active": False}, headers={"If-Match": '"1"'}
    )

    assert blind.status_code == 412
    assert (paused.json()["next_at"], paused.json()["version"]) == (None, 2)
    assert (await kb.erm.delete(path)).status_code == 204
    assert (await kb.erm.get(path)).status_code == 404
