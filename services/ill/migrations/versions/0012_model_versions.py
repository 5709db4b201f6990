"""Which version of the state model a request runs by, what its patron was told of last, and messages taken back."""

from chassis.migrations import script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Additive: requests that are under way go on by the first version."""
    script("""
ALTER TABLE request ADD COLUMN model INTEGER DEFAULT '1' NOT NULL, ADD COLUMN noticed TEXT;
ALTER TABLE message DROP CONSTRAINT message_state;
ALTER TABLE message ADD CONSTRAINT message_state
    CHECK (state IN ('queued', 'sent', 'refused', 'failed', 'withdrawn', 'taken')) NOT VALID;
ALTER TABLE message VALIDATE CONSTRAINT message_state;
""")
