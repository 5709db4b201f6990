"""Writes what is generated and committed: OpenAPI, AsyncAPI, the events' JSON Schemas. `--check` compares.

A changed promise shows in the diff. An event's schema may only grow: a field that disappears, or a new one
that is required, fails the check.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from chassis.asyncapi import asyncapi_document, event_schema
from chassis.resources import Service
from contracts.events import event_types
from contracts.promises import broken

ROOT = Path(__file__).resolve().parents[4]
OPENAPI = ROOT / "docs" / "openapi.json"
ASYNCAPI = ROOT / "docs" / "asyncapi.json"
SCHEMAS = ROOT / "shared" / "contracts" / "src" / "contracts" / "schemas"


def services() -> Sequence[Service]:
    """Every service, in the order in which its part is merged."""
    import catalog.app
    import circulation.app
    import erm.app
    import gateway.app
    import ill.app

    return (
        catalog.app.SERVICE,
        circulation.app.SERVICE,
        ill.app.SERVICE,
        erm.app.SERVICE,
        gateway.app.SERVICE,
    )


def opened_nowhere(service: Service) -> FastAPI:
    """The service's app, which only tells what it offers: it has no database, and none is looked for."""
    told: dict[str, Any] = {"database_url": "postgresql://-/-", "transport_url": "postgresql://-/-"}
    if service.name == "gateway":
        told["sealing_key"] = "only to make the document"
    return service.create_app(service.settings(**told))


def openapi_documents() -> dict[Path, str]:
    """The merged document, and each service's own where the service reads it."""
    from gateway.portal.merging import merged

    parts: dict[str, dict[str, Any]] = {}
    found: dict[Path, str] = {}
    for service in services():
        told = parts[service.name] = opened_nowhere(service).openapi()
        assert service.document is not None
        found[service.document] = _as_declared(told)
    return {OPENAPI: _text(merged(parts, own="gateway")), **found}


def files(what: str) -> dict[Path, str]:
    """What is to be written where."""
    if what == "openapi":
        return {**openapi_documents(), ASYNCAPI: _text(asyncapi_document())}
    return {SCHEMAS / f"{kind.type}.json": _text(event_schema(kind)) for kind in event_types()}


def _text(told: dict[str, Any]) -> str:
    return json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _as_declared(told: dict[str, Any]) -> str:
    """In the order in which things were declared, as the API page and the clients show them."""
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def _broken(file: Path, text: str) -> list[str]:
    """What readers of the committed schema would miss or choke on."""
    if not file.exists():
        return []
    promises = broken(json.loads(file.read_text()), json.loads(text))
    return [f"  a broken promise of {file.stem}: {promise}" for promise in promises]


def check(what: str) -> list[str]:
    """What differs from the committed files."""
    wanted = files(what)
    found = []
    for file, text in wanted.items():
        if not file.exists():
            found.append(f"{file.relative_to(ROOT)} is missing")
        elif file.read_text() != text:
            found.append(f"{file.relative_to(ROOT)} differs")
            if what == "schemas":
                found += _broken(file, text)
    if what == "schemas":
        found += [f"{file.name} is of no event" for file in SCHEMAS.glob("*.json") if file not in wanted]
    return found


def main() -> int:
    """`python -m carrel.documents openapi | schemas [--check]`."""
    parser = argparse.ArgumentParser(prog="carrel.documents", description=__doc__)
    parser.add_argument("what", choices=("openapi", "schemas"))
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    if asked.check:
        found = check(asked.what)
        print(
            "\n".join([*found, f"run `make {asked.what}` and look at the difference"])
            if found
            else "the same"
        )
        return bool(found)
    wanted = files(asked.what)
    if asked.what == "schemas" and (found := [line for each in wanted.items() for line in _broken(*each)]):
        print("\n".join([*found, "an event may grow and never break: give the changed one a new version"]))
        return 1
    for file, text in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        print(file.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
