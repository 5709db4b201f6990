"""Scripts of known pages may ask us; only the library's own act for whoever is signed in in the browser."""

import json

from support.campus import Campus, document
from support.front import OPERATOR, Front, bearer

FRONT_END, PROGRAM, STRANGER = "https://search.library.test", "https://app.test", "https://evil.test"


async def prepared(gateway: Front) -> None:
    await gateway.machine("account:read", redirect_uris=["https://app.test/back"], origins=[PROGRAM])
    told = {**document(Campus()), "sources": [], "sessions": {"front_ends": [FRONT_END]}}
    answer = await gateway.put("/v1/configuration/sign-on", json=told, headers=bearer(OPERATOR))
    assert answer.status_code == 200, answer.text


def asking(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }


async def test_a_browser_that_asks_before_it_sends_is_told_what_a_known_page_may(gateway: Front) -> None:
    await prepared(gateway)
    told = {
        origin: await gateway.client.options("/v1/loans", headers=asking(origin))
        for origin in (FRONT_END, PROGRAM, STRANGER, "null", FRONT_END + ".evil.test")
    }

    assert {origin: answer.status_code == 204 for origin, answer in told.items()} == {
        FRONT_END: True,
        PROGRAM: True,
        STRANGER: False,
        "null": False,
        FRONT_END + ".evil.test": False,
    }
    ours, theirs = told[FRONT_END].headers, told[PROGRAM].headers
    for origin, headers in ((FRONT_END, ours), (PROGRAM, theirs)):
        assert headers["access-control-allow-origin"] == origin
        assert "Origin" in headers["vary"]
        assert {"Authorization", "Idempotency-Key", "If-Match", "CSRF-Token"} <= {
            name.strip() for name in headers["access-control-allow-headers"].split(",")
        }
    assert ours["access-control-allow-credentials"] == "true"
    assert "access-control-allow-credentials" not in theirs
    for origin in (STRANGER, "null", FRONT_END + ".evil.test"):
        assert not [name for name in told[origin].headers if name.startswith("access-control-")]


async def test_every_answer_to_a_known_page_can_be_read_refusals_too(gateway: Front) -> None:
    await prepared(gateway)

    answers = [
        await gateway.get("/v1/loans", headers={"Origin": PROGRAM}),
        await gateway.get("/v1/loans", headers={"Origin": PROGRAM, **bearer("crl_no")}),
        await gateway.get("/v1/nothing", headers={"Origin": PROGRAM}),
        await gateway.get("/.well-known/oauth-authorization-server", headers={"Origin": PROGRAM}),
    ]
    unknown = await gateway.get("/v1/loans", headers={"Origin": STRANGER})
    without = await gateway.get("/v1/loans")

    assert [answer.headers["access-control-allow-origin"] for answer in answers] == [PROGRAM] * 4
    assert "ETag" in answers[0].headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in unknown.headers
    assert unknown.headers["vary"] == "Origin"
    assert "vary" not in without.headers


async def test_a_programs_page_is_forgotten_with_the_program(gateway: Front) -> None:
    await prepared(gateway)
    (client,) = (await gateway.get("/v1/clients", headers=bearer(OPERATOR))).json()["items"]
    await gateway.delete(f"/v1/clients/{client['id']}", headers=bearer(OPERATOR))
    gateway.app.state.origins._read_at = float("-inf")

    told = await gateway.get("/v1/loans", headers={"Origin": PROGRAM})

    assert json.loads(told.content)
    assert "access-control-allow-origin" not in told.headers
