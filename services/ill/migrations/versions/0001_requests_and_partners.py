"""Requests, partners, messages, and what is known of patrons."""

from chassis.migrations import script
from chassis.schema import SQL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    script(SQL)
    script("""
CREATE SEQUENCE request_number;
CREATE TABLE configuration (
    singleton BOOLEAN DEFAULT true NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    document JSONB NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE,
    applied_by TEXT,
    PRIMARY KEY (singleton),
    CONSTRAINT configuration_is_one CHECK (singleton)
);
CREATE TABLE known_block (
    block_id UUID NOT NULL,
    patron_ref UUID NOT NULL,
    actions TEXT[] NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    lifted BOOLEAN DEFAULT false NOT NULL,
    epoch INTEGER DEFAULT '1' NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (block_id)
);
CREATE INDEX known_block_by_patron ON known_block (patron_ref);
CREATE TABLE known_patron (
    patron_ref UUID NOT NULL,
    patron_group TEXT NOT NULL,
    epoch INTEGER DEFAULT '1' NOT NULL,
    version BIGINT DEFAULT '0' NOT NULL,
    PRIMARY KEY (patron_ref)
);
CREATE TABLE partner (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    scheme TEXT NOT NULL,
    symbol TEXT NOT NULL,
    address TEXT,
    lends_books BOOLEAN DEFAULT true NOT NULL,
    lends_copies BOOLEAN DEFAULT true NOT NULL,
    borrows BOOLEAN DEFAULT true NOT NULL,
    rank INTEGER DEFAULT '100' NOT NULL,
    last_resort BOOLEAN DEFAULT false NOT NULL,
    days_to_respond INTEGER DEFAULT '4' NOT NULL,
    max_open INTEGER,
    closed_from DATE,
    closed_until DATE,
    lenient BOOLEAN DEFAULT false NOT NULL,
    client_id TEXT,
    note TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT partner_closed_forwards CHECK (closed_from <= closed_until),
    CONSTRAINT partner_has_time_to_respond CHECK (days_to_respond > 0),
    CONSTRAINT partner_takes_some CHECK (max_open > 0)
);
CREATE INDEX partner_by_name ON partner (name, id);
CREATE UNIQUE INDEX partner_one_per_client ON partner (client_id);
CREATE UNIQUE INDEX partner_one_per_symbol ON partner (upper(scheme), upper(symbol));
CREATE TABLE partner_secret (
    partner_id UUID NOT NULL,
    security_code_hash BYTEA,
    given_at TIMESTAMP WITH TIME ZONE,
    our_account TEXT,
    our_security_code TEXT,
    our_token TEXT,
    PRIMARY KEY (partner_id),
    FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE TABLE request (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    side TEXT NOT NULL,
    state TEXT NOT NULL,
    former_state TEXT,
    ended BOOLEAN DEFAULT false NOT NULL,
    service TEXT NOT NULL,
    citation JSONB NOT NULL,
    likeness TEXT NOT NULL,
    patron_ref UUID,
    pickup TEXT,
    partner_id UUID,
    partners_request_id TEXT,
    fingerprint BYTEA,
    service_level TEXT,
    need_before TIMESTAMP WITH TIME ZONE,
    max_cost BIGINT,
    currency TEXT,
    any_edition BOOLEAN DEFAULT true NOT NULL,
    note TEXT,
    status TEXT,
    offer JSONB NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    item_barcode TEXT,
    received_at TIMESTAMP WITH TIME ZONE,
    renewal_pending BOOLEAN DEFAULT false NOT NULL,
    attention TEXT,
    look_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by TEXT NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT request_side CHECK (side IN ('borrowing', 'lending')),
    CONSTRAINT request_service CHECK (service IN ('loan', 'copy', 'copy-or-loan')),
    CONSTRAINT request_of_a_patron CHECK (side = 'lending' OR patron_ref IS NOT NULL),
    CONSTRAINT request_of_a_partner CHECK (side = 'borrowing' OR (partner_id IS NOT NULL AND partners_request_id IS NOT NULL)),
    FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX request_alike ON request (patron_ref, likeness);
CREATE UNIQUE INDEX request_by_number ON request (number);
CREATE INDEX request_by_patron ON request (patron_ref, id);
CREATE INDEX request_by_state ON request (side, state, id);
CREATE INDEX request_due ON request (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX request_needing_attention ON request (id) WHERE attention IS NOT NULL;
CREATE UNIQUE INDEX request_one_per_partners_id ON request (partner_id, partners_request_id) WHERE side = 'lending';
CREATE TABLE rota_entry (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    partner_id UUID NOT NULL,
    position INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    wire_id TEXT,
    suppliers_request_id TEXT,
    tries INTEGER DEFAULT '0' NOT NULL,
    asked_at TIMESTAMP WITH TIME ZONE,
    left_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT rota_state CHECK (state IN ('waiting', 'active', 'skipped', 'left')),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX rota_by_partner ON rota_entry (partner_id) WHERE state = 'active';
CREATE UNIQUE INDEX rota_by_wire_id ON rota_entry (wire_id);
CREATE UNIQUE INDEX rota_one_active_supplier ON rota_entry (request_id) WHERE state = 'active';
CREATE UNIQUE INDEX rota_one_entry_per_supplier ON rota_entry (request_id, partner_id);
CREATE TABLE step (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor TEXT NOT NULL,
    what TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(request_id) REFERENCES request (id)
);
CREATE INDEX step_by_request ON step (request_id, id);
CREATE TABLE message (
    id UUID NOT NULL,
    request_id UUID,
    entry_id UUID,
    partner_id UUID NOT NULL,
    direction TEXT NOT NULL,
    kind TEXT NOT NULL,
    what TEXT NOT NULL,
    document JSONB NOT NULL,
    answer JSONB,
    state TEXT NOT NULL,
    fingerprint BYTEA,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    PRIMARY KEY (id),
    CONSTRAINT message_direction CHECK (direction IN ('in', 'out')),
    CONSTRAINT message_state CHECK (state IN ('queued', 'sent', 'refused', 'failed', 'taken')),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(entry_id) REFERENCES rota_entry (id),
    FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX message_by_age ON message (at);
CREATE INDEX message_by_request ON message (request_id, id);
CREATE INDEX message_queued_by_request ON message (request_id, id) WHERE state = 'queued';
CREATE UNIQUE INDEX message_taken_once ON message (partner_id, fingerprint) WHERE direction = 'in' AND state = 'taken';
CREATE INDEX message_to_be_sent ON message (next_at) WHERE state = 'queued';
INSERT INTO configuration (document) VALUES ('{}')
""")
