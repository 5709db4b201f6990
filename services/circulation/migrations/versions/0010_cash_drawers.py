"""Cash drawers."""

from chassis.migrations import script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """A table, and nullable columns that name it."""
    script("""
CREATE TABLE drawer (
    id UUID NOT NULL,
    service_point_id UUID NOT NULL,
    currency TEXT NOT NULL,
    opening BIGINT NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    opened_by TEXT NOT NULL,
    counted BIGINT,
    expected BIGINT,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by TEXT,
    comment TEXT,
    PRIMARY KEY (id),
    CONSTRAINT drawer_amounts CHECK (opening >= 0 AND counted >= 0),
    CONSTRAINT drawer_counted_when_closed CHECK ((closed_at IS NULL) = (counted IS NULL))
);
CREATE UNIQUE INDEX drawer_one_open_per_point ON drawer (service_point_id) WHERE closed_at IS NULL;
CREATE INDEX drawer_by_point ON drawer (service_point_id, id);
ALTER TABLE payment ADD COLUMN drawer_id UUID;
CREATE INDEX payment_by_drawer ON payment (drawer_id) WHERE drawer_id IS NOT NULL;
ALTER TABLE fee_action ADD COLUMN drawer_id UUID;
CREATE INDEX fee_action_by_drawer ON fee_action (drawer_id) WHERE drawer_id IS NOT NULL;
""")
