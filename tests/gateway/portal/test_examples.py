"""The examples in the document are what the system answers: the whole story is asked, and compared to the letter.

Written anew by `CARREL_EXAMPLES=write make test T=tests/gateway/portal/test_examples.py`; look at the difference.
"""

import importlib.resources
import ipaddress
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from jsonschema import Draft202012Validator

from chassis.addresses import Address
from chassis.guard import Guard
from chassis.ids import uuid7
from gateway.portal.examples import exampled, story
from support.front import OPERATOR, bearer
from support.whole import Library

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SECRETS = ("client_secret", "api_key", "secret", "access_token")
HIDDEN = "shown-once-and-kept-as-a-hash"
FORM = "application/x-www-form-urlencoded"
FILE = Path(str(importlib.resources.files("gateway.portal") / "examples.json"))
OPERATIONS: dict[str, tuple[str, str]] = {
    told["operationId"]: (method.upper(), path)
    for path, methods in json.loads(
        (Path(__file__).resolve().parents[3] / "docs" / "openapi.json").read_text()
    )["paths"].items()
    for method, told in methods.items()
}


@dataclass
class Writing:
    """Made-up ids for real ones, in the order in which they come."""

    known: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    """The last of each name that an answer told; what people choose themselves stays as it is."""
    hidden: set[str] = field(default_factory=set)

    def hide(self, answer: Any) -> None:
        """Learn the secrets of an answer."""
        for key, each in answer.items() if isinstance(answer, dict) else ():
            if key in SECRETS and isinstance(each, str):
                self.secrets[key] = each
                self.hidden.add(each)
            self.hide(each)
        for each in answer if isinstance(answer, list) else ():
            self.hide(each)

    def told(self, value: Any) -> Any:
        """A value as the file has it."""
        if isinstance(value, dict):
            return {key: self.told(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.told(each) for each in value]
        if isinstance(value, str) and value in self.hidden:
            return HIDDEN
        return ID.sub(self._made_up, value) if isinstance(value, str) else value

    def _made_up(self, found: re.Match[str]) -> str:
        if found[0] in self.known.values():
            return found[0]
        return self.known.setdefault(found[0], f"01900000-0000-7000-8000-{len(self.known) + 1:012d}")

    def real(self, value: Any) -> Any:
        """A value of the file as it is asked."""
        if isinstance(value, dict) and HIDDEN in value.values():
            value = {key: self.secrets[key] if each == HIDDEN else each for key, each in value.items()}
        back = {made_up: real for real, made_up in self.known.items()}
        return json.loads(ID.sub(lambda found: back.get(found[0], found[0]), json.dumps(value)))


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """A step's words with the ids that steps before it kept."""
    return json.loads(re.sub(r"\{([a-z]+)\}", lambda found: kept.get(found[1], found[0]), json.dumps(value)))


async def asked(
    library: Library, step: Mapping[str, Any], writing: Writing, kept: dict[str, str]
) -> dict[str, Any]:
    """The step as it went."""
    method, pattern = OPERATIONS[step["operation"]]
    path, query, body = (
        writing.real(filled(step.get(part, default), kept))
        for part, default in (("path", {}), ("query", {}), ("body", None))
    )
    address = re.sub(r"{([^}]*)}", lambda found: quote(path[found[1]], safe=""), pattern)
    form = step.get("content_type") == FORM
    content = None if body is None else urlencode(body) if form else json.dumps(body)
    headers = {"Idempotency-Key": str(uuid7()), **bearer(OPERATOR)}
    if body is not None:
        headers["Content-Type"] = step.get("content_type", "application/json")
    if form:
        del headers["Authorization"]
    answer = await library.front.client.request(
        method, address, params=query, headers=headers, content=content
    )
    told: Any = answer.json() if answer.content else None
    writing.hide(told)
    for name, way in step.get("keep", {}).items():
        found: Any = told
        for piece in way:
            found = found[piece]
        kept[name] = found
    await library.settle()
    written = {
        **step,
        **{
            part: writing.told(filled(step[part], kept)) for part in ("path", "query", "body") if part in step
        },
    }
    return {**written, "status": answer.status_code, "answer": writing.told(told)}


async def _public(_: str) -> Sequence[Address]:
    return [ipaddress.ip_address("8.8.8.8")]


async def test_every_example_is_what_the_system_answers(library: Library) -> None:
    writing = Writing()
    kept: dict[str, str] = {}
    before = story()
    library.front.app.state.webhook_guard = Guard(resolve=_public)

    played = [await asked(library, step, writing, kept) for step in before]

    if os.environ.get("CARREL_EXAMPLES") == "write":
        FILE.write_text(json.dumps(played, indent=1, ensure_ascii=False) + "\n")
        pytest.fail("the examples were written anew: look at the difference, and run `make openapi`")
    for step, told in zip(before, played, strict=True):
        assert told == dict(step), (step["operation"], step["summary"])


def operations() -> dict[str, dict[str, Any]]:
    document = json.loads((Path(__file__).resolve().parents[3] / "docs" / "openapi.json").read_text())
    found = {told["operationId"]: told for each in document["paths"].values() for told in each.values()}
    return {"": document, **found}


def examples(steps: Sequence[Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    known = operations()
    found = []
    for step in steps:
        operation = known[step["operation"]]
        kind = "application/json" if step["status"] < 400 else "application/problem+json"
        told = operation["responses"][str(step["status"])].get("content", {}).get(kind)
        if told is not None:
            found.append((step["operation"], told))
    return found


def test_the_document_carries_them_and_they_are_what_its_schemas_say() -> None:
    document = operations()[""]
    told = examples(story())
    assert len({name for name, _ in told}) >= 80

    for name, content in told:
        assert content["examples"], name
        if "schema" in content:
            schema = {**content["schema"], "components": document["components"]}
            for each in content["examples"].values():
                flaws = [flaw.message for flaw in Draft202012Validator(schema).iter_errors(each["value"])]
                assert flaws == [], name


def test_a_service_that_is_away_takes_its_examples_with_it() -> None:
    paths: dict[str, Any] = {
        "/v1/whoami": {"get": {"operationId": "gateway-who-am-i", "responses": {"200": {}}}}
    }

    exampled(paths, story())

    answer = paths["/v1/whoami"]["get"]["responses"]["200"]["content"]["application/json"]
    assert list(answer["examples"]) == ["whom-the-credential-names"]
