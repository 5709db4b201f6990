"""A client in TypeScript: interfaces, a method for each operation, and nothing to install (`fetch`)."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.portal.typed.reading import Document, Operation, camel, choices, operations, reference, type_name

HEAD: Final = """/* A client of Carrel's API, made from its document. An answer is the JSON itself; a refusal is thrown
   as `Problem`. What changes something carries an Idempotency-Key: it is repeated once when the connection is lost. */

export interface Reason {
  code: string; text: string; pointer?: string; mend?: string; value?: number; limit?: number;
}

/** The answer was no (RFC 9457): `code` never changes, `reasons` holds every reason. */
export class Problem extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly reasons: Reason[]) {
    super(message);
  }
}

type Query = Record<string, unknown>;

function text(value: unknown): string {
  return String(value);
}

/** How requests are sent. */
export class Connection {
  constructor(readonly url: string, readonly credential?: string) {}

  protected async send(
    method: string, path: string, query: Query, headers: Record<string, string | undefined>, content?: BodyInit,
  ): Promise<Response> {
    const address = new URL(this.url.replace(/\\/$/, "") + path);
    for (const [name, value] of Object.entries(query)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null) address.searchParams.append(name, text(one));
      }
    }
    const told = new Headers();
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) told.set(name, value);
    if (this.credential !== undefined) told.set("Authorization", `Bearer ${this.credential}`);
    const asked = { method, headers: told, body: content ?? null };
    const again = method === "GET" || told.has("Idempotency-Key");
    let answer: Response;
    try {
      answer = await fetch(address, asked);
    } catch (error) {
      if (!again) throw error;
      answer = await fetch(address, asked);
    }
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as Record<string, unknown>;
    throw new Problem(
      answer.status, text(problem["code"] ?? ""), text(problem["detail"] ?? problem["title"] ?? answer.status),
      (problem["reasons"] as Reason[] | undefined) ?? [],
    );
  }

  protected async json<T>(asked: Promise<Response>): Promise<T> {
    return (await (await asked).json()) as T;
  }
}

function piece(value: unknown): string {
  return encodeURIComponent(text(value));
}

function version(told: number | string | undefined): string | undefined {
  return typeof told === "number" ? `"${told}"` : told;
}

"""


def module(document: Document) -> str:
    """The whole file."""
    schemas = document["components"]["schemas"]
    parts = [HEAD]
    parts += [_schema(type_name(name), told) for name, told in schemas.items()]
    parts.append("/** Every operation. */\nexport class Carrel extends Connection {\n")
    parts += [_method(each) for each in operations(document)]
    return "".join([*parts, "}\n"])


def _schema(name: str, schema: Document) -> str:
    told = _comment(str(schema.get("description", "")), "")
    if schema.get("type") == "object" and "properties" in schema:
        return f"{told}export interface {name} {_fields(schema)}\n\n"
    return f"{told}export type {name} = {type_of(schema)};\n\n"


def _fields(schema: Document) -> str:
    required = set(schema.get("required", ()))
    listed = "".join(
        f"  {json.dumps(field)}{'' if field in required else '?'}: {type_of(told)};\n"
        for field, told in schema["properties"].items()
    )
    return f"{{\n{listed}}}"


def type_of(schema: Document) -> str:
    """A schema as a type."""
    if (name := reference(schema)) is not None:
        return name
    if (several := choices(schema)) is not None:
        return " | ".join(dict.fromkeys(map(type_of, several)))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    match schema.get("type"):
        case "array":
            return f"Array<{type_of(schema.get('items', {}))}>"
        case "object" if "properties" in schema:
            return _fields(schema)
        case "object":
            inner = schema.get("additionalProperties")
            return f"Record<string, {type_of(inner) if isinstance(inner, Mapping) else 'unknown'}>"
        case "string" | "integer" | "number" | "boolean" | "null" as kind:
            return _SIMPLE[kind]
    return "unknown"


_SIMPLE: Final = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def _method(told: Operation) -> str:
    asked = list(_asked(told))
    optional = all("?:" in each.split(":")[0] + ":" for each in asked)
    argument = f"asked: {{ {'; '.join(asked)} }}{' = {}' if optional else ''}" if asked else ""
    path = told.path
    for parameter in told.of("path"):
        path = path.replace(
            "{" + parameter.name + "}", "${piece(asked.path[" + json.dumps(parameter.name) + "])}"
        )
    query = "{ ...asked.query }" if told.of("query") else "{}"
    content = ""
    if told.body is not None and not told.media:
        content = ", JSON.stringify(asked.body)"
    elif told.body is not None or told.media:
        content = ", asked.content"
    call = (
        f"this.send({json.dumps(told.method)}, `{path}`, {query}, {{ {', '.join(_headers(told))} }}{content})"
    )
    gives = " | ".join(dict.fromkeys(map(type_of, told.answers or ())))
    if told.answers is None:
        body, gives = f"return {call};", "Response"
    elif not told.answers:
        body, gives = f"await {call};", "void"
    else:
        body = f"return this.json<{gives}>({call});"
    head = f"{_comment(told.told, '  ')}  async {camel(told.name)}({argument}): Promise<{gives}>"
    return f"{head} {{\n    {body}\n  }}\n\n"


def _asked(told: Operation) -> Iterator[str]:
    for place in ("path", "query"):
        if found := told.of(place):
            listed = "; ".join(
                f"{json.dumps(each.name)}{'' if each.required else '?'}: {type_of(each.schema)}"
                for each in found
            )
            yield f"{place}{'' if any(each.required for each in found) else '?'}: {{ {listed} }}"
    if told.body is not None and not told.media:
        yield f"body{'' if told.body_required else '?'}: {type_of(told.body)}"
    elif told.body is not None or told.media:
        kinds = [*told.media, *(["application/json"] if told.body is not None else [])]
        yield f"contentType: {' | '.join(map(json.dumps, kinds))}"
        yield "content: BodyInit"
    if told.matched is not None:
        yield f"ifMatch{'' if told.matched.required else '?'}: number | string"
    if told.keyed:
        yield "idempotencyKey?: string"


def _headers(told: Operation) -> Iterator[str]:
    if told.answers:
        yield 'Accept: "application/json"'
    if told.body is not None and not told.media:
        yield '"Content-Type": "application/json"'
    elif told.body is not None or told.media:
        yield '"Content-Type": asked.contentType'
    if told.keyed:
        yield '"Idempotency-Key": asked.idempotencyKey ?? crypto.randomUUID()'
    if told.matched is not None:
        yield '"If-Match": version(asked.ifMatch)'


def _comment(told: str, indent: str) -> str:
    words = " ".join(told.replace("*/", "* /").split())
    return f"{indent}/** {words} */\n" if words else ""
