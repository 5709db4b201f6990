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

DEEPEST_HIT: Final = 10_000
"""Hits are given, and kept, up to this one."""
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
_ASKED: Final = ".asked"
"""Behind the name of a list that is promised, and kept once somebody asks for it."""


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
        self._swept()

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

    def _swept(self) -> None:
        """Look whether something must go, once in a while."""
        with self._lock:
            self._kept += 1
            due = self._kept % SWEEP_AFTER == 1
        if due:
            self.sweep(now=time.time())

    def _written_new(self, content: bytes) -> Path:
        """A file that has yet to get its name: nobody reads half of one."""
        written = self.folder / f"{uuid7().hex}.new"
        try:
            written.write_bytes(content)
        except FileNotFoundError:
            self.folder.mkdir(parents=True, exist_ok=True)
            written.write_bytes(content)
        return written

    def _written(self, found: HitList) -> Path:
        numbers, scores = array("Q", found.numbers), array("f", found.scores)
        head = _HEAD.pack(_MARK, found.total, found.position, len(numbers), len(scores))
        return self._written_new(head + numbers.tobytes() + scores.tobytes())

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
        name = self.newest_name(asked)
        return self.get(name) if name is not None else None

    def newest_name(self, asked: str) -> str | None:
        """Of what was asked (`digest`), the name of the list that was found or promised last."""
        names = {
            path.name.removesuffix(_LONG).removesuffix(_ASKED) for path in self.folder.glob(f"{asked}.*")
        }
        return max(names, default=None)

    def promise(self, name: str, content: bytes) -> None:
        """Let every process know what a list is promised to hold. What was promised before is kept anew."""
        path = f"{self.folder}/{name}{_ASKED}"
        try:
            os.utime(path)
        except FileNotFoundError:
            self._written_new(content).replace(path)
            self._swept()

    def promised(self, name: str) -> bytes | None:
        """What a list is promised to hold, as long as it may be asked for and is not kept yet."""
        if not _NAME.fullmatch(name):
            return None
        path = self.folder / f"{name}{_ASKED}"
        try:
            return path.read_bytes() if time.time() - path.stat().st_mtime <= KEPT_SECONDS else None
        except FileNotFoundError:
            return None

    def unpromise(self, name: str) -> None:
        """A list that was promised is kept by now, or may not be asked for any more."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.folder}/{name}{_ASKED}")

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


def size_of(total: int) -> int:
    """Bytes of a list of so many hits without scores."""
    return _HEAD.size + 8 * min(total, DEEPEST_HIT)


def digest(*asked: object) -> str:
    """What was asked, in 32 characters: the same for the same."""
    return hashlib.blake2b(repr(asked).encode(errors="replace"), digest_size=16).hexdigest()


def state(position: int, *told: object) -> str:
    """A state of the index; a later one is greater."""
    return f"{position:016x}" + hashlib.blake2b(repr(told).encode(), digest_size=4).hexdigest()
