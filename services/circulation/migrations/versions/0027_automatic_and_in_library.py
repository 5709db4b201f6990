"""Automatic and unseen renewals, use in the library, deposits, new items."""

from chassis.migrations import script

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Additive; the previous release renews nothing by itself and knows no other kind of loan."""
    script("""
ALTER TABLE loan ADD COLUMN unseen INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE loan ADD COLUMN auto_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE loan ADD COLUMN auto_refused TEXT[];
ALTER TABLE loan ADD COLUMN in_library TEXT;
ALTER TABLE loan ADD COLUMN held_at UUID;
ALTER TABLE loan ADD COLUMN held_until TIMESTAMP WITH TIME ZONE;
ALTER TABLE loan ADD COLUMN deposit BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE loan ADD CONSTRAINT loan_use_in_library CHECK (in_library IN ('in-use', 'held', 'returned'));
ALTER TABLE patron ADD COLUMN auto_renew BOOLEAN DEFAULT true NOT NULL;
ALTER TABLE item ADD COLUMN new_since TIMESTAMP WITH TIME ZONE;
CREATE INDEX loan_to_renew ON loan (auto_at) WHERE auto_at IS NOT NULL AND returned_at IS NULL;
CREATE INDEX loan_kept_at_desk ON loan (held_at, held_until, id) WHERE in_library = 'held' AND returned_at IS NULL;
""")
