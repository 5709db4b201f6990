"""Processes of their own, to be killed."""

import os
import subprocess
import sys
from pathlib import Path


class Role:
    """A role of a service as a process of its own."""

    def __init__(self, service: str, role: str, dsn: str, transport: str, folder: Path) -> None:
        self.command = [sys.executable, "-m", service, role]
        self.env = os.environ | {
            f"{service.upper()}_DATABASE_URL": dsn,
            f"{service.upper()}_TRANSPORT_URL": transport,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        self.said = folder / f"{service}-{role}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.said.open("ab") as out:
            self.process = subprocess.Popen(
                self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
