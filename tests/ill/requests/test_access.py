"""What we have online: asked of acquisitions first for our patrons, and before a copy of it is sent to a partner."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.erm import AccessFound, AccessTarget, LicenceChanged, LicenceFacts, LicenceTermFacts
from contracts.ill import AccessSought
from support.desk import codes, pointers
from support.harness import Harness
from support.lending import ARTICLE, BOOK, NOW, Make, themselves
from support.otherlibrary import World

LICENCE = UUID(int=77)
LINK = "https://riverbase.example/12"
OPENURL = (
    "url_ver=Z39.88-2004&rft_val_fmt=info%3Aofi%2Ffmt%3Akev%3Amtx%3Ajournal&rft.genre=article&rft.issn=03785955"
    "&rft.jtitle=Journal+of+Rivers&rft.atitle=On+bends&rft.volume=12&rft.spage=1&rft.epage=9&rft.date=2020"
    "&req_id=mailto%3Asomeone%40example.org"
)


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


async def answer(ill: Harness, *targets: dict[str, Any], number: int | None = None) -> None:
    """Acquisitions answer the last question."""
    asked = (await ill.announced(AccessSought))[-1]
    usual = {"url": LINK, "platform": "Riverbase", "title": "Journal", "free": False, "certain": True}
    told = AccessFound(
        version=asked.version,
        occurred_at=NOW,
        request_id=asked.request_id,
        asked=asked.version if number is None else number,
        known=True,
        targets=tuple(AccessTarget(**(usual | {"licence_id": LICENCE} | one)) for one in targets),
        refused=("embargoed",),
    )
    await ill.deliver(told, source="erm")


async def licence(ill: Harness, version: int = 1, *, ends_on: date | None = None, **uses: str) -> None:
    """Acquisitions tell of the licence."""
    terms = tuple(
        LicenceTermFacts(term=code.replace("_", "-"), use=use, ends_on=ends_on) for code, use in uses.items()
    )
    facts = LicenceFacts(licence_id=LICENCE, name="Riverbase licence", status="active", terms=terms)
    told = LicenceChanged(version=version, occurred_at=NOW, licence_id=LICENCE, what="changed", licence=facts)
    await ill.deliver(told, source="erm")


# --- our patrons ---


async def test_what_can_be_read_online_is_shown_and_asked_of_nobody(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(licensed_access="first")
    other = await world.other()
    patron = await make.patron()
    request = await make.request(patron, service="copy", citation=ARTICLE)

    await answer(ill, {"certain": False, "url": "https://unsure.example/"}, {})
    with ill.asking(themselves(patron)):
        told = await make.now(request)
        done = await make.act(request, "read-online")
    await world.deliver()

    (asked,) = await ill.announced(AccessSought)
    assert (request["state"], asked.part, asked.citation["issn"]) == ("looking-online", True, "0378-5955")
    assert (told["state"], told["offer"]["link"]) == ("available-online", LINK)
    assert [one["url"] for one in told["access"]["targets"]] == ["https://unsure.example/", LINK]
    assert (done["state"], done["ended"], other.heard) == ("filled-online", True, [])


async def test_a_library_is_asked_all_the_same_where_the_patron_wants_it_so(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(licensed_access="first")
    await world.other()
    declined = await make.request(service="copy", citation=ARTICLE)
    await answer(ill, {})
    unsure = await make.request(service="copy", citation=ARTICLE)
    await answer(ill, {"certain": False})
    nowhere = await make.request(service="copy", citation=ARTICLE)
    await answer(ill)
    wordy = await make.request(service="copy", citation={"title": "Walden", "article_title": "Reading"})
    silent = await make.request(service="copy", citation=ARTICLE)

    after = await make.act(declined, "decline-online", note="it is behind a wall")
    ill.at(NOW + timedelta(hours=1))
    await ill.tick("watch-requests")
    await answer(ill, {})  # late: nobody waits for it any more

    states = [(await make.now(one))["state"] for one in (unsure, nowhere, wordy, silent)]
    assert (after["state"], states) == ("sent", ["sent"] * 4)
    assert (after["offer"]["link"], (await make.now(nowhere))["access"]["refused"]) == (None, ["embargoed"])
    assert len(await ill.announced(AccessSought)) == 4


async def test_an_old_answer_is_no_answer(ill: Harness, world: World, make: Make) -> None:
    await make.configure(licensed_access="first")
    request = await make.request(service="copy", citation=ARTICLE)

    await answer(ill, {}, number=99)

    assert (await make.now(request))["state"] == "looking-online"


async def test_a_link_that_nobody_declines_is_theirs_after_some_days(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(licensed_access="first")
    request = await make.request(service="copy", citation=ARTICLE)
    await answer(ill, {})

    ill.at(NOW + timedelta(days=7))
    await ill.tick("watch-requests")

    assert (await make.now(request))["state"] == "filled-online"


# --- OpenURLs ---


async def test_a_wish_is_told_as_an_openurl_and_who_asked_it_is_forgotten(
    ill: Harness, world: World, make: Make
) -> None:
    await world.other()
    patron = await make.patron()
    proxied = (
        "https://p.example/login?url=https://r.example/o?genre=book&isbn=0306406152&title=Dams&req_dat=secret"
    )

    article, book = [
        (await ill.post("/v1/ill/requests", json={"openurl": told, "patron_id": str(patron)})).json()
        for told in (OPENURL, proxied)
    ]

    assert (article["service"], article["state"]) == ("copy", "sent")
    assert article["citation"] == {
        "title": "Journal of Rivers",
        "issn": "0378-5955",
        "year": "2020",
        "article_title": "On bends",
        "volume": "12",
        "pages": "1-9",
    }
    assert article["openurl"].startswith("url_ver=Z39.88-2004&rft_val_fmt=")
    assert "someone" not in str(article) + str(book)
    assert "secret" not in str(book)
    assert (book["service"], book["citation"]) == ("loan", {"title": "Dams", "isbn": "9780306406157"})


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"openurl": "a=b"}, 422, ["openurl-empty"]),
        ({"openurl": "rft.genre=article"}, 422, ["openurl-empty"]),
        ({"openurl": "x" * 20_000}, 422, None),
        ({"openurl": ""}, 422, None),
        ({}, 422, None),
        ({"openurl": OPENURL, "citation": BOOK, "service": "loan"}, 422, None),
        ({"citation": BOOK}, 422, None),
    ],
)
async def test_what_cannot_be_read_is_told(
    ill: Harness, make: Make, body: dict[str, Any], status: int, told: list[str] | None
) -> None:
    refused = await ill.post("/v1/ill/requests", json=body | {"patron_id": str(await make.patron())})

    assert refused.status_code == status, refused.text
    assert told is None or (codes(refused), pointers(refused)) == (told, ["/openurl"])


async def test_an_openurl_asks_for_what_is_said_beside_it(ill: Harness, make: Make) -> None:
    answered = await ill.post(
        "/v1/ill/requests",
        json={"openurl": OPENURL, "service": "copy-or-loan", "patron_id": str(await make.patron())},
    )

    assert answered.json()["service"] == "copy-or-loan"


# --- partners ---

FILE = b"%PDF-1.7\n" + b"river " * 100 + b"\n%%EOF\n"


async def wanted(ill: Harness, world: World, make: Make, *targets: dict[str, Any]) -> dict[str, Any]:
    """A copy that a partner wants, of something that has an ISBN."""
    await make.configure(public_url="https://library.example")
    other = await world.other()
    await other.asks(isbn="9780306406157", serviceType="Copy")
    await answer(ill, *targets)
    request: dict[str, Any] = (await ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
    kept = await ill.put(
        f"/v1/ill/requests/{request['id']}/document",
        content=FILE,
        headers={"Content-Type": "application/pdf"},
    )
    assert kept.status_code == 200, kept.text
    return request


async def said(ill: Harness, request: dict[str, Any]) -> dict[str, str]:
    told = (await ill.get(f"/v1/ill/requests/{request['id']}/licences")).json()
    return {one["way"]: one["answer"] for one in told["answers"]}


async def test_the_licence_is_asked_before_a_copy_goes_out_and_its_answer_kept(
    ill: Harness, world: World, make: Make
) -> None:
    await licence(ill, ill_print="permitted", ill_secure_electronic="permitted", ill_electronic="prohibited")
    request = await wanted(ill, world, make, {})

    unsaid = await make.try_to(request, "supply-copy")
    openly = await make.try_to(
        request, "supply-copy", made_from="electronic-file", link="https://files.example/x"
    )
    sent = await make.act(request, "supply-copy", made_from="electronic-file")

    assert await said(ill, request) == {"print": "permitted", "secure": "permitted", "open": "prohibited"}
    assert (codes(unsaid), codes(openly)) == (["source-not-said"], ["licence-prohibits"])
    kept = sent["access"]["supplied"]
    assert (sent["state"], kept["answer"], kept["term"], kept["licence"], kept["on"]) == (
        "copy-completed",
        "permitted",
        "ill-secure-electronic",
        "Riverbase licence",
        "2027-03-01",
    )


async def test_where_the_licence_is_silent_staff_say_on_which_grounds(
    ill: Harness, world: World, make: Make
) -> None:
    await licence(ill, ill_print="silent")
    request = await wanted(ill, world, make, {})

    unclear = await make.try_to(request, "supply-copy", made_from="electronic-print")
    sent = await make.act(
        request, "supply-copy", made_from="electronic-print", grounds="the publisher agreed by mail"
    )

    assert (unclear.status_code, codes(unclear)) == (409, ["licence-unclear"])
    assert (sent["access"]["supplied"]["answer"], sent["access"]["supplied"]["grounds"]) == (
        "unknown",
        "the publisher agreed by mail",
    )


async def test_grounds_do_not_set_aside_a_licence_that_says_no_but_paper_may_go(
    ill: Harness, world: World, make: Make
) -> None:
    await licence(ill, ill_print="prohibited")
    request = await wanted(ill, world, make, {})

    refused = await make.try_to(request, "supply-copy", made_from="electronic-print", grounds="they are nice")
    sent = await make.act(request, "supply-copy", made_from="print")

    assert codes(refused) == ["licence-prohibits"]
    assert sent["access"]["supplied"] == {**EMPTY, "made_from": "print", "on": "2027-03-01"}


EMPTY: dict[str, Any] = dict.fromkeys(("way", "answer", "licence_id", "licence", "term", "note", "grounds"))


async def test_what_we_have_on_paper_alone_goes_out_as_ever(ill: Harness, world: World, make: Make) -> None:
    request = await wanted(ill, world, make)

    assert (await make.act(request, "supply-copy"))["state"] == "copy-completed"


async def test_a_licence_counts_as_it_stands_when_the_copy_goes_out_and_late_news_do_not(
    ill: Harness, world: World, make: Make
) -> None:
    await licence(ill, 2, ends_on=date(2027, 3, 31), ill_print="permitted")
    request = await wanted(ill, world, make, {})
    await licence(ill, 1, ill_print="prohibited")
    now = await said(ill, request)

    ill.at(NOW + timedelta(days=31))
    then = await said(ill, request)
    await licence(ill, 3, ill_print="prohibited")

    assert (now["print"], then["print"], (await said(ill, request))["print"]) == (
        "permitted",
        "unknown",
        "prohibited",
    )


async def test_two_who_send_one_copy_send_it_once(ill: Harness, world: World, make: Make) -> None:
    await licence(ill, ill_print="permitted")
    request = await wanted(ill, world, make, {})

    answers = await asyncio.gather(
        *(make.try_to(request, "supply-copy", made_from="electronic-print") for _ in range(3))
    )

    assert sorted(one.status_code for one in answers) == [200, 409, 409]


async def test_nothing_is_asked_where_the_library_wants_it_so(ill: Harness, world: World, make: Make) -> None:
    await make.configure(lending={"licences": "off"})
    other = await world.other()
    await other.asks(isbn="9780306406157", serviceType="Copy")

    assert await ill.announced(AccessSought) == []
