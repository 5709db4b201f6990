"""What a newcomer's first `make` says when something is missing: one line of its own, before make's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ("python", "python3", *(f"python3.{minor}" for minor in range(11, 15)))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What set-up reads, in a folder whose name has a space."""
    place = tmp_path / "a clone"
    for file in (ROOT / "Makefile", ROOT / "requirements.lock", ROOT / "deploy" / "setup.py"):
        target = place / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return place


def _made(clone: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV", "PYTHON", "MAKE"))
    }
    return subprocess.run(
        ["make", "setup"], cwd=clone, env=kept | env, capture_output=True, text=True, timeout=120, check=False
    )


def _own_words(told: "subprocess.CompletedProcess[str]") -> list[str]:
    return [line for line in told.stderr.splitlines() if not line.startswith("make")]


def test_help_needs_nothing(clone: Path) -> None:
    told = subprocess.run(["make", "help"], cwd=clone, capture_output=True, text=True, timeout=30, check=True)

    for word in ("run", "cluster", "test", "check", "bench", "openapi", "schemas", "demo", "migration"):
        assert f"  make {word} " in told.stdout
    assert not (clone / ".venv").exists()


def test_a_python_that_is_too_old_is_told(clone: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for name in PYTHONS:
        (old / name).write_text("#!/bin/sh\nexit 1\n")
        (old / name).chmod(0o755)

    told = _made(clone, PATH=f"{old}:/usr/bin:/bin")

    assert told.returncode != 0
    assert _own_words(told) == [
        "Carrel needs Python 3.11 or later; there is none on PATH (set PYTHON=/path/to/python3)."
    ]


def test_packages_that_cannot_be_had_are_told_with_the_place_of_the_whole_story(clone: Path) -> None:
    told = _made(
        clone,
        PYTHON=sys.executable,
        UV="/not/here",
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_RETRIES="0",
    )

    (line,) = _own_words(told)
    assert told.returncode != 0
    assert line.startswith("Carrel cannot be set up: ")
    assert str(clone / ".venv" / "setup.log") in line or "no pip here" in line


def test_a_folder_that_cannot_be_written_to_is_named(clone: Path) -> None:
    (clone / ".venv").write_text("a file stands where the environment should be")

    told = _made(clone, PYTHON=sys.executable)

    (line,) = _own_words(told)
    assert told.returncode != 0
    assert line.startswith("Carrel cannot be set up: ")
    assert str(clone / ".venv") in line
