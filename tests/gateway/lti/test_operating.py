"""Platforms registered by hand and by themselves, rosters read without names, keys that follow each other."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.lti.keys import RING
from support.campus import LIBRARY
from support.front import OPERATOR, Front, bearer
from support.lms import LEARNER, TEACHER, Browser, Lms, forms

from .conftest import configure

OPERATORS = bearer(OPERATOR)


async def platforms(front: Front) -> list[dict[str, Any]]:
    return list((await front.get("/v1/lti/platforms", headers=OPERATORS)).json()["items"])


async def test_a_platform_is_described_by_hand(gateway: Front, lms: Lms) -> None:
    await configure(gateway)
    made = await lms.register(gateway)
    again = await gateway.post("/v1/lti/platforms", json=lms.document(), headers=OPERATORS)
    stale = await gateway.put(
        f"/v1/lti/platforms/{made['id']}", json=lms.document(), headers={**OPERATORS, "If-Match": '"7"'}
    )
    bare = await gateway.put(f"/v1/lti/platforms/{made['id']}", json=lms.document(), headers=OPERATORS)
    told = lms.document(deployments=[{"id": "1:a/b c"}], origins=["https://school.lms.test"])
    changed = await gateway.put(
        f"/v1/lti/platforms/{made['id']}", json=told, headers={**OPERATORS, "If-Match": '"1"'}
    )
    read = await gateway.get(f"/v1/lti/platforms/{made['id']}", headers=OPERATORS)
    tool = await gateway.get("/v1/lti/tool", headers=OPERATORS)

    assert made["origins"] == ["https://lms.test"]
    assert (again.status_code, again.json()["code"]) == (409, "platform-known")
    assert (stale.status_code, bare.status_code, changed.status_code) == (412, 428, 200)
    assert (read.headers["etag"], read.json()["deployments"]) == ('"2"', [{"id": "1:a/b c", "library": None}])
    assert tool.json()["launch_url"] == f"{LIBRARY}/lti/launch"


async def test_what_is_wrong_with_a_platform_is_told_at_once(gateway: Front, lms: Lms) -> None:
    await configure(gateway)
    for change, where in (
        ({"jwks_url": "https://10.0.0.1/jwks", "token_url": "https://169.254.169.254/"}, "/jwks_url"),
        ({"token_url": "http://169.254.169.254/"}, "/token_url"),
        ({"jwks_url": "https://jwks.internal/"}, "/jwks_url"),
        ({"jwks_url": "ftp://lms.test/jwks", "issuer": "lms"}, "/jwks_url"),
        ({"deployments": [{"id": "1"}, {"id": "1"}]}, ""),
        ({"scopes": ["NOT A SCOPE"]}, "/scopes/0"),
        ({"unknown": 1}, "/unknown"),
    ):
        answer = await gateway.post("/v1/lti/platforms", json=lms.document(**change), headers=OPERATORS)
        pointers = [each.get("pointer", "") for each in answer.json()["reasons"]]
        assert (answer.status_code, where in pointers) == (422, True), answer.text
    assert await platforms(gateway) == []


async def invited(front: Front, lms: Lms, **more: Any) -> str:
    body = {"label": "Moodle", "host": lms.url.removeprefix("http://"), "library": "LAW", **more}
    answer = await front.post("/v1/lti/registrations", json=body, headers=OPERATORS)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"]).removeprefix(LIBRARY)


async def test_a_platform_registers_the_library_by_itself_once(gateway: Front, lms: Lms) -> None:
    await configure(gateway)
    browser = Browser(gateway)
    address = await invited(gateway, lms)
    query = {
        "openid_configuration": f"{lms.url}/.well-known/openid-configuration",
        "registration_token": "let-me-in",
    }

    page = await browser.client.get(address, params=query)
    ((where, fields),) = forms(page.text)
    assert (page.status_code, where, lms.registered) == (200, address, [])
    assert f"frame-ancestors {lms.url};" in page.headers["content-security-policy"]
    answers = await asyncio.gather(*(browser.client.post(where, data=fields) for _ in range(3)))

    assert sorted(each.status_code for each in answers) == [200, 404, 404]
    done = next(each for each in answers if each.status_code == 200)
    assert "It can be used once you have activated it there." in done.text
    (sent,) = lms.registered
    assert (sent["initiate_login_uri"], sent["redirect_uris"]) == (
        f"{LIBRARY}/lti/login",
        [f"{LIBRARY}/lti/launch"],
    )
    assert (sent["jwks_uri"], sent["token_endpoint_auth_method"]) == (
        f"{LIBRARY}/lti/jwks",
        "private_key_jwt",
    )
    (made,) = await platforms(gateway)
    assert (made["client_id"], made["issuer"], made["label"]) == ("made-here", lms.url, "Moodle")
    assert made["deployments"] == [{"id": "dep-1", "library": "LAW"}]
    (kept,) = (await gateway.get("/v1/lti/registrations", headers=OPERATORS)).json()["items"]
    assert kept["platform_id"] == made["id"]
    assert "url" not in kept
    assert (await browser.client.get(address, params=query)).status_code == 404

    lms.issuer, lms.client_id = lms.url, "made-here"
    assert (await browser.launch(lms)).status_code == 200


async def test_an_address_for_one_platform_is_good_for_no_other_and_stays_good_when_it_fails(
    gateway: Front, lms: Lms
) -> None:
    await configure(gateway)
    browser = Browser(gateway)
    address = await invited(gateway, lms)
    ours = f"{lms.url}/.well-known/openid-configuration"
    good = {"openid_configuration": ours, "registration_token": "let-me-in"}

    foreign = await browser.client.post(address, data={"openid_configuration": "https://evil.test/x"})
    lms.configuration = {"issuer": "https://evil.test"}
    liar = await browser.client.post(address, data=good)
    lms.configuration = {"registration_endpoint": "http://169.254.169.254/latest"}
    elsewhere = await browser.client.post(address, data=good)
    lms.configuration = {"jwks_uri": "http://10.0.0.1/jwks"}
    inside = await browser.client.post(address, data=good)
    lms.configuration, lms.deployment = {}, None
    shut = await browser.client.post(address, data={**good, "registration_token": "a guess"})
    opened = await browser.client.post(address, data=good)

    assert [each.status_code for each in (foreign, liar, elsewhere, shut, opened)] == [
        409,
        409,
        409,
        409,
        200,
    ]
    assert inside.status_code in (409, 422)
    assert "tell the library the deployment" in opened.text
    (made,) = await platforms(gateway)
    assert made["deployments"] == []
    assert (await browser.client.get("/lti/register/" + "x" * 43, params=good)).status_code == 404

    another = await invited(gateway, lms, days=1)
    gateway.at(datetime.now(UTC) + timedelta(days=2))
    assert (await browser.client.get(another, params=good)).status_code == 404


async def test_a_withdrawn_address_opens_nothing(gateway: Front, lms: Lms) -> None:
    await configure(gateway)
    address = await invited(gateway, lms)
    (kept,) = (await gateway.get("/v1/lti/registrations", headers=OPERATORS)).json()["items"]

    dropped = await gateway.delete(f"/v1/lti/registrations/{kept['id']}", headers=OPERATORS)
    opened = await Browser(gateway).client.get(address, params={"openid_configuration": f"{lms.url}/x"})

    assert (dropped.status_code, opened.status_code) == (204, 404)


async def test_a_roster_is_read_and_no_name_of_it_is_kept(library: Front, browser: Browser, lms: Lms) -> None:
    def member(name: str, role: str = LEARNER, **more: Any) -> dict[str, Any]:
        return {"user_id": name, "roles": [role], "name": f"{name} Canary", "email": f"{name}@x.test", **more}

    lms.members = [[member("marie"), member("paul", status="Inactive")], [member("pierre", TEACHER)]]
    await browser.launch(lms, **lms.course())
    await library.tick("read-rosters")
    (course,) = (await library.get("/v1/lti/courses", headers=OPERATORS)).json()["items"]
    where = f"/v1/lti/courses/{course['id']}"
    members = (await library.get(f"{where}/members", headers=OPERATORS)).json()["items"]

    assert (course["label"], course["library"], course["roster_failure"]) == ("HIS101", "LAW", None)
    assert sorted(each["roles"][0] for each in members) == ["Instructor", "Learner"]
    assert [each["person_id"] is not None for each in members if each["roles"] == ["Learner"]] == [True]
    rows = await library.resources.pool.fetch("SELECT * FROM lti_member")
    kept = " ".join(
        str(tuple(row.values())) for row in rows
    )  # bytes are shown as letters where they are some
    assert not any(name in kept for name in ("Canary", "marie", "pierre", "x.test"))

    (assertion,) = lms.assertions
    keys = KeySet.import_key_set((await library.get("/lti/jwks")).json())
    claims = jwt.decode(assertion["client_assertion"], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("library-tool",) * 2 + (f"{lms.url}/token",)

    lms.members = [[member("pierre", TEACHER)]]
    left = await library.post(f"{where}/members:read", headers=OPERATORS)
    now = (await library.get(f"{where}/members", headers=OPERATORS)).json()["items"]
    assert (left.status_code, [each["roles"] for each in now]) == (200, [["Instructor"]])
    assert now[0]["id"] == next(each["id"] for each in members if each["roles"] == ["Instructor"])

    lms.away = True
    away = await library.post(f"{where}/members:read", headers=OPERATORS)
    assert (away.status_code, away.json()["code"]) == (409, "roster-away")
    assert len((await library.get(f"{where}/members", headers=OPERATORS)).json()["items"]) == 1


async def test_a_roster_at_another_address_is_not_asked_for(
    library: Front, browser: Browser, lms: Lms
) -> None:
    elsewhere = {
        "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
            "context_memberships_url": "https://evil.test/roster"
        }
    }
    await browser.launch(lms, **{**lms.course(), **elsewhere})
    await library.tick("read-rosters")
    (course,) = (await library.get("/v1/lti/courses", headers=OPERATORS)).json()["items"]

    assert course["roster_failure"].startswith("target-foreign")
    assert lms.assertions == []


async def test_courses_of_a_patron_and_rosters_are_for_whoever_may_read_them(
    library: Front, browser: Browser, lms: Lms
) -> None:
    await browser.launch(lms, **lms.course())
    pool = library.resources.pool
    patron = "01890000-0000-7000-8000-0000000000a7"
    await pool.execute("UPDATE person SET patron_id = $1", patron)
    reader = bearer(await library.token("lti:rosters"))

    theirs = await library.get("/v1/lti/courses", params={"patron_id": patron}, headers=reader)
    nobodys = await library.get("/v1/lti/courses", params={"patron_id": patron[:-1] + "8"}, headers=reader)
    writer = bearer(await library.token("lti:read", "lti:write"))

    assert (len(theirs.json()["items"]), nobodys.json()["items"]) == (1, [])
    assert (await library.get("/v1/lti/courses", headers=writer)).status_code == 403
    assert (await library.get("/v1/lti/platforms", headers=reader)).status_code == 403


async def test_the_next_key_is_published_before_it_signs(gateway: Front) -> None:
    await gateway.tick("turn-keys")
    assert await gateway.resources.pool.fetchval("SELECT count(*) FROM lti_key") == 0
    begin = gateway.resources.clock()
    (first,) = (await gateway.get("/lti/jwks")).json()["keys"]
    assert (first["kty"], first["alg"], first["use"], "d" in first) == ("RSA", "RS256", "sig", False)

    gateway.at(begin + RING.signs_for - timedelta(days=3))
    await gateway.tick("turn-keys")
    both = (await gateway.get("/lti/jwks")).json()["keys"]
    starts = await gateway.resources.pool.fetchval("SELECT max(signs_from) FROM lti_key")

    assert [each["kid"] == first["kid"] for each in both] == [True, False]
    assert starts - gateway.resources.clock() > RING.published_before
