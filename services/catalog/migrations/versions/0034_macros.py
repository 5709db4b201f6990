"""Small edits with a name."""

from chassis.migrations import script

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE record_macro (
    code TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    name TEXT NOT NULL,
    document JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (code)
);
""")
