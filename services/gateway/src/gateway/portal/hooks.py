"""The pages of somebody's own webhooks: subscribe, look at what became of each delivery, send again."""

from collections.abc import Mapping
from html import escape
from typing import Any, Final
from uuid import UUID, uuid4

from fastapi import Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from gateway.portal.asking import Answer
from gateway.portal.layout import code, form, hidden, in_english, page, table
from gateway.portal.own import HOOKS, Here, acted, alert, named_id, present_here, sign_in_first
from gateway.tongues import Tongue

router = new_router(HOOKS, tag="documentation")

API: Final = "/v1/webhooks"
ACTS: Final = {
    "verify": "verifications",
    "test": "tests",
    "pause": "pauses",
    "activate": "activations",
}
SHOWN: Final = "50"


@router.get("", include_in_schema=False)
async def show_own_webhooks(request: Request, now: Now) -> Response:
    """Your webhooks, and a form for a new one."""
    here = await present_here(request, now)
    return await _hooks(here) if here else sign_in_first(request, HOOKS, "place-webhooks")


@router.post("", include_in_schema=False)
@streamed
async def change_own_webhooks(request: Request, now: Now) -> Response:
    """Subscribe, or end a subscription."""
    found = await acted(request, now, HOOKS, "place-webhooks", {"make": _make, "end": _end})
    return found if isinstance(found, Response) else await _hooks(*found)


async def _make(here: Here, fields: Mapping[str, str]) -> Answer:
    body = {
        "url": fields.get("url"),
        "description": fields.get("description", ""),
        "types": [name.removeprefix("type ") for name in fields if name.startswith("type ")],
    }
    return await here.ask("POST", API, body, headers={"Idempotency-Key": fields.get("once", "")[:200]})


async def _end(here: Here, fields: Mapping[str, str]) -> Answer:
    return await here.ask("DELETE", f"{API}/{named_id(fields)}")


async def _hooks(here: Here, done: Answer | None = None) -> Response:
    say = here.say
    listed, kinds = await here.ask("GET", API), await here.ask("GET", "/v1/webhook-event-types")
    if not listed.good:
        return page(say, say("place-webhooks"), alert(listed), here=HOOKS, status=listed.status)
    rows = [
        (
            f'<a href="{escape(say.to(HOOKS + "/" + told["id"]))}">{escape(told["url"])}</a>',
            _state(say, told["state"]),
            " ".join(code(name) for name in told["types"]),
            form(
                say.to(HOOKS),
                here.proof,
                hidden("id", told["id"]) + '<button name="act" value="end" class="quiet" '
                f'aria-label="{say.html("end-named", name=escape(told["url"]))}">{say.html("end")}</button>',
            ),
        )
        for told in listed.body["items"]
    ]
    offered = [told for told in kinds.body["items"] if told["granted"]]
    types = "".join(
        f'<li><label><input type="checkbox" name="type {escape(told["type"])}"> {code(told["type"])} '
        f"{in_english(say, told['description'])}</label></li>"
        for told in offered
    )
    made = ""
    if done is not None and done.good and isinstance(done.body, dict) and done.body.get("secrets"):
        secret = done.body["secrets"][0].get("secret")
        made = (
            f'<div role="status"><p>{say.html("copy-signing")}</p><pre>{escape(secret)}</pre></div>'
            if secret
            else f"<p>{say.html('made-before-hook')}</p>"
        )
    heads = (*(say(f"head-{name}") for name in ("address", "state", "hears")), "")
    body = (
        alert(done)
        + made
        + table(say("your-webhooks"), heads, rows, none=say("none-yet"))
        + f"<h2>{say.html('subscribe')}</h2>"
        + form(
            say.to(HOOKS),
            here.proof,
            hidden("once", str(uuid4())) + f'<label for="url">{say.html("post-to")}</label>'
            '<input id="url" name="url" type="url" maxlength="2000" required placeholder="https://…">'
            f'<label for="description">{say.html("what-for")}</label>'
            '<input id="description" name="description" maxlength="500">'
            f'<fieldset><legend>{say.html("place-events")}</legend><ul class="scopes">{types}</ul></fieldset>'
            f'<button name="act" value="make">{say.html("subscribe")}</button>',
        )
    )
    return page(say, say("place-webhooks"), body, here=HOOKS, status=200 if done is None else done.status)


def _state(say: Tongue, state: str) -> str:
    """A state of a subscription or of a delivery, as people say it."""
    return escape(say.either(f"state-{state}", state))


@router.get("/{webhook_id}", include_in_schema=False)
async def show_own_webhook(request: Request, webhook_id: UUID, now: Now) -> Response:
    """One of them, and the log of its deliveries."""
    here = await present_here(request, now)
    if here is None:
        return sign_in_first(request, f"{HOOKS}/{webhook_id}", "webhook")
    return await _hook(here, webhook_id)


@router.post("/{webhook_id}", include_in_schema=False)
@streamed
async def act_on_own_webhook(request: Request, webhook_id: UUID, now: Now) -> Response:
    """Verify, test, pause, go on, or send a delivery again."""
    acts: dict[str, Any] = {name: _act(f"{API}/{webhook_id}/{place}") for name, place in ACTS.items()}

    async def resend(here: Here, fields: Mapping[str, str]) -> Answer:
        return await here.ask("POST", f"{API}/{webhook_id}/deliveries/{named_id(fields)}/resends")

    found = await acted(request, now, f"{HOOKS}/{webhook_id}", "webhook", {**acts, "resend": resend})
    return found if isinstance(found, Response) else await _hook(found[0], webhook_id, found[1])


def _act(path: str) -> Any:
    async def act(here: Here, _: Mapping[str, str]) -> Answer:
        return await here.ask("POST", path, {} if path.endswith("activations") else None)

    return act


async def _hook(here: Here, webhook_id: UUID, done: Answer | None = None) -> Response:
    say = here.say
    one = await here.ask("GET", f"{API}/{webhook_id}")
    if not one.good:
        return page(say, say("webhook"), alert(one), here=HOOKS, status=one.status)
    log = await here.ask("GET", f"{API}/{webhook_id}/deliveries", query={"limit": SHOWN})
    place = say.to(f"{HOOKS}/{webhook_id}")
    rows = [
        (
            escape(each["created_at"][:19].replace("T", " ")),
            code(each["type"]),
            _state(say, each["state"]),
            escape(str(each["tries"])),
            escape(str(each["last_status"] or each["last_error"] or "")),
            form(
                place,
                here.proof,
                hidden("id", each["id"])
                + f'<button name="act" value="resend" class="quiet">{say.html("send-again")}</button>',
            )
            if each["state"] in ("delivered", "failed", "skipped")
            else "",
        )
        for each in log.body["items"]
    ]
    told = one.body
    buttons = "".join(
        f'<button name="act" value="{act}" class="quiet">{say.html("act-" + act)}</button>' for act in ACTS
    )
    why = f" ({in_english(say, told['reason'])})" if told["reason"] else ""
    heads = (*(say(f"head-{name}") for name in ("when", "type", "state", "tries", "last-answer")), "")
    is_so = say.html(
        "hook-is",
        url=code(told["url"]),
        state=f"<strong>{_state(say, told['state'])}</strong>{why}",
        waiting=escape(str(told["waiting"])),
        types=" ".join(code(name) for name in told["types"]),
    )
    body = (
        alert(done)
        + f"<p>{is_so}</p>"
        + form(place, here.proof, buttons)
        + table(say("last-deliveries"), heads, rows, none=say("nothing-sent"))
    )
    return page(say, say("webhook"), body, here=HOOKS, status=200 if done is None else done.status)
