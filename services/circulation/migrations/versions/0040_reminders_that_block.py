"""Blocks that a reminder set: until what it was about came back, or is due anew."""

from chassis.migrations import script

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE patron_block ADD COLUMN loan_id UUID;
ALTER TABLE patron_block ADD COLUMN for_due_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE lifted_block ADD COLUMN loan_id UUID;
CREATE INDEX patron_block_by_loan ON patron_block (loan_id) WHERE loan_id IS NOT NULL;
""")
