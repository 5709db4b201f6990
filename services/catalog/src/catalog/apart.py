"""Heavy work in a process of its own, with a core of its own.

In the worker's interpreter it would wait for the lock that everything else wants too. Such a process speaks to
nobody but its parent, over a pair of sockets: no database, no network. When the parent is gone, however that
happened, the pipe ends and so does the process.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final

from chassis import garbage, precedence

CLOSE_SECONDS: Final = 30.0


class Gone(OSError):
    """The process has ended before its time."""


class Apart:
    """The parent's side. Calls wait for the answer: make them in a thread."""

    def __init__(self, module: str, *arguments: object, niceness: int) -> None:
        """Start `python -m module`, which calls `serve`, behind others by this niceness (`chassis.precedence`)."""
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), str(niceness), *map(str, arguments)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.pipe = Connection(ours.detach())

    def asked(self, *told: Any) -> Any:
        """The answer to a question; `Gone` when there is nobody to give one."""
        try:
            self.pipe.send(told)
        except OSError as error:
            raise Gone(str(error)) from error
        return self.heard()

    def heard(self) -> Any:
        """What it says next."""
        try:
            return self.pipe.recv()
        except (OSError, EOFError) as error:
            raise Gone("a process that does heavy work has ended before its time") from error

    def end(self) -> None:
        """Let it end, which it does once its pipe does."""
        self.pipe.close()
        try:
            self.process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(work: Callable[..., None]) -> None:
    """The child's side: work with the pipe and the arguments. Signals are the parent's business."""
    for told in (signal.SIGINT, signal.SIGTERM):
        signal.signal(told, signal.SIG_IGN)
    descriptor, niceness, *arguments = sys.argv[1:]
    precedence.step_back(int(niceness))
    garbage.seldom()
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        work(Connection(int(descriptor)), *arguments)
    os._exit(0)
