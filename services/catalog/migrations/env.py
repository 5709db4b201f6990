"""Alembic's way in."""

from catalog.tables import METADATA
from chassis.migrations import run

run(METADATA)
