"""Saved lists of titles, holdings and items; exports by list."""

from chassis.migrations import script

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE saved_list (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    note TEXT,
    owner TEXT NOT NULL,
    shared BOOLEAN DEFAULT false NOT NULL,
    frozen BOOLEAN DEFAULT false NOT NULL,
    passing BOOLEAN DEFAULT false NOT NULL,
    source JSONB DEFAULT '{}' NOT NULL,
    state TEXT DEFAULT 'queued' NOT NULL,
    problem TEXT,
    count BIGINT DEFAULT '0' NOT NULL,
    generation BIGINT DEFAULT '0' NOT NULL,
    filled BIGINT DEFAULT '0' NOT NULL,
    last_id UUID NOT NULL,
    index_wanted BIGINT DEFAULT '0' NOT NULL,
    unknown_count BIGINT DEFAULT '0' NOT NULL,
    unknown JSONB DEFAULT '[]' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    worked_at TIMESTAMP WITH TIME ZONE,
    filled_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id)
);
CREATE INDEX saved_list_by_owner ON saved_list (owner, id);
CREATE INDEX saved_list_open ON saved_list (worked_at, id) WHERE state IN ('queued', 'filling');
CREATE INDEX saved_list_passing ON saved_list (created_at) WHERE passing;
CREATE INDEX saved_list_shared ON saved_list (id) WHERE shared;
CREATE TABLE saved_list_member (
    list_id UUID NOT NULL,
    generation BIGINT NOT NULL,
    entity_id UUID NOT NULL,
    PRIMARY KEY (list_id, generation, entity_id),
    FOREIGN KEY (list_id) REFERENCES saved_list (id) ON DELETE CASCADE
);
ALTER TABLE export ADD COLUMN list_id UUID;
""")
