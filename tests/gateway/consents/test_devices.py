"""A kiosk shows a code; somebody signs in elsewhere and lets it in."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.tokens.names import DEVICE
from support.house import App, Browser, House, hidden


async def begun(house: House, *scopes: str, **more: Any) -> tuple[App, dict[str, Any]]:
    told = {"redirect_uris": [], "grants": [DEVICE, "refresh_token"], "public": True, "name": "Kiosk", **more}
    kiosk = await house.app(*(scopes or ("account:read",)), **told)
    answer = await kiosk.post("/oauth2/device_authorization")
    assert answer.status_code == 200, answer.text
    return kiosk, answer.json()


async def typed(browser: Browser, code: str) -> Any:
    page = await browser.client.get("/oauth2/device")
    return await browser.client.post(
        "/oauth2/device", data={"proof": hidden(page.text)["proof"], "user_code": code}
    )


async def test_a_kiosk_is_let_in_by_whoever_types_its_code(house: House) -> None:
    browser, person = await house.signed_in()
    kiosk, codes = await begun(house)
    waits = await kiosk.token(DEVICE, device_code=codes["device_code"])

    stranger = await house.browser().client.get("/oauth2/device")
    page = await typed(browser, codes["user_code"].lower().replace("-", " "))
    done = await browser.decide(page)
    told = (await kiosk.token(DEVICE, device_code=codes["device_code"])).json()
    who = (await house.front.whoami(told["access_token"])).json()

    assert waits.json()["error"] == "authorization_pending"
    assert (stranger.status_code, "/sign-in/local" in stranger.headers["location"]) == (303, True)
    assert all(word in page.text for word in ("Kiosk", codes["user_code"], "see your loans"))
    assert "Go on there" in done.text
    assert (who["ref"], who["scopes"]) == (str(person.id), ["account:read"])
    assert (await kiosk.token("refresh_token", refresh_token=told["refresh_token"])).status_code == 200


async def test_one_code_lets_one_in_however_many_ask(house: House) -> None:
    browser, _ = await house.signed_in()
    kiosk, codes = await begun(house)
    await browser.decide(await typed(browser, codes["user_code"]))

    answers = await asyncio.gather(*(kiosk.token(DEVICE, device_code=codes["device_code"]) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_no_late_hasty_and_foreign_devices_are_told(house: House) -> None:
    browser, _ = await house.signed_in()
    (kiosk, refused), (slow, late), (other, _) = [await begun(house) for _ in range(3)]
    await browser.decide(await typed(browser, refused["user_code"]), "deny")
    began = datetime.now(UTC)

    said_no = await kiosk.token(DEVICE, device_code=refused["device_code"])
    foreign = await other.token(DEVICE, device_code=late["device_code"])
    twice = [await slow.token(DEVICE, device_code=late["device_code"]) for _ in range(2)]
    house.front.at(began + timedelta(minutes=11))
    over = await slow.token(DEVICE, device_code=late["device_code"])
    house.front.at(began)
    again = await typed(browser, refused["user_code"])

    assert [answer.json()["error"] for answer in (said_no, foreign, *twice, over)] == [
        "access_denied",
        "invalid_grant",
        "authorization_pending",
        "slow_down",
        "expired_token",
    ]
    assert (again.status_code, "No device waits" in again.text) == (422, True)


async def test_codes_cannot_be_tried_out(house: House) -> None:
    browser, _ = await house.signed_in()
    _, codes = await begun(house)

    statuses = [(await typed(browser, f"BBBB-BBB{letter}")).status_code for letter in "BCDFGHJKLM"]
    after = await typed(browser, codes["user_code"])

    assert statuses == [422] * 10
    assert (after.status_code, after.json()["code"], after.headers["Retry-After"]) == (
        429,
        "too-many-guesses",
        "600",
    )


async def test_a_device_is_let_in_by_this_sessions_own_form_alone(house: House) -> None:
    browser, _ = await house.signed_in()
    kiosk, codes = await begun(house)
    forged = {"user_code": codes["user_code"], "decision": "allow"}

    for proof in ("", "0" * 64):
        await browser.client.post("/oauth2/device", data={**forged, "proof": proof})

    told = await kiosk.token(DEVICE, device_code=codes["device_code"])
    assert told.json()["error"] == "authorization_pending"
