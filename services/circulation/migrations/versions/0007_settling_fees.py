"""What is done with fees besides paying them; receipts."""

from chassis.migrations import script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """New tables and nullable columns; the previous release goes on taking payments without them."""
    script("""
ALTER TABLE fee ADD COLUMN status TEXT, ADD COLUMN owner TEXT;
ALTER TABLE payment ADD COLUMN receipt_id UUID, ADD COLUMN comment TEXT;
CREATE INDEX payment_by_receipt ON payment (receipt_id) WHERE receipt_id IS NOT NULL;
CREATE TABLE receipt (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    reference TEXT,
    asked JSONB NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT receipt_positive CHECK (amount > 0)
);
CREATE UNIQUE INDEX receipt_once_by_reference ON receipt (method, reference) WHERE reference IS NOT NULL;
CREATE INDEX receipt_by_patron ON receipt (patron_id, id);
CREATE TABLE fee_action (
    id UUID NOT NULL,
    fee_id UUID NOT NULL,
    act TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    method TEXT,
    account TEXT,
    comment TEXT,
    service_point_id UUID,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    done_by TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fee_action_positive CHECK (amount > 0),
    CONSTRAINT fee_action_act CHECK (act IN ('waive', 'cancel', 'transfer', 'refund', 'credit')),
    CONSTRAINT fee_action_refund_has_method CHECK ((act = 'refund') = (method IS NOT NULL)),
    CONSTRAINT fee_action_transfer_has_account CHECK ((act IN ('transfer', 'credit')) = (account IS NOT NULL)),
    FOREIGN KEY(fee_id) REFERENCES fee (id)
);
CREATE INDEX fee_action_by_fee ON fee_action (fee_id);
""")
