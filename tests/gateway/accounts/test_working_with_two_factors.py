"""Where work takes two factors, whoever has one comes in to set the other up, on a page, and does nothing else."""

import asyncio
import html
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import segno
from argon2 import PasswordHasher

from gateway.accounts import passwords
from gateway.accounts.page import PLACE
from gateway.accounts.rules import roles_at_door
from support.front import OPERATOR, Front, bearer
from support.house import WORD, Browser, House, Person, hidden


@pytest.mark.parametrize(
    ("roles", "two_factors", "wanted", "left"),
    [
        (["desk", "patron"], False, False, ["desk", "patron"]),
        (["desk", "patron"], True, True, ["desk", "patron"]),
        (["desk", "patron"], False, True, ["patron"]),
        (["administrator"], False, True, []),
        (["patron"], False, True, ["patron"]),
    ],
)
def test_one_factor_is_enough_for_patrons(
    roles: list[str], two_factors: bool, wanted: bool, left: list[str]
) -> None:
    assert roles_at_door(roles, two_factors=two_factors, wanted=wanted) == left


@pytest.fixture
async def house(gateway: Front, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)
    async with AsyncExitStack() as stack:
        yield House(gateway, stack)


async def demand(gateway: Front) -> None:
    told = await gateway.get("/v1/configuration/sign-on", headers=bearer(OPERATOR))
    body = told.json()
    body["sessions"]["staff_second_factor"] = True
    answer = await gateway.put(
        "/v1/configuration/sign-on", json=body, headers={**bearer(OPERATOR), "If-Match": told.headers["etag"]}
    )
    assert answer.status_code == 200, answer.text


async def scopes(browser: Browser) -> list[str]:
    return list((await browser.client.get("/v1/session")).json()["scopes"])


def form_of(page: httpx.Response, act: str) -> dict[str, str]:
    """The hidden fields of the form that does this."""
    before = page.text[: page.text.index(f'value="{act}"')]
    return hidden(page.text[before.rindex("<form") :]) | {"act": act}


async def sets_up_an_app(browser: Browser) -> tuple[pyotp.TOTP, httpx.Response]:
    page = await browser.client.get(PLACE)
    page = await browser.client.post(PLACE, data=form_of(page, "begin") | {"password": WORD})
    assert page.status_code == 201, page.text
    secret = re.findall(r"<p><code>([A-Z2-7 ]+)</code></p>", page.text)[0].replace(" ", "")
    app = pyotp.TOTP(secret)
    page = await browser.client.post(PLACE, data=form_of(page, "confirm") | {"code": app.now()})
    return app, page


async def change_roles(gateway: Front, person: Person, *roles: str) -> None:
    place = f"/v1/accounts/{person.id}"
    version = (await gateway.get(place, headers=bearer(OPERATOR))).headers["etag"]
    headers = {**bearer(OPERATOR), "If-Match": version}
    assert (await gateway.patch(place, json={"roles": list(roles)}, headers=headers)).status_code == 200


async def test_whoever_has_one_factor_sets_up_another_and_then_works(house: House, gateway: Front) -> None:
    person, browser = await house.person("desk"), house.browser()
    await browser.sign_in(person)
    assert "loans:create" in await scopes(browser)
    await demand(gateway)

    alone = house.browser()
    await alone.sign_in(person)
    body = {"username": person.username, "password": WORD}
    token = (await gateway.client.post("/v1/sessions", json=body)).json()
    nothing = await scopes(alone)
    app, page = await sets_up_an_app(alone)
    codes = re.findall(r"<li><code>([^<]+)</code></li>", page.text)
    both = house.browser()
    await both.sign_in(person)  # the form asks for a code
    step = pyotp.TOTP(app.secret).at(int(time.time()) + 30)
    form = {**hidden((await both.client.get("/sign-in/local")).text), **body, "code": step}
    await both.client.post("/sign-in/local", data=form)

    assert (nothing, token["scope"]) == ([], "")
    assert (await gateway.whoami(token["access_token"])).json()["scopes"] == []
    assert len(codes) == 10
    assert "loans:create" in await scopes(both)
    assert await scopes(alone) == []  # it was begun with one

    await change_roles(gateway, person, "desk", "cataloguer")

    assert "titles:write" in await scopes(both)
    assert await scopes(alone) == []


async def test_who_comes_to_work_with_one_factor_is_led_to_set_up_the_other_and_on_to_where_they_went(
    house: House, gateway: Front
) -> None:
    person, browser = await house.person("desk"), house.browser()
    await demand(gateway)

    arrived = await browser.sign_in(person, target="/docs?x=1")
    page = await browser.client.get(arrived.headers["location"])
    form = form_of(page, "begin")
    action = html.unescape(re.findall(r'<form method="post" action="([^"]*)"', page.text)[0])
    begun = await browser.client.post(action, data=form | {"password": WORD})
    secret = re.findall(r"<p><code>([A-Z2-7 ]+)</code></p>", begun.text)[0].replace(" ", "")
    done = await browser.client.post(
        action, data=form_of(begun, "confirm") | {"code": pyotp.TOTP(secret).now()}
    )
    again = html.unescape(re.findall(r'href="(/sign-in/local[^"]*)"', done.text)[0])
    sheet = await browser.client.get(again)
    step = pyotp.TOTP(secret).at(int(time.time()) + 30)
    told = {"username": person.username, "password": WORD, "code": step}
    in_at_last = await browser.client.post("/sign-in/local", data=hidden(sheet.text) | told)

    assert arrived.headers["location"] == f"{PLACE}?target=%2Fdocs%3Fx%3D1"
    assert "takes a second factor" in page.text
    assert 'href="/docs?x=1">Go on without' in page.text  # nobody who only reads is held up
    assert (in_at_last.status_code, in_at_last.headers["location"]) == (303, "/docs?x=1")
    assert "loans:create" in await scopes(browser)


async def test_the_page_leads_back_to_our_own_pages_alone(house: House, gateway: Front) -> None:
    await demand(gateway)
    person, browser = await house.person("desk"), house.browser()
    await browser.sign_in(person)

    for target in ("https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", '"><script>'):
        page = await browser.client.get(PLACE, params={"target": target})
        assert "evil" not in page.text
        assert "<script>" not in page.text
        assert "javascript" not in page.text.replace("text/javascript", "")


async def test_the_secret_is_drawn_here_as_a_qr_code_that_an_app_reads(house: House) -> None:
    browser, person = house.browser(), await house.person("desk")
    await browser.sign_in(person)
    page = await browser.client.get(PLACE)
    page = await browser.client.post(PLACE, data=form_of(page, "begin") | {"password": WORD})

    (drawn,) = re.findall(r"<svg.*?</svg>", page.text)
    (address,) = re.findall(r'href="(otpauth://totp/[^"]+)"', page.text)
    size = int(re.findall(r'viewBox="0 0 (\d+) \1"', drawn)[0])
    dark = {(x, y) for x, y in modules(drawn)}
    wanted = segno.make(html.unescape(address), error="m", micro=False)
    rows = [[(x, y) in dark for x in range(4, size - 4)] for y in range(4, size - 4)]

    assert rows == [[bool(each) for each in row] for row in wanted.matrix]
    assert not re.search(r"style=|href=|<script|url\(", drawn)  # as the page's policy wants it
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


def modules(drawn: str) -> Iterator[tuple[int, int]]:
    """The dark squares of a drawing: strokes of one square's height, each told from where the one before ended."""
    (path,) = re.findall(r'stroke="#000" d="([^"]*)"', drawn)
    x, y = 0.0, 0.0
    for kind, told in re.findall(r"([Mmh])([^Mmh]*)", path):
        numbers = [float(each) for each in re.findall(r"-?[\d.]+", told)]
        if kind == "h":
            yield from ((int(x) + step, int(y)) for step in range(int(numbers[0])))
            x += numbers[0]
        else:
            x, y = (numbers[0], numbers[1]) if kind == "M" else (x + numbers[0], y + numbers[1])


async def test_the_start_page_shows_the_way_in_and_to_the_second_factor(house: House, gateway: Front) -> None:
    stranger = await house.browser().client.get("/sign-in")
    person, browser = await house.person("desk"), house.browser()
    await demand(gateway)
    await browser.sign_in(person)
    page = await browser.client.get("/sign-in")
    patron, _ = await house.signed_in("patron")

    assert (stranger.status_code, 'href="/sign-in/local"' in stranger.text) == (200, True)
    assert "/saml/login" not in stranger.text  # no campus is set up
    assert f'href="{PLACE}"' in page.text
    assert "takes a second factor" in page.text
    assert "takes a second factor" not in (await patron.client.get("/sign-in")).text


async def test_patrons_are_asked_for_no_second_factor(house: House, gateway: Front) -> None:
    await demand(gateway)
    person, browser = await house.person("patron"), house.browser()
    await browser.sign_in(person)

    assert await scopes(browser) == ["account:own"]


async def test_the_app_is_taken_away_by_a_code_and_not_without(house: House) -> None:
    browser, person = house.browser(), await house.person("desk")
    await browser.sign_in(person)
    app, page = await sets_up_an_app(browser)
    form = form_of(page, "remove")
    later = pyotp.TOTP(app.secret).at(int(time.time()) + 30)

    wrong = await browser.client.post(PLACE, data=form | {"password": "no", "code": later})
    without = await browser.client.post(PLACE, data=form | {"password": WORD})
    right = await browser.client.post(PLACE, data=form | {"password": WORD, "code": later})

    assert [wrong.status_code, without.status_code, right.status_code] == [401, 401, 204]
    assert 'role="alert"' in wrong.text
    assert html.unescape(right.text).count("You have none.") == 2


async def test_strangers_are_shown_the_way_in_and_the_page_runs_its_own_script_alone(house: House) -> None:
    stranger = await house.browser().client.get(PLACE)
    browser, _ = await house.signed_in("desk")
    page = await browser.client.get(PLACE)

    assert (stranger.status_code, f"target={PLACE}" in stranger.text) == (401, True)
    assert page.headers["Content-Security-Policy"].endswith("; script-src 'self'; connect-src 'self'")
    assert re.findall(r"<script[^>]*>", page.text) == [f'<script src="{PLACE}.js" defer>']
    assert (await browser.client.get(f"{PLACE}.js")).headers["content-type"].startswith("text/javascript")


BROWSER = """
const fields = (name) => ({ value: name });
const sheet = {
  hidden: true,
  elements: { proof: fields("the proof"), password: fields("a word"), code: fields(""), name: fields("Mine") },
  addEventListener(kind, act) { this.submit = act; },
};
const line = { textContent: "" };
const asked = [];
globalThis.document = { getElementById: (id) => (id === "said" ? line : sheet) };
globalThis.location = { reload() { asked.push("reload"); } };
globalThis.PublicKeyCredential = { parseCreationOptionsFromJSON: (told) => ({ parsed: told }) };
globalThis.window = { PublicKeyCredential };
Object.defineProperty(globalThis, "navigator", { value: { credentials: {
  create: async (told) => ({ toJSON: () => ({ of: told }) }) } } });
let refuses = false;
globalThis.fetch = async (path, told) => {
  asked.push([path, told.method, told.headers["CSRF-Token"], JSON.parse(told.body)]);
  if (refuses) return { ok: false, json: async () => ({ title: "No.", reasons: [{ text: "The word is wrong." }] }) };
  return { ok: true, json: async () => (path.endsWith(":begin") ? { options: { challenge: "c" }, ticket: "t" } : {}) };
};
const submit = async () => { sheet.submit({ preventDefault() {} }); await new Promise((done) => setTimeout(done, 5)); };
"""


async def test_the_script_asks_the_device_and_keeps_what_it_made(house: House, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("no Node, which stands in for a browser")
    script = (await house.browser().client.get(f"{PLACE}.js")).text
    story = "await submit(); refuses = true; await submit();\n"
    end = "console.log(JSON.stringify([sheet.hidden, asked, line.textContent]));\n"
    (tmp_path / "page.mjs").write_text(BROWSER + script + story + end)

    process = await asyncio.create_subprocess_exec(
        "node", str(tmp_path / "page.mjs"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, wrong = await process.communicate()

    assert process.returncode == 0, wrong.decode()
    unseen, asked, said = json.loads(out)
    begin: list[Any] = [
        "/v1/accounts/me/passkeys:begin",
        "POST",
        "the proof",
        {"password": "a word", "code": None},
    ]
    made = {"of": {"publicKey": {"parsed": {"challenge": "c"}}}}
    kept = [
        "/v1/accounts/me/passkeys",
        "POST",
        "the proof",
        {"ticket": "t", "credential": made, "name": "Mine"},
    ]
    assert (unseen, said) == (False, "The word is wrong.")
    assert asked == [begin, kept, "reload", begin]
