"""How much memory a family of processes holds while something goes on: the most of each kind, and of all together.

What counts is memory of a process's own (`RssAnon`): pages of files that it has mapped (the search index) are the
kernel's, which takes them back when it needs them, and PostgreSQL's shared buffers are counted once.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from metering import named

EVERY_SECONDS: Final = 1.0
MB: Final = 1024
_WANTED: Final = ("RssAnon", "RssFile", "RssShmem", "VmHWM")


@dataclass(slots=True)
class Held:
    """Megabytes: the most that a process of each kind has held, and that all have held at one time."""

    own: dict[str, float] = field(default_factory=dict)
    resident: dict[str, float] = field(default_factory=dict)
    """Mapped files and shared memory included."""
    together: float = 0.0

    def told(self) -> dict[str, Any]:
        """As figures, the largest first."""
        kinds = sorted(self.own, key=lambda kind: -self.own[kind])
        return {
            "all together MB": self.together,
            "own MB": {kind: self.own[kind] for kind in kinds},
            "resident MB": {kind: self.resident[kind] for kind in kinds},
        }


class Watch:
    """Looks once a second; with `turn` what was seen so far is given, and looking begins anew."""

    def __init__(self, family: Callable[[], list[psutil.Process]]) -> None:
        self._family = family
        self._held = Held()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def turn(self) -> Held:
        """What was held since the last turn."""
        self._look()
        held, self._held = self._held, Held()
        return held

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        held, own, shared = self._held, 0.0, 0.0
        try:
            family = self._family()
        except psutil.Error:
            return
        for process in family:
            try:
                told, kind = _told(process.pid), named(process)
            except (psutil.Error, OSError):
                continue
            own += told["RssAnon"]
            shared = max(shared, told["RssShmem"])
            held.own[kind] = max(held.own.get(kind, 0.0), told["RssAnon"])
            resident = told["RssAnon"] + told["RssFile"] + told["RssShmem"]
            held.resident[kind] = max(held.resident.get(kind, 0.0), resident)
        held.together = max(held.together, own + shared)


def _told(pid: int) -> dict[str, float]:
    """Of `/proc/PID/status`, in megabytes; a process of the kernel's own holds nothing."""
    found = dict.fromkeys(_WANTED, 0.0)
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0]) / MB
    return found
