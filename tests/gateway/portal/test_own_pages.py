"""Whoever writes programs looks after keys, webhooks and requests by themselves, in a browser."""

import html
import re
from contextlib import AsyncExitStack

import httpx
import pytest

from gateway.portal.layout import PLACES
from support.front import Echo, Front, bearer, fronting
from support.house import Browser, House, hidden


def last_form(page: str) -> dict[str, str]:
    """The hidden fields of the form that makes something."""
    return hidden(page[page.rindex("<form") :])


async def make(browser: Browser, name: str, *scopes: str, **more: str) -> httpx.Response:
    form = last_form((await browser.client.get("/developers/keys")).text)
    told = {**form, "name": name, "kind": "api-key", "days": "30", "act": "make", **more}
    return await browser.client.post(
        "/developers/keys", data=told | {f"scope {each}": "on" for each in scopes}
    )


def shown(page: httpx.Response) -> str:
    return html.unescape(re.findall(r"<pre>([^<]*)</pre>", page.text)[0])


async def test_a_key_is_made_on_the_page_shown_once_and_opens_what_was_ticked(
    house: House, gateway: Front
) -> None:
    browser, _ = await house.signed_in("developer")

    page = await make(browser, "<b>Catalogue</b> mirror", "titles:read", "changes:read")

    key = shown(page)
    told = (await gateway.whoami(key)).json()
    assert (page.status_code, told["scopes"]) == (201, ["changes:read", "titles:read"])
    again = (await browser.client.get("/developers/keys")).text
    assert key not in again
    assert "&lt;b&gt;Catalogue&lt;/b&gt; mirror" in again
    assert "<b>Catalogue" not in again


async def test_the_same_form_sent_twice_makes_one_key_and_tells_its_secret_once(house: House) -> None:
    browser, _ = await house.signed_in("developer")
    form = last_form((await browser.client.get("/developers/keys")).text)
    told = {**form, "name": "one", "kind": "api-key", "days": "30", "act": "make", "scope titles:read": "on"}

    first, second = [await browser.client.post("/developers/keys", data=told) for _ in range(2)]

    assert "crl_" in first.text
    assert "crl_" not in second.text
    assert second.text.count('value="turn"') == 1


async def test_a_page_says_every_reason_why_not(house: House) -> None:
    browser, _ = await house.signed_in("developer")

    page = await make(browser, "too much", "loans:read", "titles:write")

    assert page.status_code == 403
    assert page.text.count("You do not have ") == 2
    assert 'role="alert"' in page.text


async def test_a_key_is_turned_and_ended_on_the_page(house: House, gateway: Front) -> None:
    browser, _ = await house.signed_in("developer")
    key = shown(await make(browser, "mine", "titles:read"))
    form = hidden((await browser.client.get("/developers/keys")).text)

    turned = shown(await browser.client.post("/developers/keys", data={**form, "act": "turn"}))
    ended = await browser.client.post("/developers/keys", data={**form, "act": "end"})

    assert turned != key
    assert "You have none yet" in ended.text
    assert [(await gateway.whoami(each)).status_code for each in (key, turned)] == [401, 401]


async def test_a_form_that_was_not_given_to_this_session_does_nothing(house: House) -> None:
    browser, _ = await house.signed_in("developer")
    stranger, _ = await house.signed_in("developer")
    form = last_form((await stranger.client.get("/developers/keys")).text)
    told = {
        **form,
        "name": "theirs",
        "kind": "api-key",
        "days": "30",
        "act": "make",
        "scope titles:read": "on",
    }

    page = await browser.client.post("/developers/keys", data=told)

    assert page.status_code == 409
    assert "out of date" in page.text
    assert 'value="turn"' not in page.text


@pytest.mark.parametrize("place", ["keys", "webhooks", "requests"])
async def test_strangers_are_shown_the_way_in_and_patrons_what_they_lack(house: House, place: str) -> None:
    stranger = await house.browser().client.get(f"/developers/{place}")
    patron, _ = await house.signed_in("patron")
    answer = await patron.client.get(f"/developers/{place}")

    assert (stranger.status_code, f"target=%2Fdevelopers%2F{place}" in stranger.text) == (401, True)
    assert answer.status_code == (200 if place == "requests" else 403)


async def test_a_webhook_is_subscribed_paused_and_ended_on_its_pages(gateway_dsn: str) -> None:
    async with (
        fronting(gateway_dsn, apps={"circulation": Echo()}, webhook_networks="127.0.0.0/8") as front,
        AsyncExitStack() as stack,
    ):
        await _a_webhook_on_its_pages(House(front, stack))


async def _a_webhook_on_its_pages(house: House) -> None:
    browser, _ = await house.signed_in("developer")
    form = last_form((await browser.client.get("/developers/webhooks")).text)
    told = {**form, "url": "http://127.0.0.1:9/hook", "act": "make", "type catalog.title-created.v1": "on"}

    refused = await browser.client.post("/developers/webhooks", data={**told, "url": "http://10.0.0.1/"})
    made = await browser.client.post("/developers/webhooks", data=told)

    assert (refused.status_code, 'role="alert"' in refused.text) == (422, True)
    assert (made.status_code, shown(made)[:6]) == (201, "whsec_")
    place = re.findall(r'href="(/developers/webhooks/[^"]+)"', made.text)[0]
    one = await browser.client.get(place)
    assert "unverified" in one.text
    assert "webhook.verify" in one.text  # the log of deliveries
    other, _ = await house.signed_in("developer")
    assert (await other.client.get(place)).status_code == 404
    again = await browser.client.post(place, data={**hidden(one.text), "act": "pause"})
    assert again.status_code == 409  # it is not active: the page says so
    ended = await browser.client.post("/developers/webhooks", data={**hidden(made.text), "act": "end"})
    assert "You have none yet" in ended.text


async def test_what_somebody_did_on_the_pages_stands_among_their_requests(
    house: House, gateway: Front
) -> None:
    browser, _ = await house.signed_in("developer")
    key = shown(await make(browser, "mine", "titles:read"))
    await gateway.get("/v1/clients", headers=bearer(key))
    await gateway.app.state.journal.flush()

    page = await browser.client.get("/developers/requests")
    client = re.findall(r"\?client=([0-9a-f-]+)", page.text)[0]
    of_key = await browser.client.get("/developers/requests", params={"client": client})

    assert "POST /developers/keys" in page.text
    assert "GET /v1/clients" in of_key.text
    assert "POST /developers/keys" not in of_key.text


async def test_every_page_stands_alone_and_leads_to_the_others(house: House) -> None:
    browser, _ = await house.signed_in("developer")
    names = re.findall(
        r"/developers/events/[a-z0-9.-]+", (await browser.client.get("/developers/events")).text
    )
    assert len(names) > 100

    for path in [*(place for place, _ in PLACES if place != "/docs"), *names[:1], names[-1]]:
        page = await browser.client.get(path)
        assert page.status_code == 200, path
        assert not re.search(r"<script|(?:src|href)=\"(?:https?:)?//", page.text), path
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert '<html lang="en" dir="ltr">' in page.text
        assert page.text.count("<h1>") == 1


async def test_an_event_is_told_field_by_field(gateway: Front) -> None:
    page = (await gateway.get("/developers/events/circulation.loan-created.v1")).text

    assert "<code>loan_id</code>" in page
    assert "string (uuid)" in page
    assert (await gateway.get("/developers/events/no.such.v1")).status_code == 404
