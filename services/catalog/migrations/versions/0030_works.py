"""Works over titles."""

from chassis.migrations import script

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Additive; titles find their works in the background."""
    script("""
CREATE TABLE work (
    id UUID NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    merged_into UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX work_merged ON work (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE work_key (
    key TEXT NOT NULL,
    work_id UUID NOT NULL,
    by_staff BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (key),
    FOREIGN KEY (work_id) REFERENCES work (id)
);
CREATE INDEX work_key_work ON work_key (work_id);
CREATE TABLE work_title (
    title_id UUID NOT NULL,
    work_id UUID NOT NULL,
    keys TEXT[] DEFAULT '{}' NOT NULL,
    pinned BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (title_id),
    FOREIGN KEY (title_id) REFERENCES title (id),
    FOREIGN KEY (work_id) REFERENCES work (id)
);
CREATE INDEX work_title_work ON work_title (work_id, title_id);
CREATE TABLE work_state (
    singleton BOOLEAN DEFAULT true NOT NULL,
    position BIGINT DEFAULT '0' NOT NULL,
    passed BIGINT DEFAULT '0',
    followed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (singleton),
    CONSTRAINT work_state_one_row CHECK (singleton)
);
INSERT INTO work_state DEFAULT VALUES;
""")
