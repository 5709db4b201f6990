"""Alembic's way in."""

from chassis.migrations import run
from catalog.tables import METADATA

run(METADATA)
