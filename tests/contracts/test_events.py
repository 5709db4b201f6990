"""Every event has its schema in the project, says who relies on it, and tells nothing of who a patron is."""

import json
import re
import typing
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from chassis.asyncapi import asyncapi_document, event_schema
from contracts.events import Event, UnknownEventType, event_type, event_types
from contracts.promises import broken

KINDS = list(event_types())
SCHEMAS = files("contracts") / "schemas"

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
"""Every moment that is told has its zone: without one it is no `date-time` (RFC 3339 §5.6)."""
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
"""JSON has no other numbers (RFC 8259 §6)."""
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.type)


@each
def test_the_committed_schema_is_the_one_of_the_class(kind: type[Event]) -> None:
    committed = json.loads((SCHEMAS / f"{kind.type}.json").read_text())

    Draft202012Validator.check_schema(committed)
    assert broken(committed, event_schema(kind)) == []
    assert committed == event_schema(kind)


def test_no_schema_is_of_no_event() -> None:
    committed = {file.name for file in SCHEMAS.iterdir() if file.name.endswith(".json")}

    assert committed == {f"{kind.type}.json" for kind in KINDS}
    assert len(committed) > 20


@each
@settings(max_examples=5, suppress_health_check=list(HealthCheck), deadline=None)
@given(told=st.data())
def test_what_an_event_writes_fits_its_schema_and_is_read_again(
    kind: type[Event], told: st.DataObject
) -> None:
    event = told.draw(st.from_type(kind))
    validator = Draft202012Validator(event_schema(kind), format_checker=FormatChecker())

    written = event.model_dump(mode="json")

    assert list(validator.iter_errors(written)) == []
    assert kind.model_validate(written) == event
    assert kind.model_validate({**written, "of_a_later_release": {"x": [1]}}) == event
    assert event.subject_id
    assert event.partition_key


@each
def test_a_type_names_its_context_fact_and_version(kind: type[Event]) -> None:
    assert re.fullmatch(r"(catalog|circulation|erm|gateway|ill)\.[a-z]+(-[a-z]+)*\.v[1-9]", kind.type)
    assert kind.__module__.split(".")[:2] == ["contracts", kind.type.split(".")[0]]
    assert kind.subject in kind.model_fields
    assert (kind.partition or kind.subject) in kind.model_fields
    assert kind.type.split(".")[0] not in kind.listeners
    assert (kind.__doc__ or "").strip()


PERSONAL = re.compile(
    r"(patron|person|borrower|requester)_?(name|barcode|mail|card|id$)|^(e?mail|phone|address|card|birth)"
)


def fields(kind: Any, seen: set[Any] | None = None) -> set[str]:
    """The names of all fields, those of parts included."""
    seen = set() if seen is None else seen
    names: set[str] = set()
    if kind in seen or not hasattr(kind, "model_fields"):
        for inner in typing.get_args(kind):
            names |= fields(inner, seen)
        return names
    seen.add(kind)
    for name, field in kind.model_fields.items():
        names |= {name} | fields(field.annotation, seen)
    return names


@each
def test_no_event_tells_who_a_patron_is(kind: type[Event]) -> None:
    assert [name for name in fields(kind) if PERSONAL.search(name)] == []


def test_what_is_looked_for_would_be_found() -> None:
    loan = next(kind for kind in KINDS if kind.type == "circulation.loan-created.v1")

    assert {"loan", "patron_ref", "due_at", "availability", "queue_length"} <= fields(loan)
    assert PERSONAL.search("patron_barcode")


def test_an_unknown_type_is_said() -> None:
    with pytest.raises(UnknownEventType, match=r"catalog\.item-eaten\.v1"):
        event_type("catalog.item-eaten.v1")


def test_every_event_is_in_the_document_of_the_whole() -> None:
    document = asyncapi_document()

    assert document["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in document["channels"].values()} == {kind.type for kind in KINDS}
    for operation in document["operations"].values():
        channel = document["channels"][operation["channel"]["$ref"].rsplit("/", 1)[1]]
        for message in operation["messages"]:
            name = message["$ref"].rsplit("/", 1)[1]
            assert channel["messages"][name]["$ref"] == f"#/components/messages/{name}"
            assert name in document["components"]["messages"]
