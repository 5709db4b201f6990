"""What is approved goes to the university's books as vouchers, in batches."""

from chassis.migrations import script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Invoices that were approved before have no voucher: their payment was asked for in another way."""
    script("""
CREATE TABLE batch_group (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    last_batch BIGINT DEFAULT '0' NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX batch_group_one_per_code ON batch_group (code);
INSERT INTO batch_group (id, code, name, created_at)
VALUES ('00000000-0000-7000-8000-000000000001', 'main', 'Vouchers', now());
CREATE TABLE voucher_counter (
    "only" BOOLEAN DEFAULT true NOT NULL,
    last BIGINT NOT NULL,
    PRIMARY KEY ("only"),
    CONSTRAINT voucher_counter_is_one CHECK ("only")
);
INSERT INTO voucher_counter (last) VALUES (0);
CREATE TABLE voucher_batch (
    id UUID NOT NULL,
    batch_group_id UUID NOT NULL,
    number BIGINT NOT NULL,
    vouchers INTEGER NOT NULL,
    as_json BYTEA NOT NULL,
    as_xml BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(batch_group_id) REFERENCES batch_group (id)
);
CREATE UNIQUE INDEX voucher_batch_one_per_number ON voucher_batch (batch_group_id, number);
CREATE INDEX voucher_batch_by_group ON voucher_batch (batch_group_id, id);
CREATE TABLE voucher (
    id UUID NOT NULL,
    number BIGINT NOT NULL,
    kind TEXT NOT NULL,
    invoice_id UUID NOT NULL,
    reverses_id UUID,
    batch_group_id UUID NOT NULL,
    state TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL,
    document JSONB NOT NULL,
    batch_id UUID,
    paid_on DATE,
    payment_reference TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    exported_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT voucher_kind CHECK (kind IN ('payment', 'credit', 'reversal')),
    CONSTRAINT voucher_state CHECK (state IN ('awaiting', 'exported', 'paid', 'cancelled')),
    CONSTRAINT voucher_reversal_of_one CHECK ((kind = 'reversal') = (reverses_id IS NOT NULL)),
    CONSTRAINT voucher_exported_in_a_batch CHECK (state <> 'exported' OR batch_id IS NOT NULL),
    CONSTRAINT voucher_exported_once CHECK (state <> 'awaiting' OR batch_id IS NULL),
    FOREIGN KEY(invoice_id) REFERENCES invoice (id),
    FOREIGN KEY(reverses_id) REFERENCES voucher (id),
    FOREIGN KEY(batch_group_id) REFERENCES batch_group (id),
    FOREIGN KEY(batch_id) REFERENCES voucher_batch (id)
);
CREATE UNIQUE INDEX voucher_one_per_number ON voucher (number);
CREATE UNIQUE INDEX voucher_one_per_invoice ON voucher (invoice_id) WHERE kind <> 'reversal';
CREATE UNIQUE INDEX voucher_reversed_once ON voucher (reverses_id);
CREATE INDEX voucher_by_invoice ON voucher (invoice_id, id);
CREATE INDEX voucher_by_state ON voucher (state, id);
CREATE INDEX voucher_by_group ON voucher (batch_group_id, id);
CREATE INDEX voucher_to_export ON voucher (batch_group_id, number) WHERE state = 'awaiting';
CREATE INDEX voucher_by_batch ON voucher (batch_id, id);
ALTER TABLE invoice ADD COLUMN batch_group_id UUID REFERENCES batch_group (id);
""")
