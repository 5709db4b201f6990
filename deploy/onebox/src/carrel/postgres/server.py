"""The server's process: a direct child, held by a thread that lives as long as it does."""

import asyncio
import concurrent.futures
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from carrel.postgres import launching
from carrel.postgres.ownership import Account

SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
STOP_SECONDS = 60.0


def command(account: Account, program: Sequence[str | Path]) -> list[str]:
    """The command line that becomes `program` as the account, and ends with us."""
    uid, gid = (account.uid, account.gid) if account.dropped else (-1, -1)
    told = [str(part) for part in program]
    return [sys.executable, "-I", "-S", launching.__file__, str(uid), str(gid), str(os.getpid()), *told]


def environment() -> dict[str, str]:
    """A plain one: PG… variables of whoever starts us are not meant for this server."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C", "LC_MESSAGES": "C", "TZ": "UTC"}


class Server:
    """A running postmaster."""

    def __init__(self, argv: Sequence[str], *, words: Path, lock: int) -> None:
        """Start it; `words` takes what it says before its own log opens, `lock` is inherited."""
        self.argv, self.words, self.lock = argv, words, lock
        self.ended: concurrent.futures.Future[int] = concurrent.futures.Future()
        self.ended.set_running_or_notify_cancel()
        started: concurrent.futures.Future[int] = concurrent.futures.Future()
        # The kernel ties the child to the *thread* that started it, so that thread has to stay.
        threading.Thread(target=self._keep, args=(started,), name="postgres-keeper", daemon=True).start()
        self.pid = started.result()

    def _keep(self, started: "concurrent.futures.Future[int]") -> None:
        try:
            with self.words.open("wb") as words:
                process = subprocess.Popen(
                    self.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    env=environment(),
                    pass_fds=(self.lock,),
                    start_new_session=True,
                )
        except BaseException as error:
            started.set_exception(error)
            return
        started.set_result(process.pid)
        self.ended.set_result(process.wait())

    async def wait(self) -> int:
        """Until it has ended; its exit status."""
        return await asyncio.shield(asyncio.wrap_future(self.ended))

    async def stop(self, mode: str) -> None:
        """End it in one of PostgreSQL's three manners; a slow one is hurried."""
        for chosen, patience in ((SIGNALS[mode], STOP_SECONDS), (SIGNALS["immediate"], 10.0)):
            if self.ended.done():
                return
            os.kill(self.pid, chosen)
            try:
                await asyncio.wait_for(self.wait(), patience)
            except TimeoutError:
                continue
        if not self.ended.done():
            os.kill(self.pid, signal.SIGKILL)
            await self.wait()
