"""Install one service (or all) from the pins: what the image does, and what a test does without one.

    python deploy/install.py --service circulation --into /opt/carrel

The environment gets the service's own dependencies, at the pinned versions and with their hashes, and
nothing else: a dependency that a service forgot to name fails here instead of hiding behind a neighbour's.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

SERVICES = ("catalog", "circulation", "gateway", "ill", "erm")
OURS = re.compile(r"^carrel(-|$)")


def members(service: str) -> list[str]:
    """The folders of our distributions that a service needs, itself last."""
    wanted = SERVICES if service == "all" else (service,)
    return ["shared/contracts", "shared/chassis", *(f"services/{name}" for name in wanted)]


def needs(root: Path, service: str) -> list[str]:
    """What they ask for from outside, to be built and to run."""
    asked: set[str] = {"editables"}
    for member in members(service):
        told = tomllib.loads((root / member / "pyproject.toml").read_text())
        asked |= set(told["build-system"]["requires"])
        asked |= {each for each in told["project"]["dependencies"] if not OURS.match(each)}
    return sorted(asked)


def constraints(lock: Path) -> str:
    """The lock without its hashes, as constraints."""
    kept = (line.split(" \\")[0].strip() for line in lock.read_text().splitlines())
    return "\n".join(line for line in kept if "==" in line and not line.startswith(("#", "--hash"))) + "\n"


def install(root: Path, service: str, into: Path) -> None:
    """Make the environment: resolve within the pins, then install with hashes, then our own."""
    try:
        venv.create(into, with_pip=True)
    except subprocess.CalledProcessError:  # Debian keeps ensurepip apart; a pip on PYTHONPATH serves as well
        venv.create(into, with_pip=False)
    python = into / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    with tempfile.TemporaryDirectory() as scratch:
        limits = Path(scratch) / "constraints.txt"
        limits.write_text(constraints(root / "requirements.lock"))
        report = Path(scratch) / "report.json"
        run(
            [
                *pip,
                "install",
                "--dry-run",
                "--report",
                str(report),
                "--constraint",
                str(limits),
                *needs(root, service),
            ]
        )
        pinned = Path(scratch) / "pinned.txt"
        pinned.write_text(with_hashes(root / "requirements.lock", names(report)))
        run([*pip, "install", "--require-hashes", "--no-deps", "--requirement", str(pinned)])
    folders = [str(root / member) for member in members(service)]
    run([*pip, "install", "--no-deps", "--no-build-isolation", *folders])


def names(report: Path) -> set[str]:
    """The distributions that a dry run would install."""
    return {canonical(each["metadata"]["name"]) for each in json.loads(report.read_text())["install"]}


def canonical(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def with_hashes(lock: Path, wanted: set[str]) -> str:
    """The lock's entries of these distributions, hashes and all."""
    kept: list[str] = []
    keeping = False
    for line in lock.read_text().splitlines():
        if line and not line[0].isspace() and not line.startswith("#"):
            keeping = canonical(re.split(r"[=\[ ]", line, maxsplit=1)[0]) in wanted
        if keeping and not line.lstrip().startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def run(command: list[str]) -> None:
    """Run it, or end with its exit code."""
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", choices=("all", *SERVICES), default="all")
    parser.add_argument("--into", type=Path, required=True)
    told = parser.parse_args()
    here = Path(__file__).resolve().parent
    install(here if (here / "requirements.lock").exists() else here.parent, told.service, told.into)
