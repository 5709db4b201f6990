"""The page on which somebody sets up a second factor: an app, recovery codes, passkeys.

All but a passkey goes without scripts: only a script can ask a device for one.
"""

from collections.abc import Mapping
from html import escape
from typing import Any

from fastapi import Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from gateway.portal.asking import Answer
from gateway.portal.layout import form, hidden, table
from gateway.portal.own import Here, acted, alert, named_id, present_here
from gateway.saml import pages

router = new_router(tag="accounts")

PLACE = "/sign-in/security"
TITLE = "Your second factor"
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
PROOF = (
    '<label for="{0}-password">Your password</label><input id="{0}-password" name="password" type="password" '
    'autocomplete="current-password" maxlength="1000" required>'
)
CODE = (
    '<label for="{0}-code">A code of your app, or a recovery code</label><input id="{0}-code" name="code" '
    'autocomplete="one-time-code" spellcheck="false" maxlength="60">'
)


@router.get(f"{PLACE}.js", include_in_schema=False)
async def security_script() -> Response:
    """What asks the device for a passkey; a file of its own, so that the policy needs no exception."""
    return Response(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@router.get(PLACE, include_in_schema=False)
async def show_second_factors(request: Request, now: Now) -> Response:
    """What you have, and how to have more."""
    here = await present_here(request, now)
    return await _page(here) if here else _stranger()


@router.post(PLACE, include_in_schema=False)
@streamed
async def change_second_factors(request: Request, now: Now) -> Response:
    """Set the app up, confirm it, take it away, write codes anew, or drop a passkey."""
    acts = {"begin": _begin, "confirm": _confirm, "remove": _remove, "codes": _codes, "drop": _drop}
    found = await acted(request, now, PLACE, TITLE, acts)
    return found if isinstance(found, Response) else await _page(*found)


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


def _stranger() -> Response:
    body = f'<ul><li><a href="/sign-in/local?target={PLACE}">Sign in with your account</a></li></ul>'
    return pages.page(TITLE, body, status=401)


async def _page(here: Here, done: Answer | None = None) -> Response:
    told = await here.ask("GET", f"{MINE}/second-factors")
    if not told.good:
        words = "You sign in by your institution: your second factor is looked after there."
        return pages.page(TITLE, f"<p>{words}</p>", status=told.status)
    keys = (await here.ask("GET", f"{MINE}/passkeys")).body["items"]
    has_app = bool(told.body["app"])
    shown = done.body if done is not None and done.good and isinstance(done.body, dict) else {}
    body = (
        alert(done)
        + _once(shown)
        + "<h2>App</h2>"
        + (_with_app(here, told.body) if has_app else _without_app(here, shown))
        + "<h2>Passkeys</h2>"
        + _passkeys(here, keys)
        + '<p class="small">What you set up counts from your next sign-in on. <a href="/sign-in">Back</a></p>'
    )
    answer = pages.page(TITLE, body, status=200 if done is None else done.status)
    policy = answer.headers["Content-Security-Policy"]
    answer.headers["Content-Security-Policy"] = f"{policy}; script-src 'self'; connect-src 'self'"
    return answer


def _once(shown: Mapping[str, Any]) -> str:
    """Recovery codes, this once."""
    codes = shown.get("recovery_codes")
    if not codes:
        return ""
    listed = "".join(f"<li><code>{escape(code)}</code></li>" for code in codes)
    return (
        '<div role="status"><p>Keep these on paper: each stands in for the app once, and none is shown again.</p>'
        f'<ul class="may">{listed}</ul></div>'
    )


def _without_app(here: Here, shown: Mapping[str, Any]) -> str:
    secret = shown.get("secret")
    if secret:
        spaced = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        return (
            f'<p>Type this into your app, or <a href="{escape(shown["uri"])}">open it there</a>:</p>'
            f"<p><code>{escape(spaced)}</code></p>"
            + form(
                PLACE,
                here.proof,
                '<label for="confirm-code">The code that it shows now</label>'
                '<input id="confirm-code" name="code" inputmode="numeric" autocomplete="one-time-code" required '
                'maxlength="60"><button name="act" value="confirm">It works</button>',
            )
        )
    return "<p>You have none.</p>" + form(
        PLACE,
        here.proof,
        PROOF.format("begin") + '<button name="act" value="begin">Set an app up</button>',
    )


def _with_app(here: Here, told: Mapping[str, Any]) -> str:
    return f"<p>You have one, and {told['recovery_codes_left']} recovery codes.</p>" + form(
        PLACE,
        here.proof,
        PROOF.format("app")
        + CODE.format("app")
        + '<button name="act" value="codes">Write ten new recovery codes</button>'
        '<button name="act" value="remove" class="quiet">Do without the app</button>',
    )


def _passkeys(here: Here, keys: list[dict[str, Any]]) -> str:
    rows = [
        (
            escape(key["name"]),
            escape(str(key["made_at"])[:10]),
            escape(str(key["used_at"] or "never")[:10]),
            form(
                PLACE,
                here.proof,
                hidden("id", key["id"]) + '<button name="act" value="drop" class="quiet" '
                f'aria-label="Drop {escape(key["name"])}">Drop</button>',
            ),
        )
        for key in keys
    ]
    listed = table("Your passkeys", ("name", "made", "last used", ""), rows, none="You have none.")
    return (
        f'{listed}<p id="said" role="status"></p><form id="new-passkey" hidden>{hidden("proof", here.proof)}'
        '<label for="key-name">A name for it</label>'
        '<input id="key-name" name="name" value="Passkey" maxlength="100" required>'
        + PROOF.format("key")
        + CODE.format("key")
        + f'<button>Make a passkey</button></form><script src="{PLACE}.js" defer></script>'
    )
