"""Alembic's way in."""

from chassis.migrations import run
from erm.tables import METADATA

run(METADATA)
