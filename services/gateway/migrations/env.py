"""Alembic's way in."""

from chassis.migrations import run
from gateway.tables import Table

run(Table.metadata)
