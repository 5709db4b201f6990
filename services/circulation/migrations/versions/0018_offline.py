"""What a desk did while the line was down."""

from chassis.migrations import script

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Two new tables."""
    script("""
CREATE TABLE offline_upload (
    id UUID NOT NULL,
    service_point_id UUID NOT NULL,
    action_ids UUID[] NOT NULL,
    uploaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    uploaded_by JSONB NOT NULL,
    override JSONB NOT NULL,
    PRIMARY KEY (id)
);
CREATE TABLE offline_action (
    id UUID NOT NULL,
    upload_id UUID NOT NULL,
    place INTEGER DEFAULT '0' NOT NULL,
    kind TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    item_barcode TEXT NOT NULL,
    patron_barcode TEXT,
    digest BYTEA NOT NULL,
    outcome TEXT NOT NULL,
    reasons JSONB NOT NULL,
    loan_id UUID,
    left_at TIMESTAMP WITH TIME ZONE,
    applied_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT offline_action_kind CHECK (kind IN ('check-out', 'check-in')),
    CONSTRAINT offline_action_outcome CHECK (outcome IN ('waiting', 'applied', 'conflict')),
    FOREIGN KEY(upload_id) REFERENCES offline_upload (id)
);
CREATE INDEX offline_action_waiting ON offline_action (upload_id, place) WHERE outcome = 'waiting';
CREATE INDEX offline_action_by_item ON offline_action (upload_id, item_barcode, place);
""")
