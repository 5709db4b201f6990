"""What staff have said of works, so that it can be taken back."""

from chassis.migrations import script

revision = "0047"
down_revision = "0046"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE work_decision (
    id UUID NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    work_id UUID NOT NULL,
    other_id UUID NOT NULL,
    title_ids UUID[] NOT NULL,
    pinned_ids UUID[] NOT NULL,
    own_keys TEXT[] DEFAULT '{}' NOT NULL,
    other_keys TEXT[] DEFAULT '{}' NOT NULL,
    led_ids UUID[] DEFAULT '{}' NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    made_by TEXT NOT NULL,
    undone_at TIMESTAMP WITH TIME ZONE,
    undone_by TEXT,
    PRIMARY KEY (id),
    CONSTRAINT work_decision_kind CHECK (kind IN ('merge', 'split')),
    FOREIGN KEY (work_id) REFERENCES work (id),
    FOREIGN KEY (other_id) REFERENCES work (id)
);
CREATE INDEX work_decision_work ON work_decision (work_id, number);
CREATE INDEX work_decision_other ON work_decision (other_id, number);
""")
