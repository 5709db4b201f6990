"""AsyncAPI 3.0 of every event, generated from the registry of event classes, and each one's JSON Schema."""

from typing import Any

import contracts.catalog
import contracts.circulation
import contracts.erm
import contracts.gateway
import contracts.ill
from contracts.events import CONTENT_TYPE, Event, event_types, schema_path, schema_uri

KNOWN = (contracts.catalog, contracts.circulation, contracts.erm, contracts.gateway, contracts.ill)
"""Modules whose import fills the registry."""

EXCHANGE = "carrel.events"


def event_schema(kind: type[Event]) -> dict[str, Any]:
    """JSON Schema (2020-12) of an event's data."""
    schema = kind.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": schema_uri(kind.type),
        "x-subject": kind.subject,
        "x-partition": kind.partition or kind.subject,
        "x-listeners": sorted(kind.listeners),
        **schema,
    }


def asyncapi_document() -> dict[str, Any]:
    """The document of the whole."""
    kinds = [
        kind
        for kind in event_types()
        if KNOWN and kind.type.split(".")[0] in ("catalog", "circulation", "erm", "gateway", "ill")
    ]
    names = {kind: kind.type.replace(".", "-") for kind in kinds}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Carrel events",
            "version": "1.0.0",
            "description": (
                "CloudEvents 1.0, structured JSON. At least once; in order for each (source, partitionkey); "
                "`sequence` is the aggregate's version. No personal data: a patron is an opaque reference."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            names[kind]: {
                "address": kind.type,
                "description": f"Topic exchange `{EXCHANGE}`, routing key `{kind.type}`.",
                "messages": {names[kind]: {"$ref": f"#/components/messages/{names[kind]}"}},
                "bindings": {
                    "amqp": {
                        "is": "routingKey",
                        "exchange": {"name": EXCHANGE, "type": "topic", "durable": True},
                        "bindingVersion": "0.3.0",
                    }
                },
            }
            for kind in kinds
        },
        "operations": {
            f"hear-{names[kind]}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{names[kind]}"},
                "summary": (kind.__doc__ or "").splitlines()[0],
                "messages": [{"$ref": f"#/channels/{names[kind]}/messages/{names[kind]}"}],
            }
            for kind in kinds
        },
        "components": {
            "messages": {
                names[kind]: {
                    "name": kind.type,
                    "title": (kind.__doc__ or "").splitlines()[0],
                    "contentType": CONTENT_TYPE,
                    "payload": _envelope(kind),
                }
                for kind in kinds
            }
        },
    }


def _envelope(kind: type[Event]) -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": [
            "specversion",
            "id",
            "source",
            "type",
            "subject",
            "time",
            "partitionkey",
            "sequence",
            "epoch",
            "actor",
            "data",
        ],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "format": "uuid"},
            "source": text,
            "type": {"const": kind.type},
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"const": schema_uri(kind.type)},
            "partitionkey": text,
            "sequence": {"type": "integer", "minimum": 0},
            "epoch": {"type": "integer", "minimum": 1},
            "actor": text,
            "traceparent": text,
            "causationid": {"type": "string", "format": "uuid"},
            "correlationid": {"type": "string", "format": "uuid"},
            "data": {"$ref": schema_path(kind.type)},
        },
    }
