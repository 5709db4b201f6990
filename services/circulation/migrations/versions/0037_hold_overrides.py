"""What was set aside when a hold was placed."""

from chassis.migrations import script

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE hold_override (
    hold_id UUID NOT NULL,
    refusals TEXT[] NOT NULL,
    comment TEXT NOT NULL,
    overridden_at TIMESTAMP WITH TIME ZONE NOT NULL,
    overridden_by TEXT NOT NULL,
    PRIMARY KEY (hold_id)
);
""")
