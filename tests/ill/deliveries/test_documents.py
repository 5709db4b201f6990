"""A copy as a file: who may fetch it, how often, until when; and what is told when none came."""

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from support.desk import codes
from support.harness import Harness
from support.lending import ARTICLE, NOW, Make, themselves
from support.otherlibrary import World

FILE = b"%PDF-1.7\n" + b"river " * 1000 + b"\n%%EOF\n"
PDF = {"Content-Type": "application/pdf"}
DAY = timedelta(days=1)


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


async def keep(ill: Harness, request: dict[str, Any], content: bytes = FILE, **headers: str) -> Any:
    return await ill.put(f"/v1/ill/requests/{request['id']}/document", content=content, headers=PDF | headers)


async def fetch(ill: Harness, request: dict[str, Any], asker: Any = None) -> Any:
    path = f"/v1/ill/requests/{request['id']}/document"
    if asker is None:
        return await ill.get(path)
    with ill.asking(asker):
        return await ill.get(path)


async def test_the_patron_alone_fetches_it_so_many_times_and_until_its_day(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(documents={"days": 7, "downloads": 2})
    other = await world.other()
    patron, stranger = await make.patron(), await make.patron()
    request = await make.request(patron, service="copy", citation=ARTICLE)
    await world.deliver()
    early = await fetch(ill, request, themselves(patron))

    # told to be supplied, with nothing to fetch: staff ask for it again
    await other.says("CopyCompleted")
    empty = await make.now(request)
    await make.act(request, "ask-resend")
    await world.deliver()
    kept = await keep(ill, request)
    told = await make.now(request)
    assert (empty["state"], empty["attention"]) == ("delivered", "copy-without-file")
    assert other.last["note"] == "The copy has not come: please send it again."
    assert kept.json()["downloads_left"] == 2
    assert (told["attention"], told["has_document"]) == (None, True)

    # staff look at it uncounted; others know nothing of it
    assert (await fetch(ill, request)).content == FILE
    assert early.status_code == (await fetch(ill, request, themselves(stranger))).status_code == 404
    first, second, third = [await fetch(ill, request, themselves(patron)) for _ in range(3)]
    assert first.content == second.content == FILE
    assert first.headers["content-disposition"] == f'attachment; filename="{request["number"]}.pdf"'
    assert first.headers["cache-control"] == "private, no-store"
    assert (third.status_code, codes(third)) == (410, ["downloads-used-up"])

    # sent again: it may be fetched again, until its day, and then it is forgotten
    await keep(ill, request, FILE + b"%%EOF")
    ill.at(NOW + 7 * DAY)
    late = await fetch(ill, request, themselves(patron))
    await ill.tick("forget-documents")
    rows = await ill.resources.pool.fetch("SELECT content, size FROM document ORDER BY id")
    assert (late.status_code, codes(late)) == (410, ["document-expired"])
    assert [(row["content"], row["size"]) for row in rows] == [(None, len(FILE)), (None, len(FILE) + 5)]
    assert (await fetch(ill, request)).status_code == 410


async def test_a_partner_fetches_ours_by_a_link_that_ends(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    await other.asks(serviceType="Copy")
    request = (await ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
    nothing = await make.try_to(request, "supply-copy")
    assert (await keep(ill, request)).status_code == 200
    nowhere = await make.try_to(request, "supply-copy")
    await make.configure(public_url="https://library.example/", documents={"downloads": 1})
    await keep(ill, request)

    done = await make.act(request, "supply-copy", note="as asked")
    await world.deliver()
    link, _, words = other.last["messageInfo"]["note"].partition(" ")
    path = urlsplit(link).path
    with ill.asking(None):
        answers = await asyncio.gather(*(ill.get(path) for _ in range(3)))
        guessed = await ill.get(path[:-1] + ("A" if path[-1] != "A" else "B"))

    assert (codes(nothing), codes(nowhere)) == (["nothing-to-send"], ["public-url-not-set"])
    assert (done["state"], words) == ("copy-completed", "as asked")
    assert link.startswith("https://library.example/v1/ill/documents/")
    assert other.last["deliveryInfo"]["sentVia"] == "URL"
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410]
    assert guessed.status_code == 404
    kept = await ill.resources.pool.fetchval("SELECT token_hash FROM document WHERE token_hash IS NOT NULL")
    assert path.rsplit("/", 1)[1].encode() not in bytes(kept)


async def test_what_is_no_document_is_not_kept(ill: Harness, world: World, make: Make) -> None:
    await world.other()
    copy = await make.request(service="copy", citation=ARTICLE)
    loan = await make.request()

    html = await keep(ill, copy, b"<html>", **{"Content-Type": "text/html"})
    torn = await keep(ill, copy, FILE[:-6])
    large = await keep(ill, copy, b"%PDF-" + b"x" * 20_000_001)
    for_loan = await keep(ill, loan)
    unknown = await keep(ill, {"id": UUID(int=0)})
    none = await fetch(ill, copy)

    assert [html.status_code, torn.status_code, large.status_code] == [415, 422, 413]
    assert (for_loan.status_code, codes(for_loan)) == (409, ["document-unexpected"])
    assert (unknown.status_code, none.status_code) == (404, 404)
    assert codes(torn) == ["document-unreadable"]


async def test_a_file_that_comes_before_its_message_delivers_the_copy(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request(service="copy", citation=ARTICLE)
    await world.deliver()

    await keep(ill, request)
    early = await make.now(request)
    told = await other.says("CopyCompleted")

    assert (early["state"], told) == ("delivered", "OK")
    assert (await make.now(request))["attention"] is None
