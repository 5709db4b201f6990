"""Titles that were merged into others."""

from chassis.migrations import script

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE merged_title (
    id UUID NOT NULL,
    title_id UUID NOT NULL,
    merged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX merged_title_into ON merged_title (title_id);
CREATE INDEX hold_group_order_by_title ON hold_group_order (title_id);
""")
