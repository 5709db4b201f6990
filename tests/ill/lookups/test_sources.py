"""Sources on the net are asked before a library is; none of them can hold a request up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from support.desk import codes
from support.harness import Harness
from support.lending import ARTICLE, BOOK, NOW, Make, themselves
from support.otherlibrary import World
from support.sources import Sources, found, sources

BY_DOI = {"doi": "10.1234/bends"}
CSL = {
    "type": "article-journal",
    "title": "On bends",
    "container-title": "Journal of Rivers",
    "ISSN": ["0378-5955"],
    "issued": {"date-parts": [[2025]]},
}
FREE = {"is_oa": True, "best_oa_location": {"url_for_pdf": "https://free.example/1.pdf", "license": "cc-by"}}
SILENT_AT = NOW + timedelta(minutes=31)


@pytest.fixture
async def net() -> AsyncIterator[Sources]:
    """A server on loopback."""
    async with sources() as played:
        yield played


async def configure(make: Make, net: Sources, *, oa: str = "off", index: Any = None) -> None:
    lookups = {
        "citation": {"doi": net.base + "/cite/{doi}"},
        "open_access": {"mode": oa, "doi": net.base + "/oa/{doi}?email=a@b"},
        "index": {"url": None} if index is None else {"url": net.base + "/index"} | index,
    }
    answer = await make.configure(lookups=lookups)
    assert answer.status_code == 200, answer.text


# --- what it is ---


async def test_a_citation_is_completed_by_its_doi_before_it_goes_anywhere_and_the_first_one_is_kept(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    other = await world.other()
    await configure(make, net)
    net.tell("/cite/10.1234/bends", CSL)
    request = await make.request(service="copy", citation=BY_DOI)

    await net.work(ill)
    await world.deliver()

    now = await make.now(request)
    assert (request["state"], now["state"]) == ("looking-up", "sent")
    assert now["citation"]["title"] == "Journal of Rivers"
    assert now["citation_told"] == BY_DOI
    assert other.last["bibliographicInfo"]["titleOfComponent"] == "On bends"
    assert "vnd.citationstyles.csl+json" in net.asked[0].headers["Accept"]
    assert "source-answered" in await make.steps(request)


async def test_a_doi_of_another_work_completes_nothing_and_staff_see_it(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other()
    await configure(make, net)
    net.tell("/cite/10.1234/bends", CSL | {"title": "Deltas reconsidered"})
    request = await make.request(service="copy", citation=BY_DOI | ARTICLE)

    await net.work(ill)

    now = await make.now(request)
    assert (now["attention"], now["citation_told"]) == ("citation-contradicts", None)
    assert now["citation"] == request["citation"]


@pytest.mark.parametrize(
    "answer", [b"<html>", b"[]", b"\xff", b"x" * 2_100_000], ids=["html", "empty", "bytes", "long"]
)
async def test_what_a_source_babbles_holds_nothing_up(
    ill: Harness, world: World, make: Make, net: Sources, answer: bytes
) -> None:
    await world.other()
    await configure(make, net)
    net.tell("/cite/10.1234/bends", answer)
    request = await make.request(service="copy", citation=BY_DOI | ARTICLE)

    await net.work(ill)
    ill.at(NOW + timedelta(minutes=1))
    await net.work(ill)

    assert (await make.now(request))["state"] == "sent"
    assert len(net.asked) == 2


async def test_a_source_that_knows_nothing_and_one_that_never_answers(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other()
    await configure(make, net)
    unknown = await make.request(service="copy", citation=BY_DOI | ARTICLE)
    await net.work(ill)
    assert (await make.now(unknown))["state"] == "sent"  # 404: at once

    net.tell("/cite/10.1234/other", CSL)
    silent = await make.request(service="copy", citation=ARTICLE | {"doi": "10.1234/other"})
    ill.at(SILENT_AT)
    await ill.tick("watch-requests")
    gone_on = await make.now(silent)
    await net.work(ill)

    assert gone_on["state"] == "sent"
    assert (await make.now(silent))["citation"] == silent["citation"]  # too late
    states = await ill.resources.pool.fetch("SELECT state FROM lookup ORDER BY id")
    assert [row["state"] for row in states] == ["answered", "dropped"]


async def test_staff_need_not_wait(ill: Harness, world: World, make: Make, net: Sources) -> None:
    await world.other()
    await configure(make, net)
    request = await make.request(service="copy", citation=BY_DOI | ARTICLE)

    assert (await make.act(request, "go-on"))["state"] == "sent"


async def test_an_answer_that_comes_while_staff_go_on_sends_one_request_and_no_more(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    other = await world.other()
    await configure(make, net)
    net.tell("/cite/10.1234/bends", CSL)
    request = await make.request(service="copy", citation=BY_DOI | ARTICLE)

    _, answer = await asyncio.gather(net.work(ill), make.try_to(request, "go-on"))
    await world.deliver()

    assert answer.status_code in (200, 409)
    assert ((await make.now(request))["state"], other.asked) == ("sent", ["New"])


# --- whether it is free ---


async def test_a_free_copy_is_offered_to_the_patron_who_may_take_it_or_not(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other()
    await configure(make, net, oa="offer")
    net.tell("/oa/10.1234/bends", FREE)
    patron = await make.patron()
    first = await make.request(patron, service="copy", citation=ARTICLE | BY_DOI)
    await net.work(ill)
    offered = await make.now(first)

    with ill.asking(themselves(patron)):
        taken = await make.act(first, "take-open-access")
    second = await make.request(service="copy", citation=ARTICLE | BY_DOI)
    await net.work(ill)
    declined = await make.act(second, "decline-open-access", note="the wrong version")

    assert (offered["state"], offered["offer"]["link"]) == (
        "open-access-offered",
        "https://free.example/1.pdf",
    )
    assert (taken["state"], taken["ended"], taken["offer"]["link"]) == (
        "filled-openly",
        True,
        "https://free.example/1.pdf",
    )
    assert (declined["state"], declined["offer"]["link"]) == ("sent", None)


async def test_a_free_copy_closes_the_request_where_the_library_wants_it_so_and_a_loan_looks_for_none(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other()
    await configure(make, net, oa="fill")
    net.tell("/oa/10.1234/bends", FREE)
    article = await make.request(service="copy", citation=ARTICLE | BY_DOI)
    book = await make.request(citation=BOOK | {"doi": "10.1234/bends"})
    await net.work(ill)

    assert ((await make.now(article))["state"], (await make.now(book))["state"]) == ("filled-openly", "sent")


async def test_an_offer_that_nobody_answers_is_the_patrons(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other()
    await configure(make, net, oa="offer")
    net.tell("/oa/10.1234/bends", FREE)
    request = await make.request(service="copy", citation=ARTICLE | BY_DOI)
    await net.work(ill)
    ill.at(NOW + timedelta(days=8))
    await ill.tick("watch-requests")

    assert (await make.now(request))["state"] == "filled-openly"


# --- who has it ---


async def test_only_those_are_asked_that_the_index_names_each_by_its_own_number(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other("XX-ONE", rank=1)
    two = await world.other("XX-TWO", rank=2)
    await world.other("XX-OLD", rank=3, holdings_code="OLDCODE")
    await world.other("XX-LAST", last_resort=True)
    await configure(make, net, index={})
    net.tell("/index", found(("b7", "XX-TWO", "XX-NOBODY"), ("b8", "oldcode", "ISIL:XX-TWO")))
    request = await make.request()

    await net.work(ill)
    await world.deliver()

    assert (request["state"], (await make.now(request))["state"]) == ("looking-for-suppliers", "sent")
    assert dict(net.asked[0].query)["query"] == 'bath.isbn="9780306406157"'
    assert two.last["bibliographicInfo"]["supplierUniqueRecordId"] == "b7"
    assert await make.rota(request) == [
        ("XX-ONE", "skipped", "not-in-index"),
        ("XX-TWO", "active", None),
        ("XX-OLD", "waiting", None),
        ("XX-LAST", "waiting", None),
    ]


@pytest.mark.parametrize(
    ("answer", "settings", "state"),
    [
        (found(), {}, "end-of-rota"),
        (found(), {"when_nothing": "ask-all"}, "sent"),
        (b"oops", {}, "sent"),
        (b"oops", {"when_silent": "end"}, "end-of-rota"),
    ],
    ids=["nothing", "nothing, ask all", "silent", "silent, end"],
)
async def test_what_follows_when_it_names_nobody_or_does_not_answer_is_the_librarys_to_say(
    ill: Harness, world: World, make: Make, net: Sources, answer: bytes, settings: dict[str, str], state: str
) -> None:
    await world.other()
    await configure(make, net, index=settings)
    net.tell("/index", answer)
    request = await make.request()
    await net.work(ill)
    ill.at(NOW + timedelta(minutes=1))
    await net.work(ill)

    assert (await make.now(request))["state"] == state


async def test_whom_staff_choose_is_asked_whatever_the_index_says(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other("XX-ONE")
    await configure(make, net, index={})
    net.tell("/index", found())
    request = await make.request()
    await net.work(ill)
    ended = await make.now(request)
    path = f"/v1/ill/requests/{request['id']}/rota"
    body = {"partner_ids": [make.partners["XX-ONE"]["id"]]}
    ordered = await ill.put(path, json=body, headers={"If-Match": f'"{ended["version"]}"'})
    assert ordered.status_code == 200, ordered.text

    await make.act(request, "search-again")
    await net.work(ill)

    assert (await make.now(request))["state"] == "sent"


async def test_a_partner_is_skipped_that_lends_nothing_from_where_it_stands(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    rare = {"location": "Rare", "lends": "nothing"}
    await world.other("XX-ONE", rank=1, policies=[rare])
    await world.other("XX-TWO", rank=2, policies=[rare | {"lends": "electronic"}])
    await world.other("XX-THREE", rank=3, policies=[rare])
    await configure(make, net, index={})
    net.tell("/index", found(("b7", "XX-ONE/Rare", "XX-TWO/rare", "XX-THREE/Rare", "XX-THREE/Main")))
    request = await make.request()
    await net.work(ill)

    assert await make.rota(request) == [
        ("XX-ONE", "skipped", "not-lent-from-there"),
        ("XX-TWO", "skipped", "not-lent-from-there"),
        ("XX-THREE", "active", None),
    ]


# --- is it in ---

OUT = '<circulation><availableNow value="0"/></circulation>'
IN = '<circulation><availableNow value="1"/></circulation>'


async def test_a_supplier_whose_copies_are_out_is_skipped_before_it_is_asked(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    one = await world.other("XX-ONE", rank=1, catalogue_url=net.base + "/one", catalogue_schema="opac")
    await world.other("XX-TWO", rank=2, catalogue_url=net.base + "/two")
    three = await world.other("XX-THREE", rank=3, catalogue_url=net.base + "/three", catalogue_schema="opac")
    net.tell("/one", found(("b1", "X"), opac=OUT))
    net.tell("/two", found())
    net.tell("/three", found(("b3", "X"), opac=IN))
    request = await make.request()

    await net.work(ill)
    await world.deliver()

    assert request["state"] == "checking-supplier"
    assert await make.rota(request) == [
        ("XX-ONE", "skipped", "not-available"),
        ("XX-TWO", "skipped", "not-found-there"),
        ("XX-THREE", "active", None),
    ]
    assert (one.asked, three.asked) == ([], ["New"])
    assert dict(net.asked[0].query)["recordSchema"] == "opac"


async def test_what_is_in_where_nothing_is_lent_is_not_asked_for(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    opac = f"<holding><localLocation>Rare</localLocation>{IN}</holding>"
    policies = [{"location": "rare", "lends": "nothing"}]
    told = {"catalogue_schema": "opac", "policies": policies, "catalogue_url": net.base + "/one"}
    await world.other("XX-ONE", **told)
    net.tell("/one", found(("b1", "X"), opac=opac))
    request = await make.request()
    await net.work(ill)

    assert await make.rota(request) == [("XX-ONE", "skipped", "not-lent-from-there")]
    assert (await make.now(request))["state"] == "end-of-rota"


@pytest.mark.parametrize(
    ("silent", "rota"),
    [("ask", ("XX-ONE", "active", None)), ("skip", ("XX-ONE", "skipped", "catalogue-silent"))],
)
async def test_a_catalogue_that_does_not_answer_counts_as_is_said_of_it(
    ill: Harness, world: World, make: Make, net: Sources, silent: str, rota: tuple[str, str, str | None]
) -> None:
    await world.other("XX-ONE", catalogue_url=net.base + "/one", catalogue_silent=silent)
    request = await make.request()
    ill.at(SILENT_AT)
    await ill.tick("watch-requests")

    assert await make.rota(request) == [rota]


# --- where may be asked ---


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/{doi}", "address-literal"),
        ("http://example.org/{doi}", "scheme-refused"),
        ("https://user:p@example.org/{doi}", "url-with-credentials"),
        ("https://catalogue.local/{doi}", "host-not-public"),
    ],
)
async def test_sources_within_our_own_walls_are_not_taken(make: Make, url: str, code: str) -> None:
    refused = await make.configure(lookups={"citation": {"doi": url}})
    partner = await make.ill.post(
        "/v1/ill/partners", json={"name": "X", "symbol": "X", "catalogue_url": url.replace("{doi}", "sru")}
    )

    assert refused.status_code == partner.status_code == 422
    assert code in codes(refused)
    assert code in codes(partner)


async def test_a_url_without_a_place_for_the_number_is_not_taken(make: Make) -> None:
    for url in ("https://example.org/", "https://{doi}.example.org/", "https://example.org/{isbn}"):
        assert (await make.configure(lookups={"citation": {"doi": url}})).status_code == 422


async def test_a_redirection_is_followed_on_the_web_and_not_into_our_network(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other()
    await configure(make, net)
    net.answers["/cite/10.1234/bends"] = [web.Response(status=302, headers={"Location": "/there"})]
    net.tell("/there", CSL)
    net.answers["/cite/10.1234/inside"] = [
        web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data"})
    ]
    request = await make.request(service="copy", citation=BY_DOI)
    await make.request(service="copy", citation=ARTICLE | {"doi": "10.1234/inside"})
    await net.work(ill)

    assert (await make.now(request))["citation"]["title"] == "Journal of Rivers"
    error = await ill.resources.pool.fetchval("SELECT error FROM lookup WHERE state = 'waiting'")
    assert error == "not asked: scheme-refused"


async def test_a_changed_citation_is_looked_for_anew(
    ill: Harness, world: World, make: Make, net: Sources
) -> None:
    await world.other("XX-ONE")
    await configure(make, net, index={})
    net.tell("/index", found(), found(("b1", "XX-ONE")))
    request = await make.request()
    await net.work(ill)
    ended = await make.now(request)
    body = {"citation": BOOK | {"isbn": "9781861972712"}}
    path = f"/v1/ill/requests/{request['id']}"
    changed = await ill.client.patch(path, json=body, headers={"If-Match": f'"{ended["version"]}"'})
    assert changed.status_code == 200, changed.text

    again = await make.act(request, "search-again")
    await net.work(ill)

    assert again["state"] == "looking-for-suppliers"
    assert dict(net.asked[-1].query)["query"] == 'bath.isbn="9781861972712"'
    assert (await make.now(request))["state"] == "sent"
