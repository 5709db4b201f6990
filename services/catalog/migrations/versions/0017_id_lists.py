"""Long lists of ids by job."""

from chassis.migrations import script

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE id_list (
    id UUID NOT NULL,
    query TEXT NOT NULL,
    filters JSONB DEFAULT '{}' NOT NULL,
    with_suppressed BOOLEAN DEFAULT false NOT NULL,
    requested_by TEXT NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    written BIGINT DEFAULT '0' NOT NULL,
    last_number BIGINT DEFAULT '0' NOT NULL,
    position BIGINT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX id_list_open ON id_list (id) WHERE state <> 'done';
CREATE INDEX id_list_by_asker ON id_list (requested_by, id);
CREATE INDEX id_list_by_age ON id_list (expires_at);
""")
