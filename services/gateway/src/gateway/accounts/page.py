"""The page on which somebody sets up a second factor: an app, recovery codes, passkeys.

All but a passkey goes without scripts: only a script can ask a device for one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import segno
from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from gateway.portal.asking import Answer
from gateway.portal.layout import form, hidden, table
from gateway.portal.own import Here, acted, alert, named_id, present_here
from gateway.saml import pages
from gateway.sessions import local
from gateway.sessions.routes import present
from gateway.signon.answers import return_of
from gateway.tongues import Tongue, spoken_to

router = new_router(tag="accounts")

PLACE = local.SECURITY
TITLE = "your-second-factor"
MINE = "/v1/accounts/me"
SCRIPT = """const form = document.getElementById("new-passkey");
const said = document.getElementById("said");
async function ask(path, body) {
  const answer = await fetch("/v1/accounts/me/" + path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "CSRF-Token": form.elements.proof.value },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (answer.ok) return told;
  throw new Error((told.reasons || []).map((reason) => reason.text).join(" ") || told.title);
}
async function make() {
  const begun = await ask("passkeys:begin", {
    password: form.elements.password.value, code: form.elements.code.value || null,
  });
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options);
  const credential = await navigator.credentials.create({ publicKey });
  await ask("passkeys", {
    ticket: begun.ticket, credential: credential.toJSON(), name: form.elements.name.value,
  });
  location.reload();
}
form.hidden = !("PublicKeyCredential" in window);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  make().catch((error) => { said.textContent = error.message; });
});
"""
ENTER = """const form = document.getElementById("by-passkey");
const said = document.getElementById("said");
async function ask(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "CSRF-Token": form.elements.proof.value },
    body: JSON.stringify(body),
  });
  const told = await answer.json();
  if (answer.ok) return told;
  throw new Error((told.reasons || []).map((reason) => reason.text).join(" ") || told.title);
}
async function enter() {
  const begun = await ask("/v1/passkeys:begin", {});
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(begun.options);
  const credential = await navigator.credentials.get({ publicKey });
  await ask("/v1/sessions:by-passkey", {
    ticket: begun.ticket, credential: credential.toJSON(), browser: true,
  });
  location.assign(form.elements.target.value);
}
form.hidden = !("PublicKeyCredential" in window);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  enter().catch((error) => { said.textContent = error.message; });
});
"""


def _proof_field(say: Tongue, of: str) -> str:
    return (
        f'<label for="{of}-password">{say.html("your-password")}</label><input id="{of}-password" name="password" '
        'type="password" autocomplete="current-password" maxlength="1000" required>'
    )


def _code_field(say: Tongue, of: str) -> str:
    return (
        f'<label for="{of}-code">{say.html("a-code")}</label><input id="{of}-code" name="code" '
        'autocomplete="one-time-code" spellcheck="false" maxlength="60">'
    )


@router.get(f"{PLACE}.js", include_in_schema=False)
async def security_script() -> Response:
    """What asks the device for a passkey; a file of its own, so that the policy needs no exception."""
    return Response(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get("/sign-in/passkey.js", include_in_schema=False)
async def sign_in_script() -> Response:
    """What asks the device for the passkey that somebody signs in with."""
    return Response(ENTER, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@dataclass(frozen=True, slots=True)
class Visit:
    """Where somebody was going when they came to the page, if they were going anywhere."""

    target: str | None
    waits: bool
    """They came in with less than they have, for want of a second factor."""

    @property
    def place(self) -> str:
        """The page, which remembers it."""
        return f"{PLACE}?{urlencode({'target': self.target})}" if self.target else PLACE

    @property
    def again(self) -> str:
        """Where they sign in with what they have set up, and go on."""
        return f"{local.PATH}?{urlencode({'target': self.target or '/sign-in'})}"


Target = Annotated[str | None, Query(max_length=4000)]


async def _visit(request: Request, wished: str | None, now: datetime) -> Visit:
    doc = await request.app.state.saml.in_force.now()
    found = await present(request, now)
    waits = found is not None and await local.work_waits(request.app.state.resources.pool, doc, found[1])
    return Visit(return_of(doc, wished) if wished else None, waits)


@router.get(PLACE, include_in_schema=False)
async def show_second_factors(request: Request, now: Now, target: Target = None) -> Response:
    """What you have, and how to have more."""
    here = await present_here(request, now)
    return await _page(here, await _visit(request, target, now)) if here else _stranger(spoken_to(request))


@router.post(PLACE, include_in_schema=False)
@streamed
async def change_second_factors(request: Request, now: Now, target: Target = None) -> Response:
    """Set the app up, confirm it, take it away, write codes anew, or drop a passkey."""
    acts = {"begin": _begin, "confirm": _confirm, "remove": _remove, "codes": _codes, "drop": _drop}
    found = await acted(request, now, PLACE, TITLE, acts)
    if isinstance(found, Response):
        return found
    here, done = found
    return await _page(here, await _visit(request, target, now), done)


def _proof(fields: Mapping[str, str]) -> dict[str, Any]:
    code = "".join(fields.get("code", "").split())
    return {"password": fields.get("password", ""), "code": code or None}


async def _begin(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("POST", f"{MINE}/authenticator-app", {"password": fields.get("password", "")})


async def _confirm(here: Here, fields: Mapping[str, str]) -> Answer:
    code = "".join(fields.get("code", "").split())
    return await here.ask("POST", f"{MINE}/authenticator-app:confirm", {"code": code})


async def _remove(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("POST", f"{MINE}/authenticator-app:remove", _proof(fields))


async def _codes(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("POST", f"{MINE}/recovery-codes", _proof(fields))


async def _drop(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("DELETE", f"{MINE}/passkeys/{named_id(fields)}")


def _stranger(say: Tongue) -> Response:
    where = escape(say.to(f"{local.PATH}?target={quote(say.to(PLACE))}"))
    body = f'<ul><li><a href="{where}">{say.html("by-own-account")}</a></li></ul>'
    return pages.page(say, say(TITLE), body, status=401)


async def _page(here: Here, visit: Visit, done: Answer | None = None) -> Response:
    say = here.say.at(target=visit.target)
    told = await here.ask("GET", f"{MINE}/second-factors")
    if not told.good:
        return pages.page(say, say(TITLE), f"<p>{say.html('by-institution-only')}</p>", status=told.status)
    keys = (await here.ask("GET", f"{MINE}/passkeys")).body["items"]
    has_app = bool(told.body["app"])
    shown = done.body if done is not None and done.good and isinstance(done.body, dict) else {}
    body = (
        alert(done)
        + _once(say, shown, visit)
        + ("" if shown else _waiting(say, visit, bool(has_app or keys)))
        + f"<h2>{say.html('app')}</h2>"
        + (_with_app(here, visit, told.body) if has_app else _without_app(here, visit, shown))
        + f"<h2>{say.html('passkeys')}</h2>"
        + _passkeys(here, visit, keys)
        + f'<p class="small">{say.html("counts-from-next")} '
        f'<a href="{escape(say.to("/sign-in"))}">{say.html("back")}</a></p>'
    )
    return pages.with_script(pages.page(say, say(TITLE), body, status=200 if done is None else done.status))


def _waiting(say: Tongue, visit: Visit, has_one: bool) -> str:
    """What to do first, for somebody who came to work."""
    if not visit.waits:
        return ""
    onward = (
        f'<li><a href="{escape(visit.target)}">{say.html("go-on-without")}</a></li>' if visit.target else ""
    )
    if has_one:
        return (
            f"<p>{say.html('with-one-factor')}</p>"
            f'<ul><li><a href="{escape(say.to(visit.again))}">{say.html("again-with-both")}</a></li>{onward}</ul>'
        )
    return f"<p>{say.html('work-takes-factor')}</p><ul>{onward}</ul>"


def _once(say: Tongue, shown: Mapping[str, Any], visit: Visit) -> str:
    """Recovery codes, this once."""
    codes = shown.get("recovery_codes")
    if not codes:
        return ""
    listed = "".join(f"<li><code>{escape(code)}</code></li>" for code in codes)
    return (
        f'<div role="status"><p>{say.html("keep-on-paper")}</p><ul class="may">{listed}</ul></div>'
        f'<ul><li><a href="{escape(say.to(visit.again))}">{say.html("again-with-app")}</a></li></ul>'
    )


def _qr(say: Tongue, uri: str) -> str:
    """The address as a QR code, drawn here: dark on white whatever the page's colours, and nothing fetched."""
    drawn = segno.make(uri, error="m", micro=False).svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return f'<div role="img" aria-label="{say.html("qr")}">{drawn}</div>'


def _without_app(here: Here, visit: Visit, shown: Mapping[str, Any]) -> str:
    say, place = here.say, here.say.to(visit.place)
    secret = shown.get("secret")
    if secret:
        spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        there = f'<a href="{escape(shown["uri"])}">{say.html("open-there")}</a>'
        return (
            f"<p>{say.html('read-with-app')}</p>"
            + _qr(say, shown["uri"])
            + f"<p>{say.html('or-type', open=there)}</p><p><code>{escape(spaced)}</code></p>"
            + form(
                place,
                here.proof,
                f'<label for="confirm-code">{say.html("code-now")}</label>'
                '<input id="confirm-code" name="code" inputmode="numeric" autocomplete="one-time-code" required '
                f'maxlength="60"><button name="act" value="confirm">{say.html("it-works")}</button>',
            )
        )
    button = f'<button name="act" value="begin">{say.html("set-up-app")}</button>'
    return f"<p>{say.html('you-have-none')}</p>" + form(
        place, here.proof, _proof_field(say, "begin") + button
    )


def _with_app(here: Here, visit: Visit, told: Mapping[str, Any]) -> str:
    say = here.say
    return f"<p>{say.html('you-have-app', count=str(told['recovery_codes_left']))}</p>" + form(
        say.to(visit.place),
        here.proof,
        _proof_field(say, "app")
        + _code_field(say, "app")
        + f'<button name="act" value="codes">{say.html("new-codes")}</button>'
        f'<button name="act" value="remove" class="quiet">{say.html("without-app")}</button>',
    )


def _passkeys(here: Here, visit: Visit, keys: list[dict[str, Any]]) -> str:
    say = here.say
    rows = [
        (
            escape(key["name"]),
            escape(str(key["made_at"])[:10]),
            escape(str(key["used_at"])[:10]) if key["used_at"] else say.html("never"),
            form(
                say.to(visit.place),
                here.proof,
                hidden("id", key["id"]) + '<button name="act" value="drop" class="quiet" '
                f'aria-label="{say.html("drop-named", name=escape(key["name"]))}">{say.html("drop")}</button>',
            ),
        )
        for key in keys
    ]
    heads = (say("head-name"), say("head-made"), say("head-last-used"), "")
    listed = table(say("your-passkeys"), heads, rows, none=say("you-have-none"))
    return (
        f'{listed}<p id="said" role="status"></p><form id="new-passkey" hidden>{hidden("proof", here.proof)}'
        f'<label for="key-name">{say.html("name-for-it")}</label>'
        '<input id="key-name" name="name" value="Passkey" maxlength="100" required>'
        + _proof_field(say, "key")
        + _code_field(say, "key")
        + f'<button>{say.html("make-passkey")}</button></form><script src="{PLACE}.js" defer></script>'
    )
