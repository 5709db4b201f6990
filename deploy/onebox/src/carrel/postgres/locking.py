"""One supervisor for one folder. The server inherits the lock, so it is free only when all of it is gone."""

import contextlib
import errno
import fcntl
import json
import os
import signal
import time
from pathlib import Path

from carrel.postgres.refusals import AlreadyRunning, Unreachable

LEAVING_SECONDS = 20.0
"""How long a server whose supervisor was killed may take to be gone."""
PUSH_AFTER_SECONDS = 3.0


class FolderLock:
    """Held from `take` to `release`; the file says who holds it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.descriptor = -1

    def take(self, postmaster_pid: Path) -> None:
        """Take the lock, or `AlreadyRunning`. What a killed supervisor left behind is seen out first."""
        try:
            self.descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unreachable(f"{self.file} cannot be opened: {error.strerror}.") from error
        began, pushed = time.monotonic(), False
        while not self._tried():
            holder, waited = self.holder(), time.monotonic() - began
            if (holder is not None and alive(holder)) or waited > LEAVING_SECONDS:
                os.close(self.descriptor)
                raise AlreadyRunning(self.file.parent, holder)
            if waited > PUSH_AFTER_SECONDS and not pushed:
                # Where the system does not end a child with its parent (macOS), we do.
                pushed = True
                with contextlib.suppress(OSError, ValueError, IndexError):
                    os.kill(int(postmaster_pid.read_text().split("\n")[0]), signal.SIGINT)
            time.sleep(0.02)
        self.note()

    def _tried(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise
        return True

    def told(self) -> dict[str, object]:
        """What the holder has written."""
        try:
            found = json.loads(self.file.read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def holder(self) -> int | None:
        """The supervisor's process id, when it has written it."""
        pid = self.told().get("pid")
        return pid if isinstance(pid, int) else None

    def note(self, **more: object) -> None:
        """Say who holds it, and what else others should know."""
        text = json.dumps({"pid": os.getpid(), **more}).encode()
        os.pwrite(self.descriptor, text.ljust(os.fstat(self.descriptor).st_size), 0)
        os.ftruncate(self.descriptor, len(text))

    def release(self) -> None:
        """Let go; the file stays, since removing it would let two hold it."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)
        self.descriptor = -1


def held_by(file: Path) -> int | None:
    """The supervisor that holds a folder by this file just now, without taking anything."""
    lock = FolderLock(file)
    try:
        lock.descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        holder = None if lock._tried() else lock.holder()
    finally:
        os.close(lock.descriptor)
    return holder if holder is not None and alive(holder) else None


def alive(pid: int) -> bool:
    """Whether there is such a process, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
