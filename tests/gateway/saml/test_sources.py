"""Identity providers come from documents, aggregates and queries; only what is signed and in time counts."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.saml import sources
from gateway.saml.parts import Parts
from gateway.saml.providers import IdentityProvider
from support.campus import LIBRARY, Campus, aggregate, document, pair
from support.front import OPERATOR, Front, bearer

FEDERATION = "https://federation.test/all.xml"
NORTH = Campus("https://north.test/saml", ("north.test",), "Northern University")
SOUTH = Campus("https://south.test/saml", ("south.test",), "Southern College")


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(days=3)


def federation(**more: Any) -> dict[str, Any]:
    told = {
        "kind": "aggregate",
        "name": "federation",
        "url": FEDERATION,
        "certificate": pair("federation").certificate.decode(),
        "admit": "all",
    }
    return {"entity": {"url": LIBRARY}, "sources": [{**told, **more}]}


class Web:
    """What is to be had at addresses; counts what was asked."""

    def __init__(self, front: Front) -> None:
        self.given: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.status = 200
        self.parts: Parts = front.app.state.saml
        self.parts.http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked.append(url)
        if url not in self.given:
            return httpx.Response(404)
        tag = f'"{hash(self.given[url])}"'
        if request.headers.get("if-none-match") == tag:
            return httpx.Response(304)
        return httpx.Response(self.status, content=self.given[url], headers={"ETag": tag})

    async def round(self, now: datetime | None = None) -> None:
        """One round of the timer."""
        doc = await self.parts.in_force.now()
        at = now or datetime.now(UTC)
        await sources.refresh(self.parts.pool, self.parts.workshop, self.parts.http, doc, now=at)

    async def find(self, campus: Campus, now: datetime | None = None) -> IdentityProvider | None:
        """As whoever signs in would."""
        doc = await self.parts.in_force.now()
        return await sources.look_up(
            self.parts.pool,
            self.parts.workshop,
            self.parts.http,
            doc,
            campus.entity_id,
            now=now or datetime.now(UTC),
        )


@pytest.fixture
def web(gateway: Front) -> Web:
    return Web(gateway)


async def apply(front: Front, told: dict[str, Any]) -> None:
    answer = await front.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text


async def state(front: Front) -> dict[str, Any]:
    answer = await front.get("/v1/saml/sources", headers=bearer(OPERATOR))
    return {each["name"]: each for each in answer.json()["items"]}


async def test_a_document_given_by_hand_is_known_at_once(gateway: Front, web: Web) -> None:
    await apply(gateway, document(NORTH))

    answer = await gateway.post("/v1/saml/sources:refresh", headers=bearer(OPERATOR))

    assert [(each["name"], each["providers"]) for each in answer.json()["items"]] == [("campus-0", 1)]
    found = await web.find(NORTH)
    assert found is not None
    assert (found.scopes, found.sign_on_url, found.named("de")) == (
        ("north.test",),
        NORTH.sso,
        "Northern University",
    )


async def test_an_aggregate_is_read_once_and_then_asked_for_changes(gateway: Front, web: Web) -> None:
    web.given[FEDERATION] = aggregate([NORTH, SOUTH], by=pair("federation"), until=soon())
    await apply(gateway, federation())
    await web.round()
    await web.round()
    asked = len(web.asked)
    await web.round(datetime.now(UTC) + timedelta(hours=2))

    assert (asked, len(web.asked)) == (1, 2)
    assert (await state(gateway))["federation"]["providers"] == 2
    assert await web.find(SOUTH) is not None


def unsigned(_: bytes) -> bytes:
    return aggregate([SOUTH], by=None, until=soon())


def by_another(_: bytes) -> bytes:
    return aggregate([SOUTH], by=pair("somebody"), until=soon())


def past(_: bytes) -> bytes:
    return aggregate([SOUTH], by=pair("federation"), until=datetime.now(UTC) - timedelta(minutes=1))


def endless(_: bytes) -> bytes:
    return aggregate([SOUTH], by=pair("federation"), until=None)


def too_long(_: bytes) -> bytes:
    return aggregate([SOUTH], by=pair("federation"), until=datetime.now(UTC) + timedelta(days=90))


def changed(told: bytes) -> bytes:
    return told.replace(b"north.test/sso", b"evil.test/sso")


def with_entities(told: bytes) -> bytes:
    return b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + told


def half(told: bytes) -> bytes:
    return told[: len(told) // 2]


def wrapped(told: bytes) -> bytes:
    """The signed document inside another, whose own entities were never signed."""
    head = told[: told.index(b">") + 1].replace(b"_federation", b"_other")
    return head + SOUTH.descriptor().encode() + told + b"</md:EntitiesDescriptor>"


async def test_a_document_that_cannot_be_trusted_changes_nothing_until_the_last_good_one_runs_out(
    gateway: Front, web: Web
) -> None:
    until = soon()
    good = aggregate([NORTH], by=pair("federation"), until=until)
    web.given[FEDERATION] = good
    await apply(gateway, federation())
    await web.round()
    spoils: list[Callable[[bytes], bytes]] = [
        unsigned,
        by_another,
        past,
        endless,
        too_long,
        changed,
        with_entities,
        half,
        wrapped,
    ]

    for hours, spoil in enumerate(spoils, 2):
        web.given[FEDERATION] = spoil(good)
        await web.round(datetime.now(UTC) + timedelta(hours=hours))

        told = (await state(gateway))["federation"]
        assert told["failure"], spoil.__name__
        assert told["failing_since"], spoil.__name__
        found = await web.find(NORTH)
        assert found is not None, spoil.__name__
        assert found.sign_on_url == NORTH.sso, spoil.__name__
        assert await web.find(SOUTH) is None, spoil.__name__
    assert await web.find(NORTH, until + timedelta(seconds=1)) is None


async def test_who_leaves_the_federation_is_trusted_no_longer(gateway: Front, web: Web) -> None:
    web.given[FEDERATION] = aggregate([NORTH, SOUTH], by=pair("federation"), until=soon())
    await apply(gateway, federation())
    await web.round()

    web.given[FEDERATION] = aggregate([SOUTH], by=pair("federation"), until=soon())
    await web.round(datetime.now(UTC) + timedelta(hours=2))

    assert await web.find(NORTH) is None
    assert await web.find(SOUTH) is not None


async def test_of_a_federation_only_those_named_may_sign_in(gateway: Front, web: Web) -> None:
    web.given[FEDERATION] = aggregate([NORTH, SOUTH], by=pair("federation"), until=soon())
    await apply(
        gateway,
        {
            **federation(admit="listed"),
            "identity_providers": [
                {"entity_id": NORTH.entity_id, "allow_cbc": True, "scopes": ["other.test"]}
            ],
        },
    )
    await web.round()

    found = await web.find(NORTH)
    assert found is not None
    assert (found.allow_cbc, found.scopes) == (True, ("other.test",))
    assert await web.find(SOUTH) is None


async def test_a_query_server_is_asked_for_one_entity_and_a_miss_is_remembered(
    gateway: Front, web: Web
) -> None:
    base = "https://mdq.test"
    source = {
        "kind": "mdq",
        "name": "query",
        "url": base,
        "certificate": pair("federation").certificate.decode(),
        "admit": "all",
    }
    await apply(gateway, {"entity": {"url": LIBRARY}, "sources": [source]})
    await web.round()
    there = f"{base}/entities/https%3A%2F%2Fnorth.test%2Fsaml"
    web.given[there] = one(NORTH)

    assert await web.find(NORTH) is not None
    assert await web.find(NORTH) is not None
    assert await web.find(SOUTH) is None
    assert await web.find(SOUTH) is None

    assert web.asked == [there, f"{base}/entities/https%3A%2F%2Fsouth.test%2Fsaml"]


async def test_a_query_server_that_gives_another_entity_is_not_believed(gateway: Front, web: Web) -> None:
    source = {
        "kind": "mdq",
        "name": "query",
        "url": "https://mdq.test",
        "certificate": pair("federation").certificate.decode(),
        "admit": "all",
    }
    await apply(gateway, {"entity": {"url": LIBRARY}, "sources": [source]})
    await web.round()
    web.given["https://mdq.test/entities/https%3A%2F%2Fsouth.test%2Fsaml"] = one(NORTH)

    assert await web.find(SOUTH) is None
    assert "another entity" in (await state(gateway))["query"]["failure"]


def one(campus: Campus) -> bytes:
    """A single signed entity."""
    from lxml import etree

    from support.campus import signed, stamp

    told = etree.fromstring(campus.descriptor(f'ID="_one" validUntil="{stamp(soon())}"'))
    return etree.tostring(signed(told, pair("federation")))


async def test_the_first_source_that_has_an_entity_counts(gateway: Front, web: Web) -> None:
    elsewhere = replace(NORTH, scopes=("elsewhere.test",))
    await apply(gateway, document(NORTH, elsewhere))
    await web.round()

    found = await web.find(NORTH)
    assert found is not None
    assert found.scopes == ("north.test",)


async def test_two_rounds_at_one_moment_harm_nobody(gateway: Front, web: Web) -> None:
    web.given[FEDERATION] = aggregate([NORTH, SOUTH], by=pair("federation"), until=soon())
    await apply(gateway, federation())

    await asyncio.gather(*(web.round() for _ in range(3)))

    assert await web.find(NORTH) is not None
    assert (await state(gateway))["federation"]["providers"] == 2


async def test_a_short_key_and_a_pattern_of_scopes_are_passed_over(gateway: Front, web: Web) -> None:
    weak = replace(NORTH, key=pair("weak", 1024))
    pattern = SOUTH.descriptor().replace(
        '<shibmd:Scope regexp="false">south.test', '<shibmd:Scope regexp="true">.*'
    )
    told = document(weak)
    told["sources"].append({"kind": "file", "name": "pattern", "metadata": pattern})
    await apply(gateway, told)
    await web.round()

    assert await web.find(weak) is None
    found = await web.find(SOUTH)
    assert found is not None
    assert found.scopes == ()
