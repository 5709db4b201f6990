"""Patrons, items, loans, holds, fees, places."""

from chassis.migrations import script
from chassis.schema import SQL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    script(SQL)
    script("""
CREATE TABLE configuration_version (
    version SERIAL NOT NULL,
    document JSONB NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    applied_by TEXT NOT NULL,
    PRIMARY KEY (version)
);
CREATE TABLE fee (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    loan_id UUID,
    item_id UUID,
    kind TEXT NOT NULL,
    policy TEXT,
    amount BIGINT NOT NULL,
    remaining BIGINT NOT NULL,
    currency TEXT NOT NULL,
    state TEXT NOT NULL,
    note TEXT,
    charged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT fee_amounts CHECK (amount > 0 AND remaining >= 0 AND remaining <= amount),
    CONSTRAINT fee_closed_when_settled CHECK ((state = 'closed') = (remaining = 0))
);
CREATE INDEX fee_by_loan ON fee (loan_id);
CREATE INDEX fee_by_patron ON fee (patron_id, id);
CREATE INDEX fee_open_by_patron ON fee (patron_id) WHERE state = 'open';
CREATE TABLE hold (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    title_id UUID NOT NULL,
    item_id UUID,
    patron_id UUID NOT NULL,
    pickup_id UUID NOT NULL,
    state TEXT NOT NULL,
    position INTEGER,
    policy TEXT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    ready_at TIMESTAMP WITH TIME ZONE,
    shelf_expires_at TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT hold_one_per_position UNIQUE (title_id, position) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT hold_position_while_open CHECK ((position IS NOT NULL) = (state IN ('waiting', 'in-transit', 'ready'))),
    CONSTRAINT hold_kind CHECK (kind IN ('hold', 'page', 'recall')),
    CONSTRAINT hold_level CHECK (level IN ('title', 'item')),
    CONSTRAINT hold_ready_has_expiry CHECK (state <> 'ready' OR shelf_expires_at IS NOT NULL)
);
CREATE UNIQUE INDEX hold_one_filled_by_item ON hold (item_id) WHERE state IN ('in-transit', 'ready');
CREATE UNIQUE INDEX hold_one_open_per_patron ON hold (title_id, patron_id) WHERE state IN ('waiting', 'in-transit', 'ready');
CREATE INDEX hold_open_by_item ON hold (item_id) WHERE state IN ('waiting', 'in-transit', 'ready');
CREATE INDEX hold_open_by_patron ON hold (patron_id) WHERE state IN ('waiting', 'in-transit', 'ready');
CREATE INDEX hold_ready_by_expiry ON hold (shelf_expires_at) WHERE state = 'ready';
CREATE INDEX hold_waiting_by_expiry ON hold (expires_at) WHERE state = 'waiting';
CREATE TABLE item (
    id UUID NOT NULL,
    epoch INTEGER DEFAULT '1' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    barcode TEXT,
    holdings_id UUID NOT NULL,
    title_ids UUID[] NOT NULL,
    location_id UUID NOT NULL,
    location TEXT,
    library TEXT,
    campus TEXT,
    institution TEXT,
    material_type TEXT NOT NULL,
    loan_type TEXT NOT NULL,
    base TEXT NOT NULL,
    call_number TEXT,
    volume TEXT,
    copy_number TEXT,
    short_title TEXT NOT NULL,
    short_author TEXT,
    suppressed BOOLEAN DEFAULT false NOT NULL,
    guard BIGINT DEFAULT '1' NOT NULL,
    told BIGINT DEFAULT '0' NOT NULL,
    state TEXT NOT NULL,
    loan_id UUID,
    due_at TIMESTAMP WITH TIME ZONE,
    hold_id UUID,
    kept_for UUID,
    hold_shelf BOOLEAN DEFAULT false NOT NULL,
    transit_to UUID,
    withdrawal_id UUID,
    last_seen_at TIMESTAMP WITH TIME ZONE,
    last_seen_by UUID,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX item_barcode ON item (barcode) WHERE barcode IS NOT NULL;
CREATE INDEX item_by_location ON item (location_id);
CREATE INDEX item_by_title ON item USING gin (title_ids);
CREATE INDEX item_not_shelved ON item (state) WHERE state <> 'available';
CREATE TABLE loan (
    id UUID NOT NULL,
    item_id UUID NOT NULL,
    title_id UUID NOT NULL,
    patron_id UUID,
    patron_group TEXT NOT NULL,
    service_point_id UUID NOT NULL,
    lent_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_zone TEXT NOT NULL,
    renewals INTEGER DEFAULT '0' NOT NULL,
    policy TEXT NOT NULL,
    fine_policy TEXT NOT NULL,
    rules_version BIGINT DEFAULT '0' NOT NULL,
    recalled_at TIMESTAMP WITH TIME ZONE,
    returned_at TIMESTAMP WITH TIME ZONE,
    system_returned_at TIMESTAMP WITH TIME ZONE,
    return_service_point_id UUID,
    override_comment TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT loan_due_after_lent CHECK (due_at > lent_at)
);
CREATE INDEX loan_by_item ON loan (item_id, id);
CREATE INDEX loan_by_patron ON loan (patron_id, id);
CREATE UNIQUE INDEX loan_one_open_per_item ON loan (item_id) WHERE returned_at IS NULL;
CREATE INDEX loan_open_by_due ON loan (due_at) WHERE returned_at IS NULL;
CREATE INDEX loan_open_by_patron ON loan (patron_id, due_at) WHERE returned_at IS NULL;
CREATE TABLE location (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    library TEXT NOT NULL,
    library_name TEXT NOT NULL,
    campus TEXT NOT NULL,
    institution TEXT NOT NULL,
    epoch INTEGER DEFAULT '1' NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id)
);
CREATE INDEX location_library ON location (library);
CREATE TABLE patron (
    id UUID NOT NULL,
    barcode TEXT,
    external_id TEXT,
    group_code TEXT NOT NULL,
    family_name TEXT NOT NULL,
    given_name TEXT,
    email TEXT,
    language TEXT,
    library TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    active BOOLEAN DEFAULT true NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    guard BIGINT DEFAULT '1' NOT NULL,
    open_loans INTEGER DEFAULT '0' NOT NULL,
    owed BIGINT DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT patron_loans_counted CHECK (open_loans >= 0),
    CONSTRAINT patron_owed_counted CHECK (owed >= 0)
);
CREATE UNIQUE INDEX patron_barcode ON patron (barcode) WHERE barcode IS NOT NULL;
CREATE UNIQUE INDEX patron_external_id ON patron (external_id) WHERE external_id IS NOT NULL;
CREATE TABLE reference (
    singleton BOOLEAN DEFAULT true NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (singleton)
);
CREATE TABLE service_point (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX service_point_code ON service_point (code);
CREATE TABLE ledger_entry (
    id UUID NOT NULL,
    booking_id UUID NOT NULL,
    fee_id UUID NOT NULL,
    account TEXT NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(fee_id) REFERENCES fee (id)
);
CREATE INDEX ledger_entry_by_booking ON ledger_entry (booking_id);
CREATE INDEX ledger_entry_by_fee ON ledger_entry (fee_id);
CREATE TABLE patron_block (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    actions TEXT[] NOT NULL,
    note TEXT NOT NULL,
    message TEXT,
    expires_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE INDEX patron_block_by_patron ON patron_block (patron_id);
CREATE TABLE payment (
    id UUID NOT NULL,
    fee_id UUID NOT NULL,
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    method TEXT NOT NULL,
    reference TEXT,
    service_point_id UUID,
    paid_at TIMESTAMP WITH TIME ZONE NOT NULL,
    taken_by TEXT NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT payment_positive CHECK (amount > 0),
    FOREIGN KEY(fee_id) REFERENCES fee (id)
);
CREATE INDEX payment_by_fee ON payment (fee_id);
INSERT INTO reference DEFAULT VALUES;
""")
