"""A bill of materials names every part that is installed, each with where it comes from."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carrel.sbom import bill, pins_in
from support.command import carrel

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
LOCK = """
# made by a tool
anyio==4.9.0 \\
    --hash=sha256:aa00000000000000000000000000000000000000000000000000000000000000 \\
    --hash=sha256:bb00000000000000000000000000000000000000000000000000000000000000
    # via httpx
Sql_Alchemy[asyncio]==2.1.0 ; python_version >= "3.11" \\
    --hash=sha256:cc00000000000000000000000000000000000000000000000000000000000000
"""


def test_the_pins_are_read_with_their_hashes() -> None:
    assert pins_in(LOCK) == {
        ("anyio", "4.9.0"): ["aa" + "0" * 62, "bb" + "0" * 62],
        ("sql-alchemy", "2.1.0"): ["cc" + "0" * 62],
    }


def test_every_part_stands_there_once_and_what_it_needs_does_too() -> None:
    told = bill("carrel", {}, now=NOW)

    refs = [part["bom-ref"] for part in told["components"]]
    names = {part["name"] for part in told["components"]}
    assert len(refs) == len(set(refs))
    assert {"carrel-gateway", "fastapi", "sqlalchemy", "asyncpg", "lxml", "greenlet"} <= names
    assert "pytest" not in names
    known = {*refs, told["metadata"]["component"]["bom-ref"]}
    assert {edge["ref"] for edge in told["dependencies"]} == known
    assert {one for edge in told["dependencies"] for one in edge["dependsOn"]} <= known
    assert told["serialNumber"] == bill("carrel", {}, now=datetime(2028, 1, 1, tzinfo=UTC))["serialNumber"]


def test_the_command_writes_it_as_the_official_schema_wants(tmp_path: Path) -> None:
    schema = pytest.importorskip(
        "cyclonedx.schema", reason="the schema comes with pip install cyclonedx-python-lib[json-validation]"
    )
    validation = pytest.importorskip("cyclonedx.validation.json")
    file = tmp_path / "sbom.cdx.json"

    told = carrel("sbom", str(file), env={})

    assert (told.code, told.out) == (0, "")
    flaw = validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(file.read_text())
    assert flaw is None, str(flaw)
    assert any(
        "hashes" in part or "properties" in part for part in json.loads(file.read_text())["components"]
    )
