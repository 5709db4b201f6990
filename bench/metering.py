"""Who worked how long while something was going on: processor time by process, in what each is there for."""

import re
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import psutil

EVERY_SECONDS: Final = 0.1
_BACKEND: Final = re.compile(r"postgres: \S+ (\S+) \[local\]")


class Meter:
    """Looks at a family of processes again and again; what a process does after the last look is not seen."""

    def __init__(self, family: Callable[[], list[psutil.Process]], every: float = EVERY_SECONDS) -> None:
        self._family, self._every = family, every
        self._before: dict[int, float] = {}
        self._now: dict[int, float] = {}
        self._names: dict[int, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def begin(self) -> None:
        """What was spent before is of no account."""
        self._look()
        self._before = dict(self._now)
        self._thread.start()

    def end(self) -> dict[str, float]:
        """Seconds of the processor's time by kind of process, the dearest first."""
        self._stop.set()
        self._thread.join()
        self._look()
        spent: dict[str, float] = defaultdict(float)
        for pid, now in self._now.items():
            spent[self._names[pid]] += now - self._before.get(pid, 0.0)
        return dict(sorted(spent.items(), key=lambda each: -each[1]))

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self._look()

    def _look(self) -> None:
        try:
            family = self._family()
        except psutil.Error:
            return
        for process in family:
            try:
                times = process.cpu_times()
                self._names[process.pid] = named(process)
            except psutil.Error:
                continue
            self._now[process.pid] = times.user + times.system


def named(process: psutil.Process) -> str:
    """What a process is there for."""
    line = " ".join(process.cmdline())
    if line.startswith("postgres: "):
        found = _BACKEND.match(line)
        return f"postgres: {found[1]}" if found else " ".join(line.split()[:3])
    for sign, name in (("catalog.imports.apart", "import reader"), ("catalog.search.apart", "index writer")):
        if sign in line:
            return name
    return " ".join(part for part in line.split()[1:] if "/" not in part)[:60] or process.name()
