"""How far a migration has come, kept beside the export: whoever goes on does not do again what is done."""

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Self

FOLDER: Final = "carrel-migration"
"""Within the export's folder."""


@dataclass(slots=True)
class State:
    """Jobs that were begun, and slices that were answered."""

    file: Path
    digest: str
    """Of what is handed over: with another export or mapping nothing counts as done."""
    import_id: str | None = None
    load_id: str | None = None
    slices: dict[str, int] = field(default_factory=dict)
    """By kind: how many were answered, in their order."""

    @classmethod
    def begun(cls, file: Path, digest: str, *, resume: bool) -> Self:
        """As it was left, where that is asked for and is of the same export; else from the beginning."""
        if resume and file.exists():
            told = json.loads(file.read_bytes())
            if told.get("digest") == digest:
                return cls(file, **told)
        return cls(file, digest)

    def keep(self) -> None:
        """Write it down, whole or not at all."""
        told = {name: value for name, value in asdict(self).items() if name != "file"}
        half = self.file.with_suffix(".part")
        half.write_text(json.dumps(told, indent=2) + "\n")
        os.replace(half, self.file)


def digest_of(titles: Path, *more: Any) -> str:
    """Of the titles' file, and of whatever else is handed over."""
    whole = hashlib.sha256()
    with titles.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            whole.update(chunk)
    for each in more:
        whole.update(repr(each).encode())
    return whole.hexdigest()


def write_lines(file: Path, lines: Iterable[str]) -> None:
    """A text file, whole or not at all."""
    half = file.with_suffix(f"{file.suffix}.part")
    with half.open("w", encoding="utf-8", newline="") as out:
        out.writelines(f"{line}\n" for line in lines)
    os.replace(half, file)
