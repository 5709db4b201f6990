"""Pages on which somebody looks after their own keys, webhooks and requests, signed in in their browser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode
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
from gateway.tongues import Tongue, spoken_to

router = new_router("/developers", tag="documentation")

KEYS, HOOKS, REQUESTS = "/developers/keys", "/developers/webhooks", "/developers/requests"
MINE: Final = "/v1/accounts/me/clients"


@dataclass(frozen=True, slots=True)
class Here:
    """Who sits at the page, and what proves that a form is theirs."""

    request: Request
    who: Principal
    token: str
    say: Tongue

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
    return Here(request, who, found[0], spoken_to(request))


def sign_in_first(request: Request, where: str, title: str) -> Response:
    """The way in, and back to the page afterwards; `title` is the key of its name."""
    say = spoken_to(request)
    way = escape(say.to(f"/sign-in/local?target={quote(say.to(where), safe='')}"))
    body = f'<p>{say.html("see-yours")}</p><ul><li><a href="{way}">{say.html("sign-in")}</a></li></ul>'
    return page(say, say(title), body, here=where, status=401)


def alert(answer: Answer | None) -> str:
    """Why it was not done, in the API's own words."""
    if answer is None or answer.good:
        return ""
    told = "".join(f"<p>{escape(reason)}</p>" for reason in answer.reasons)
    return f'<div role="alert" lang="{answer.tongue}">{told}</div>'


async def acted(
    request: Request, now: datetime, where: str, title: str, acts: Mapping[str, Callable[..., Any]]
) -> tuple[Here, Answer | None] | Response:
    """Who sent a form and what came of it; the page to show instead where it is nobody's."""
    fields = await read_form(request)
    here = await present_here(request, now)
    if here is None:
        return sign_in_first(request, where, title)
    act = acts.get(fields.get("act", ""))
    if not proves(fields, here.token) or act is None:
        return here, Answer(409, {}, {"title": here.say("page-old")}, here.say.tag)
    return here, await act(here, fields)


@router.get("/keys", include_in_schema=False)
async def show_own_keys(request: Request, now: Now) -> Response:
    """Your keys and clients, and a form for a new one."""
    here = await present_here(request, now)
    return await _keys(here) if here else sign_in_first(request, KEYS, "place-keys")


@router.post("/keys", include_in_schema=False)
@streamed
async def change_own_keys(request: Request, now: Now) -> Response:
    """Make, turn or end one by the page's forms."""
    found = await acted(
        request, now, KEYS, "place-keys", {"make": _make_key, "turn": _turn_key, "end": _end_key}
    )
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
    say = here.say
    listed = await here.ask("GET", MINE)
    if not listed.good:
        return page(say, say("place-keys"), alert(listed), here=KEYS, status=listed.status)
    rows = [
        (
            escape(told["name"]),
            f"{escape(told['kind'])}<br>{code(told['id'])}",
            " ".join(code(scope) for scope in told["scopes"]),
            escape(str(told["last_used_on"])) if told["last_used_on"] else say.html("never"),
            escape(str(told["expires_at"])[:10]),
            form(
                say.to(KEYS),
                here.proof,
                hidden("id", told["id"])
                + _button(say, "turn", "new-secret", told["name"])
                + _button(say, "end", "end", told["name"]),
            ),
        )
        for told in listed.body["items"]
    ]
    heads = (
        *(say(f"head-{name}") for name in ("name", "kind-and-id", "may", "last-used", "good-until")),
        "",
    )
    body = (
        alert(done)
        + _shown_once(say, done)
        + table(say("your-keys"), heads, rows, none=say("none-yet"))
        + _new_key(here)
    )
    return page(say, say("place-keys"), body, here=KEYS, status=200 if done is None else done.status)


def _button(say: Tongue, act: str, key: str, name: str) -> str:
    """What is done with one of the rows, and for whom the page is read out, with which."""
    return (
        f'<button name="act" value="{act}" class="quiet" aria-label="{say.html(key + "-named", name=escape(name))}">'
        f"{say.html(key)}</button>"
    )


def _shown_once(say: Tongue, done: Answer | None) -> str:
    """The secret, where one was just made: shown this once."""
    if done is None or not done.good or not isinstance(done.body, dict):
        return ""
    secret = done.body.get("api_key") or done.body.get("client_secret")
    if secret is None:
        return f"<p>{say.html('made-before-key')}</p>"
    named = "" if done.body.get("api_key") else f"<p>{say.html('client-id', id=code(done.body['id']))}</p>"
    return f'<div role="status"><p>{say.html("copy-now")}</p>{named}<pre>{escape(secret)}</pre></div>'


def _new_key(here: Here) -> str:
    say = here.say
    held = SCOPES if "*" in here.who.scopes else here.who.scopes & SCOPES
    scopes = "".join(
        f'<li><label><input type="checkbox" name="scope {escape(name)}"> {code(name)}</label></li>'
        for name in sorted(held - OF_PATRONS)
    )
    return f"<h2>{say.html('make-one')}</h2>" + form(
        say.to(KEYS),
        here.proof,
        hidden("once", str(uuid4())) + f'<label for="name">{say.html("name")}</label>'
        '<input id="name" name="name" maxlength="200" required autocomplete="off">'
        f'<label for="kind">{say.html("kind")}</label><select id="kind" name="kind">'
        f'<option value="api-key">{say.html("kind-api-key")}</option>'
        f'<option value="oauth2">{say.html("kind-oauth2")}</option></select>'
        f'<label for="days">{say.html("days-good")}</label>'
        '<input id="days" name="days" value="90" inputmode="numeric" required>'
        f'<fieldset><legend>{say.html("what-it-may")}</legend><ul class="scopes">{scopes}</ul>'
        f'</fieldset><button name="act" value="make">{say.html("make-it")}</button>',
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
        return sign_in_first(request, REQUESTS, "place-requests")
    say = here.say
    query = (
        {"limit": "50"} | ({"client": str(client)} if client else {}) | ({"cursor": cursor} if cursor else {})
    )
    told = await here.ask("GET", "/v1/audit/mine", query=query)
    if not told.good:
        return page(say, say("place-requests"), alert(told), here=REQUESTS, status=told.status)
    keys = await here.ask("GET", MINE)
    choices = "".join(
        f'<li><a href="{escape(say.to(REQUESTS + "?client=" + each["id"]))}">{escape(each["name"])}</a></li>'
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
    older = urlencode(({"client": str(client)} if client else {}) | {"cursor": further or ""})
    heads = tuple(say(f"head-{name}") for name in ("when", "what", "answer", "took", "trace"))
    body = (
        f"<p>{say.html('what-changed')}</p>"
        f'<ul><li><a href="{escape(say.to(REQUESTS))}">{say.html("you-in-person")}</a></li>{choices}</ul>'
        + table(say("place-requests"), heads, rows, none=say("there-are-none"))
        + (
            f'<p><a href="{escape(say.to(REQUESTS + "?" + older))}">{say.html("older-ones")}</a></p>'
            if further
            else ""
        )
    )
    return page(say, say("place-requests"), body, here=REQUESTS)
