"""What was to come and did not is claimed of its vendor."""

from chassis.migrations import script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Nothing is claimed of what was ordered before, unless its line or vendor says when; orders keep their days."""
    script("""
ALTER TABLE organisation ADD COLUMN claim_after_days INTEGER, ADD COLUMN claim_interval_days INTEGER,
    ADD COLUMN claims_at_most INTEGER;
ALTER TABLE order_line ADD COLUMN expected_on DATE, ADD COLUMN claim_interval_days INTEGER,
    ADD COLUMN claim_put_off_until DATE, ADD COLUMN claim_on DATE;
CREATE INDEX order_line_to_claim ON order_line (claim_on) WHERE claim_on IS NOT NULL;
CREATE TABLE claim (
    id UUID NOT NULL,
    order_line_id UUID NOT NULL,
    vendor_id UUID NOT NULL,
    number INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    state TEXT NOT NULL,
    via TEXT,
    note TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    stopped_at TIMESTAMP WITH TIME ZONE,
    stop_reason TEXT,
    actor TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT claim_state CHECK (state IN ('proposed', 'sent', 'stopped')),
    CONSTRAINT claim_sent_at_some_time CHECK ((state = 'sent') = (sent_at IS NOT NULL)),
    FOREIGN KEY(order_line_id) REFERENCES order_line (id),
    FOREIGN KEY(vendor_id) REFERENCES organisation (id)
);
CREATE UNIQUE INDEX claim_one_proposed ON claim (order_line_id) WHERE state = 'proposed';
CREATE INDEX claim_by_line ON claim (order_line_id, id);
CREATE INDEX claim_by_state ON claim (state, id);
CREATE INDEX claim_by_vendor ON claim (vendor_id, id);
""")
