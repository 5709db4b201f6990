"""A client in Python: types as `TypedDict`, a method for each operation, and nothing to install (Python 3.11)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.portal.typed.reading import (
    KEY,
    MATCH,
    Document,
    Operation,
    choices,
    operations,
    reference,
    snake,
    type_name,
)

HEAD: Final = '''"""A client of Carrel's API, made from its document: `Carrel(url, credential)` has a method for each
operation.

An answer is the JSON itself; the types say what stands in it. A refusal is raised as `Problem`, with every reason.
What changes something carries an Idempotency-Key, so it is repeated once when the connection is lost.
"""

# ruff: noqa
from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast


class Problem(Exception):
    """The answer was no (RFC 9457): `code` never changes, `reasons` holds every reason."""

    def __init__(self, status: int, told: Mapping[str, Any]) -> None:
        super().__init__(str(told.get("detail") or told.get("title") or status))
        self.status = status
        self.code = str(told.get("code", ""))
        self.reasons: list[dict[str, Any]] = list(told.get("reasons", ()))


def each(ask: Callable[..., Mapping[str, Any]], **asked: Any) -> Iterator[Any]:
    """Every item of a list, page after page: `each(carrel.catalog_search, query="walden")`."""
    cursor: str | None = None
    while True:
        page = ask(**asked, cursor=cursor)
        yield from page["items"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return


class Connection:
    """How requests are sent; `timeout` in seconds."""

    def __init__(self, url: str, credential: str | None = None, *, timeout: float = 60.0) -> None:
        self.url, self.credential, self.timeout = url.rstrip("/"), credential, timeout

    def _send(
        self, method: str, path: str, query: Mapping[str, object], headers: Mapping[str, object], content: bytes | None
    ) -> bytes:
        """The answer's body; `Problem` when the answer is no."""
        pairs = [
            (name, "true" if one is True else "false" if one is False else str(one))
            for name, value in query.items()
            if value is not None
            for one in (value if isinstance(value, (list, tuple)) else (value,))
        ]
        address = self.url + path + ("?" + urllib.parse.urlencode(pairs) if pairs else "")
        told = {name: str(value) for name, value in headers.items() if value is not None}
        if self.credential is not None:
            told["Authorization"] = f"Bearer {self.credential}"
        request = urllib.request.Request(address, data=content, headers=told, method=method)
        for last in (False, True):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                    return cast(bytes, answer.read())
            except urllib.error.HTTPError as error:
                raise Problem(error.code, _problem(error.read())) from None
            except (urllib.error.URLError, ConnectionError):
                if last or (method not in ("GET", "HEAD") and "Idempotency-Key" not in told):
                    raise
        raise AssertionError

    def _json(self, *asked: Any) -> Any:
        told = self._send(*asked)
        return json.loads(told) if told else None


def _problem(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {}


def _piece(value: object) -> str:
    return urllib.parse.quote(str(value), safe="")


def _version(told: int | str) -> str:
    """A version as an entity tag; a tag as it is."""
    return f'"{told}"' if isinstance(told, int) else told

'''


def module(document: Document) -> str:
    """The whole file."""
    schemas = document["components"]["schemas"]
    parts = [HEAD]
    parts += [_schema(type_name(name), told) for name, told in schemas.items()]
    parts.append('\n\nclass Carrel(Connection):\n    """Every operation."""\n')
    parts += [_method(each) for each in operations(document)]
    return "".join(parts)


def _schema(name: str, schema: Document) -> str:
    if schema.get("type") != "object" or "properties" not in schema:
        return f"\n{name} = {annotation(schema, quoted=True)}\n"
    required = set(schema.get("required", ()))
    fields = {
        field: annotation(told) if field in required else f"NotRequired[{annotation(told)}]"
        for field, told in schema["properties"].items()
    }
    if all(field == snake(field) for field in fields):
        listed = "".join(f"    {field}: {told}\n" for field, told in fields.items())
        return f"\n\nclass {name}(TypedDict):\n{_quoted(schema.get('description', ''), 4)}{listed}"
    inside = ", ".join(f"{field!r}: {_as_text(told)}" for field, told in fields.items())
    return f"\n{name} = TypedDict({name!r}, {{{inside}}})\n"


def _as_text(told: str) -> str:
    """A type that may not be known yet where it is written."""
    for outer in ("NotRequired",):
        if told.startswith(f"{outer}["):
            return f"{outer}[{told[len(outer) + 1 : -1]!r}]"
    return repr(told)


def annotation(schema: Document, *, quoted: bool = False) -> str:
    """A schema as a type."""
    told = _annotated(schema)
    return repr(told) if quoted and not told.startswith(("Literal", "str", "int", "dict[str, Any]")) else told


def _annotated(schema: Document) -> str:
    if (name := reference(schema)) is not None:
        return name
    if (several := choices(schema)) is not None:
        return " | ".join(dict.fromkeys(map(_annotated, several)))
    if "const" in schema:
        return f"Literal[{schema['const']!r}]"
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    match schema.get("type"):
        case "array":
            return f"list[{_annotated(schema.get('items', {}))}]"
        case "object":
            inner = schema.get("additionalProperties")
            return f"dict[str, {_annotated(inner) if isinstance(inner, Mapping) else 'Any'}]"
        case "string" | "integer" | "number" | "boolean" | "null" as kind:
            return _SIMPLE[kind]
    return "Any"


_SIMPLE: Final = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def _method(told: Operation) -> str:
    lines = [f"    def {snake(told.name)}(\n        self,\n"]
    lines += [f"        {line},\n" for line in _arguments(told)]
    lines.append(f"    ) -> {_gives(told)}:\n")
    lines.append(_quoted(told.told, 8))
    path = told.path
    for parameter in told.of("path"):
        path = path.replace("{" + parameter.name + "}", "{_piece(" + snake(parameter.name) + ")}")
    query = ", ".join(f"{each.name!r}: {snake(each.name)}" for each in told.of("query"))
    content = "None"
    if told.body is not None and not told.media:
        content = (
            "json.dumps(body).encode()"
            if told.body_required
            else "b'' if body is None else json.dumps(body).encode()"
        )
    elif told.body is not None or told.media:
        content = "content"
    asked = f"{told.method!r}, f{path!r}, {{{query}}}, {{{', '.join(_headers(told))}}}, {content}"
    if told.answers is None:
        lines.append(f"        return self._send({asked})\n\n")
    elif not told.answers:
        lines.append(f"        self._send({asked})\n\n")
    else:
        lines.append(f"        return cast({_gives(told)!r}, self._json({asked}))\n\n")
    return "".join(lines)


def _arguments(told: Operation) -> Iterator[str]:
    for parameter in told.of("path"):
        yield f"{snake(parameter.name)}: {annotation(parameter.schema)}"
    if told.body is not None and not told.media:
        yield f"body: {annotation(told.body)}" + ("" if told.body_required else " | None = None")
    elif told.media or told.body is not None:
        kinds = [*told.media, *(["application/json"] if told.body is not None else [])]
        yield "content: bytes"
        yield f"content_type: Literal[{', '.join(map(repr, kinds))}]"
    named = [*told.of("query")]
    if named or told.keyed or told.matched:
        yield "*"
    if told.matched is not None:
        yield "if_match: int | str" + ("" if told.matched.required else " | None = None")
    for parameter in named:
        kind = annotation(parameter.schema)
        yield f"{snake(parameter.name)}: {kind}" + (
            "" if parameter.required else f"{'' if 'None' in kind else ' | None'} = None"
        )
    if told.keyed:
        yield "idempotency_key: str | None = None"


def _headers(told: Operation) -> Iterator[str]:
    if told.answers:
        yield "'Accept': 'application/json'"
    if told.body is not None and not told.media:
        yield "'Content-Type': 'application/json'"
    elif told.media or told.body is not None:
        yield "'Content-Type': content_type"
    if told.keyed:
        yield f"{KEY!r}: idempotency_key or str(uuid.uuid4())"
    if told.matched is not None:
        tag = "_version(if_match)"
        yield f"{MATCH!r}: {tag if told.matched.required else f'None if if_match is None else {tag}'}"


def _gives(told: Operation) -> str:
    if told.answers is None:
        return "bytes"
    return " | ".join(dict.fromkeys(map(annotation, told.answers))) or "None"


def _quoted(told: Any, indent: int) -> str:
    words = " ".join(str(told).replace("\\", "").replace('"""', "'''").split())
    return (
        f'{" " * indent}"""{words.rstrip(chr(34))}"""\n'
        if words
        else f'{" " * indent}"""No more is told of it."""\n'
    )
