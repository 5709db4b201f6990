"""Reference pages made from what the programs themselves read: the events' document and their schemas."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fastapi import Response

from chassis.asyncapi import asyncapi_document, event_schema
from chassis.endings import NOTICE
from chassis.endings import PAGE as ENDINGS
from contracts.events import Event, schema_path
from gateway.portal.layout import code, in_english, page, table
from gateway.roles.rules import ROLES
from gateway.tongues import Tongue
from gateway.webhooks.rules import scope_of

HERE = "/developers/events"


def start(say: Tongue, doors: Iterable[tuple[str, str]]) -> Response:
    """Where somebody begins who writes a program. `doors`: what else is here, address and the key of a sentence."""
    listed = "".join(
        f'<li><a href="{escape(say.to(where))}">{say.html("door-" + key)}</a></li>' for where, key in doors
    )
    roles = table(
        say("roles"),
        (say("head-role"), say("head-scopes")),
        [(code(role), " ".join(code(scope) for scope in sorted(scopes))) for role, scopes in ROLES.items()],
        none="",
    )
    asked = "curl $URL/v1/whoami -H &quot;Authorization: Bearer $KEY&quot;"
    one_api = say.html(
        "one-api",
        bearer=code("Authorization: Bearer …"),
        once=code("Idempotency-Key"),
        match=code("If-Match"),
        code=code("code"),
        reasons=code("reasons"),
        problem=code("application/problem+json"),
    )
    body = (
        f"<p>{one_api}</p><ul>{listed}</ul><h2>{say.html('in-a-minute')}</h2>"
        f"<ol><li>{say.html('step-key', page=_link(say, '/developers/keys', 'place-keys'))}</li>"
        f"<li>{say.html('step-ask', asked=f'<pre>{asked}</pre>')}</li>"
        f"<li>{say.html('step-try', page=_link(say, '/docs', 'api'))}</li>"
        f"<li>{say.html('step-hear', page=_link(say, '/developers/webhooks', 'place-webhooks'))}</li></ol>"
        f"{roles}"
    )
    return page(say, say("for-developers"), body, here="/developers", kept=True)


def _link(say: Tongue, where: str, key: str) -> str:
    return f'<a href="{escape(say.to(where))}">{say.html(key)}</a>'


def events(say: Tongue) -> Response:
    """Every event, with the sentence that says what it tells."""
    document = asyncapi_document()
    rows = [
        (
            f'<a href="{escape(say.to(HERE + "/" + told["name"]))}">{code(told["name"])}</a>',
            in_english(say, told["title"]),
            code(scope_of(told["name"])),
        )
        for told in document["components"]["messages"].values()
    ]
    read = say.html("programs-read", document='<a href="/asyncapi.json">asyncapi.json</a>')
    ways = say.html("events-come", feed=code("GET /v1/changes"), exchange=code("carrel.events"))
    heads = (say("head-type"), say("head-what-it-tells"), say("head-read-by"))
    body = f"<p>{in_english(say, document['info']['description'])} {read}</p><p>{ways}</p>" + table(
        say("place-events"), heads, rows, none=say("there-are-none")
    )
    return page(say, say("place-events"), body, here=HERE, kept=True)


def event(say: Tongue, kind: type[Event]) -> Response:
    """One event: what it tells, field by field."""
    schema = event_schema(kind)
    parts = [_fields(say, say("what-it-tells"), schema)]
    parts += [
        _fields(say, name, told)
        for name, told in sorted(schema.get("$defs", {}).items())
        if "properties" in told
    ]
    about = say.html(
        "event-about",
        subject=code(schema["x-subject"]),
        partition=code(schema["x-partition"]),
        scope=code(scope_of(kind.type)),
    )
    its_schema = f'<a href="{escape(schema_path(kind.type))}">{say.html("its-schema")}</a>'
    body = f"<p>{in_english(say, schema.get('description', ''))}</p><p>{about} {its_schema}.</p>" + "".join(
        parts
    )
    return page(say, kind.type, body, here=HERE, kept=True)


def _fields(say: Tongue, caption: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(name),
            in_english(say, type_told(told)),
            say.html("always") if name in required else "",
            in_english(say, told.get("description", "")),
        )
        for name, told in schema.get("properties", {}).items()
    ]
    heads = tuple(say(f"head-{name}") for name in ("field", "type", "there", "means"))
    return table(caption, heads, rows, none=say("nothing-beyond"))


def type_told(schema: Mapping[str, Any]) -> str:
    """A schema's type in few words: `string (date-time) or null`, `list of Loan`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            return " or ".join(dict.fromkeys(type_told(each) for each in schema[name]))
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {type_told(schema.get('items', {}))}"
    told = str(schema.get("type", "anything"))
    return f"{told} ({schema['format']})" if "format" in schema else told


def endings(say: Tongue, document: Mapping[str, Any]) -> Response:
    """Every operation that ends: since when, until when, and what stands in its place."""
    rows = [
        (
            code(f"{method.upper()} {path}"),
            escape(told.get("x-deprecated-since", "")),
            escape(told["x-sunset"]) if "x-sunset" in told else say.html("not-settled"),
            code(told["x-successor"]) if "x-successor" in told else "",
        )
        for path, operations in document["paths"].items()
        for method, told in operations.items()
        if told.get("deprecated")
    ]
    promise = say.html(
        "endings-promise",
        days=str(NOTICE.days),
        deprecation=code("Deprecation"),
        sunset=code("Sunset"),
        link=code("Link"),
        rel=code('rel="successor-version"'),
        second=code(".v2"),
    )
    heads = tuple(say(f"head-{name}") for name in ("operation", "since", "goes", "instead"))
    body = f"<p>{promise}</p>" + table(say("operations-end"), heads, rows, none=say("none-ends"))
    return page(say, say("place-endings"), body, here=ENDINGS)
