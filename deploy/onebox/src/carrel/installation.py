"""Where a one-box installation keeps things, and what its processes are told about each other."""

import os
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SERVICES = ("catalog", "circulation", "ill", "erm", "gateway")
"""Services with a database of their own that the one box runs."""

POOL = {"catalog": 6, "circulation": 8, "ill": 3, "erm": 3, "gateway": 4}
SESSIONS = {"catalog": 4, "circulation": 4, "ill": 2, "erm": 2, "gateway": 3}
"""Connections of one serving process, per service: to the busy paths, and to ordinary sessions."""
BACKGROUND = 5 * (6 + 2) + 5 * 3
"""Connections of the background process: pools of five services, and three each on the bus."""
Z3950 = 4 + 1
"""Connections of the process that answers by Z39.50."""
SHARE = 0.8
"""How much of what the server allows may be spoken for."""


class WrongPlace(Exception):
    """The data folder cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One data folder."""

    data: Path

    @classmethod
    def at(cls, data: str | None) -> "Installation":
        """The folder asked for, else `CARREL_DATA`, else one in its usual place."""
        chosen = data or os.environ.get("CARREL_DATA")
        return cls(Path(chosen).expanduser().resolve() if chosen else usual_place())

    @property
    def cluster(self) -> Path:
        """The database cluster."""
        return self.data / "postgres"

    @property
    def files(self) -> Path:
        """Uploads and the search index."""
        return self.data / "files"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.data / "logs"

    @property
    def admin_key_file(self) -> Path:
        """The operator's key, readable by the owner alone."""
        return self.data / "admin.key"

    @property
    def address_file(self) -> Path:
        """Where the running gateway answers."""
        return self.data / "address"

    @property
    def z3950_file(self) -> Path:
        """Where the running catalogue answers by Z39.50, if it does."""
        return self.data / "z3950"

    def prepare(self) -> bool:
        """Make the folder; whether a database has yet to be made in it."""
        try:
            first = not (self.cluster / "version").exists()
            self.data.mkdir(parents=True, exist_ok=True)
            self.files.mkdir(exist_ok=True)
            self.logs.mkdir(exist_ok=True)
        except OSError as error:
            raise WrongPlace(f"{self.data} cannot be used: {error.strerror}. Set CARREL_DATA.") from error
        return first

    def secret(self, name: str) -> str:
        """A secret of this installation, made when first asked for, readable by the owner alone."""
        file = self.data / f"{name}.key"
        if not file.exists():
            temporary = _private(self.data, secrets.token_urlsafe(32))
            try:
                os.link(temporary, file)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return file.read_text().strip()

    def keep_private(self, name: str, text: str) -> None:
        """Write a file that only its owner reads, whole or not at all."""
        _private(self.data, text).replace(self.data / name)


def _private(folder: Path, text: str) -> Path:
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w") as out:
        out.write(text)
    return Path(temporary)


def usual_place() -> Path:
    """`.data` in the working copy, else the user's own; for root one that the database's uid reaches."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    here = Path.cwd()
    if (here / "Makefile").exists() and (here / "services").is_dir() and (not root or open_to_all(here)):
        return here / ".data"
    if root:
        return Path("/var/lib/carrel")
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "carrel"


def open_to_all(folder: Path) -> bool:
    """Whether every folder on the way lets anybody through."""
    return all(place.stat().st_mode & 0o001 for place in (folder, *folder.parents))


def connections_needed(workers: int) -> int:
    """What all pools of all processes may open together."""
    serving = sum(POOL[name] + SESSIONS[name] for name in SERVICES)
    return workers * serving + BACKGROUND + Z3950


def connections_allowed(workers: int) -> int:
    """What the server must allow, so that the pools stay within their share of it."""
    return max(60, int(connections_needed(workers) / SHARE) + 1)


def process_environment(installation: Installation, dsns: dict[str, str], bus: str) -> dict[str, str]:
    """Settings of the services in one box, as environment variables."""
    told = {"PYTHONUNBUFFERED": "1"}
    for name in SERVICES:
        prefix = name.upper()
        told |= {
            f"{prefix}_DATABASE_URL": dsns[name],
            f"{prefix}_TRANSPORT_URL": bus,
            f"{prefix}_POOL_SIZE": str(POOL[name]),
            f"{prefix}_SESSION_POOL_SIZE": str(SESSIONS[name]),
        }
    told["CATALOG_DATA_DIR"] = str(installation.files)
    told["GATEWAY_ADMIN_KEY"] = installation.secret("admin")
    told["ERM_SEALING_KEY"] = installation.secret("erm-sealing")
    told["ILL_SEALING_KEY"] = installation.secret("ill-sealing")
    told["GATEWAY_SEALING_KEY"] = installation.secret("sealing")
    return told


PYTHON = sys.executable
