"""A one-box installation in a folder that is kept, and its ways inside: databases, index, sizes on disk."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from carrel.postgres.cluster import PORT
from support.box import Box, free_port


class Installed(Box):
    """`carrel up` over `FOLDER/data`."""

    @classmethod
    @contextmanager
    def started(cls, folder: Path, *options: str) -> Iterator["Installed"]:
        """Running until the end of the block; what it has written stays."""
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # the database's own account goes through it
        box = cls(folder, free_port(), *options)
        try:
            box.start()
            yield box
        finally:
            box.stop_if_running()

    def database(self, service: str) -> str:
        """The URL of a service's database, as the service has it."""
        place = self.data / "postgres"
        role = f"carrel_{service}"
        password = json.loads((place / "cluster" / "passwords.json").read_text())[role]
        borrowed = place / "borrowed-socket"
        socket = borrowed.read_text() if borrowed.exists() else str(place / "socket")
        return f"postgresql://{role}:{quote(password, safe='')}@/{role}?host={quote(socket, safe='')}&port={PORT}"

    @property
    def index(self) -> Path:
        """The search index's folder."""
        return self.data / "files" / "index"

    def segments(self) -> dict[str, int]:
        """How many segments the serving index has, of how many documents, of which dropped, and in the largest."""
        name = (self.index / "CURRENT").read_text().strip()
        told = json.loads((self.index / name / "meta.json").read_text())["segments"]
        return {
            "segments": len(told),
            "documents": sum(each["max_doc"] for each in told),
            "dropped": sum((each["deletes"] or {"num_deleted_docs": 0})["num_deleted_docs"] for each in told),
            "in the largest": max((each["max_doc"] for each in told), default=0),
        }

    def size(self, *within: str) -> float:
        """Megabytes of files below the data folder."""
        total = 0
        for folder, _, files in os.walk(self.data.joinpath(*within)):
            for name in files:
                try:
                    total += (Path(folder) / name).stat().st_blocks * 512
                except FileNotFoundError:
                    continue
        return total / 1e6
