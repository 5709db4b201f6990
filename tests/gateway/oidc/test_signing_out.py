"""A provider signs somebody out here, from server to server (Back-Channel Logout 1.0)."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from support.front import Front
from support.provider import Provider, key, signed

from .conftest import Browser

EVENTS: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}


def logout_token(
    provider: Provider, jti: str, *, by: Any = None, typ: str | None = "logout+jwt", **told: Any
) -> str:
    claims = {"events": EVENTS, "jti": jti, "sub": "marie", **told}
    wanted = {
        name: value for name, value in provider.claims(None, **claims).items() if "eduperson" not in name
    }
    return signed(
        {**wanted, **claims} if told.get("sub", "") is not None else wanted, by or provider.keys[0], typ=typ
    )


async def told(library: Front, token: str, name: str = "campus-op") -> int:
    answer = await library.client.post(f"/oidc/backchannel-logout/{name}", data={"logout_token": token})
    assert answer.headers.get("cache-control") == "no-store" or answer.status_code == 404
    if answer.status_code == 400:
        assert answer.json()["error"] == "invalid_request"
    return answer.status_code


@pytest.fixture
async def three(provider: Provider, browsers: Callable[[], Browser]) -> tuple[Browser, Browser, Browser]:
    """Marie in two browsers, and Pierre in one."""
    found = browsers(), browsers(), browsers()
    for browser, sub, sid in zip(found, ("marie", "marie", "pierre"), ("one", "two", "three"), strict=True):
        assert (await browser.sign_in(provider, sub=sub, sid=sid)).status_code == 303
    return found


async def signed_in(three: tuple[Browser, ...]) -> list[bool]:
    return [(await browser.session()).status_code == 200 for browser in three]


async def test_sessions_end_as_the_provider_says(
    library: Front, provider: Provider, three: tuple[Browser, ...]
) -> None:
    stories: list[tuple[dict[str, Any], list[bool]]] = [
        ({"sub": "nobody"}, [True, True, True]),
        ({"sid": "two"}, [True, False, True]),
        ({"sub": None, "sid": "three"}, [True, False, False]),
        ({}, [False, False, False]),
    ]
    for at, (says, left) in enumerate(stories):
        assert await told(library, logout_token(provider, f"story {at}", **says)) == 200
        assert await signed_in(three) == left, says


async def test_what_is_not_believed_ends_nothing(
    library: Front, provider: Provider, three: tuple[Browser, ...]
) -> None:
    """T7: unsigned, of another, of another kind, or used before."""
    again = logout_token(provider, "used", sub="nobody")
    assert await told(library, again) == 200
    forged = {
        "by a stranger": logout_token(provider, "1", by=key("stranger"), kid="first"),
        "an ID token": signed(provider.claims(sub="marie"), provider.keys[0]),
        "an access token": logout_token(provider, "2", typ="at+jwt"),
        "for another client": logout_token(provider, "3", aud="other"),
        "without an event": logout_token(provider, "4", events={}),
        "with a nonce": logout_token(provider, "5", nonce="x"),
        "used before": again,
        "nothing": "",
    }

    assert {story: await told(library, token) for story, token in forged.items()} == dict.fromkeys(
        forged, 400
    )
    assert await told(library, logout_token(provider, "6"), name="no-such") == 404
    assert await signed_in(three) == [True, True, True]


async def test_one_token_many_times_at_once_counts_once(
    library: Front, provider: Provider, three: tuple[Browser, ...]
) -> None:
    token = logout_token(provider, "raced")

    assert sorted(await asyncio.gather(*(told(library, token) for _ in range(4)))) == [200, 400, 400, 400]
    assert await signed_in(three) == [False, False, True]
