"""People make keys of their own."""

from chassis.migrations import script

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Name the owner."""
    script("""
ALTER TABLE client ADD COLUMN owner_id uuid REFERENCES account (id) ON DELETE CASCADE;
CREATE INDEX client_by_owner ON client (owner_id, id) WHERE owner_id IS NOT NULL;
""")
