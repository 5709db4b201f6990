"""Where an index lies.

    index/CURRENT            the name of the folder that serves
    index/v6-<name>/         a tantivy index; `position`: how far the change table has been read;
                             `filing`: how it files titles and names (catalog.search.filing)
    index/MAKING             there until the first index serves that this release can read
    index/lists/             what first pages have found (catalog.search.hitlists)

The position is written after the commit, so a crash in between repeats a little: every change replaces the
title whole, so repeating is harmless.
"""

import json
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from catalog.search.documents import SCHEMA_VERSION

_NAME: Final = re.compile(r"^v\d+-[A-Za-z0-9-]+$")


def serving(folder: Path) -> str | None:
    """The name of the index that serves, if it is one that this release can read."""
    try:
        name = (folder / "CURRENT").read_text().strip()
    except FileNotFoundError:
        return None
    return name if _NAME.match(name) and name.startswith(f"v{SCHEMA_VERSION}-") else None


def missing(folder: Path) -> bool:
    """Whether no index serves though there is something to be found: an earlier release's is there, or one is made."""
    return serving(folder) is None and ((folder / "CURRENT").exists() or (folder / "MAKING").exists())


def making(folder: Path) -> None:
    """Let readers know that an index is being made, and that nothing being found says nothing."""
    (folder / "MAKING").touch()


def switch(folder: Path, name: str) -> None:
    """Let another index serve, at once for every reader; what served before, or was left half built, is removed.

    A reader in the middle of a search has its files open, and finishes with them.
    """
    temporary = folder / f"CURRENT.{os.getpid()}"
    temporary.write_text(name)
    temporary.replace(folder / "CURRENT")
    (folder / "MAKING").unlink(missing_ok=True)
    for old in folder.iterdir():
        if old.is_dir() and old.name != name and _NAME.match(old.name):
            shutil.rmtree(old, ignore_errors=True)


def filed_by(path: Path) -> str | None:
    """How an index files, which it does for good; None for one that is not there."""
    try:
        return (path / "filing").read_text()
    except FileNotFoundError:
        return None


def read_position(path: Path) -> int:
    """The position beside an index; 0 when there is none."""
    with suppress(FileNotFoundError, ValueError, KeyError):
        return int(json.loads((path / "position").read_text())["position"])
    return 0


def write_position(path: Path, position: int) -> None:
    """Remember a position, atomically."""
    temporary = path / "position.new"
    temporary.write_text(json.dumps({"position": position}))
    temporary.replace(path / "position")
