"""A first sign-in registers somebody with the real circulation, or finds them; later ones bring them up to date."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

import circulation.app
from gateway.tokens.keys import Sealer
from support.campus import AFFILIATION, FAMILY, GIVEN, MAIL, PAIRWISE, Campus, document, pair
from support.front import OPERATOR, SEALING, Front, bearer, fronting
from support.harness import migrated, running
from support.university import CIRCULATION

from .conftest import Browser, configure

CARD = "urn:campus:card"


@pytest.fixture
async def whole(
    database: Callable[..., Awaitable[str]], gateway_dsn: str, campus: Campus
) -> AsyncIterator[Front]:
    """The gateway before the real circulation, trusting a campus."""
    async with AsyncExitStack() as stack:
        dsn = await database("circulation", lambda dsn: migrated(circulation.app.SERVICE, dsn))
        behind = await stack.enter_async_context(running(circulation.app.SERVICE, dsn))
        front = await stack.enter_async_context(fronting(gateway_dsn, apps={"circulation": behind.app}))
        answer = await front.put(
            "/v1/configuration/circulation", json=LIBRARY_RULES, headers=bearer(OPERATOR)
        )
        assert answer.status_code == 200, answer.text
        made = pair("library")
        await front.resources.pool.execute(
            "INSERT INTO saml_key (kid, state, sealed, certificate, created_at, changed_at) "
            "VALUES ('first', 'current', $1, $2, now(), now())",
            Sealer(SEALING).seal(made.private),
            made.certificate.decode(),
        )
        await configure(front, {**document(campus), "persons": PERSONS})
        yield front


LIBRARY_RULES = {
    **CIRCULATION,
    "patron_groups": [*CIRCULATION["patron_groups"], {"code": "member", "name": "Members", "max_owed": 1000}],
}
GROUPS = ["student", "member"]
PERSONS = {
    "groups": [
        {"name": "students", "affiliation": "student", "group": GROUPS[0]},
        {"name": "the others", "affiliation": "member", "group": GROUPS[1]},
        {"name": "guests", "affiliation": "affiliate", "group": "no-such-group"},
    ],
    "attribute_names": {CARD: "card-number"},
}


def person(name: str, **more: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    told = {"affiliation": "student", "family": "Curie", "given": "Marie", "mail": "m@campus.test", **more}
    wire = {"family": FAMILY, "given": GIVEN, "mail": MAIL, "card": CARD}
    attributes = [
        (PAIRWISE, (f"{name}@campus.test",)),
        (AFFILIATION, (f"{told['affiliation']}@campus.test",)),
    ]
    attributes += [(wire[each], (told[each],)) for each in wire if told.get(each)]
    return tuple(attributes)


async def patrons(front: Front) -> list[dict[str, Any]]:
    answer = await front.get("/v1/patrons", headers=bearer(OPERATOR))
    return list(answer.json()["items"])


async def test_a_first_sign_in_registers_and_later_ones_bring_up_to_date(
    whole: Front, campus: Campus
) -> None:
    browser = Browser(whole)
    await browser.sign_in(campus, attributes=person("marie"))
    (made,) = await patrons(whole)
    me = await browser.client.get("/v1/patrons/me")
    await browser.sign_in(
        campus, attributes=person("MARIE", mail="new@campus.test", given="", affiliation="member")
    )
    (changed,) = await patrons(whole)

    assert (made["family_name"], made["given_name"], made["email"], made["group"]) == (
        "Curie",
        "Marie",
        "m@campus.test",
        GROUPS[0],
    )
    assert made["external_id"] == "marie@campus.test"
    assert me.json()["id"] == made["id"]
    assert (changed["id"], changed["email"], changed["given_name"], changed["group"]) == (
        made["id"],
        "new@campus.test",
        "Marie",
        GROUPS[1],
    )


async def test_first_sign_ins_at_one_moment_register_one_patron(whole: Front, campus: Campus) -> None:
    browsers = [Browser(whole) for _ in range(4)]

    answers = await asyncio.gather(
        *(
            browser.sign_in(campus, attributes=person("marie", mail=f"m{at % 2}@campus.test"))
            for at, browser in enumerate(browsers)
        )
    )

    assert [answer.status_code for answer in answers] == [303] * 4
    (made,) = await patrons(whole)
    told = [(await browser.session()).json()["patron_id"] for browser in browsers]
    assert told == [made["id"]] * 4


async def test_somebody_with_a_card_is_found_by_it(whole: Front, campus: Campus) -> None:
    body = {"barcode": "C-17", "group": GROUPS[0], "family_name": "Curie"}
    known = await whole.post("/v1/patrons", json=body, headers=bearer(OPERATOR))
    browser = Browser(whole)

    await browser.sign_in(campus, attributes=person("marie", card="C-17"))

    assert (await browser.session()).json()["patron_id"] == known.json()["id"]
    assert len(await patrons(whole)) == 1


async def test_whoever_cannot_be_registered_is_signed_in_and_told(whole: Front, campus: Campus) -> None:
    nameless, guest = Browser(whole), Browser(whole)

    await nameless.sign_in(campus, attributes=person("a", family=""))
    await guest.sign_in(campus, attributes=person("b", affiliation="affiliate"))

    told = (await whole.get("/v1/sign-ins", headers=bearer(OPERATOR))).json()["items"]
    assert [each["reasons"] for each in told][1] == ["name-missing"]
    assert told[0]["reasons"][0].startswith("not-registered:")
    assert await patrons(whole) == []
    page = await nameless.client.get("/sign-in", headers={"Accept": "text/html"})
    assert "could not register you" in page.text


async def test_while_circulation_is_away_only_those_already_linked_get_in(
    whole: Front, campus: Campus
) -> None:
    linked, new = Browser(whole), Browser(whole)
    await linked.sign_in(campus, attributes=person("marie"))
    apps, whole.app.state.apps = whole.app.state.apps, {}

    known = await linked.sign_in(campus, attributes=person("marie"))
    unknown = await new.sign_in(campus, attributes=person("pierre"))
    whole.app.state.apps = apps

    assert (known.status_code, unknown.status_code) == (303, 503)
    assert (await linked.session()).json()["patron_id"] is not None
