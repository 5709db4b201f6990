"""A refresh token is used once; whoever uses it twice, or loses their standing, is out."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from chassis.ids import uuid7
from support.box import until
from support.front import OPERATOR, bearer, fronting
from support.house import App, House, shut


async def refreshed(app: App, token: str, **more: str) -> Any:
    return await app.token("refresh_token", refresh_token=token, **more)


async def test_each_refresh_brings_the_next_token(house: House) -> None:
    browser, person = await house.signed_in()
    app = await house.app("account:read", public=True)
    told = await app.tokens(browser)
    seen = {told["refresh_token"]}
    for _ in range(3):
        told = (await refreshed(app, told["refresh_token"])).json()
        seen.add(told["refresh_token"])

    assert len(seen) == 4
    assert (await house.front.whoami(told["access_token"])).json()["ref"] == str(person.id)


async def test_t18_a_refresh_token_used_twice_ends_the_family_and_both_sides_are_out(
    house: House, gateway_dsn: str
) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    first = await app.tokens(browser)
    other = await app.tokens(browser)
    async with fronting(gateway_dsn) as elsewhere:
        second = (await refreshed(app, first["refresh_token"])).json()
        assert (await elsewhere.whoami(second["access_token"])).status_code == 200

        stolen = await refreshed(app, first["refresh_token"])
        owner = await refreshed(app, second["refresh_token"])

        assert [answer.json()["error"] for answer in (stolen, owner)] == ["invalid_grant"] * 2
        for front in (house.front, elsewhere):
            await until(partial(shut, front, second["access_token"]), seconds=5)
            assert (await front.whoami(other["access_token"])).status_code == 200
    async with fronting(gateway_dsn) as later:  # a process that was not there hears of it, too
        await until(lambda: shut(later, second["access_token"]), seconds=5)


async def test_t18_of_many_who_use_one_token_at_once_one_gets_the_next_and_it_is_dead(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    told = await app.tokens(browser)

    answers = await asyncio.gather(*(refreshed(app, told["refresh_token"]) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await refreshed(app, won["refresh_token"])).status_code == 400
    await until(lambda: shut(house.front, won["access_token"]), seconds=5)


async def test_t21_a_refresh_brings_less_where_asked_and_never_more(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read", "account:hold")
    told = await app.tokens(browser, scope="account:read")

    more = await refreshed(app, told["refresh_token"], scope="account:read account:hold")
    same = (await refreshed(app, told["refresh_token"])).json()
    wide = await app.tokens(browser)
    less = (await refreshed(app, wide["refresh_token"], scope="account:hold")).json()
    all_again = (await refreshed(app, less["refresh_token"])).json()

    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")
    assert [each["scope"] for each in (same, less, all_again)] == [
        "account:read",
        "account:hold",
        "account:hold account:read",
    ]


async def test_a_refresh_token_is_its_programs_alone(house: House) -> None:
    browser, _ = await house.signed_in()
    app, other = await house.app("account:read"), await house.app("account:read")
    told = await app.tokens(browser)

    by_another = await refreshed(other, told["refresh_token"])
    unknown = await refreshed(app, str(uuid7()))

    assert [answer.json()["error"] for answer in (by_another, unknown)] == ["invalid_grant"] * 2
    assert (await refreshed(app, told["refresh_token"])).status_code == 200


async def test_t13_who_loses_their_work_refreshes_without_it_and_who_is_shut_out_not_at_all(
    house: House,
) -> None:
    browser, clerk = await house.signed_in("desk", "patron")
    app = await house.app("loans:create", "account:own", in_house=True)
    told = await app.tokens(browser)
    place = f"/v1/accounts/{clerk.id}"

    async def change(**body: Any) -> None:
        tag = (await house.front.get(place, headers=bearer(OPERATOR))).headers["etag"]
        answer = await house.front.patch(place, json=body, headers={**bearer(OPERATOR), "If-Match": tag})
        assert answer.status_code == 200

    await change(roles=["patron"])
    less = (await refreshed(app, told["refresh_token"])).json()
    await change(disabled=True)
    none = await refreshed(app, less["refresh_token"])

    assert (told["scope"], less["scope"]) == ("account:own loans:create", "account:own")
    assert none.json()["error"] == "invalid_grant"


async def test_an_app_goes_on_without_the_session_for_ninety_days_and_no_month_unused(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    told, idle = await app.tokens(browser), await app.tokens(browser)
    began = datetime.now(UTC)
    statuses = []
    for day in (1, 29, 31, 58, 87, 91):
        house.front.at(began + timedelta(days=day))
        await house.front.tick("turn-keys")
        answer = await refreshed(app, told["refresh_token"])
        statuses.append((day, answer.status_code))
        told = answer.json() if answer.status_code == 200 else told
        if day == 31:
            unused = await refreshed(app, idle["refresh_token"])

    assert statuses == [(1, 200), (29, 200), (31, 200), (58, 200), (87, 200), (91, 400)]
    assert unused.status_code == 400


async def test_what_is_over_is_forgotten_and_what_is_alive_is_not(house: House) -> None:
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    told = await app.tokens(browser)
    began = datetime.now(UTC)
    pool = house.front.resources.pool
    count = (
        "SELECT (SELECT count(*) FROM authorization_code), (SELECT count(*) FROM token_family), "
        "(SELECT count(*) FROM refresh_token)"
    )

    house.front.at(began + timedelta(days=10))
    await house.front.tick("forget-assertions")
    told = (await refreshed(app, told["refresh_token"])).json()
    (between,) = await pool.fetch(count)
    house.front.at(began + timedelta(days=100))
    await house.front.tick("forget-assertions")

    (after,) = await pool.fetch(count)
    assert (tuple(between), tuple(after)) == ((0, 1, 2), (0, 0, 0))


async def test_a_consent_is_seen_and_withdrawn_and_the_app_is_out(house: House) -> None:
    browser, _ = await house.signed_in()
    other, _ = await house.signed_in()
    app = await house.app("account:read", name="Shelf Notes")
    told = await app.tokens(browser)
    proof = {"CSRF-Token": (await browser.client.get("/v1/session")).json()["csrf_token"]}
    theirs = {"CSRF-Token": (await other.client.get("/v1/session")).json()["csrf_token"]}

    (seen,) = (await browser.client.get("/v1/consents")).json()["items"]
    place = f"/v1/consents/{seen['id']}"
    strangers = [
        (await house.front.get("/v1/consents")).status_code,
        (await house.front.get("/v1/consents", headers=bearer(told["access_token"]))).status_code,
        (await house.front.get("/v1/consents", headers=bearer(OPERATOR))).status_code,
        (await other.client.delete(place, headers=theirs)).status_code,
    ]
    withdrawn = await browser.client.delete(place, headers=proof)

    assert (seen["client_name"], seen["scopes"], seen["signed_in"]) == ("Shelf Notes", ["account:read"], 1)
    assert strangers == [401, 403, 403, 404]
    assert withdrawn.status_code == 204
    assert await shut(house.front, told["access_token"])
    assert (await refreshed(app, told["refresh_token"])).status_code == 400
    page = await browser.client.get("/oauth2/authorize", params=app.asking())
    assert "Allow" in page.text


async def test_a_program_gives_tokens_back_and_is_told_of_its_own_alone(house: House) -> None:
    browser, _ = await house.signed_in()
    app, other = await house.app("account:read"), await house.app("account:read")
    watching = await house.app("tokens:introspect", redirect_uris=[], grants=["client_credentials"])
    told = await app.tokens(browser)
    both = (told["access_token"], told["refresh_token"])

    async def active(asker: App) -> list[bool]:
        answers = [await asker.post("/oauth2/introspect", token=token) for token in both]
        return [answer.json()["active"] for answer in answers]

    before = [await active(each) for each in (app, other, watching)]
    by_another = await other.post("/oauth2/revoke", token=told["refresh_token"])
    still = await active(app)
    unknown = await app.post("/oauth2/revoke", token="nothing")
    given_back = await app.post("/oauth2/revoke", token=told["access_token"])

    assert before == [[True, True], [False, False], [True, True]]
    assert (by_another.status_code, unknown.status_code, still) == (200, 200, [True, True])
    assert given_back.status_code == 200
    assert await active(app) == [False, False]
    assert await shut(house.front, told["access_token"])


async def test_t59_no_secret_stands_in_the_database_the_audit_or_the_log(house: House, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    browser, _ = await house.signed_in()
    app = await house.app("account:read")
    code = await app.code(browser)
    told = (await app.by_code(code)).json()
    await refreshed(app, told["refresh_token"])
    await refreshed(app, told["refresh_token"])
    await house.front.app.state.journal.flush()

    tables = (
        "authorization_code",
        "refresh_token",
        "token_family",
        "consent",
        "audit_entry",
        "client",
        "browser_session",
        "idempotency",
    )
    kept = [
        row["told"]
        for table in tables
        for row in await house.front.resources.pool.fetch(f"SELECT {table}::text AS told FROM {table}")
    ]
    canaries = [code, told["access_token"], told["refresh_token"], app.verifier, app.told["client_secret"]]
    written = "\n".join([*kept, *(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)])
    assert len(kept) > 8
    assert [canary for canary in canaries if canary in written or canary.encode().hex() in written] == []
