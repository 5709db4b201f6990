"""Networks and their tiers, and what partners lend from where."""

from chassis.migrations import script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE network (
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    rank INTEGER DEFAULT '100' NOT NULL,
    currency TEXT,
    tiers JSONB DEFAULT '[]' NOT NULL,
    active BOOLEAN DEFAULT 'true' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (code)
);
ALTER TABLE partner ADD COLUMN policies JSONB DEFAULT '[]' NOT NULL, ADD COLUMN networks JSONB DEFAULT '[]' NOT NULL;
""")
