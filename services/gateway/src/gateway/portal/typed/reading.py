"""The document as a maker of clients wants it: operations with what they take and give, schemas with their fields."""

import keyword
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Document = Mapping[str, Any]
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
KEY: Final = "Idempotency-Key"
MATCH: Final = "If-Match"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    place: str
    """`path`, `query` or `header`."""
    required: bool
    schema: Document


@dataclass(frozen=True, slots=True)
class Operation:
    """One of them."""

    name: str
    method: str
    path: str
    told: str
    parameters: tuple[Parameter, ...]
    body: Document | None
    """Of a JSON body."""
    body_required: bool
    media: tuple[str, ...]
    """Other kinds of body that it takes."""
    answers: tuple[Document, ...] | None
    """What it gives as JSON; empty: nothing; None: something else than JSON."""

    def of(self, place: str) -> list[Parameter]:
        """Its parameters of one place, those first that must be there."""
        found = [each for each in self.parameters if each.place == place]
        return sorted(found, key=lambda each: not each.required)

    @property
    def keyed(self) -> bool:
        """Whether it takes an Idempotency-Key."""
        return any(each.name.lower() == KEY.lower() for each in self.of("header"))

    @property
    def matched(self) -> Parameter | None:
        """Its If-Match, where it wants one."""
        return next((each for each in self.of("header") if each.name.lower() == MATCH.lower()), None)


def operations(document: Document) -> Iterator[Operation]:
    """Every operation, by name. Whoever wants a page for people asks with a browser."""
    found = [
        _operation(method, path, told)
        for path, methods in document["paths"].items()
        for method, told in methods.items()
    ]
    yield from sorted(found, key=lambda each: each.name)


def _operation(method: str, path: str, told: Document) -> Operation:
    content = told.get("requestBody", {}).get("content", {})
    body = content.get(JSON)
    return Operation(
        name=told["operationId"],
        method=method.upper(),
        path=path,
        told=" ".join(str(told.get("description", "")).split()),
        parameters=tuple(
            Parameter(each["name"], each["in"], bool(each.get("required")), each.get("schema", {}))
            for each in told.get("parameters", ())
        ),
        body=body.get("schema", {}) if body is not None else None,
        body_required=bool(told.get("requestBody", {}).get("required")),
        media=tuple(kind for kind in content if kind != JSON),
        answers=_answers(told["responses"]),
    )


def _answers(responses: Document) -> tuple[Document, ...] | None:
    good = [told.get("content", {}) for status, told in responses.items() if status.startswith("2")]
    shapes = [content[JSON].get("schema", {}) for content in good if JSON in content]
    if shapes:
        return tuple(shapes)
    return None if any(good) else ()


def words(name: str) -> list[str]:
    """The words of a name: `circulation-check-out`, `LoanOut`, `filter[language]`."""
    return [word for word in re.split(r"[^A-Za-z0-9]+", name) if word]


def type_name(name: str) -> str:
    """A schema's name as that of a type."""
    return "".join(word[0].upper() + word[1:] for word in words(name))


def snake(name: str) -> str:
    """As a name in Python."""
    told = "_".join(words(name)).lower()
    return f"{told}_" if keyword.iskeyword(told) else told


def camel(name: str) -> str:
    """As a name in TypeScript."""
    first, *others = words(name)
    return first.lower() + "".join(word[0].upper() + word[1:] for word in others)


def reference(schema: Document) -> str | None:
    """The name of the type that a schema refers to."""
    told = schema.get("$ref")
    return type_name(str(told).rsplit("/", 1)[-1]) if told else None


def choices(schema: Document) -> list[Document] | None:
    """What a schema is one of."""
    for name in ("anyOf", "oneOf"):
        if name in schema:
            return list(schema[name])
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": each} for each in schema["type"]]
    return None
