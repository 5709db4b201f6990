"""Holdings may have a record of their own (MARC 21 Holdings), with its earlier versions."""

from chassis.migrations import script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE holdings ADD COLUMN record BYTEA;
CREATE TABLE holdings_version (
    holdings_id UUID NOT NULL,
    version BIGINT NOT NULL,
    record BYTEA NOT NULL,
    replaced_at TIMESTAMP WITH TIME ZONE NOT NULL,
    replaced_by TEXT NOT NULL,
    PRIMARY KEY (holdings_id, version),
    FOREIGN KEY(holdings_id) REFERENCES holdings (id)
);
""")
