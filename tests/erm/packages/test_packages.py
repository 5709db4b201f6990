"""Packages and what they hold, by hand; and what the resolver finds in them."""

import asyncio
from datetime import date

from contracts.erm import PackageChanged, PackageItemsChanged
from erm.packages import queries
from support.knowing import Knowledge


async def test_a_package_is_one_reference_of_its_source(kb: Knowledge) -> None:
    told = [await kb.package(reference="All"), await kb.package(reference="All", source="other")]
    body = {"source": "other", "reference": "All", "name": "x", "platform_id": kb.platform["id"]}

    again = await asyncio.gather(
        *(kb.erm.post("/v1/packages", json=body | {"reference": "New"}) for _ in range(3))
    )

    assert await kb.codes(await kb.erm.post("/v1/packages", json=body), 409) == ["package-taken"]
    assert sorted(answer.status_code for answer in again) == [201, 409, 409]
    listed = await kb.get("/v1/packages?source=example-press&reference=All")
    assert [each["id"] for each in listed["items"]] == [told[0]["id"]]


async def test_each_change_of_a_package_is_one_event(kb: Knowledge) -> None:
    package = await kb.package()
    title = await kb.title("Acta", "issn:2049-3630")
    item = await kb.item(package, title, coverage=[{"starts": "1990"}])
    await kb.put(f"/v1/package-items/{item['id']}", {"note": "ours"}, 1)
    body = {name: package[name] for name in ("source", "reference", "platform_id")} | {"name": "Renamed"}
    await kb.put(f"/v1/packages/{package['id']}", body, 1, expect=412)
    await kb.put(f"/v1/packages/{package['id']}", body, 3)

    changed = await kb.erm.announced(PackageChanged)
    items = await kb.erm.announced(PackageItemsChanged)

    assert [(each.version, each.what) for each in changed] == [(1, "entered"), (4, "changed")]
    assert [(each.version, each.items[0].what) for each in items] == [(2, "added"), (3, "changed")]
    (fact,) = items[0].items
    assert (fact.name, fact.identifiers, fact.coverage[0].starts) == ("Acta", ("issn:2049-3630",), "1990")


async def test_a_title_is_on_a_platform_once_in_a_package(kb: Knowledge) -> None:
    package, title = await kb.package(), await kb.title("Acta")
    path, body = f"/v1/packages/{package['id']}/items", {"title_id": title["id"]}

    answers = await asyncio.gather(*(kb.erm.post(path, json=body) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_coverage_that_contradicts_itself_is_refused_with_every_reason(kb: Knowledge) -> None:
    package, title = await kb.package(), await kb.title("Acta")
    body = {
        "title_id": title["id"],
        "platform_id": title["id"],
        "access_start_on": "2020-01-01",
        "access_end_on": "2019-12-31",
        "coverage": [
            {"starts": "1990", "ends": "1999"},
            {"starts": "1995-06-01", "ends": "1996"},
            {"starts": "1999", "ends": "2005"},
            {"starts": "1990", "access_type": "F"},
            {"starts": "2010", "ends": "2009-12"},
        ],
    }

    answer = await kb.erm.post(f"/v1/packages/{package['id']}/items", json=body)

    assert await kb.codes(answer, 422) == [
        "coverage-overlaps",
        "ends-before-it-starts",
        "access-ends-before-it-starts",
        "platform-unknown",
    ]
    assert [each["pointer"] for each in answer.json()["reasons"][:2]] == ["/coverage/1", "/coverage/4/ends"]


async def test_titles_of_a_package_are_listed_by_name(kb: Knowledge) -> None:
    package = await kb.package()
    for name in ("Éclair", "zoo", "Acta", "acta b"):
        await kb.item(package, await kb.title(name))
    path, names = f"/v1/packages/{package['id']}/items?limit=3", []

    page = await kb.get(path)
    while page["items"]:
        names += [each["title"]["name"] for each in page["items"]]
        page = await kb.get(f"{path}&cursor={page['next_cursor']}") if page["next_cursor"] else {"items": []}

    assert names == ["Acta", "acta b", "Éclair", "zoo"]


async def test_a_title_is_found_by_its_siblings_number_where_packages_in_use_hold_it(kb: Knowledge) -> None:
    online = await kb.title("Acta", "issn:2049-3630")
    await kb.title("Acta", "issn:0306-4522", medium="print", sibling_of=online["id"])
    await kb.title("Acta Nova", "issn:1476-4687")
    package, old = await kb.package(), await kb.package(state="retired")
    item = await kb.item(
        package,
        online,
        url="https://p.example/acta",
        coverage=[{"starts": "1990", "embargo": "P12M"}],
    )
    await kb.item(old, online)
    pool = kb.erm.resources.pool

    found = await queries.listed_by(pool, [("issn", "0306-4522"), ("issn", "2049-3630")])

    assert [(str(each.item_id), each.url, each.kind) for each in found] == [
        (item["id"], "https://p.example/acta", "serial")
    ]
    (statement,) = found[0].statements
    assert (statement.span.first, str(statement.embargo)) == (date(1990, 1, 1), "P12M")
    assert await queries.listed_by(pool, [("issn", "1476-4687")]) == []
    assert await queries.known(pool, [("issn", "1476-4687")])
    assert not await queries.known(pool, [("issn", "1554-8627"), ("doi", "10.1/x")])


async def test_titles_whose_access_ends_are_told_with_what_stays_of_them(kb: Knowledge) -> None:
    first, second = await kb.package(), await kb.package()
    gone, moved, rest = [await kb.title(name, f"zdb:{name}") for name in ("Gone", "Moved", "Rest")]
    for package, title, end in (
        (first, gone, "2027-03-31"),
        (first, moved, "2027-03-15"),
        (first, rest, None),
        (second, moved, "2027-06-30"),
    ):
        await kb.item(package, title, **({"access_end_on": end} if end else {}))
    await kb.post("/v1/perpetual-rights", {"title_id": gone["id"], "status": "confirmed"})

    told = await kb.get("/v1/withdrawn-items?from=2027-03-01&until=2027-03-31&limit=1")
    more = await kb.get(
        f"/v1/withdrawn-items?from=2027-03-01&until=2027-03-31&limit=1&cursor={told['next_cursor']}"
    )

    found = [*told["items"], *more["items"]]
    assert [(one["title"], one["access_end_on"], one["elsewhere"], one["stays"]) for one in found] == [
        ("Moved", "2027-03-15", 1, 0),
        ("Gone", "2027-03-31", 0, 1),
    ]
    assert more["next_cursor"] is None
