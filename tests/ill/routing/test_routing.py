"""Requests go to those first that a route names for their kind, and the rota says why."""

from typing import Any

import pytest

from support.desk import codes, pointers
from support.harness import Harness
from support.lending import ARTICLE, NOW, Make, themselves
from support.otherlibrary import World
from support.sources import found, sources


def to(*symbols: str, **more: Any) -> dict[str, Any]:
    """A route, or what is left of one."""
    return {"partners": [{"symbol": symbol} for symbol in symbols]} | more


async def route(make: Make, *routes: dict[str, Any], peer: str | None = None, **more: Any) -> Any:
    routing = {"routes": routes, "default_peer": {"symbol": peer} if peer else None}
    return await make.configure(routing=routing, **more)


async def told(ill: Harness, request: dict[str, Any]) -> dict[str, Any]:
    """The rota, whole."""
    answer: dict[str, Any] = (await ill.get(f"/v1/ill/requests/{request['id']}/rota")).json()
    return answer


async def test_articles_go_to_the_hub_and_books_by_the_directory(ill: Harness, make: Make) -> None:
    await make.partner("XX-NEAR", rank=1)
    await make.partner("XX-HUB", rank=9)
    await route(make, to("XX-HUB", code="articles", kinds=["article"]))

    article = await make.request(service="copy", citation=ARTICLE)
    book = await make.request()

    assert await make.rota(article) == [("XX-HUB", "active", None), ("XX-NEAR", "waiting", None)]
    assert await make.rota(book) == [("XX-NEAR", "active", None), ("XX-HUB", "waiting", None)]
    rota, other = await told(ill, article), await told(ill, book)
    assert [entry["placed_by"] for entry in rota["items"]] == ["route", "directory"]
    assert rota["routing"] == {"route": "articles", "then": "directory", "passed": [], "unknown": []}
    assert other["routing"]["passed"] == [{"route": "articles", "misfits": ["kinds"]}]


async def test_a_route_that_ends_asks_nobody_else_and_staff_may(ill: Harness, make: Make) -> None:
    await make.partner("XX-HUB")
    await make.partner("XX-OTHER")
    await make.partner("XX-LAST", last_resort=True)
    only = to("XX-HUB", code="students", patron_groups=["Student"])
    await route(make, only | {"then": "end"})
    first = await make.request()
    ended = await make.act(first, "pass-over")
    await route(make, only | {"then": "last-resorts"})
    second = await make.request(citation={"title": "Another"})

    assert ended["state"] == "end-of-rota"
    assert await make.rota(first) == [("XX-HUB", "left", "pass-over")]
    assert [entry[0] for entry in await make.rota(second)] == ["XX-HUB", "XX-LAST"]

    path = f"/v1/ill/requests/{first['id']}/rota"
    body = {"partner_ids": [make.partners["XX-OTHER"]["id"]]}
    await ill.put(path, json=body, headers={"If-Match": f'"{ended["version"]}"'})
    again = await make.act(first, "search-again")
    passed = await make.act(again, "pass-over")

    assert passed["state"] == "sent"
    assert {entry["symbol"]: (entry["state"], entry["placed_by"]) for entry in (await told(ill, first))["items"]} == {
        "XX-HUB": ("left", "route"),
        "XX-OTHER": ("active", "staff"),
        "XX-LAST": ("waiting", "last-resort"),
    }  # fmt: skip


async def test_the_default_peer_is_asked_where_no_route_fits(ill: Harness, make: Make) -> None:
    await make.partner("XX-NEAR", rank=1)
    await make.partner("XX-PEER", rank=9)
    await make.partner("XX-RUSH", rank=9)
    await route(make, to("XX-RUSH", code="rush", levels=["Rush"]), peer="XX-PEER")

    usual = await make.request()
    rush = await make.request(service_level="rush")

    assert [entry[0] for entry in await make.rota(usual)] == ["XX-PEER", "XX-NEAR", "XX-RUSH"]
    assert [entry[0] for entry in await make.rota(rush)] == ["XX-RUSH", "XX-NEAR", "XX-PEER"]
    assert (await told(ill, usual))["items"][0]["placed_by"] == "default-peer"


async def test_whom_a_route_names_is_passed_over_for_the_usual_reasons(make: Make) -> None:
    day = NOW.date().isoformat()
    await make.partner("XX-SHUT", closed_from=day, closed_until=day)
    await make.partner("XX-GONE", active=False)
    await make.partner("XX-NEAR", symbols=[{"scheme": "OCLC", "symbol": "NEA"}])
    there = {"scheme": "oclc", "symbol": "nea"}
    routed = to("XX-SHUT", "XX-GONE", code="main", pickups=["main-desk"])
    await route(make, routed | {"partners": [*routed["partners"], there]})

    request = await make.request(pickup="main-desk")

    assert await make.rota(request) == [
        ("XX-SHUT", "skipped", "closed"),
        ("XX-GONE", "skipped", "inactive"),
        ("XX-NEAR", "active", None),
    ]


async def test_a_route_that_is_laid_down_meanwhile_counts_for_the_next_supplier(
    ill: Harness, make: Make
) -> None:
    for rank, symbol in enumerate(("XX-ONE", "XX-TWO", "XX-THREE")):
        await make.partner(symbol, rank=rank)
    request = await make.request()
    await route(make, to("XX-THREE", code="all", then="end"))

    await make.act(request, "pass-over")

    assert await make.rota(request) == [
        ("XX-ONE", "left", "pass-over"),
        ("XX-TWO", "skipped", "not-on-route"),
        ("XX-THREE", "active", None),
    ]
    assert (await told(ill, request))["items"][2]["placed_by"] == "route"


async def test_partners_that_are_none_are_told_at_once_and_one_that_is_renamed_later_in_the_rota(
    ill: Harness, make: Make
) -> None:
    partner = await make.partner("XX-HUB")
    await make.partner("XX-NEAR")
    wrong = await route(make, to("XX-HUB", "XX-NO", code="a"), to("XX-NO", code="b"), peer="XX-NONE")
    twice = await route(make, to("XX-HUB", code="a"), to("XX-NEAR", code="a"))
    await route(make, to("XX-HUB", code="a"))
    body = {"name": "Hub", "symbol": "XX-HUB2"}
    path = f"/v1/ill/partners/{partner['id']}"
    assert (await ill.put(path, json=body, headers={"If-Match": '"1"'})).status_code == 200

    request = await make.request()

    assert (wrong.status_code, set(codes(wrong))) == (422, {"partner-unknown"})
    assert pointers(wrong) == [
        "/routing/routes/0/partners/1",
        "/routing/routes/1/partners/0",
        "/routing/default_peer",
    ]
    assert (twice.status_code, request["state"]) == (422, "sent")
    assert (await told(ill, request))["routing"]["unknown"] == ["ISIL:XX-HUB"]


async def test_an_index_narrows_the_others_and_is_not_asked_where_nobody_else_is(
    ill: Harness, world: World, make: Make
) -> None:
    for rank, symbol in enumerate(("XX-ONE", "XX-TWO", "XX-HUB", "XX-PEER")):
        await world.other(symbol, rank=rank)
    routes = (
        to("XX-HUB", code="rush", levels=["Rush"]),
        to("XX-HUB", code="copies", kinds=["article"], then="end"),
    )
    async with sources() as net:
        net.tell("/index", found(("b7", "XX-TWO")))
        lookups = {"index": {"url": net.base + "/index"}}
        assert (await route(make, *routes, peer="XX-PEER", lookups=lookups)).status_code == 200
        rush = await make.request(service_level="Rush")
        usual = await make.request()
        copy = await make.request(service="copy", citation=ARTICLE)
        asked = await net.work(ill)
    for request in (rush, usual):
        await make.act(request, "pass-over")

    assert asked == 2  # for the copy nobody else would be asked
    assert (await make.rota(copy)) == [("XX-HUB", "active", None)]
    assert await make.rota(rush) == [
        ("XX-HUB", "left", "pass-over"),
        ("XX-ONE", "skipped", "not-in-index"),
        ("XX-TWO", "active", None),
        ("XX-PEER", "waiting", None),
    ]
    assert await make.rota(usual) == [
        ("XX-ONE", "skipped", "not-in-index"),
        ("XX-TWO", "left", "pass-over"),
        ("XX-HUB", "skipped", "not-in-index"),
        ("XX-PEER", "active", None),
    ]


async def test_a_patron_is_not_told_by_which_route_it_goes(ill: Harness, make: Make) -> None:
    await make.partner("XX-HUB")
    await route(make, to("XX-HUB", code="secret", patron_groups=["student"]))
    patron = await make.patron()
    request = await make.request(patron)

    with ill.asking(themselves(patron)):
        rota = await ill.get(f"/v1/ill/requests/{request['id']}/rota")
        seen = (await ill.get(f"/v1/ill/requests/{request['id']}")).text

    assert rota.status_code == 403
    assert "secret" not in seen


@pytest.mark.parametrize(
    "wrong",
    [{"then": "someone"}, {"kinds": ["film"]}, {"partners": []}, {"code": "No Code"}, {"library": "x"}],
)
async def test_a_route_says_what_it_can_and_nothing_else(make: Make, wrong: dict[str, Any]) -> None:
    await make.partner("XX-HUB")

    assert (await route(make, to("XX-HUB", code="r") | wrong)).status_code == 422
