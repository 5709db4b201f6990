"""A vendor's program acts for one patron with their consent, for nobody else, and never longer than it was shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.tokens.names import EXCHANGE
from support.front import OPERATOR, bearer
from support.house import BACK, App, House, shut

ACCESS = "urn:ietf:params:oauth:token-type:access_token"


async def exchanged(app: App, token: str, **more: str) -> Any:
    told = {"subject_token": token, "subject_token_type": ACCESS, **more}
    return await app.token(EXCHANGE, **told)


async def vendor(house: House, *scopes: str, **more: Any) -> App:
    grants = ["authorization_code", EXCHANGE]
    return await house.app(*(scopes or ("account:read",)), grants=grants, name="Reading lists", **more)


async def test_a_vendor_acts_for_a_patron_who_has_allowed_it_and_says_so(house: House) -> None:
    browser, person = await house.signed_in()
    pages, vendors = await house.app("account:own", in_house=True, public=True), await vendor(house)
    shown = (await pages.tokens(browser))["access_token"]

    before = await exchanged(vendors, shown)
    await vendors.code(browser)
    told = (await exchanged(vendors, shown)).json()
    who = (await house.front.whoami(told["access_token"])).json()
    said = await vendors.post("/oauth2/introspect", token=told["access_token"])

    assert (before.status_code, before.json()["error"]) == (400, "consent_required")
    assert (told["scope"], told["issued_token_type"]) == ("account:read", ACCESS)
    assert "refresh_token" not in told
    assert (who["kind"], who["ref"], who["patron_id"]) == ("patron", str(person.id), str(person.patron_id))
    assert said.json()["act"] == {"sub": f"client:{vendors.id}"}


async def test_t27_a_vendor_acts_for_nobody_without_a_token_of_theirs(house: House) -> None:
    browser, person = await house.signed_in()
    vendors, other = await vendor(house), await vendor(house)
    await vendors.code(browser)
    await other.code(browser)
    own = await house.front.token("titles:read")
    mine = (await vendors.tokens(browser))["access_token"]
    theirs = (await exchanged(vendors, mine)).json()["access_token"]

    refused = [
        await exchanged(vendors, str(person.patron_id)),
        await exchanged(vendors, own),
        await exchanged(vendors, OPERATOR),
        await exchanged(other, theirs),  # what was exchanged is not exchanged on
        await exchanged(vendors, mine, scope="account:read account:hold"),
        await exchanged(vendors, mine, subject_token_type="urn:ietf:params:oauth:token-type:jwt"),
        await exchanged(vendors, mine, audience="somebody"),
        await exchanged(await house.app("account:read"), mine),
    ]

    assert [answer.json()["error"] for answer in refused] == [
        "invalid_grant",
        "invalid_grant",
        "invalid_grant",
        "invalid_grant",
        "invalid_scope",
        "invalid_request",
        "invalid_target",
        "unauthorized_client",
    ]


async def test_an_exchange_grants_no_more_than_the_token_and_ends_with_it(house: House) -> None:
    browser, _ = await house.signed_in()
    began = datetime.now(UTC)
    house.front.at(began)  # the clock stands: how long the requests take changes nothing
    reader = await house.app("account:read")
    vendors = await vendor(house, "account:read", "account:hold")
    await vendors.code(browser)
    shown = await reader.tokens(browser)
    own = await house.app("account:own", in_house=True)
    whole = await own.tokens(browser)

    narrow = (await exchanged(vendors, shown["access_token"])).json()
    wide = (await exchanged(vendors, whole["access_token"])).json()
    house.front.at(began + timedelta(minutes=9))
    late = (await exchanged(vendors, whole["access_token"])).json()
    house.front.at(began)
    await own.post("/oauth2/revoke", token=whole["refresh_token"])

    # A third party's token was given to it, to be used by it: it is not handed to the next.
    assert narrow["error"] == "invalid_grant"
    assert wide["scope"] == "account:hold account:read"
    assert 0 < late["expires_in"] <= 60
    for told in (wide, late):
        assert await shut(house.front, told["access_token"])


async def test_an_exchange_grants_what_both_the_token_and_the_consent_hold(house: House) -> None:
    browser, _ = await house.signed_in()
    vendors = await vendor(house, "account:read", "account:hold", "account:renew")
    whole = await house.app("account:own", in_house=True)
    part = await house.app("account:hold", "account:profile", in_house=True)
    everything, little = [(await each.tokens(browser))["access_token"] for each in (whole, part)]

    await vendors.code(browser, scope="account:read")
    by_consent = (await exchanged(vendors, everything)).json()
    neither = (await exchanged(vendors, little)).json()
    await vendors.code(browser, scope="account:hold account:renew")
    by_token = (await exchanged(vendors, little)).json()

    assert by_consent["scope"] == "account:read"
    assert neither["error"] == "invalid_grant"
    assert by_token["scope"] == "account:hold"


async def test_a_withdrawn_consent_ends_exchanges_and_what_came_of_them(house: House) -> None:
    browser, _ = await house.signed_in()
    pages = await house.app("account:own", in_house=True, public=True)
    vendors = await vendor(house)
    await vendors.code(browser)
    shown = (await pages.tokens(browser))["access_token"]
    told = (await exchanged(vendors, shown)).json()["access_token"]
    proof = {"CSRF-Token": (await browser.client.get("/v1/session")).json()["csrf_token"]}
    (consent,) = (await browser.client.get("/v1/consents")).json()["items"]

    await browser.client.delete(f"/v1/consents/{consent['id']}", headers=proof)
    again = await exchanged(vendors, shown)

    assert await shut(house.front, told)
    assert (await house.front.whoami(shown)).status_code == 200
    assert again.json()["error"] == "consent_required"


async def test_a_program_of_the_library_needs_no_consent_and_a_revoked_one_gets_nothing(house: House) -> None:
    browser, person = await house.signed_in()
    pages = await house.app("account:own", in_house=True, public=True)
    lms = await vendor(house, "account:read", in_house=True, redirect_uris=[BACK])
    shown = (await pages.tokens(browser))["access_token"]

    told = (await exchanged(lms, shown)).json()
    await house.front.delete(f"/v1/clients/{lms.id}", headers=bearer(OPERATOR))
    revoked = await exchanged(lms, shown)

    assert told["scope"] == "account:read"
    assert (revoked.status_code, revoked.json()["error"]) == (401, "invalid_client")
    assert await shut(house.front, told["access_token"])
    assert (await house.front.whoami(shown)).json()["ref"] == str(person.id)
