"""Our own items for partners: what they are with circulation, and what was asked of it."""

from chassis.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Additive; an item is in one request that is open, and may be in many that have ended."""
    script("""
ALTER TABLE partner ADD COLUMN patron_id UUID;
ALTER TABLE request ADD COLUMN hold_id UUID, ADD COLUMN loan_id UUID, ADD COLUMN asked BIGINT DEFAULT 0 NOT NULL,
    ADD COLUMN holding JSONB DEFAULT '{}' NOT NULL;
CREATE UNIQUE INDEX request_one_open_per_item ON request (item_id) WHERE NOT ended;
CREATE INDEX request_by_hold ON request (hold_id) WHERE hold_id IS NOT NULL;
DROP INDEX request_by_item;
CREATE INDEX request_to_pull ON request (id) WHERE state = 'will-supply' AND item_id IS NOT NULL;
""")
