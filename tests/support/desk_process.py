"""Circulation as a process of its own that a test may kill: `python -m support.desk_process DSN DESCRIPTOR`.

The same app that `python -m circulation serve` runs, asked by the staff; each request tells what time it is.
"""

import os
import signal
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import logs
from chassis.principal import SCOPE_KEY
from circulation.app import create_app
from circulation.settings import Settings
from support.harness import STAFF, asker_of

CLOCK_HEADER = "x-now"


class _AtTheDesk:
    """Staff ask, at the moment that the request names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[SCOPE_KEY] = asker_of(scope, STAFF)
            told = dict(scope["headers"]).get(CLOCK_HEADER.encode())
            if told is not None:
                now = datetime.fromisoformat(told.decode())
                self.app.state.resources.clock = lambda: now  # type: ignore[attr-defined]  # a FastAPI app
        await self.app(scope, receive, send)


class Desk:
    """One process after another, each begun when the one before was killed."""

    def __init__(self, dsn: str, listening: socket.socket, said: Path) -> None:
        with said.open("ab") as out:
            self.mother = subprocess.Popen(
                [sys.executable, "-m", "support.desk_process", dsn, str(listening.fileno())],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                pass_fds=(listening.fileno(),),
                start_new_session=True,
            )
        self.answering = self._next()

    def _next(self) -> int:
        assert self.mother.stdout is not None
        return int(self.mother.stdout.readline())

    def kill(self) -> None:
        """End the process that answers as a power cut would; the next one begins at once.

        What is asked meanwhile waits in the socket's backlog.
        """
        os.kill(self.answering, signal.SIGKILL)
        self.answering = self._next()

    def close(self) -> None:
        """End them all."""
        os.killpg(self.mother.pid, signal.SIGKILL)
        self.mother.wait()
        assert self.mother.stdout is not None
        self.mother.stdout.close()


def main(dsn: str, descriptor: int) -> None:
    """Have somebody answer, until killed: the app is put together once, and each child opens it anew."""
    settings = Settings(database_url=dsn, transport_url="postgresql://nowhere/bus", _env_file=None)
    logs.configure("circulation serve", "WARNING")
    app = _AtTheDesk(create_app(settings))
    while True:
        child = os.fork()
        if child == 0:
            uvicorn.run(app, fd=descriptor, log_config=None, access_log=False, server_header=False)
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
