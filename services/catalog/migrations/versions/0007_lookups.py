"""What interlibrary loan asks of the catalogue waits for the worker that has the index."""

from chassis.migrations import script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """A new table, which the previous release never looks at."""
    script("""
CREATE TABLE lookup (
    request_id UUID NOT NULL,
    asked BIGINT NOT NULL,
    sought JSONB DEFAULT '{}' NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (request_id)
);
CREATE INDEX lookup_by_age ON lookup (asked_at);
""")
