"""Alembic's way in."""

from chassis.migrations import run
from ill.tables import METADATA

run(METADATA)
