"""The Dockerfile's install steps without a container: one service, in an environment that has nothing else."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.postgres import reachable_folder

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
SERVICE = "circulation"

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("image")]


@pytest.fixture(scope="module")
def python() -> Iterator[Path]:
    """The interpreter of an installed service; the sources it was made from are gone."""
    place = reachable_folder("carrel-image-")
    build, into = place / "build", place / "opt"
    build.mkdir()
    for told in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, target = told.split()
        for source in sources:
            _copy(ROOT / source, build / target / (Path(source).name if target == "./" else ""))
    (step,) = re.findall(r"^RUN (python install.py .+)$", DOCKERFILE, re.MULTILINE)
    words = shlex.split(step.replace("$SERVICE", SERVICE).replace("/opt/carrel", str(into)))

    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=build,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=280,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    shutil.rmtree(build)
    yield into / "bin" / "python"
    shutil.rmtree(place)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    else:
        shutil.copy(source, target)


def _environment() -> dict[str, str]:
    """Without a word of Carrel; with the pip of a set-up that had to fetch one (Debian without python3-venv)."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CARREL_", "CATALOG_", "CIRCULATION_", "GATEWAY_", "PYTHON"))
    }
    kept["PIP_NO_COMPILE"] = (
        "1"  # what is tried is what gets installed; compiling all of it is half of the time
    )
    if wheels := sorted((ROOT / ".venv").glob("pip-*.whl")):
        kept["PYTHONPATH"] = str(wheels[-1])
    return kept


def _said(python: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in _environment().items() if name != "PYTHONPATH"}
    return subprocess.run([python, *words], cwd="/", env=env, capture_output=True, text=True, timeout=60)


NEEDED = [SERVICE, f"{SERVICE}.app", "chassis", "contracts", "asyncpg", "uvicorn"]
OTHERS = ["catalog", "gateway", "carrel", "tantivy", "lxml", "ill", "erm", "typer", "pytest"]

IMPORTS = """
import importlib, json, sys
told = {}
for name in sys.argv[1:]:
    try:
        told[name] = importlib.import_module(name) and ""
    except ModuleNotFoundError as missing:
        told[name] = str(missing)
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def imported(python: Path) -> dict[str, str]:
    """What became of importing each module, tried in one process: nothing, or what was missing."""
    answer = _said(python, "-c", IMPORTS, *NEEDED, *OTHERS)
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


@pytest.mark.parametrize("module", NEEDED)
def test_what_the_service_needs_is_there(imported: dict[str, str], module: str) -> None:
    assert imported[module] == ""


@pytest.mark.parametrize("module", OTHERS)
def test_what_only_others_need_is_not(imported: dict[str, str], module: str) -> None:
    assert imported[module] == f"No module named '{module}'"


@pytest.mark.parametrize("role", ["serve", "relay", "consume", "work", "migrate"])
def test_a_role_without_settings_says_which_are_missing(python: Path, role: str) -> None:
    told = _said(python, "-m", SERVICE, role)

    assert told.returncode == 2
    assert told.stderr.startswith("Wrong settings: ")
    assert "CIRCULATION_DATABASE_URL: Field required" in told.stderr
    assert "CIRCULATION_TRANSPORT_URL: Field required" in told.stderr
    assert told.stderr.count("\n") == 1


def test_its_migrations_travel_with_it(python: Path) -> None:
    listed = (
        "import circulation, pathlib;"
        "print(*pathlib.Path(circulation.__file__).parent.glob('migrations/versions/*.py'))"
    )

    assert len(_said(python, "-c", listed).stdout.split()) == len(
        list((ROOT / "services" / SERVICE / "migrations" / "versions").glob("*.py"))
    )
