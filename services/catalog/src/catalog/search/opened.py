"""The serving index as it is at one moment, opened once and again when the writer has committed."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import tantivy

from catalog.search.documents import AS_SEARCHED
from catalog.search.filing import Filing
from catalog.search.folders import filed_by, missing, read_position, serving
from catalog.search.hitlists import state

TRIES: Final = 5
"""How often an index may be replaced in the moment of its opening."""

_Seen = tuple[int, int, int]
_Files = tuple[_Seen, _Seen, _Seen]


class IndexAbsent(OSError):
    """There are titles, and no index yet that this release can search; one is being made."""


@dataclass(frozen=True, slots=True)
class Now:
    """The index as it is at one moment. Whoever holds it searches that very state, whatever is written meanwhile: the
    files of a state are mapped when it is opened, and stay until the last who holds it lets go."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    position: int
    """How far the index had followed the changes."""
    state: str
    """Which state this is (`hitlists.state`), the same in every process."""
    name: str
    """Of the index's folder."""
    filing: Filing


class Opened:
    """What the serving index of a folder is at present."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._name: str | None = None
        self._index: tantivy.Index | None = None
        self._filing = AS_SEARCHED
        self._seen: tuple[int, int] = (0, 0)
        self._now: tuple[Now, _Files] | None = None

    def now(self) -> Now | None:
        """The serving index as it is now, reloaded when it has changed; None before there is anything to find.

        Raises `IndexAbsent` where there is something, and no index of it.
        """
        with self._lock:
            if (known := self.known()) is not None:
                return known
            for _ in range(TRIES):
                name = serving(self._folder)
                if name is None:
                    if missing(self._folder):
                        raise IndexAbsent("the index of the catalogue is being made")
                    if serving(self._folder) is None:
                        return None
                    continue
                files = self._files(name)
                position = read_position(self._folder / name)
                try:
                    index = self._opened(name)
                except (FileNotFoundError, ValueError):
                    if serving(self._folder) == name:
                        raise
                else:
                    told = state(position, name, self._seen)
                    found = Now(index.searcher(), index.schema, position, told, name, self._filing)
                    self._now = (found, files) if files is not None else None
                    return found
            raise FileNotFoundError(f"no index in {self._folder} stays")

    def known(self) -> Now | None:
        """The same in no time: None where it has changed since it was looked at last. Reads but the dates of files."""
        last = self._now
        return last[0] if last is not None and self._files(last[0].name) == last[1] else None

    def _files(self, name: str) -> _Files | None:
        """What tells that nothing has changed, without anything being read: each of these is replaced whole, before
        what was read of it is looked at again. None where one is missing."""
        within = f"{self._folder}/{name}"
        try:
            return _seen(f"{self._folder}/CURRENT"), _seen(f"{within}/position"), _seen(f"{within}/meta.json")
        except FileNotFoundError:
            return None

    def _opened(self, name: str) -> tantivy.Index:
        """The index of this name; it may be removed in the very moment, when another has taken over."""
        told = (self._folder / name / "meta.json").stat()
        seen = (told.st_mtime_ns, told.st_size)
        if name != self._name or self._index is None:
            self._index, self._name = tantivy.Index.open(str(self._folder / name)), name
            self._filing = Filing(filed_by(self._folder / name) or "")
        elif seen != self._seen:
            self._index.reload()
        self._seen = seen
        return self._index


def _seen(path: str) -> _Seen:
    told = os.stat(path)
    return told.st_ino, told.st_mtime_ns, told.st_size
