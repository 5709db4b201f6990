"""The gateway's own pages speak to people in their language: as they chose, or as their browser likes."""

import html
import re
import string
from collections.abc import Callable

import pytest
from fastapi import Response

from chassis.wording import LANGUAGES
from gateway.consents import pages as consents
from gateway.consents.rules import OF_PATRONS
from gateway.saml import pages, words
from gateway.signon import answers
from gateway.tongues import WORDING, Tongue
from support.front import Front
from support.house import House

OTHERS = [tag for tag in LANGUAGES if tag != "en"]
ENGLISH = WORDING.by_language["en"]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_word_is_said_in_every_language_about_the_same_things() -> None:
    for tag in OTHERS:
        said = WORDING.by_language[tag]
        assert said.keys() == ENGLISH.keys()
        assert [key for key in ENGLISH if not said[key].strip()] == []
        assert [key for key in ENGLISH if fields(said[key]) != fields(ENGLISH[key])] == []


@pytest.mark.parametrize("known", [answers.REFUSED, words.REFUSED])
def test_a_page_says_what_the_api_says(known: dict[str, str]) -> None:
    told = {f"why-{code}": sentence for code, sentence in known.items()}

    assert told == {key: ENGLISH[key] for key in told}
    assert ENGLISH["why-otherwise"] == answers.OTHERWISE == words.OTHERWISE
    assert (ENGLISH["please-again"], ENGLISH["tell-library"]) == (words.AGAIN, words.STAFF)
    for code, (what, mend) in words.TURNED_AWAY.items():
        assert (ENGLISH[f"away-{code}"], ENGLISH[f"mend-{code}"]) == (what, mend)
    assert {f"may-{scope}" for scope in OF_PATRONS} <= ENGLISH.keys()


@pytest.mark.parametrize(
    ("chosen", "address", "leads_to"),
    [
        (False, "/sign-in", "/sign-in"),
        (True, "/sign-in", "/sign-in?lang=de"),
        (True, "/sign-in/local?target=%2Fa%3Fb&lang=fr", "/sign-in/local?target=%2Fa%3Fb&lang=de"),
        (True, "/developers/keys?client=&cursor=x", "/developers/keys?client=&cursor=x&lang=de"),
    ],
)
def test_a_language_that_was_chosen_goes_along(chosen: bool, address: str, leads_to: str) -> None:
    assert Tongue("de", chosen).to(address) == leads_to


def test_words_are_escaped_and_what_stands_in_them_is_html_already() -> None:
    say = Tongue("fr")

    assert say.html("asks-to-act", name="<b>&amp;</b>").startswith("<b>&amp;</b> demande")
    assert "n’a pas" in say.html("not-registered")
    assert "browser&#x27;s" in Tongue("en").html("why-request-used")
    with pytest.raises(KeyError):
        say("nothing-of-the-kind")


PAGES: dict[str, Callable[[Tongue], Response]] = {
    "consent": lambda say: consents.consent(
        say,
        "Reader",
        {*OF_PATRONS, "titles:write"},
        action="/oauth2/authorize",
        fields={"proof": "x"},
        sent_to="org.example.app:/back",
        lasts="lasts-days",
        shown_code="ABCD-EFGH",
    ),
    "device": lambda say: consents.device_code(say, proof="x", wrong=True),
    "said": lambda say: consents.said(say, "does-not-work", ["nobody-told", "wish-client-unknown"]),
    "sign-in": lambda say: consents.sign_in(
        say, "X", target="/", proof="x", campus="/saml/login", refused=True, passkeys=""
    ),
    "wants-code": lambda say: consents.sign_in(
        say, "X", target="/", proof="x", campus=None, refused=False, wants_code=True
    ),
    "stopped": lambda say: pages.stopped(
        say,
        say("sign-in-failed"),
        [say("why-otherwise"), say("tell-library")],
        again="/saml/login",
        help_url="https://help.example",
        code="c",
        trace="t",
        status=403,
    ),
    "choices": lambda say: pages.choices(
        say, "X", [], sought="", target="/", more=True, elsewhere="https://elsewhere.example"
    ),
    "welcome": lambda say: pages.welcome(say, "X", lines=[say("not-signed-in")], proof=None),
    "welcome-back": lambda say: pages.welcome(
        say, "X", lines=[say("signed-in")], proof="x", step_up="/saml/login?mfa=true", own_account=True
    ),
    "posting": lambda say: pages.posting(say, "https://idp.example", {}, say("sign-out-there")),
}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_speaks_one_language_throughout(name: str, language: str) -> None:
    page = PAGES[name](Tongue(language, True, "/here?a=b"))

    told = bytes(page.body).decode()
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}" dir="ltr">' in told
    assert '<a href="/here?a=b&amp;lang=en" hreflang="en" lang="en">English</a>' in told
    assert english_in(told, language) == []


NOT_SPOKEN = re.compile(
    r'<nav class="tongues".*?</nav>|<(style|code|pre)>.*?</\1>|<(\w+)[^>]* lang="en">.*?</\2>', re.DOTALL
)
"""Names of languages, what is to be copied, and what says itself that it is English."""


def english_in(page: str, language: str) -> list[str]:
    """What a page says in English, though there are words for it."""
    spoken = NOT_SPOKEN.sub(" ", page)
    texts = [*re.findall(r">([^<>]+)<", spoken), *re.findall(r'aria-label="([^"]*)"', spoken)]
    said = {html.unescape(each).strip() for each in texts}
    own = set(WORDING.by_language[language].values())
    return sorted({text for text in ENGLISH.values() if text not in own} & said)


def test_what_is_said_in_english_is_found() -> None:
    told = bytes(PAGES["wants-code"](Tongue("en")).body).decode()

    assert {"Password", "Sign in"} <= set(english_in(told, "de"))


OPEN = {
    "/sign-in": 200,
    "/sign-in/local": 200,
    "/sign-in/security": 401,
    "/developers": 200,
    "/developers/events": 200,
    "/developers/events/circulation.loan-created.v1": 200,
    "/developers/changes": 200,
    "/developers/keys": 401,
    "/developers/webhooks": 401,
    "/developers/requests": 401,
}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_strangers_are_spoken_to_as_their_browser_likes(gateway: Front, language: str) -> None:
    for path, status in OPEN.items():
        page = await gateway.get(path, headers={"Accept-Language": f"ja, {language}-CH;q=0.9, en;q=0.5"})

        assert (page.status_code, page.headers["content-language"]) == (status, language), path
        assert page.headers["vary"] == "Accept-Language"
        assert f'<html lang="{language}" dir="ltr">' in page.text
        if language != "en":
            assert english_in(page.text, language) == [], path


async def test_who_chooses_a_language_keeps_it_from_page_to_page(gateway: Front) -> None:
    german = {"Accept-Language": "de"}

    page = await gateway.get("/sign-in?lang=fr", headers=german)
    way = html.unescape(re.findall(r'href="(/sign-in/local[^"]*)"', page.text)[0])
    there = await gateway.get(way, headers=german)
    nonsense = await gateway.get("/sign-in?lang=tlh", headers=german)
    led_astray = await gateway.get("/sign-in/local?target=//evil.test", headers=german)

    assert [each.headers["content-language"] for each in (page, there, nonsense)] == ["fr", "fr", "de"]
    assert 'action="/sign-in/local?lang=fr"' in there.text
    assert 'href="/sign-in/local?target=%2Fsign-in&amp;lang=fr" hreflang="fr"' in led_astray.text
    assert "evil" not in led_astray.text


@pytest.mark.parametrize("language", OTHERS)
async def test_whoever_is_signed_in_is_spoken_to_in_their_language(house: House, language: str) -> None:
    browser, _ = await house.signed_in("developer")
    browser.client.headers["Accept-Language"] = language

    for path in ("/sign-in", "/oauth2/device", *OPEN):
        page = await browser.client.get(path)
        assert (page.status_code, page.headers["content-language"]) == (200, language), path
        assert english_in(page.text, language) == [], path


async def test_what_the_api_says_on_a_page_says_that_it_is_english(house: House) -> None:
    browser, _ = await house.signed_in("developer")
    browser.client.headers["Accept-Language"] = "fr"

    refused = await browser.client.post("/developers/keys", data={"act": "make", "proof": "old"})
    event = await browser.client.get("/developers/events/circulation.loan-created.v1")

    assert re.search(r'<div role="alert" lang="fr"><p>Cette page était périmée', refused.text)
    assert '<span lang="en">' in event.text
