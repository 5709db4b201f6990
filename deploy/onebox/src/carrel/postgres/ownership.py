"""Whom the server runs as: PostgreSQL refuses to be root, so root lends it an account that exists."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from carrel.postgres.refusals import Unreachable

PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the system; `dropped` when we are root and step down to it."""

    uid: int
    gid: int
    name: str
    dropped: bool

    def reaches(self, place: Path) -> bool:
        """Whether the account can search (a folder) or run (a program) this, with every folder on the way."""
        return not self.dropped or self._may("-x", place)

    def _may(self, what: str, place: Path) -> bool:
        # Asked of the kernel as that account: modes, groups and access lists all count.
        asked = subprocess.run(
            ["/bin/sh", "-c", f'test {what} "$0"', str(place)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            check=False,
            stderr=subprocess.DEVNULL,
        )
        return asked.returncode == 0

    def give(self, place: Path, mode: int) -> None:
        """Make a folder or file the account's own."""
        if self.dropped:
            os.chown(place, self.uid, self.gid, follow_symlinks=False)
        place.chmod(mode)

    def needs(self, folder: Path) -> None:
        """`Unreachable` unless the account can get into the folder; names the folder that stops it."""
        for place in (*reversed(folder.parents), folder):
            if not self.reaches(place):
                raise Unreachable(
                    f"The database runs as {self.name}, not as root, and {place} does not let it through. "
                    f"Choose another data folder (CARREL_DATA), such as /var/lib/carrel."
                )


def account_for(existing: Path) -> Account:
    """The one who owns the existing files, else an account to step down to; ourselves unless we are root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), _name(os.geteuid()), dropped=False)
    if existing.exists() and (owner := existing.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, _name(owner.st_uid), dropped=True)
    for name in PREFERRED:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(found.pw_uid, found.pw_gid, name, dropped=True)
    raise Unreachable("PostgreSQL does not run as root, and there is no account postgres or nobody here.")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container run under a number nobody has
        return f"uid {uid}"
