"""Batches of vouchers are put on an FTP server, each once."""

from chassis.migrations import script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the tables of where groups are delivered, and of each batch's delivery."""
    script("""
CREATE TABLE batch_group_delivery (
    id UUID NOT NULL,
    batch_group_id UUID NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    security TEXT NOT NULL,
    user_name TEXT NOT NULL,
    sealed BYTEA,
    directory TEXT NOT NULL,
    form TEXT NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT batch_group_delivery_security CHECK (security IN ('tls', 'none')),
    CONSTRAINT batch_group_delivery_form CHECK (form IN ('json', 'xml')),
    FOREIGN KEY(batch_group_id) REFERENCES batch_group (id)
);
CREATE UNIQUE INDEX batch_group_delivery_one ON batch_group_delivery (batch_group_id);
CREATE TABLE voucher_delivery (
    id UUID NOT NULL,
    batch_id UUID NOT NULL,
    state TEXT NOT NULL,
    file_name TEXT,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    error TEXT,
    sent_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT voucher_delivery_state CHECK (state IN ('waiting', 'sent', 'failed')),
    CONSTRAINT voucher_delivery_waits_for_a_time CHECK ((state = 'waiting') = (next_at IS NOT NULL)),
    FOREIGN KEY(batch_id) REFERENCES voucher_batch (id)
);
CREATE UNIQUE INDEX voucher_delivery_one_per_batch ON voucher_delivery (batch_id);
CREATE INDEX voucher_delivery_due ON voucher_delivery (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX voucher_delivery_by_state ON voucher_delivery (state, id);
""")
