"""Servers whose records are copied, and records that were found there."""

from chassis.migrations import script

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE search_target (
    code TEXT NOT NULL,
    document JSONB NOT NULL,
    PRIMARY KEY (code)
);
CREATE TABLE found_record (
    id UUID NOT NULL,
    target TEXT NOT NULL,
    record BYTEA NOT NULL,
    found_by TEXT NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX found_record_by_age ON found_record (found_at);
""")
