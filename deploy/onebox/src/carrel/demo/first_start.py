"""The demo library of a new data folder: what is chosen for it once, and that it is still to be loaded."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from carrel.installation import Installation
from chassis.ids import uuid7

if TYPE_CHECKING:
    from carrel.up import Box

LOGINS = (
    ("librarian", ["desk-supervisor", "cataloguer", "configurator"]),
    ("desk", ["desk"]),
    ("patron", ["patron"]),
)


@dataclass(frozen=True, slots=True)
class Login:
    """An account to sign in with; passwords are drawn anew for each library."""

    username: str
    password: str
    roles: list[str]

    @property
    def line(self) -> str:
        """For people."""
        return f"{self.username:<15} {self.password:<20} ({', '.join(self.roles)})"


@dataclass(frozen=True, slots=True)
class Load:
    """One loading: all that is chosen in it, so that one that was broken off can be gone through again.

    Every request has a key made from the load's id; what was done already is answered again and not repeated.
    """

    id: UUID
    moment: datetime
    logins: list[Login]

    @classmethod
    def new(cls) -> "Load":
        """One that begins now."""
        logins = [
            Login(f"demo.{name}", f"{name[:4]}-{secrets.token_urlsafe(9)}", roles) for name, roles in LOGINS
        ]
        return cls(uuid7(), datetime.now(UTC), logins)

    def key(self, request: str) -> str:
        """The Idempotency-Key of a request, by its name."""
        return f"{self.id}:{request}"

    def as_text(self) -> str:
        """To be kept until the load has ended."""
        told = {
            "id": str(self.id),
            "moment": self.moment.isoformat(),
            "logins": [asdict(each) for each in self.logins],
        }
        return json.dumps(told)

    @classmethod
    def from_text(cls, text: str) -> "Load":
        """As it was kept."""
        told = json.loads(text)
        logins = [Login(**each) for each in told["logins"]]
        return cls(UUID(told["id"]), datetime.fromisoformat(told["moment"]), logins)


class FirstStart:
    """The demo library of a new data folder: begun once, gone on with after a kill, ended once."""

    def __init__(self, installation: Installation, say: Callable[[str], None]) -> None:
        self.installation, self.say = installation, say

    @property
    def _file(self) -> Path:
        return self.installation.data / "demo-load"

    def begin(self) -> None:
        """Choose what is chosen once, and keep it."""
        self.installation.keep_private(self._file.name, Load.new().as_text())

    @property
    def pending(self) -> bool:
        """Whether it was begun and has not ended."""
        return self._file.exists()

    async def load(self, box: "Box") -> None:
        """Load it, or what is missing of it."""
        from carrel.demo.loading import load_into  # a second of imports, which later starts do without

        self.say("Filling the demo library: Bellmark University …")
        began = time.monotonic()
        load = Load.from_text(self._file.read_text())
        await load_into(box.url, self.installation.secret("admin"), load)
        lines = "".join(f"{login.line}\n" for login in load.logins)
        self.installation.keep_private("demo-logins", lines)
        self._file.unlink()
        self.say(f"The demo library is there after {time.monotonic() - began:.1f} s.")
