"""Lists of hits, kept as a first page found them, so that what follows neither skips a title nor brings one twice.

A list is a file beside the index: the numbers of titles (and their scores), 12 KB of the first thousand, 120 KB at
most. Every process that answers searches reaches them, as it does the index. Titles themselves are not kept: a page
shows each as it is now, and leaves out what has gone or been hidden since.

Its name says what was asked and which state of the index answered, so that whoever asks the same of the same state
shares a list, and a cursor goes on in no other list than its own.
"""

import contextlib
import hashlib
import os
import re
import struct
import threading
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from chassis.ids import uuid7

KEPT_SECONDS: Final = 15 * 60
"""A list is kept so long after it was last read …"""
MOST_BYTES: Final = 64_000_000
"""… as long as all of them together are no larger; the one that was not read for longest goes first."""
SWEEP_AFTER: Final = 32
"""Lists that a process keeps before it looks whether some must go: it may exceed the bound by as many."""
_NAME: Final = re.compile(r"[0-9a-f]{32}\.[0-9a-f]{24,}", re.ASCII)
_HEAD: Final = struct.Struct(">4sQQII")
_MARK: Final = b"HIT1"
_LONG: Final = ".long"
"""Behind the name of a list that somebody has read on in."""


@dataclass(frozen=True, slots=True)
class HitList:
    """The hits of a search."""

    name: str
    total: int
    position: int
    """How far the index had followed the changes."""
    numbers: Sequence[int]
    scores: Sequence[float] = ()
    """Of each, where the order is by score."""


@dataclass(slots=True)
class HitLists:
    """The folder of them."""

    folder: Path
    _kept: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def has(self, name: str) -> bool:
        """Whether this list is kept; if so, it is kept from now on."""
        try:
            os.utime(self.folder / name)
        except FileNotFoundError:
            return False
        return True

    def keep(self, found: HitList) -> None:
        """Keep a list."""
        self._written(found).replace(self.folder / found.name)
        with self._lock:
            self._kept += 1
            due = self._kept % SWEEP_AFTER == 1
        if due:
            self.sweep(now=time.time())

    def keep_on(self, longer: HitList) -> HitList:
        """Keep more of a list than was pinned; where somebody else has done so meanwhile, theirs is the list."""
        written = self._written(longer)
        try:
            os.link(written, self.folder / f"{longer.name}{_LONG}")
        except FileExistsError:
            return self.get(longer.name) or longer
        finally:
            written.unlink()
        return longer

    def _written(self, found: HitList) -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        numbers, scores = array("Q", found.numbers), array("f", found.scores)
        head = _HEAD.pack(_MARK, found.total, found.position, len(numbers), len(scores))
        written = self.folder / f"{uuid7().hex}.new"
        written.write_bytes(head + numbers.tobytes() + scores.tobytes())
        return written

    def get(self, name: str) -> HitList | None:
        """The list of this name, if it is still kept."""
        if not _NAME.fullmatch(name):
            return None
        path = self.folder / name
        try:
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                return None
            os.utime(path)
            content = path.read_bytes()
            with contextlib.suppress(FileNotFoundError):
                longer = self.folder / f"{name}{_LONG}"
                content = longer.read_bytes()
                os.utime(longer)
        except FileNotFoundError:
            return None
        mark, total, position, count, scored = _HEAD.unpack_from(content)
        if mark != _MARK:
            return None
        numbers, scores = array("Q"), array("f")
        begin = _HEAD.size
        numbers.frombytes(content[begin : begin + count * numbers.itemsize])
        begin += count * numbers.itemsize
        scores.frombytes(content[begin : begin + scored * scores.itemsize])
        return HitList(name, total, position, numbers, scores)

    def newest(self, asked: str) -> HitList | None:
        """Of what was asked (`digest`), the list that was found last."""
        names = [path.name for path in self.folder.glob(f"{asked}.*") if path.suffix != _LONG]
        return self.get(max(names)) if names else None

    def sweep(self, *, now: float) -> None:
        """Drop what was not read for long, and what there is no room for."""
        total = 0
        files: list[tuple[float, int, str]] = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    told = entry.stat()
                    files.append((told.st_mtime, told.st_size, entry.path))
        for read_at, size, path in sorted(files, reverse=True):
            total += size
            if now - read_at > KEPT_SECONDS or total > MOST_BYTES:
                with contextlib.suppress(FileNotFoundError):
                    Path(path).unlink()


def digest(*asked: object) -> str:
    """What was asked, in 32 characters: the same for the same."""
    return hashlib.blake2b(repr(asked).encode(errors="replace"), digest_size=16).hexdigest()


def state(position: int, *told: object) -> str:
    """A state of the index; a later one is greater."""
    return f"{position:016x}" + hashlib.blake2b(repr(told).encode(), digest_size=4).hexdigest()
