"""Alembic's way in."""

import gateway.webhooks.tables  # noqa: F401 - its tables are declared there
from chassis.migrations import run
from gateway.tables import Table

run(Table.metadata)
