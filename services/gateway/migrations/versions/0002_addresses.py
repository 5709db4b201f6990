"""Addresses in the audit are found by age, to be forgotten."""

from chassis.migrations import script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Index the entries that still have one."""
    script("CREATE INDEX audit_entry_addressed ON audit_entry (at) WHERE address IS NOT NULL;")
