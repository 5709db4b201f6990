"""Batches of pull slips, and up to when their schedules were followed."""

from chassis.migrations import script

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE pull_batch (
    id UUID NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by TEXT NOT NULL,
    schedule TEXT,
    library TEXT,
    location TEXT,
    slip_count INTEGER NOT NULL,
    more BOOLEAN DEFAULT 'false' NOT NULL,
    slips JSONB NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT pull_batch_has_slips CHECK (slip_count > 0)
);
CREATE INDEX pull_batch_by_library ON pull_batch (library, id);
CREATE INDEX pull_batch_by_schedule ON pull_batch (schedule, id) WHERE schedule IS NOT NULL;
CREATE INDEX pull_batch_by_age ON pull_batch (made_at);
CREATE TABLE pull_schedule (
    code TEXT NOT NULL,
    done_until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (code)
);
""")
