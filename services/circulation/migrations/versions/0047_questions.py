"""Questions that staff keep, to ask them again."""

from chassis.migrations import script

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE saved_question (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    note TEXT,
    owner TEXT NOT NULL,
    shared BOOLEAN DEFAULT false NOT NULL,
    condition JSONB,
    columns TEXT[] DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX saved_question_by_owner ON saved_question (owner, id);
CREATE INDEX saved_question_shared ON saved_question (id) WHERE shared;
""")
