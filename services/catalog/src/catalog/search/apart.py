"""The index's writer in a process of its own: to take records apart and index them is most of an import's work."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import asyncpg

from catalog.apart import Apart, Gone, serve
from catalog.search.documents import Copies
from catalog.search.folders import read_position
from catalog.search.loading import COLUMNS, entry_document, row_document
from catalog.search.pacing import is_due
from catalog.search.ready import Entry
from catalog.search.writing import WRITER_BYTES, AnotherWriter, Writer
from chassis import precedence


class WriterApart:
    """The parent's side. `Gone` means: what was not committed is still in the change table."""

    def __init__(self, path: Path, apart: Apart) -> None:
        self._path = path
        self.apart = apart
        self.reached = read_position(path)
        """How far changes were handed over, committed or not."""
        self._held, self._others, self._committed_at = 0, False, time.monotonic()

    @classmethod
    async def open(cls, folder: Path, name: str, *, memory: int = WRITER_BYTES, filing: str = "") -> Self:
        """Start one; `AnotherWriter` when the index is written elsewhere already."""
        return await asyncio.to_thread(cls._started, folder, name, memory, filing)

    @classmethod
    def _started(cls, folder: Path, name: str, memory: int, filing: str) -> Self:
        apart = Apart(__name__, folder, name, memory, filing, niceness=precedence.BACKGROUND)
        if refusal := apart.heard():
            apart.end()
            raise AnotherWriter(refusal)
        return cls(folder / name, apart)

    def position(self) -> int:
        """How far the changes have been applied."""
        return read_position(self._path)

    async def apply(
        self,
        rows: Sequence[asyncpg.Record],
        deletes: Sequence[UUID],
        position: int,
        *,
        new: Sequence[Entry] = (),
        commit: bool = True,
    ) -> None:
        """Replace these titles, drop those and add new ones; then commit, and remember the position."""
        gone = [str(title_id) for title_id in deletes]
        ready = [(entry, *copies) for entry, copies in new]
        told = position if commit else None
        await asyncio.to_thread(self.apart.asked, "apply", _plain(rows), ready, gone, told)
        self.reached = position
        if commit:
            self._held, self._others, self._committed_at = 0, False, time.monotonic()
        else:
            self._held += len(rows) + len(gone) + len(ready)
            self._others |= bool(rows or gone)

    def is_due(
        self, *, more: int = 0, others: bool = False, goes_on: bool = False, awaited: bool = False
    ) -> bool:
        """Whether to commit what is held, and so much more (`catalog.search.pacing`)."""
        return is_due(
            held=self._held + more,
            others=self._others or others,
            seconds=time.monotonic() - self._committed_at,
            goes_on=goes_on,
            awaited=awaited,
        )

    async def add_new(self, rows: Sequence[asyncpg.Record]) -> None:
        """Add titles known not to be there (a rebuild); `apply` commits them, too."""
        await asyncio.to_thread(self.apart.asked, "add", _plain(rows))

    async def close(self) -> None:
        """Let it finish merging and end."""
        with contextlib.suppress(Gone):
            await asyncio.to_thread(self.apart.asked, "close")
        await asyncio.to_thread(self.apart.end)


def _plain(rows: Sequence[asyncpg.Record]) -> list[tuple[Any, ...]]:
    """Rows as they go through the pipe: an id as text, for the driver's own kind of UUID is slow to send."""
    return [(str(row["id"]), *(row[name] for name in COLUMNS[1:])) for row in rows]


def write(pipe: Connection, folder: str, name: str, memory: str, filing: str) -> None:
    """The child's side: do as told until told to close, or until nobody is there."""
    try:
        writer = Writer(Path(folder), name, memory=int(memory), filing=filing)
    except AnotherWriter as error:
        pipe.send(str(error))
        return
    pipe.send("")
    while True:
        asked, *told = pipe.recv()
        if asked == "apply":
            rows, ready, deletes, position = told
            for row in rows:
                writer.replace(row[0], row_document(row, writer.filing))
            for key in deletes:
                writer.drop(key)
            for entry, *copies in ready:
                writer.add(entry_document(entry, Copies(*copies), writer.filing))
            if position is not None:
                writer.commit(position)
        elif asked == "add":
            for row in told[0]:
                writer.add(row_document(row, writer.filing))
        else:
            writer.close()
            pipe.send(None)
            return
        pipe.send(None)


if __name__ == "__main__":
    serve(write)
