"""Whoever signs in by an institution makes keys of their own: no more than its rules gave them last, nor for ever."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from gateway.app import look_at_sources
from gateway.webhooks.ending import end_orphans
from gateway.webhooks.work import guard_within
from support.front import OPERATOR, Front, bearer
from support.provider import MFA, Provider

from .conftest import PERSONS, Browser, configure, document

MINE = "/v1/accounts/me/clients"
WORKS = {"eduperson_entitlement": ["urn:campus:programs"], "acr": MFA}
RULES: dict[str, Any] = {
    **PERSONS,
    "staff": [
        {
            "name": "programs",
            "entitlement": "urn:campus:programs",
            "roles": ["developer"],
            "libraries": ["MAIN"],
        }
    ],
}


@pytest.fixture
async def campus(library: Front, provider: Provider) -> Front:
    await configure(library, document(provider, persons=RULES))
    return library


async def ask(browser: Browser, method: str, path: str, body: Any = None) -> httpx.Response:
    token = (await browser.session()).json()["csrf_token"]
    headers = {"CSRF-Token": token, "Idempotency-Key": f"{path} {body}"}
    return await browser.client.request(method, path, json=body, headers=headers)


async def make(browser: Browser, *scopes: str, **more: Any) -> httpx.Response:
    told = {"kind": "api-key", "name": "mirror", "scopes": list(scopes or ("titles:read",)), **more}
    return await ask(browser, "POST", MINE, told)


async def opens(front: Front, key: str) -> list[str] | int:
    """What a key opens; looked up anew, as every process does when it is told to or within seconds."""
    front.app.state.authenticator._keys.clear()
    answer = await front.whoami(key)
    return sorted(answer.json()["scopes"]) if answer.status_code == 200 else answer.status_code


async def test_a_key_loses_what_its_owners_campus_gives_them_no_more(
    campus: Front, provider: Provider, browsers: Callable[[], Browser]
) -> None:
    one, two = browsers(), browsers()
    await one.sign_in(provider, **WORKS)
    made = await make(one, "titles:read", "clients:own")
    more = await make(one, "loans:read")
    key = made.json()["api_key"]
    who = (await campus.whoami(key)).json()
    await two.sign_in(
        provider, eduperson_entitlement=["urn:campus:programs"]
    )  # with one factor, from elsewhere
    with_one = await opens(campus, key), (await make(two)).status_code

    await two.sign_in(provider, acr=MFA)

    assert (made.status_code, more.status_code) == (201, 403)
    assert (who["scopes"], who["libraries"]) == (["clients:own", "titles:read"], ["MAIN"])
    assert with_one == (["clients:own", "titles:read"], 403)
    assert await opens(campus, key) == []
    assert (await make(one)).json()[
        "code"
    ] == "owner-unknown"  # that session was begun with more than they have now


async def test_a_key_rests_when_its_owner_has_not_signed_in_for_thirty_days(
    campus: Front, provider: Provider, browser: Browser
) -> None:
    await browser.sign_in(provider, **WORKS)
    key = (await make(browser)).json()["api_key"]
    oauth = (await make(browser, kind="oauth2")).json()
    credentials = oauth["id"], oauth["client_secret"]
    form = {"grant_type": "client_credentials"}
    pool, seen = campus.resources.pool, "UPDATE person SET judged_at = now() - $1::interval"

    await pool.execute(seen, timedelta(days=29))
    lately = await opens(campus, key)
    await pool.execute(seen, timedelta(days=31))
    long_ago = (
        await opens(campus, key),
        await campus.client.post("/oauth2/token", data=form, auth=credentials),
    )
    await browser.sign_in(provider, **WORKS)
    again = await campus.client.post("/oauth2/token", data=form, auth=credentials)

    assert lately == ["titles:read"]
    assert (long_ago[0], long_ago[1].json()["error"]) == (401, "invalid_client")
    assert (await opens(campus, key), again.status_code) == (["titles:read"], 200)


async def test_whoever_is_turned_away_or_forgotten_or_comes_from_nowhere_has_no_key(
    campus: Front, provider: Provider, browsers: Callable[[], Browser]
) -> None:
    turned_away, untrusted, forgotten = [browsers() for _ in range(3)]
    await turned_away.sign_in(provider, **WORKS)
    key = (await make(turned_away)).json()["api_key"]
    refused = await browsers().sign_in(provider, eduperson_scoped_affiliation=["alum@campus.test"])
    after_refusal = await opens(campus, key)

    await untrusted.sign_in(provider, **WORKS)
    back = await opens(campus, key)
    await configure(campus, document(persons=RULES))
    await look_at_sources(campus.resources, datetime.now(UTC))
    from_nowhere = await opens(campus, key)
    await configure(campus, document(provider, persons=RULES))
    await forgotten.sign_in(provider, **WORKS)
    person = (await forgotten.session()).json()["person"]
    done = await campus.client.delete(f"/v1/persons/{person}", headers=bearer(OPERATOR))
    left = await campus.resources.pool.fetchval("SELECT count(*) FROM client WHERE owner_id = $1", person)

    assert (refused.status_code, after_refusal) == (403, [])
    assert (back, from_nowhere) == (["titles:read"], [])
    assert (done.status_code, await opens(campus, key), left) == (204, 401, 0)


async def test_a_webhook_of_theirs_is_known_by_its_owner_and_ends_with_them(
    campus: Front, provider: Provider, browser: Browser
) -> None:
    everywhere = [{**each, "libraries": None} for each in RULES["staff"]]
    await configure(campus, document(provider, persons={**RULES, "staff": everywhere}))
    campus.app.state.webhook_guard = guard_within(("127.0.0.0/8",))
    await browser.sign_in(provider, **WORKS)
    told = {"url": "http://127.0.0.1:9/hook", "types": ["catalog.title-created.v1"]}
    made = await ask(browser, "POST", "/v1/webhooks", told)
    person = (await browser.session()).json()["person"]
    pool = campus.resources.pool
    await end_orphans(campus.resources)
    before = await pool.fetchval("SELECT state FROM webhook")

    await campus.client.delete(f"/v1/persons/{person}", headers=bearer(OPERATOR))
    row = await pool.fetchrow("SELECT state, url FROM webhook")

    assert (made.status_code, before) == (201, "unverified"), made.text
    assert tuple(row or ()) == ("deleted", "")
    assert await pool.fetchval("SELECT count(*) FROM webhook_secret") == 0
