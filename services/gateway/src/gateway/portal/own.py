"""Pages on which somebody looks after their own keys, webhooks and requests, signed in in their browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID, uuid4

from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.principal import SCOPE_KEY, Principal
from chassis.problems import Malformed
from gateway.consents.routes import proves
from gateway.consents.rules import OF_PATRONS
from gateway.forms import read_form
from gateway.portal.asking import Answer, ask
from gateway.portal.layout import code, form, hidden, page, table
from gateway.roles.rules import SCOPES
from gateway.sessions.cookies import forgery_token
from gateway.sessions.routes import present

router = new_router("/developers", tag="documentation")

KEYS, HOOKS, REQUESTS = "/developers/keys", "/developers/webhooks", "/developers/requests"
MINE: Final = "/v1/accounts/me/clients"


@dataclass(frozen=True, slots=True)
class Here:
    """Who sits at the page, and what proves that a form is theirs."""

    request: Request
    who: Principal
    token: str

    @property
    def proof(self) -> str:
        """For the page's forms."""
        return forgery_token(self.token)

    async def ask(self, method: str, path: str, body: object = None, **more: Any) -> Answer:
        """Ask the API for them."""
        return await ask(self.request, self.who, method, path, body, **more)


async def present_here(request: Request, now: datetime) -> Here | None:
    """Who is signed in in this browser."""
    found = await present(request, now)
    if found is None:
        return None
    who = found[1].principal
    request.scope[SCOPE_KEY] = who  # the audit tells who it was
    return Here(request, who, found[0])


def sign_in_first(where: str, title: str) -> Response:
    """The way in, and back to the page afterwards."""
    body = (
        "<p>Sign in to see what is yours.</p>"
        f'<ul><li><a href="/sign-in/local?target={quote(where, safe="")}">Sign in</a></li></ul>'
    )
    return page(title, body, here=where, status=401)


def alert(answer: Answer | None) -> str:
    """Why it was not done."""
    if answer is None or answer.good:
        return ""
    return f'<div role="alert">{"".join(f"<p>{escape(reason)}</p>" for reason in answer.reasons)}</div>'


async def acted(
    request: Request, now: datetime, where: str, title: str, acts: Mapping[str, Callable[..., Any]]
) -> tuple[Here, Answer | None] | Response:
    """Who sent a form and what came of it; the page to show instead where it is nobody's."""
    fields = await read_form(request)
    here = await present_here(request, now)
    if here is None:
        return sign_in_first(where, title)
    act = acts.get(fields.get("act", ""))
    if not proves(fields, here.token) or act is None:
        told = {"title": "This page was out of date. Look at what is there now, and try again."}
        return here, Answer(409, {}, told)
    return here, await act(here, fields)


@router.get("/keys", include_in_schema=False)
async def show_own_keys(request: Request, now: Now) -> Response:
    """Your keys and clients, and a form for a new one."""
    here = await present_here(request, now)
    return await _keys(here) if here else sign_in_first(KEYS, "Keys")


@router.post("/keys", include_in_schema=False)
@streamed
async def change_own_keys(request: Request, now: Now) -> Response:
    """Make, turn or end one by the page's forms."""
    found = await acted(request, now, KEYS, "Keys", {"make": _make_key, "turn": _turn_key, "end": _end_key})
    return found if isinstance(found, Response) else await _keys(*found)


async def _make_key(here: Here, fields: Mapping[str, str]) -> Answer:
    days = fields.get("days", "")
    body = {
        "kind": fields.get("kind"),
        "name": fields.get("name"),
        "scopes": [name.removeprefix("scope ") for name in fields if name.startswith("scope ")],
        "days": int(days) if days.isascii() and days.isdigit() and len(days) < 5 else days,
    }
    return await here.ask("POST", MINE, body, headers={"Idempotency-Key": fields.get("once", "")[:200]})


async def _turn_key(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("POST", f"{MINE}/{named_id(fields)}/secrets", {"overlap_hours": 24})


async def _end_key(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("DELETE", f"{MINE}/{named_id(fields)}")


def named_id(fields: Mapping[str, str]) -> UUID:
    """Which of the things on the page a form is about."""
    try:
        return UUID(fields.get("id", ""))
    except ValueError:
        raise Malformed("The form names nothing.") from None


async def _keys(here: Here, done: Answer | None = None) -> Response:
    listed = await here.ask("GET", MINE)
    if not listed.good:
        return page("Keys", alert(listed), here=KEYS, status=listed.status)
    rows = [
        (
            escape(told["name"]),
            f"{escape(told['kind'])}<br>{code(told['id'])}",
            " ".join(code(scope) for scope in told["scopes"]),
            escape(str(told["last_used_on"] or "never")),
            escape(str(told["expires_at"])[:10]),
            form(
                KEYS,
                here.proof,
                hidden("id", told["id"])
                + f'<button name="act" value="turn" class="quiet" aria-label="New secret for {escape(told["name"])}">'
                f'New secret</button><button name="act" value="end" class="quiet" '
                f'aria-label="End {escape(told["name"])}">End</button>',
            ),
        )
        for told in listed.body["items"]
    ]
    heads = ("name", "kind and id", "may", "last used", "good until", "")
    body = (
        alert(done)
        + _shown_once(done)
        + table("Your keys and clients", heads, rows, none="You have none yet.")
        + _new_key(here)
    )
    return page("Keys", body, here=KEYS, status=200 if done is None else done.status)


def _shown_once(done: Answer | None) -> str:
    """The secret, where one was just made: shown this once."""
    if done is None or not done.good or not isinstance(done.body, dict):
        return ""
    secret = done.body.get("api_key") or done.body.get("client_secret")
    if secret is None:
        return (
            "<p>This was made before, and its secret was shown then. Ask for a new secret if it is lost.</p>"
        )
    named = "" if done.body.get("api_key") else f"<p>Client id: {code(done.body['id'])}</p>"
    return (
        f'<div role="status"><p>Copy it now: it is shown this once, and kept as a hash.</p>{named}'
        f"<pre>{escape(secret)}</pre></div>"
    )


def _new_key(here: Here) -> str:
    held = SCOPES if "*" in here.who.scopes else here.who.scopes & SCOPES
    scopes = "".join(
        f'<li><label><input type="checkbox" name="scope {escape(name)}"> {code(name)}</label></li>'
        for name in sorted(held - OF_PATRONS)
    )
    return "<h2>Make one</h2>" + form(
        KEYS,
        here.proof,
        hidden("once", str(uuid4()))
        + '<label for="name">Name</label><input id="name" name="name" maxlength="200" required autocomplete="off">'
        '<label for="kind">Kind</label><select id="kind" name="kind">'
        '<option value="api-key">API key: sent as it is</option>'
        '<option value="oauth2">OAuth 2 client: gets tokens of ten minutes by it</option></select>'
        '<label for="days">Good for so many days (365 at most)</label>'
        '<input id="days" name="days" value="90" inputmode="numeric" required>'
        f'<fieldset><legend>What it may; at any moment no more than you</legend><ul class="scopes">{scopes}</ul>'
        '</fieldset><button name="act" value="make">Make it</button>',
    )


@router.get("/requests", include_in_schema=False)
async def show_own_requests(
    request: Request,
    now: Now,
    client: Annotated[UUID | None, Query(description="One of your keys or clients")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    """What you or one of your keys asked for that changed something, or was refused."""
    here = await present_here(request, now)
    if here is None:
        return sign_in_first(REQUESTS, "Requests")
    query = (
        {"limit": "50"} | ({"client": str(client)} if client else {}) | ({"cursor": cursor} if cursor else {})
    )
    told = await here.ask("GET", "/v1/audit/mine", query=query)
    if not told.good:
        return page("Requests", alert(told), here=REQUESTS, status=told.status)
    keys = await here.ask("GET", MINE)
    choices = "".join(
        f'<li><a href="{REQUESTS}?client={escape(each["id"])}">{escape(each["name"])}</a></li>'
        for each in (keys.body["items"] if keys.good else ())
    )
    rows = [
        (
            escape(each["at"][:19].replace("T", " ")),
            code(f"{each['method']} {each['path']}"),
            escape(str(each["status"])),
            f"{each['took_ms']} ms",
            code(each["traceparent"] or ""),
        )
        for each in told.body["items"]
    ]
    further = told.body["next_cursor"]
    where = (
        f"{REQUESTS}?{f'client={client}&amp;' if client else ''}cursor={escape(further)}" if further else ""
    )
    body = (
        "<p>What changed something, and what was refused, of the last year; what only read is not written down.</p>"
        f'<ul><li><a href="{REQUESTS}">You in person</a></li>{choices}</ul>'
        + table("Requests", ("when (UTC)", "what", "answer", "took", "trace"), rows, none="There are none.")
        + (f'<p><a href="{where}">Older ones</a></p>' if further else "")
    )
    return page("Requests", body, here=REQUESTS)
