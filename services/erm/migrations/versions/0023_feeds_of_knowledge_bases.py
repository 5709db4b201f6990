"""Knowledge bases elsewhere, and how far their changes have been followed."""

from chassis.migrations import script

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make the table."""
    script("""
CREATE TABLE kb_feed (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    url TEXT NOT NULL,
    platform_id UUID NOT NULL,
    follow_new BOOLEAN DEFAULT false NOT NULL,
    every_hours INTEGER NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    since TIMESTAMP WITH TIME ZONE,
    began_at TIMESTAMP WITH TIME ZONE,
    cursor TEXT,
    asked_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    error TEXT,
    failures INTEGER DEFAULT '0' NOT NULL,
    pages INTEGER DEFAULT '0' NOT NULL,
    changed INTEGER DEFAULT '0' NOT NULL,
    findings JSONB DEFAULT '[]' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT kb_feed_every_hours CHECK (every_hours > 0),
    FOREIGN KEY(platform_id) REFERENCES platform (id)
);
CREATE UNIQUE INDEX kb_feed_one_per_source ON kb_feed (source);
CREATE INDEX kb_feed_due ON kb_feed (next_at) WHERE next_at IS NOT NULL;
""")
