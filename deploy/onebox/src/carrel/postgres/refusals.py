"""Why the database does not start. Every message is one line that says what to do."""

from pathlib import Path


class PostgresProblem(Exception):
    """The embedded database cannot be used as things are."""


class AlreadyRunning(PostgresProblem):
    """Somebody else has this data folder open."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{folder} is in use by {holder}. Stop it first, or choose another data folder.")
        self.folder, self.pid = folder, pid


class NoBinaries(PostgresProblem):
    """There is no PostgreSQL on this machine that would do."""


class WrongVersion(PostgresProblem):
    """The data was written by another major version than any that is here."""


class NotACluster(PostgresProblem):
    """The folder holds something, but not the database that should be in it."""


class Unreachable(PostgresProblem):
    """The account that the server runs as cannot get to its files."""


class CannotStart(PostgresProblem):
    """The server ended instead of starting; the message carries its last words."""
