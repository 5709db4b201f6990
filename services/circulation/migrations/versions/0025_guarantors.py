"""Who answers for whom."""

from chassis.migrations import script

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Additive; to the previous release wards' debts are nobody else's."""
    script("""
ALTER TABLE patron ADD COLUMN wards INTEGER DEFAULT '0' NOT NULL;
ALTER TABLE patron ADD CONSTRAINT patron_wards_counted CHECK (wards >= 0);
CREATE TABLE patron_guarantee (
    id UUID NOT NULL,
    ward_id UUID NOT NULL,
    guarantor_id UUID NOT NULL,
    kind TEXT NOT NULL,
    until_on DATE,
    ends_on DATE,
    shared_at TIMESTAMP WITH TIME ZONE,
    shared_by TEXT,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT patron_guarantee_for_another CHECK (ward_id <> guarantor_id),
    FOREIGN KEY(ward_id) REFERENCES patron (id),
    FOREIGN KEY(guarantor_id) REFERENCES patron (id)
);
CREATE UNIQUE INDEX patron_guarantee_one_in_force ON patron_guarantee (ward_id, guarantor_id)
    WHERE ended_at IS NULL;
CREATE INDEX patron_guarantee_by_ward ON patron_guarantee (ward_id, id);
CREATE INDEX patron_guarantee_by_guarantor ON patron_guarantee (guarantor_id, id);
""")
