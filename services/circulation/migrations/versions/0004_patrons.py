"""Blocks from templates, and blocks that were lifted."""

from chassis.migrations import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Additive; the previous release goes on deleting what it lifts."""
    script("""
ALTER TABLE patron_block ADD COLUMN template TEXT;
ALTER TABLE patron_block ADD COLUMN IF NOT EXISTS version BIGINT DEFAULT '1' NOT NULL;
CREATE TABLE lifted_block (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    template TEXT,
    actions TEXT[] NOT NULL,
    note TEXT NOT NULL,
    message TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    lifted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    lifted_by TEXT NOT NULL,
    lifted_because TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE INDEX lifted_block_by_patron ON lifted_block (patron_id, id);
""")
