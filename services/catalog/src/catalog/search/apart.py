"""The index's writer in a process of its own.

To take records apart and index them is the largest part of an import's work. In the worker's own interpreter
it would wait for the lock that reading, writing and events want too; apart, it has another core. It speaks to
nobody but its parent, over a pair of sockets: no database, no network. When the parent is gone, however that
happened, the pipe ends and so does it, and with it the index's lock.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

import asyncpg

from catalog.search.engine import WRITER_BYTES, AnotherWriter, Writer, read_position
from catalog.search.loading import COLUMNS, as_title

CLOSE_SECONDS: Final = 30.0


class WriterGone(Exception):
    """The process has ended; what it had not committed is still in the change table."""


class WriterApart:
    """The parent's side."""

    def __init__(self, path: Path, process: subprocess.Popen[bytes], pipe: Connection) -> None:
        self._path = path
        self.process = process
        self._pipe = pipe

    @classmethod
    async def open(cls, folder: Path, name: str, *, memory: int = WRITER_BYTES) -> Self:
        """Start one; `AnotherWriter` when the index is written elsewhere already."""
        return await asyncio.to_thread(cls._started, folder, name, memory)

    @classmethod
    def _started(cls, folder: Path, name: str, memory: int) -> Self:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), str(folder), name, str(memory)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        made = cls(folder / name, process, Connection(ours.detach()))
        told = made._heard()
        if told != "ready":
            made._ended()
            raise AnotherWriter(told)
        return made

    def position(self) -> int:
        """How far the changes have been applied."""
        return read_position(self._path)

    async def apply(self, rows: Sequence[asyncpg.Record], deletes: Sequence[UUID], position: int) -> None:
        """Replace these titles and drop those, in one commit; then remember the position."""
        told = ("apply", _plain(rows), [str(title_id) for title_id in deletes], position)
        await asyncio.to_thread(self._asked, told)

    async def add_new(self, rows: Sequence[asyncpg.Record]) -> None:
        """Add titles known not to be there (a rebuild); `apply` commits them."""
        await asyncio.to_thread(self._asked, ("add", _plain(rows)))

    async def close(self) -> None:
        """Let it finish merging and end."""
        with contextlib.suppress(WriterGone):
            await asyncio.to_thread(self._asked, ("close",))
        await asyncio.to_thread(self._ended)

    def _asked(self, told: tuple[Any, ...]) -> None:
        try:
            self._pipe.send(told)
        except OSError as error:
            raise WriterGone(str(error)) from error
        if (answer := self._heard()) != "done":
            raise WriterGone(answer)

    def _heard(self) -> str:
        try:
            return str(self._pipe.recv())
        except (OSError, EOFError) as error:
            raise WriterGone("the index's writer has ended") from error

    def _ended(self) -> None:
        self._pipe.close()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _plain(rows: Sequence[asyncpg.Record]) -> list[tuple[Any, ...]]:
    """Rows as they go through the pipe: an id as text, for the driver's own kind of UUID is slow to send."""
    return [(str(row["id"]), *(row[name] for name in COLUMNS[1:])) for row in rows]


def _titled(rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [as_title(dict(zip(COLUMNS, row, strict=True))) for row in rows]


def write(pipe: Connection, folder: Path, name: str, memory: int) -> None:
    """The child's side: do as told until told to close, or until nobody is there."""
    try:
        writer = Writer(folder, name, memory=memory)
    except AnotherWriter as error:
        pipe.send(str(error))
        return
    pipe.send("ready")
    while True:
        asked, *told = pipe.recv()
        if asked == "apply":
            rows, deletes, position = told
            writer.apply(_titled(rows), map(UUID, deletes), position)
        elif asked == "add":
            writer.add_new(_titled(told[0]))
        else:
            writer.close()
        pipe.send("done")
        if asked == "close":
            return


def main() -> None:
    """`python -m catalog.search.apart FD FOLDER NAME BYTES`. Signals are the parent's business."""
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    gc.set_threshold(100_000, 20, 20)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        write(Connection(int(sys.argv[1])), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    os._exit(0)


if __name__ == "__main__":
    main()
