"""One OpenAPI 3.1 document out of each service's own."""

from collections.abc import Mapping
from typing import Any

from gateway.portal.examples import exampled, story
from gateway.routing.table import Table

Document = dict[str, Any]

SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An access token from /oauth2/token or /v1/sessions, or an API key (crl_…).",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Client id and secret, at /oauth2/token alone.",
    },
}


def merged(parts: Mapping[str, Document], *, own: str) -> Document:
    """The document of the whole. A path is taken from the service that the gateway sends it to.

    Schemas of one name and different shape are told apart by the service's name.
    """
    paths: Document = {}
    schemas: Document = {}
    tags: set[str] = set()
    table = Table()
    for name, part in parts.items():
        renamed = _clashes(schemas, part.get("components", {}).get("schemas", {}), name)
        for schema, shape in part.get("components", {}).get("schemas", {}).items():
            schemas[renamed.get(schema, schema)] = _pointing(shape, renamed)
        for path, operations in part.get("paths", {}).items():
            route = table.find(path)
            if (route.service if route else own) != name:
                continue
            paths[path] = _pointing(operations, renamed)
            for operation in operations.values():
                tags |= set(operation.get("tags", ()))
    exampled(paths, story())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Carrel",
            "version": "1",
            "description": (
                "The library's catalogue, circulation, interlibrary loan and acquisitions. "
                "Errors are problem details (RFC 9457)."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {}],
        "tags": [{"name": tag} for tag in sorted(tags)],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": dict(sorted(schemas.items())), "securitySchemes": SECURITY},
    }


def _clashes(known: Document, coming: Document, name: str) -> dict[str, str]:
    """New names for what is called like something else here, and for whatever says it: a page of items is another
    one where the items are others."""
    renamed: dict[str, str] = {}
    while True:
        found = {
            schema: f"{name.capitalize()}{schema}"
            for schema, shape in coming.items()
            if schema in known and schema not in renamed and known[schema] != _pointing(shape, renamed)
        }
        if not found:
            return renamed
        renamed |= found


def _pointing(told: Any, renamed: Mapping[str, str]) -> Any:
    """The same document part, its references following the new names."""
    if isinstance(told, dict):
        return {
            key: (
                f"#/components/schemas/{renamed.get(value.rsplit('/', 1)[-1], value.rsplit('/', 1)[-1])}"
                if key == "$ref" and isinstance(value, str) and value.startswith("#/components/schemas/")
                else _pointing(value, renamed)
            )
            for key, value in told.items()
        }
    if isinstance(told, list):
        return [_pointing(each, renamed) for each in told]
    return told
