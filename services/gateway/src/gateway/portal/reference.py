"""Reference pages made from what the programs themselves read: the events' document and their schemas."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fastapi import Response

from chassis.asyncapi import asyncapi_document, event_schema
from chassis.endings import NOTICE
from chassis.endings import PAGE as ENDINGS
from contracts.events import Event, schema_path
from gateway.portal.layout import code, page, table
from gateway.roles.rules import ROLES
from gateway.webhooks.rules import scope_of

HERE = "/developers/events"


def start(doors: Iterable[tuple[str, str]]) -> Response:
    """Where somebody begins who writes a program. `doors`: what else is here, address and sentence."""
    listed = "".join(f'<li><a href="{escape(where)}">{escape(told)}</a></li>' for where, told in doors)
    roles = table(
        "Roles, and what each may",
        ("role", "scopes"),
        [(code(role), " ".join(code(scope) for scope in sorted(scopes))) for role, scopes in ROLES.items()],
        none="",
    )
    body = (
        "<p>Everything that a library program does here goes by one API. Say who you are by "
        "<code>Authorization: Bearer …</code>, send an <code>Idempotency-Key</code> with what changes something and "
        "<code>If-Match</code> with what you have read before, and look at <code>code</code> and <code>reasons</code> "
        "when the answer is no (<code>application/problem+json</code>).</p>"
        f"<ul>{listed}</ul>"
        "<h2>In a minute</h2>"
        '<ol><li>Make a key on the page <a href="/developers/keys">Keys</a>: it may no more than you may.</li>'
        "<li>Ask: <pre>curl $URL/v1/whoami -H &quot;Authorization: Bearer $KEY&quot;</pre></li>"
        '<li>Try the rest on the page of the <a href="/docs">API</a>; each example there was asked by a test.</li>'
        '<li>Be told what happens: <a href="/developers/webhooks">Webhooks</a>.</li></ol>'
        f"{roles}"
    )
    return page("For developers", body, here="/developers", kept=True)


def events() -> Response:
    """Every event, with the sentence that says what it tells."""
    document = asyncapi_document()
    rows = [
        (
            f'<a href="{HERE}/{escape(told["name"])}">{code(told["name"])}</a>',
            escape(told["title"]),
            code(scope_of(told["name"])),
        )
        for told in document["components"]["messages"].values()
    ]
    body = (
        f"<p>{escape(document['info']['description'])} Programs read "
        '<a href="/asyncapi.json">asyncapi.json</a> (AsyncAPI 3.0).</p>'
        "<p>They come by webhook, by <code>GET /v1/changes</code>, or over the exchange "
        "<code>carrel.events</code> inside the house.</p>"
        + table("Events", ("type", "what it tells", "read by"), rows, none="There are none.")
    )
    return page("Events", body, here=HERE, kept=True)


def event(kind: type[Event]) -> Response:
    """One event: what it tells, field by field."""
    schema = event_schema(kind)
    parts = [_fields("What it tells", schema)]
    parts += [
        _fields(name, told) for name, told in sorted(schema.get("$defs", {}).items()) if "properties" in told
    ]
    body = (
        f"<p>{escape(schema.get('description', ''))}</p>"
        f"<p>About one {code(schema['x-subject'])}; in order for each {code(schema['x-partition'])}. "
        f"Read by {code(scope_of(kind.type))}. "
        f'<a href="{escape(schema_path(kind.type))}">Its JSON Schema</a>.</p>' + "".join(parts)
    )
    return page(kind.type, body, here=HERE, kept=True)


def _fields(caption: str, schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(name),
            escape(type_told(told)),
            "always" if name in required else "",
            escape(told.get("description", "")),
        )
        for name, told in schema.get("properties", {}).items()
    ]
    return table(
        caption, ("field", "type", "there", "means"), rows, none="It tells nothing beyond its envelope."
    )


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


def endings(document: Mapping[str, Any]) -> Response:
    """Every operation that ends: since when, until when, and what stands in its place."""
    rows = [
        (
            code(f"{method.upper()} {path}"),
            escape(told.get("x-deprecated-since", "")),
            escape(told.get("x-sunset", "not settled")),
            code(told["x-successor"]) if "x-successor" in told else "",
        )
        for path, operations in document["paths"].items()
        for method, told in operations.items()
        if told.get("deprecated")
    ]
    body = (
        f"<p>What ends goes on for {NOTICE.days} days at least. Until then each of its answers says so: "
        "<code>Deprecation</code> (RFC 9745) since when, <code>Sunset</code> (RFC 8594) until when, and "
        "<code>Link</code> with <code>rel=&quot;successor-version&quot;</code> what stands in its place. "
        "Fields and events are only ever added; what would break a program becomes a new path or a "
        "<code>.v2</code> beside the old one.</p>"
        + table(
            "Operations that end",
            ("operation", "since", "goes", "instead"),
            rows,
            none="None ends at present.",
        )
    )
    return page("What ends", body, here=ENDINGS)
