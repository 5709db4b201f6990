"""What Carrel is made of, for whoever must know when a fault is told of one part: a bill of materials (CycloneDX 1.6).

It is read from what is installed, not from what was asked for; hashes are those of the pins, where they are at hand.
"""

import hashlib
import importlib.metadata
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

SPEC: Final = "1.6"
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:(?P<digest>[0-9a-f]{64})")


def bill(root: str, pins: Mapping[tuple[str, str], list[str]], *, now: datetime) -> dict[str, Any]:
    """The document of one distribution and all that it needs here."""
    found = _needed(root)
    parts = [
        _part(part, pins) for name, (part, _) in sorted(found.items()) if name != canonicalize_name(root)
    ]
    whole = _part(found[canonicalize_name(root)][0], pins)
    edges = [
        {
            "ref": _purl(part),
            "dependsOn": sorted({_purl(found[name][0]) for name, _ in _wants(part, extras) if name in found}),
        }
        for _, (part, extras) in sorted(found.items())
    ]
    told = {
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "version": 1,
        "metadata": {
            "timestamp": now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "component": {**whole, "type": "application"},
        },
        "components": parts,
        "dependencies": edges,
    }
    return {**told, "serialNumber": f"urn:uuid:{_serial([told['components'], whole])}"}


def pins_in(text: str) -> dict[tuple[str, str], list[str]]:
    """The hashes of each pin (name, version) in a file as `uv pip compile --generate-hashes` writes it."""
    found: dict[tuple[str, str], list[str]] = {}
    present: list[str] = []
    for line in text.splitlines():
        if (pin := _PIN.match(line)) is not None:
            present = found.setdefault((canonicalize_name(pin["name"]), pin["version"]), [])
        present += [told["digest"] for told in _HASH.finditer(line)]
    return found


def write(file: Path | None, lock: Path) -> str:
    """The document of this installation as text, also into a file where one is named."""
    pins = pins_in(lock.read_text()) if lock.exists() else {}
    told = json.dumps(bill("carrel", pins, now=datetime.now(UTC)), indent=1, ensure_ascii=False) + "\n"
    if file is not None:
        file.write_text(told)
    return told


LOCK: Final = Path(__file__).resolve().parents[4] / "requirements.lock"


def sbom(
    file: Annotated[Path | None, typer.Argument(help="Standard output where left out")] = None,
    lock: Annotated[Path, typer.Option(help="The pins, for their hashes")] = LOCK,
) -> None:
    """What this installation is made of, as a bill of materials (CycloneDX 1.6, JSON)."""
    told = write(file, lock)
    if file is None:
        typer.echo(told, nl=False)


def _needed(root: str) -> dict[NormalizedName, tuple[Distribution, frozenset[NormalizedName]]]:
    """Everything that is needed, root included, each with the extras that somebody asks of it."""
    found: dict[NormalizedName, tuple[Distribution, frozenset[NormalizedName]]] = {}
    waiting = [(canonicalize_name(root), frozenset[NormalizedName]())]
    while waiting:
        name, extras = waiting.pop()
        told = found.get(name)
        if told is not None and extras <= told[1]:
            continue
        try:
            part = told[0] if told is not None else importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system
        found[name] = part, extras if told is None else extras | told[1]
        waiting += _wants(*found[name])
    return found


def _wants(
    told: Distribution, extras: frozenset[NormalizedName]
) -> list[tuple[NormalizedName, frozenset[NormalizedName]]]:
    """What a distribution with these extras needs on this machine, and which extras of it."""
    wanted = map(Requirement, told.requires or ())
    return [
        (canonicalize_name(each.name), frozenset(map(canonicalize_name, each.extras)))
        for each in wanted
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras))
    ]


def _purl(told: Distribution) -> str:
    return f"pkg:pypi/{canonicalize_name(told.metadata['Name'])}@{told.version}"


def _part(told: Distribution, pins: Mapping[tuple[str, str], list[str]]) -> dict[str, Any]:
    name = canonicalize_name(told.metadata["Name"])
    licence = _said(told, "License-Expression")
    classifiers = [
        line.rsplit(" :: ", 1)[-1]
        for line in told.metadata.get_all("Classifier") or ()
        if line.startswith("License :: ")
    ]
    part: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(told),
        "name": name,
        "version": told.version,
        "purl": _purl(told),
    }
    if summary := _said(told, "Summary"):
        part["description"] = summary
    if licence:
        part["licenses"] = [{"expression": licence}]
    elif classifiers:
        part["licenses"] = [{"license": {"name": each}} for each in dict.fromkeys(classifiers)]
    digests = pins.get((name, told.version), [])
    if len(digests) == 1:
        part["hashes"] = [{"alg": "SHA-256", "content": digests[0]}]
    elif digests:
        part["properties"] = [{"name": "carrel:sha256", "value": each} for each in sorted(digests)]
    return part


def _said(told: Distribution, field: str) -> str | None:
    """A field of a distribution's metadata, where it has it."""
    return next(iter(told.metadata.get_all(field) or ()), None)


def _serial(told: Any) -> UUID:
    """The same for the same parts, so that two bills can be told apart by it."""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).digest()
    return UUID(bytes=digest[:16], version=4)
