"""The few scripts that our pages have, in a real browser: passkeys, and a frame that keeps no cookies."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyotp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from support import chromium
from support.front import OPERATOR, Echo, Front, bearer, fronting, listening
from support.lms import CLAIM, PERSONS, Lms, signed

pytestmark = chromium.wanted
WORD = "correct horse battery"
PHONE, DESKTOP = 390, 1280


@pytest.fixture
async def served(gateway_dsn: str) -> AsyncIterator[tuple[Front, str]]:
    """The gateway as a browser reaches it: `localhost` is as good as TLS to one."""
    async with (
        fronting(
            gateway_dsn, apps={"circulation": Echo(), "catalog": Echo()}, lti_networks="127.0.0.0/8"
        ) as front,
        listening(front.app) as url,
    ):
        url = url.replace("127.0.0.1", "localhost")
        await configure(front, url)
        yield front, url


async def configure(front: Front, url: str) -> None:
    told = await front.get("/v1/configuration/sign-on", headers=bearer(OPERATOR))
    body = {
        **told.json(),
        "entity": {"url": url},
        "sessions": {"staff_second_factor": True},
        "persons": {**PERSONS, "register_patrons": False},
    }
    headers = {**bearer(OPERATOR), "If-Match": told.headers["etag"]}
    answer = await front.put("/v1/configuration/sign-on", json=body, headers=headers)
    assert answer.status_code == 200, answer.text


AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
LOADED = "document.readyState === 'complete'"


async def test_staff_are_led_to_a_second_factor_and_sign_in_by_a_passkey(
    served: tuple[Front, str], tmp_path: Path
) -> None:
    front, url = served
    await front.account("ada", WORD, "desk")
    async with chromium.browser(tmp_path) as tab:
        await tab.do("WebAuthn.enable")
        await tab.do("WebAuthn.addVirtualAuthenticator", options=AUTHENTICATOR)

        await tab.go(f"{url}/sign-in/local?target=/v1/session")
        for width in (PHONE, DESKTOP):
            await tab.picture("sign-in", width)
        await tab.fill("form[action='/sign-in/local']", "button", username="ada", password=WORD)
        await tab.until(f"location.pathname === '/sign-in/security' && {LOADED}")
        for width in (PHONE, DESKTOP):
            await tab.picture("security", width)
        await tab.fill("form:has([value=begin])", "button", password=WORD)
        await tab.until(f"document.querySelector('svg.qr') !== null && {LOADED}")
        for width in (PHONE, DESKTOP):
            await tab.picture("app", width)
        drawn = await tab.tell("document.querySelector('svg.qr').getBoundingClientRect().width")
        secret = str(await tab.tell("document.querySelector('p > code').textContent")).replace(" ", "")
        await tab.fill("form:has([value=confirm])", "button", code=pyotp.TOTP(secret).now())
        await tab.until(f"document.querySelectorAll('.may li').length === 10 && {LOADED}")
        for width in (PHONE, DESKTOP):
            await tab.picture("codes", width)
        recovery = str(await tab.tell("document.querySelector('.may code').textContent"))
        await tab.fill("#new-passkey", "button", password=WORD, code=recovery, name="My telephone")
        await tab.until(f"document.body.innerText.includes('My telephone') && {LOADED}")
        await tab.do("Network.clearBrowserCookies")

        await tab.go(f"{url}/sign-in/local?target=/v1/session")
        await tab.tell("document.querySelector('#by-passkey button').click()")
        await tab.until(f"location.pathname === '/v1/session' && {LOADED}")
        session = json.loads(str(await tab.tell("document.body.innerText")))

    assert drawn >= 200
    assert (session["roles"], "loans:create" in session["scopes"]) == (["desk"], True)
    assert [line for line in tab.said if "Content Security Policy" in line or "exceptionThrown" in line] == []


PLATFORM = """<!DOCTYPE html><title>A course</title><iframe id="tool" width="900" height="600"></iframe><script>
const kept = {}, heard = [];
addEventListener("message", (event) => {
  heard.push([event.origin, event.data.subject]);
  const { subject, key, value, message_id } = event.data;
  if (subject === "lti.put_data") kept[key] = value;
  const told = { subject: subject + ".response", message_id, key, value: kept[key] };
  event.source.postMessage(told, event.origin);
});
document.getElementById("tool").src = %s;
</script>"""
SENDING = """<!DOCTYPE html><form id="f" method="post" action="%s"><input type="hidden" name="id_token" value="%s">
<input type="hidden" name="state" value="%s"></form><script>document.getElementById("f").submit()</script>"""


async def test_a_course_frames_the_library_in_a_browser_that_keeps_no_cookies_of_others(
    served: tuple[Front, str], tmp_path: Path
) -> None:
    front, url = served
    lms = Lms()

    tabs: list[chromium.Tab] = []

    async def authorize(request: Request) -> Response:
        await tabs[0].do(
            "Network.clearBrowserCookies"
        )  # as one that keeps none, not even apart for each site
        asked = request.query_params
        more: dict[str, Any] = {f"{CLAIM}target_link_uri": f"{url}/lti/launch"}
        token = signed(lms.claims(asked["nonce"], **more), lms.keys[0])
        return HTMLResponse(SENDING % (asked["redirect_uri"], token, asked["state"]))

    async def course(request: Request) -> Response:
        query = f"iss={lms.issuer}&client_id={lms.client_id}&login_hint=h&lti_storage_target=_parent"
        return HTMLResponse(
            PLATFORM % json.dumps(f"{url}/lti/login?{query}&target_link_uri={url}/lti/launch")
        )

    pages = Starlette(routes=[Route("/auth", authorize), Route("/course", course), Mount("/", lms.app)])
    async with (
        listening(pages) as there,
        chromium.browser(tmp_path) as tab,
    ):
        tabs.append(tab)
        lms.url = lms.issuer = there
        await lms.register(front)
        await tab.go(f"{there}/course")
        await tab.until("heard.some(([, subject]) => subject === 'lti.get_data')")
        await tab.until("heard.length === 2")
        heard = json.loads(str(await tab.tell("JSON.stringify(heard)")))
        await tab.picture("course", DESKTOP)
        visits = 0
        for _ in range(100):
            visits = await front.resources.pool.fetchval("SELECT count(*) FROM lti_visit")
            if visits:
                break
            await tab.until("true")

    assert [subject for _, subject in heard] == ["lti.put_data", "lti.get_data"]
    assert {origin for origin, _ in heard} == {url}
    assert visits == 1
    assert [line for line in tab.said if re.search("Content Security Policy", line)] == []
