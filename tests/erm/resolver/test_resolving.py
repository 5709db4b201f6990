"""The link resolver's door: what programs and people are told, and that nobody is led anywhere else."""

import re
from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

from chassis.principal import Principal
from contracts.openurl import read
from support.desk import codes
from support.harness import Harness
from support.licensing import EISSN, ISBN, ISSN, Shelf, shelf

ARTICLE = (
    f"rft.genre=article&rft.issn={ISSN}&rft.date=1995&rft.atitle=Sediment&rft.jtitle=Hydrology&rft.volume=6"
)
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
NINETIES = {"start": date(1990, 1, 1), "end": date(1999, 12, 31)}
STRANGER = Principal("anonymous", "-", frozenset())


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    return await shelf(erm)


async def resolve(erm: Harness, query: str) -> dict[str, Any]:
    with erm.asking(STRANGER):
        answer = await erm.get(f"/openurl?{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def reasons(told: dict[str, Any]) -> dict[str, list[str]]:
    return {one["platform"]: [reason["code"] for reason in one["reasons"]] for one in told["refused"]}


async def test_an_article_is_found_where_it_is_licensed_with_what_may_be_done_and_why_not_elsewhere(
    erm: Harness, make: Shelf
) -> None:
    title = await make.title(issn=ISSN)
    good, dead = (
        await make.platform("Riverbase", "https://r.example/v{volume}?i={issn}"),
        await make.platform("Dead"),
    )
    package = await make.package(good)
    await make.item(package, await make.on(title, good), NINETIES)
    await make.item(
        await make.package(dead, "Old deal"), await make.on(title, dead, "https://d.example/"), NINETIES
    )
    terms = {
        "walk-in-users": {"use": "permitted", "public_note": "In the reading room"},
        "ill-print": "prohibited",
    }
    licence = await make.licence(terms=terms)
    await make.line(await make.agreement(licence), "package", package)

    told = await resolve(erm, ARTICLE)
    later = await resolve(erm, ARTICLE.replace("1995", "2001"))

    assert [(one["url"], one["free"], one["certain"]) for one in told["targets"]] == [
        ("https://r.example/v6?i=2049-3630", False, True)
    ]
    assert [(term["term"], term["use"], term["note"]) for term in told["targets"][0]["terms"]] == [
        ("walk-in-users", "permitted", "In the reading room")
    ]
    assert told["targets"][0]["coverage"][0]["last"] == "1999-12-31"
    assert (told["known"], told["request"], reasons(told)) == (True, None, {"Dead": ["not-licensed"]})
    assert reasons(later) == {"Riverbase": ["after-coverage"], "Dead": ["not-licensed", "after-coverage"]}
    assert later["request"]["service"] == "copy"
    assert read(later["request"]["openurl"]).citation() == read(ARTICLE.replace("1995", "2001")).citation()


async def test_readers_are_told_how_they_get_in_and_how_many_at_once(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(NINETIES, issn=ISSN)
    await make.line(await make.agreement(await make.licence()), "package", listed.package)
    sign_in = "https://r.example/login?entityID=u&target={url}"
    await erm.resources.pool.execute(
        "UPDATE platform SET proxied = true, simultaneous_users = 3, access_methods = $1",
        [{"method": "saml", "entity_id": "e", "sign_in_url": sign_in, "note": None}, {"method": "ip"}],
    )

    (target,) = (await resolve(erm, ARTICLE))["targets"]
    explained = (await resolve(erm, ARTICLE + "&explain=true"))["explained"]
    page = (await erm.get(f"/openurl?{ARTICLE}", headers=HTML)).text

    assert target["url"].startswith("https://r.example/login?entityID=u&target=https%3A%2F%2F")
    assert (target["access"]["method"], target["simultaneous_users"]) == ("saml", 3)
    assert "You sign in through the university. It lets in 3 readers at once." in page
    (way,) = explained["ways"]
    assert (way["access_methods"], way["access"]) == (["saml", "ip"], "saml")


async def test_siblings_in_print_are_found_by_their_own_number_and_our_coverage_counts(
    erm: Harness, make: Shelf
) -> None:
    listed = await make.listed(NINETIES, issn=EISSN)
    work = await erm.resources.pool.fetchval("SELECT work_id FROM title_instance WHERE id = $1", listed.title)
    await make.title("Printed", work=work, medium="print", issn=ISSN)
    agreement = await make.agreement()
    await make.line(agreement, "package-item", listed.item, coverage=[{"starts": "1995", "ends": "2005"}])

    found = await resolve(erm, ARTICLE)
    covered = await resolve(erm, ARTICLE.replace("1995", "2005"))
    before = await resolve(erm, ARTICLE.replace("1995", "1994"))

    assert len(found["targets"]) == len(covered["targets"]) == 1
    assert reasons(before) == {"Rivers Complete platform": ["before-coverage"]}


async def test_a_wall_moves_at_the_librarys_midnight(erm: Harness, make: Shelf) -> None:
    listed = await make.listed({"start": date(1990, 1, 1), "embargo": "P12M"})
    await make.line(await make.agreement(), "package", listed.package)
    await erm.put("/v1/configuration/erm", json={"time_zone": "Pacific/Auckland"})
    query = f"rft.genre=article&rft.issn={ISSN}&rft.date=2026-03-02"

    early = await resolve(erm, query)
    erm.at(datetime.fromisoformat("2027-03-01T11:00:00+00:00"))
    open_now = await resolve(erm, query)

    assert reasons(early) == {"Rivers Complete platform": ["embargoed"]}
    assert len(open_now["targets"]) == 1


async def test_two_lines_give_their_years_and_closing_one_narrows_it_that_day(
    erm: Harness, make: Shelf
) -> None:
    title, platform = await make.title(), await make.platform()
    on, package = await make.on(title, platform), await make.package(platform)
    item = await make.item(package, on, NINETIES)
    agreement = await make.agreement()
    early = [{"starts": "1990", "ends": "1995"}]
    late = [{"starts": "1996", "ends": "2000"}]
    await make.line(agreement, "package-item", item, coverage=early)
    line = await make.line(agreement, "platform-title", on, coverage=late)
    years = [ARTICLE.replace("1995", year) for year in ("1990", "2000")]

    both = [len((await resolve(erm, query))["targets"]) for query in years]
    await make.put(f"/v1/agreement-lines/{line['id']}", line, active_to="2027-02-28")
    one = [len((await resolve(erm, query))["targets"]) for query in years]

    assert (both, one) == ([1, 1], [1, 0])


async def test_a_book_is_asked_for_by_its_number_and_lent_where_there_is_none(
    erm: Harness, make: Shelf
) -> None:
    listed = await make.listed({}, name="Books", kind="monograph", isbn=ISBN)
    query = "rft_val_fmt=info:ofi/fmt:kev:mtx:book&rft.isbn=0306406152&rft.btitle=Dams&rft.date=2019"
    none = await resolve(erm, query)

    await make.line(await make.agreement(), "package", listed.package)

    assert (reasons(none), none["request"]["service"]) == ({"Books platform": ["not-licensed"]}, "loan")
    assert [one["certain"] for one in (await resolve(erm, query))["targets"]] == [True]


@pytest.mark.parametrize(
    ("query", "reason", "elsewhere"),
    [
        (f"rft.genre=article&rft.issn={EISSN}&rft.date=1995", "identifier-unknown", None),
        ("rft.genre=article&rft.atitle=Sediment", "no-identifier", None),
        (f"rft.genre=article&rft.issn={ISSN}", "on-no-platform", None),
        (
            "rft.genre=article&rft_id=info:doi/10.9999/a<b",
            "identifier-unknown",
            "https://doi.org/10.9999/a%3Cb",
        ),
    ],
)
async def test_why_there_is_nothing_to_look_at_is_told(
    erm: Harness, make: Shelf, query: str, reason: str, elsewhere: str | None
) -> None:
    await make.title(issn=ISSN)

    told = await resolve(erm, query)

    assert [one["code"] for one in told["reasons"]] == [reason]
    assert (told["targets"], told["elsewhere"]) == ([], elsewhere)
    assert told["request"]["openurl"]


async def test_the_explanation_names_agreements_to_staff_alone(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(NINETIES)
    agreement = await make.agreement(await make.licence())
    await make.line(agreement, "package", listed.package, active_to="2027-02-28")

    public = (await resolve(erm, f"{ARTICLE}&explain=true"))["explained"]
    staff = (await erm.get(f"/openurl?explain=true&{ARTICLE}")).json()["explained"]

    assert public["identifiers"] == [["issn", ISSN]]
    assert [one["code"] for one in public["ways"][0]["rights"][0]["against"]] == ["line-ended"]
    assert (public["ways"][0]["chosen"], public["asked_first"], public["today"]) == (
        False,
        "1995-01-01",
        "2027-03-01",
    )
    assert "Riverbase" not in str(public)
    assert staff["ways"][0]["rights"][0]["agreement"] == agreement["name"]


async def test_people_get_a_page_that_needs_no_script_and_leads_where_it_says(
    erm: Harness, make: Shelf
) -> None:
    listed = await make.listed(NINETIES)
    licence = await make.licence(
        terms={"walk-in-users": {"use": "prohibited", "public_note": "<b>never</b>"}}
    )
    await make.line(await make.agreement(licence), "package", listed.package)
    await make.listed(NINETIES, name="Elsewhere", issn=EISSN)
    await erm.put(
        "/v1/configuration/erm", json={"resolver": {"request_form": "https://ask.example/form?{openurl}"}}
    )
    title = quote('<script>alert("x")</script>')

    found = await erm.get(f"/openurl?{ARTICLE.replace('Sediment', title)}", headers=HTML)
    none = await erm.get(
        f"/openurl?rft.genre=article&rft.issn={EISSN}&rft.atitle=%D7%A0%D7%94%D7%A8", headers=HTML
    )
    odd = await erm.get("/openurl?a=b", headers=HTML)

    for answer in (found, none, odd):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text
        document = ElementTree.fromstring(_closed(answer.text))
        assert (document.get("lang"), document.get("dir")) == ("en", "ltr")
        assert len(document.findall(".//h1")) == 1
    assert links(found.text) == {"https://riverbase.example/jih"}
    assert "not allowed; &lt;b&gt;never&lt;/b&gt;" in found.text
    assert 'dir="auto">נהר<' in none.text
    (asking,) = links(none.text)
    assert asking.startswith("https://ask.example/form?url_ver=Z39.88-2004&amp;")
    assert odd.status_code == 400


def _closed(page: str) -> str:
    """The page as XML: what HTML leaves open is closed."""
    return re.sub(r"<(meta[^>]*)>", r"<\1/>", page.partition("\n")[2])


def links(page: str) -> set[str]:
    return set(re.findall(r'href="([^"]*)"', page))


async def test_nothing_in_the_address_leads_anybody_anywhere(erm: Harness, make: Shelf) -> None:
    evil = quote("https://evil.example/?genre=article&issn=" + EISSN)
    queries = [
        f"url={evil}",
        f"rft_id=https://evil.example/&rft.issn={EISSN}",
        f"rft_ref=https://evil.example/&rft.issn={EISSN}",
        f"rft.issn={EISSN}&redirect=https://evil.example/",
    ]
    for query in queries:
        for headers in ({}, HTML):
            answer = await erm.get(f"/openurl?{query}", headers=headers)
            assert answer.status_code == 200
            assert "location" not in answer.headers
            assert "https://evil.example" not in links(answer.text)
    assert (await erm.get(f"/openurl?{queries[1]}")).json()["targets"] == []


@pytest.mark.parametrize(
    "query",
    [
        "",
        "explain=true",
        "a=b",
        "rft.issn=%00",
        "rft.genre=%ff%fe",
        "&&&",
        "rft.date=9999&rft.genre=article",
        "id=doi:",
    ],
)
async def test_odd_links_are_told_what_is_wrong_with_them(erm: Harness, query: str) -> None:
    answer = await erm.get(f"/openurl?{query}")

    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_link_that_says_nothing_is_a_problem_with_a_reason(erm: Harness) -> None:
    answer = await erm.get("/openurl?a=b")

    assert (answer.status_code, codes(answer)) == (400, ["openurl-empty"])


async def test_it_is_answered_by_few_statements_and_by_indexes(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(NINETIES)
    await make.line(
        await make.agreement(await make.licence(terms={"walk-in-users": "permitted"})),
        "package",
        listed.package,
    )
    await resolve(erm, ARTICLE)
    asked: list[str] = []

    def note(_: Any, query: Any) -> None:
        asked.append(query.query)

    pool = erm.resources.pool
    async with pool.acquire() as connection:
        connection.add_query_logger(lambda query: note(None, query))
    # the pool hands out the connection that was put back last
    told = await resolve(erm, ARTICLE)

    assert len(told["targets"]) == 1
    assert 1 <= len(asked) <= 3
