"""What a response must say: examples, one change from what is right each."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.saml.rules import (
    BEARER,
    SUCCESS,
    Confirmation,
    Expected,
    Told,
    foreign,
    refusals,
    safe_return,
)
from gateway.saml.work import WAITING, TooManySignIns, Workshop

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ACS, US, IDP = "https://library.test/saml/acs", "https://library.test/saml/metadata", "https://idp.test"
EXPECTED = Expected("_1", ACS, US, IDP, frozenset({"campus.test"}), timedelta(seconds=60))
CONFIRMED = Confirmation(BEARER, ACS, "_1", None, NOW + 5 * MINUTE)
TOLD = Told(
    status=SUCCESS,
    destination=ACS,
    in_response_to="_1",
    issuer=IDP,
    assertion_issuer=IDP,
    response_at=NOW,
    assertion_at=NOW,
    conditions=1,
    audiences=(frozenset({US}),),
    not_before=NOW,
    not_on_or_after=NOW + 5 * MINUTE,
    confirmations=(CONFIRMED,),
    authentications=1,
)
SKEW = timedelta(seconds=60)
TABLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "right": ({}, []),
    "the issuer of the response left out": ({"issuer": None}, []),
    "another issuer of the response": ({"issuer": "https://x.test"}, ["wrong-issuer"]),
    "several audiences": ({"audiences": (frozenset({US, "https://x.test"}),)}, []),
    "two restrictions, one without us": (
        {"audiences": (frozenset({US}), frozenset({"https://x.test"}))},
        ["audience-other"],
    ),
    "run out within the skew": ({"not_on_or_after": NOW - SKEW + timedelta(seconds=1)}, []),
    "run out past the skew": ({"not_on_or_after": NOW - SKEW}, ["expired"]),
    "begins within the skew": ({"not_before": NOW + SKEW}, []),
    "begins past the skew": ({"not_before": NOW + SKEW + timedelta(seconds=1)}, ["not-yet-valid"]),
    "no times in the conditions": ({"not_before": None, "not_on_or_after": None}, []),
    "old, within the skew": ({"assertion_at": NOW - 6 * MINUTE}, []),
    "old": ({"assertion_at": NOW - 6 * MINUTE - timedelta(seconds=1)}, ["issued-too-long-ago"]),
    "two statements": ({"authentications": 2}, ["not-one-authentication"]),
    "session over": ({"session_not_on_or_after": NOW}, ["session-over"]),
    "one confirmation of two holds": (
        {"confirmations": (replace(CONFIRMED, recipient="https://x.test"), CONFIRMED)},
        [],
    ),
    "a confirmation that begins": (
        {"confirmations": (replace(CONFIRMED, not_before=NOW),)},
        ["confirmation-expired"],
    ),
    "a confirmation without an end": (
        {"confirmations": (replace(CONFIRMED, not_on_or_after=None),)},
        ["confirmation-expired"],
    ),
    "another method": (
        {"confirmations": (replace(CONFIRMED, method="urn:x:holder-of-key"),)},
        ["no-bearer-confirmation"],
    ),
    "everything at once": (
        {"destination": None, "in_response_to": None, "conditions": 0, "audiences": ()},
        ["destination-other", "in-response-to-missing", "not-one-conditions", "audience-missing"],
    ),
}


@pytest.mark.parametrize(("change", "codes"), TABLE.values(), ids=TABLE)
def test_every_reason_is_told_at_once(change: Mapping[str, Any], codes: list[str]) -> None:
    assert refusals(replace(TOLD, **change), EXPECTED, {}, now=NOW) == codes


def test_the_context_that_was_asked_for_is_wanted_exactly() -> None:
    wanted = replace(EXPECTED, context="urn:mfa")

    assert refusals(TOLD, wanted, {}, now=NOW) == ["authentication-context-other"]
    assert refusals(replace(TOLD, context="urn:mfa"), wanted, {}, now=NOW) == []


@pytest.mark.parametrize(
    ("value", "is_foreign"),
    [
        ("a@campus.test", False),
        ("a@CAMPUS.test", False),
        ("a@sub.campus.test", True),
        ("a@xcampus.test", True),
        ("a", True),
        ("@campus.test", True),
        ("a@", True),
        ("a@b@campus.test", True),
        ("a@campus.test@b", True),
        ("", True),
    ],
    ids=[
        "own",
        "without case",
        "below it",
        "ends alike",
        "no scope",
        "no name",
        "empty scope",
        "two",
        "two, ours first",
        "nothing",
    ],
)
def test_a_scope_is_the_providers_own(value: str, is_foreign: bool) -> None:
    assert foreign(value, frozenset({"campus.test"})) is is_foreign


@pytest.mark.parametrize(
    ("wished", "where"),
    [
        (None, "/start"),
        ("/a?b=c#d", "/a?b=c#d"),
        ("/", "/"),
        ("//x.test", "/start"),
        ("/\\x.test", "/start"),
        ("/a\\b", "/start"),
        ("/a b", "/start"),
        ("/a\n", "/start"),
        ("/ä", "/start"),
        ("https://ours.test/a", "https://ours.test/a"),
        ("https://ours.test", "https://ours.test"),
        ("http://ours.test/a", "/start"),
        ("https://ours.test:444/a", "/start"),
        ("https://ours.test@x.test/", "/start"),
        ("https://x@ours.test/", "/start"),
        ("https://ours.test\\@x.test/", "/start"),
        ("javascript:alert(1)", "/start"),
        ("https://[::1", "/start"),
        ("/" + "a" * 2000, "/start"),
    ],
    ids=[str(n) for n in range(19)],
)
def test_a_browser_is_sent_nowhere_else(wished: str | None, where: str) -> None:
    assert safe_return(wished, start="/start", origins=frozenset({"https://ours.test"})) == where


async def test_a_flood_of_messages_is_turned_away_before_it_is_worked_at() -> None:
    shop = Workshop()
    done: list[int] = []

    told = await asyncio.gather(
        *(shop.do(done.append, n) for n in range(WAITING + 5)), return_exceptions=True
    )

    assert sum(isinstance(each, TooManySignIns) for each in told) == 5
    assert sorted(done) == list(range(WAITING))
