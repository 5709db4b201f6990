"""Alembic's way in."""

from chassis.migrations import run
from circulation.tables import METADATA

run(METADATA)
