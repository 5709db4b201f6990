"""What starts quickly because it leaves out what it does not need."""

import subprocess
import sys

from carrel.kits import SYSTEMS
from carrel.kits.running import KITS

HEAVY = {"alembic", "catalog", "circulation", "erm", "fastapi", "gateway", "ill", "sqlalchemy", "sqlmodel"}


def test_the_command_and_the_supervisor_begin_without_what_only_services_need() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, carrel.command, carrel.up, carrel.demo.first_start; print(*sys.modules)",
        ],
        check=True,
        capture_output=True,
        text=True,
    )

    assert {name.partition(".")[0] for name in told.stdout.split()} & HEAVY == set()


def test_the_command_names_every_kit() -> None:
    assert tuple(KITS) == SYSTEMS
