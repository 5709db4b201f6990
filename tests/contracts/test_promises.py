"""An event may grow; whatever would break a reader, old or new, is found and told by its place."""

from copy import deepcopy
from typing import Any

import pytest
from pydantic import BaseModel, create_model

from chassis.asyncapi import event_schema
from contracts.events import event_types
from contracts.promises import broken

LOAN: dict[str, Any] = {
    "type": "object",
    "x-subject": "loan_id",
    "x-partition": "item_id",
    "properties": {
        "loan_id": {"type": "string", "format": "uuid"},
        "due_at": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}], "default": None},
        "renewals": {"type": "integer", "minimum": 0},
        "state": {"$ref": "#/$defs/State"},
        "item": {"$ref": "#/$defs/Item"},
        "overridden": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["loan_id", "renewals", "state", "item"],
    "$defs": {
        "State": {"type": "string", "enum": ["open", "closed"]},
        "Item": {
            "type": "object",
            "properties": {
                "barcode": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            },
            "required": ["barcode"],
        },
    },
}


def changed(*path: str, to: Any = ...) -> dict[str, Any]:
    """The loan with one place set, or removed."""
    told = deepcopy(LOAN)
    at = told
    for step in path[:-1]:
        at = at[step]
    if to is ...:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return told


@pytest.mark.parametrize(
    "new",
    [
        LOAN,
        changed("properties", "policy", to={"type": "string", "default": ""}),
        changed("$defs", "Item", "properties", "volume", to={"type": "string"}),
        changed("$defs", "Added", to={"type": "string"}),
        changed("description", to="Said better."),
        changed("properties", "state", to={"type": "string", "enum": ["closed", "open"]}),
        changed("required", to=["loan_id", "renewals", "state", "item", "due_at"][:4]),
    ],
    ids=["the same", "a new field", "a new field inside", "a new part", "words", "a part moved in", "order"],
)
def test_an_event_may_grow(new: dict[str, Any]) -> None:
    assert broken(LOAN, new) == []


@pytest.mark.parametrize(
    ("new", "promise"),
    [
        (changed("properties", "renewals"), "/renewals is gone"),
        (changed("$defs", "Item", "properties", "barcode"), "/item/barcode is gone"),
        (changed("properties", "renewals", to={"type": "string"}), "/renewals is no longer integer"),
        (changed("properties", "renewals", "type", to="number"), "/renewals may now be number"),
        (
            changed("properties", "due_at", to={"type": "string", "format": "date-time"}),
            "/due_at is no longer null",
        ),
        (
            changed(
                "properties",
                "loan_id",
                to={"anyOf": [{"type": "string", "format": "uuid"}, {"type": "null"}]},
            ),
            "/loan_id may now be null",
        ),
        (
            changed("required", to=["loan_id", "renewals", "state", "item", "overridden"]),
            "/overridden is required, and older events lack it",
        ),
        (
            changed("properties", "state", to={"$ref": "#/$defs/Item"}),
            "/state may now be object",
        ),
        (changed("$defs", "Item", "required", to=[]), "/item/barcode may be missing now"),
        (changed("$defs", "State", "enum", to=["open"]), "/state takes other values"),
        (changed("$defs", "State", "enum", to=["open", "closed", "lost"]), "/state takes other values"),
        (changed("$defs", "State", "enum"), "/state is no longer one of a few values"),
        (changed("properties", "renewals", "minimum", to=1), "/renewals has another minimum"),
        (changed("properties", "loan_id", "format"), "/loan_id has another format"),
        (
            changed("properties", "overridden", "items", to={"type": "integer"}),
            "/overridden/* is no longer string",
        ),
        (
            changed("$defs", "Item", "properties", "parts", "items", to={"type": "string"}),
            "/item/parts/* is no longer object",
        ),
        (changed("x-partition", to="loan_id"), "x-partition has changed"),
    ],
)
def test_what_would_break_a_reader_is_told(new: dict[str, Any], promise: str) -> None:
    assert promise in broken(LOAN, new)


@pytest.mark.parametrize("kind", list(event_types()), ids=lambda kind: kind.type)
def test_no_event_can_lose_or_demand_a_field_unnoticed(kind: Any) -> None:
    schema = event_schema(kind)
    demanding = create_model("Demanding", __base__=kind, newly=(str, ...))

    assert broken(schema, schema) == []
    assert broken(schema, demanding.model_json_schema(mode="serialization")) != []
    for field in schema["properties"]:
        lesser = {**schema, "properties": {n: v for n, v in schema["properties"].items() if n != field}}
        assert f"/{field} is gone" in broken(schema, lesser)


def test_a_model_that_refers_to_itself_is_compared_to_its_end() -> None:
    class Node(BaseModel):
        children: "list[Node]" = []

    schema = Node.model_json_schema()

    assert broken(schema, schema) == []
