"""Within a course: a teacher puts titles into it, a student opens one and has it put aside. The services are real."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from catalog.app import SERVICE as CATALOGUE
from circulation.app import SERVICE as LENDING
from support.campus import LIBRARY
from support.carrying import Carrier
from support.front import OPERATOR, Front, bearer, fronting
from support.harness import migrated, running
from support.lms import CLAIM, DEEP, LEARNER, PERSONS, Browser, Lms, forms
from support.shelves import Shelves, record
from support.university import CIRCULATION

from .conftest import NEAR, configure

Course = tuple[Front, dict[str, Any]]


@pytest.fixture
async def course(
    database: Callable[..., Awaitable[str]], gateway_dsn: str, lms: Lms, tmp_path: Path
) -> AsyncIterator[Course]:
    """The gateway before a catalogue of three titles and a circulation desk; the titles by their names."""
    async with AsyncExitStack() as stack:
        opened = {}
        for service, settings in ((CATALOGUE, {"data_dir": tmp_path}), (LENDING, {})):
            dsn = await database(service.name, lambda dsn, service=service: migrated(service, dsn))
            opened[service.name] = await stack.enter_async_context(running(service, dsn, settings=settings))
        front = await stack.enter_async_context(
            fronting(gateway_dsn, apps={name: each.app for name, each in opened.items()}, **NEAR)
        )
        shelves = Shelves(opened["catalog"])
        await shelves.configure()
        answer = await front.put("/v1/configuration/circulation", json=CIRCULATION, headers=bearer(OPERATOR))
        assert answer.status_code == 200, answer.text
        titles = {
            name: await shelves.title(record(f"r{at}", title=name, author=author))
            for at, (name, author) in enumerate(
                {"Walden": "Thoreau, H. D.", "Emma": "Austen, J.", "Cape <Cod>": "Thoreau, H. D."}.items()
            )
        }
        for library, code in (("MAIN", "STACKS"), ("LAW", "READING")):
            where = await shelves.location(library, code)
            await shelves.item(titles["Walden"], location_id=where)
        await Carrier(list(opened.values())).carry()
        await stack.enter_async_context(shelves.indexed())
        await configure(front, persons=PERSONS)
        await lms.register(front)
        yield front, titles


def words(page: httpx.Response) -> str:
    """What a page says, without its marks."""
    body = page.text.partition("<main>")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def told(page: httpx.Response) -> dict[str, Any]:
    """The claims of the answer that a page holds for the platform, unchecked."""
    ((_, fields), *_) = [form for form in forms(page.text) if "JWT" in form[1]]
    return {"token": fields["JWT"]}


async def published(front: Front) -> KeySet:
    return KeySet.import_key_set((await front.get("/lti/jwks")).json())


async def test_a_teacher_puts_titles_into_a_course_and_the_platform_is_given_what_it_takes(
    course: Course, lms: Lms
) -> None:
    front, titles = course
    browser = Browser(front)

    page = await browser.launch(lms, **lms.choosing(), **lms.course())
    assert "Put titles into History 101" in words(page)
    assert "Search, and choose what your students are to read." in words(page)
    found = await browser.press(page, "/lti/search", query="thoreau")
    assert "2 titles found" in words(found)
    assert "Cape &lt;Cod&gt;" in found.text
    assert "<Cod>" not in found.text

    first = await browser.press(found, "/lti/search", query="thoreau", add=titles["Walden"]["id"])
    assert "Chosen: Walden" in words(first)
    both = await browser.press(first, "/lti/search", add=titles["Cape <Cod>"]["id"])
    fewer = await browser.press(both, "/lti/search", remove=titles["Walden"]["id"])
    assert ("Chosen: 2" in words(both), "Chosen: 1" in words(fewer)) == (True, True)

    choice = await browser.press(both, "/lti/choice", how="each")
    claims = jwt.decode(told(choice)["token"], await published(front), algorithms=["RS256"]).claims
    assert "form-action 'self' https://lms.test;" in choice.headers["content-security-policy"]
    assert [where for where, _ in forms(choice.text)] == ["https://lms.test/dl/return", "/lti/search"]
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("library-tool", lms.issuer, 1800)
    assert (claims[f"{DEEP}data"], claims[f"{CLAIM}deployment_id"]) == ("opaque-csrf", "dep-1")
    assert claims[f"{CLAIM}message_type"] == "LtiDeepLinkingResponse"
    assert claims[f"{DEEP}content_items"] == [
        {
            "type": "ltiResourceLink",
            "title": name,
            "text": "Thoreau, H. D., 1854",
            "url": f"{LIBRARY}/lti/titles/{titles[name]['id']}",
        }
        for name in ("Walden", "Cape <Cod>")
    ]

    listed = await browser.press(both, "/lti/choice", how="one", name="Week 1")
    ids = ",".join(titles[name]["id"] for name in ("Walden", "Cape <Cod>"))
    (item,) = jwt.decode(told(listed)["token"], await published(front)).claims[f"{DEEP}content_items"]
    assert (item["title"], item["url"]) == ("Week 1", f"{LIBRARY}/lti/titles/{ids}")

    nothing = await browser.press(both, "/lti/choice", how="none")
    assert jwt.decode(told(nothing)["token"], await published(front)).claims[f"{DEEP}content_items"] == []

    pair = [titles[name]["id"] for name in ("Walden", "Emma")]

    plain = await browser.launch(
        lms, **lms.choosing(accept_types=["link", "html"], accept_multiple=False, data=None)
    )
    one = await browser.press(plain, "/lti/choice", chosen=pair[0], how="each")
    two = await browser.press(plain, "/lti/choice", chosen=",".join(pair), how="each")
    claims = jwt.decode(told(one)["token"], await published(front)).claims
    assert [(each["type"], each["url"]) for each in claims[f"{DEEP}content_items"]] == [
        ("link", f"{LIBRARY}/titles/{pair[0]}")
    ]
    assert f"{DEEP}data" not in claims
    assert two.status_code == 400

    neither = await browser.launch(lms, **lms.choosing(accept_types=["file"]))
    elsewhere = await browser.launch(lms, **lms.choosing(deep_link_return_url="https://evil.test/return"))
    opened = await browser.launch(lms)
    not_choosing = await browser.press(opened, "/lti/search", chosen=pair[0])
    forced = await browser.client.post(
        "/lti/choice", data={**forms(opened.text)[0][1], "chosen": pair[0], "how": "each"}
    )
    gone = await browser.press(plain, "/lti/choice", chosen=pair[0][:-4] + "dead", how="each")
    assert neither.status_code == 409
    assert (elsewhere.status_code, "return-address-unusable" in elsewhere.text) == (403, True)
    assert "JWT" not in not_choosing.text
    assert forced.status_code == 400
    assert "no longer in the catalogue" in words(gone)


async def test_whoever_is_no_patron_is_told_why_and_a_student_has_a_title_put_aside_once(
    course: Course, lms: Lms
) -> None:
    front, titles = course
    browser = Browser(front)
    walden, point = titles["Walden"]["id"], (await front.get("/v1/service-points")).json()["items"][0]["id"]
    target = {f"{CLAIM}target_link_uri": f"{LIBRARY}/lti/titles/{walden}"}
    alum = "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Alumni"

    for change, why in (
        ({"sub": None}, "Your learning platform did not tell the library who you are."),
        ({f"{CLAIM}roles": [LEARNER]}, "cannot tell from your learning platform that you may borrow"),
        ({f"{CLAIM}roles": [alum]}, "The library does not lend to your group."),
        ({"sub": "nameless", "family_name": None}, "did not tell it your name"),
    ):
        page = await browser.launch(lms, **target, **change)
        assert "2 of 2 copies available" in words(page)
        assert why in words(page)
        assert "/lti/holds" not in page.text
        forced = await browser.client.post(
            "/lti/holds", data={**forms(page.text)[-1][1], "title": walden, "pickup": point, "once": "x" * 20}
        )
        assert why in words(forced)
    assert (await front.get("/v1/holds", headers=bearer(OPERATOR))).json()["items"] == []

    walden = titles["Walden"]["id"]

    page = await browser.launch(
        lms, **lms.course(), **{f"{CLAIM}target_link_uri": f"{LIBRARY}/lti/titles/{walden}"}
    )
    assert "2 of 2 copies available" in words(page)
    assert words(page).index("Law reading") < words(page).index("Main stacks")
    points = re.findall(r'<option value="([^"]+)">([^<]+)</option>', page.text)
    assert [name for _, name in points] == ["Law desk", "Main desk", "Science desk"]

    placed = await browser.press(page, "/lti/holds", pickup=points[1][0])
    again = await browser.press(page, "/lti/holds", pickup=points[1][0])
    anew = await browser.launch(lms, **{f"{CLAIM}target_link_uri": f"{LIBRARY}/lti/titles/{walden}"})
    twice = await browser.press(anew, "/lti/holds", pickup=points[0][0])

    assert placed.status_code == again.status_code == 200
    assert "The hold is placed. You are told when it waits for you at: Main desk." in words(placed)
    assert "The hold is placed." in words(again)
    assert "The hold could not be placed. You have a hold on it already." in words(twice)
    (patron,) = (await front.get("/v1/patrons", headers=bearer(OPERATOR))).json()["items"]
    holds = (await front.get("/v1/holds", headers=bearer(OPERATOR))).json()["items"]
    assert [(each["patron_id"], each["title_id"]) for each in holds] == [(patron["id"], walden)]
    assert (patron["family_name"], patron["group"], patron["library"]) == ("Curie", "student", "LAW")
    assert patron["external_id"] == "https://lms.test#marie"


async def test_a_reading_list_says_what_has_gone_and_a_search_stays_in_the_library_of_the_deployment(
    course: Course, lms: Lms
) -> None:
    front, titles = course
    browser = Browser(front)
    ids = [titles["Walden"]["id"], titles["Emma"]["id"], titles["Emma"]["id"][:-4] + "dead"]

    page = await browser.launch(
        lms, **lms.course(), **{f"{CLAIM}target_link_uri": f"{LIBRARY}/lti/titles/{','.join(ids)}"}
    )
    title = await browser.press(page, "/lti/title", title=ids[1])
    back = await browser.press(title, "/lti/title")
    gone = await browser.press(page, "/lti/title", title=ids[2])

    assert ("Walden" in words(page), "One title is no longer in the catalogue." in words(page)) == (
        True,
        True,
    )
    assert "The library has no copies that stand on a shelf." in words(title)
    assert words(back) == words(page)
    assert (gone.status_code, "no longer in the catalogue" in words(gone)) == (404, True)

    page = await browser.launch(lms)
    everywhere = await browser.press(page, "/lti/search", query="thoreau")
    here = await browser.press(page, "/lti/search", query="thoreau", here="1")
    wrong = await browser.press(page, "/lti/search", query='"')
    other = await browser.launch(lms, **{f"{CLAIM}deployment_id": "dep-2"})

    assert "Only in the library LAW" in words(page)
    assert "Only in the library" not in words(other)
    assert ("2 titles found" in words(everywhere), "1 title found" in words(here)) == (True, True)
    assert (wrong.status_code, "cannot be understood" in words(wrong)) == (200, True)
