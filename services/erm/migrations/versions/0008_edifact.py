"""EDIFACT: accounts with vendors, interchanges, messages, what vendors report and what they have sent."""

from chassis.migrations import script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make their tables."""
    script("""
CREATE TABLE edifact_quoted_line (
    order_line_id UUID NOT NULL,
    reference TEXT NOT NULL,
    PRIMARY KEY (order_line_id)
);
CREATE TABLE edifact_account (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    account_number TEXT,
    vendor_code TEXT NOT NULL,
    vendor_qualifier TEXT NOT NULL,
    library_code TEXT NOT NULL,
    library_qualifier TEXT NOT NULL,
    character_set TEXT NOT NULL,
    send_orders BOOLEAN DEFAULT false NOT NULL,
    test BOOLEAN DEFAULT false NOT NULL,
    branches JSONB NOT NULL,
    default_location_id UUID,
    default_fund_id UUID,
    refusal_codes TEXT[] DEFAULT '{}' NOT NULL,
    last_reference BIGINT DEFAULT '0' NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    FOREIGN KEY(default_fund_id) REFERENCES fund (id)
);
CREATE INDEX edifact_account_by_organisation ON edifact_account (organisation_id, id);
CREATE UNIQUE INDEX edifact_account_one_per_codes ON edifact_account (vendor_code, library_code);
CREATE TABLE edifact_interchange (
    id UUID NOT NULL,
    direction TEXT NOT NULL,
    account_id UUID,
    state TEXT NOT NULL,
    sender TEXT NOT NULL,
    sender_qualifier TEXT NOT NULL,
    recipient TEXT NOT NULL,
    recipient_qualifier TEXT NOT NULL,
    reference TEXT NOT NULL,
    prepared TEXT NOT NULL,
    character_set TEXT NOT NULL,
    separators TEXT NOT NULL,
    test BOOLEAN DEFAULT false NOT NULL,
    digest TEXT NOT NULL,
    findings JSONB NOT NULL,
    messages INTEGER NOT NULL,
    content BYTEA,
    file_name TEXT,
    failure TEXT,
    sent_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT edifact_interchange_direction CHECK (direction IN ('in', 'out')),
    CONSTRAINT edifact_interchange_state CHECK (state IN ('taken', 'made', 'sent', 'failed')),
    FOREIGN KEY(account_id) REFERENCES edifact_account (id)
);
CREATE INDEX edifact_interchange_by_account ON edifact_interchange (account_id, id);
CREATE INDEX edifact_interchange_by_state ON edifact_interchange (state, id);
CREATE UNIQUE INDEX edifact_interchange_once ON edifact_interchange (digest) WHERE direction = 'in';
CREATE UNIQUE INDEX edifact_interchange_one_per_reference ON edifact_interchange (account_id, reference) WHERE direction = 'out';
CREATE TABLE edifact_message (
    id UUID NOT NULL,
    interchange_id UUID,
    direction TEXT NOT NULL,
    account_id UUID,
    reference TEXT,
    kind TEXT NOT NULL,
    release TEXT NOT NULL,
    document_number TEXT,
    state TEXT NOT NULL,
    again BOOLEAN DEFAULT false NOT NULL,
    reasons JSONB NOT NULL,
    text TEXT,
    digest TEXT,
    first_segment INTEGER DEFAULT '1' NOT NULL,
    first_line INTEGER DEFAULT '1' NOT NULL,
    order_id UUID,
    invoice_id UUID,
    despatch_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    done_at TIMESTAMP WITH TIME ZONE,
    done_by TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT edifact_message_state CHECK (state IN ('received', 'held', 'applied', 'rejected', 'duplicate', 'discarded', 'pending', 'sent', 'acknowledged', 'withdrawn')),
    FOREIGN KEY(interchange_id) REFERENCES edifact_interchange (id),
    FOREIGN KEY(account_id) REFERENCES edifact_account (id),
    FOREIGN KEY(order_id) REFERENCES purchase_order (id),
    FOREIGN KEY(invoice_id) REFERENCES invoice (id)
);
CREATE INDEX edifact_message_by_document ON edifact_message (account_id, kind, document_number) WHERE state = 'applied';
CREATE INDEX edifact_message_by_interchange ON edifact_message (interchange_id, id);
CREATE INDEX edifact_message_by_order ON edifact_message (order_id, id) WHERE order_id IS NOT NULL;
CREATE INDEX edifact_message_by_state ON edifact_message (state, id);
CREATE UNIQUE INDEX edifact_message_once ON edifact_message (account_id, kind, document_number, digest) WHERE state = 'applied';
CREATE UNIQUE INDEX edifact_message_one_pending ON edifact_message (order_id) WHERE state = 'pending';
CREATE INDEX edifact_message_to_do ON edifact_message (id) WHERE state = 'received';
CREATE INDEX edifact_message_to_send ON edifact_message (account_id, id) WHERE state = 'pending';
CREATE TABLE despatch_advice (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    message_id UUID NOT NULL,
    number TEXT NOT NULL,
    dated DATE,
    expected_on DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    FOREIGN KEY(message_id) REFERENCES edifact_message (id)
);
CREATE INDEX despatch_advice_by_number ON despatch_advice (number, id);
CREATE INDEX despatch_advice_by_organisation ON despatch_advice (organisation_id, id);
CREATE TABLE edifact_line_report (
    order_line_id UUID NOT NULL,
    message_id UUID NOT NULL,
    report TEXT NOT NULL,
    action TEXT,
    codes TEXT[] DEFAULT '{}' NOT NULL,
    text TEXT,
    ordered INTEGER,
    despatched INTEGER,
    back_ordered INTEGER,
    expected_on DATE,
    price BIGINT,
    reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (order_line_id),
    FOREIGN KEY(message_id) REFERENCES edifact_message (id)
);
CREATE TABLE despatch_advice_line (
    despatch_id UUID NOT NULL,
    position INTEGER NOT NULL,
    order_line_id UUID NOT NULL,
    quantity INTEGER NOT NULL,
    parcel TEXT,
    receipt_id UUID,
    PRIMARY KEY (despatch_id, position),
    CONSTRAINT despatch_advice_line_of_something CHECK (quantity > 0),
    FOREIGN KEY(despatch_id) REFERENCES despatch_advice (id),
    FOREIGN KEY(receipt_id) REFERENCES receipt (id)
);
CREATE INDEX despatch_advice_line_by_order_line ON despatch_advice_line (order_line_id);
CREATE INDEX despatch_advice_line_by_parcel ON despatch_advice_line (parcel) WHERE parcel IS NOT NULL;
""")
