"""Covers of titles, as they were drawn anew here."""

from chassis.migrations import script

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE cover (
    title_id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    alternative TEXT,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    image BYTEA NOT NULL,
    thumbnail BYTEA NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (title_id),
    FOREIGN KEY(title_id) REFERENCES title (id)
);
""")
