"""The command `carrel` as an operator or a script types it: a process of its own, its words and its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.box import Box

CARREL = str(Path(sys.executable).with_name("carrel"))


@dataclass(frozen=True, slots=True)
class Told:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said to a machine, when all was well."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def refusal(self) -> str:
        """What it said when it would not: words on standard error, no traceback, nothing on standard output."""
        assert self.code not in (0, -2), self.out
        assert "Traceback" not in self.err
        assert self.out == ""
        return self.err.strip()


def environment(**more: str) -> dict[str, str]:
    """This process's, without what it knows of any Carrel."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARREL_")}
    return {**kept, **more}


def carrel(*words: str, env: Mapping[str, str], cwd: Path | None = None) -> Told:
    """Run it to its end."""
    done = subprocess.run(
        [CARREL, *words],
        env=environment(**env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Told(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Operated:
    """A box that is operated from elsewhere: by URL and key alone, as a distributed installation is."""

    box: Box
    nowhere: Path
    """A data folder with nothing in it: what the command knows, it was told."""
    logins: list[dict[str, Any]]
    """What `carrel demo` said when it filled the box."""

    def carrel(self, *words: str, **more: str) -> Told:
        """Run the command with CARREL_URL and CARREL_KEY set, unless something else is said."""
        env = {"CARREL_DATA": str(self.nowhere), "CARREL_URL": self.box.url, "CARREL_KEY": self.box.key}
        return carrel(*words, env=env | more)
