"""Directories that people sign in by: how many guesses they hear, and how many wait for them."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from gateway.accounts.rules import lock_after
from gateway.signon.doors import LdapDoc
from gateway.signon.rules import DoorRefused, Why

WAITING = 32
KNOWN = 10_000
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="ldap")


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody in a directory."""

    dn: str
    attributes: dict[str, list[str]] = field(default_factory=dict)


class Directories:
    """The threads of one process, how many wait for them, and who was guessed at lately."""

    def __init__(self) -> None:
        self._waiting = 0
        self._failures: OrderedDict[str, tuple[int, datetime | None]] = OrderedDict()

    def may_guess(self, username: str, *, now: datetime) -> bool:
        """Whether a guess at this name is looked at; it counts as a failure until it was right.

        The directory counts, too; ours keeps a stranger from locking people out there.
        """
        failures, until = self._failures.pop(username, (0, None))
        locked = until is not None and until > now
        failures = failures if locked else failures + 1
        self._failures[username] = failures, until if locked else lock_after(failures, now=now)
        while len(self._failures) > KNOWN:
            self._failures.popitem(last=False)
        return not locked

    def was_right(self, username: str) -> None:
        """Forget the guesses at a name."""
        self._failures.pop(username, None)

    async def judged(self, doc: LdapDoc, secret: str | None, username: str, password: str) -> Entry | None:
        """Whoever has this name and password; None for nobody. `DoorRefused` when the directory does not answer."""
        if self._waiting >= WAITING:
            raise DoorRefused(Why.AWAY, about="too many wait")
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(_threads, _judged, doc, secret, username, password)
        finally:
            self._waiting -= 1


def _judged(doc: LdapDoc, secret: str | None, username: str, password: str) -> Entry | None:
    from gateway.ldap import asking  # a hundred modules of ldap3, read when the first directory is asked

    return asking.judged(doc, secret, username, password)
