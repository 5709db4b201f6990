"""Examples in the API's document: one story of a library day, which a test asks of the running system.

`examples.json` holds its steps in order: which operation, with what, and what came back. Ids and secrets are written
as made-up ones, in the order in which they first come; all else is the answer to the letter.
"""

import importlib.resources
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

Step = Mapping[str, Any]
PROBLEM: Final = "application/problem+json"
JSON: Final = "application/json"


@cache
def story() -> tuple[Step, ...]:
    """The steps."""
    told = (importlib.resources.files("gateway.portal") / "examples.json").read_text()
    return tuple(json.loads(told))


def exampled(paths: Mapping[str, Any], steps: Sequence[Step]) -> None:
    """Put the steps into the operations that they are of, as examples of request, parameters and answer."""
    operations = {told["operationId"]: told for methods in paths.values() for told in methods.values()}
    for step in steps:
        operation = operations.get(step["operation"])
        if operation is None:
            continue  # of a service that does not answer just now
        name = _slug(step["summary"])
        if "body" in step:
            kind = step.get("content_type", JSON)
            content = operation["requestBody"]["content"].setdefault(kind, {})
            _add(content, name, step["summary"], step["body"])
        given = {"path": step.get("path", {}), "query": step.get("query", {})}
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in given.get(parameter["in"], {}):
                _add(parameter, name, step["summary"], given[parameter["in"]][parameter["name"]])
        if step.get("answer") is not None:
            kind = JSON if step["status"] < 400 else PROBLEM
            answer = operation["responses"].setdefault(str(step["status"]), {"description": step["summary"]})
            _add(answer.setdefault("content", {}).setdefault(kind, {}), name, step["summary"], step["answer"])


def _add(place: dict[str, Any], name: str, summary: str, value: Any) -> None:
    place.setdefault("examples", {})[name] = {"summary": summary, "value": value}


def _slug(summary: str) -> str:
    return "-".join("".join(each for each in word if each.isalnum()) for word in summary.lower().split())
