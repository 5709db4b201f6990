"""Rates of exchange are read from sources, and kept by day; orders and invoices tell whose rate they took."""

from chassis.migrations import script

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the tables of sources and rates."""
    script("""
CREATE TABLE rate_source (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    format TEXT NOT NULL,
    url TEXT NOT NULL,
    key_name TEXT,
    key_in TEXT NOT NULL,
    sealed BYTEA,
    every_hours INTEGER NOT NULL,
    active BOOLEAN DEFAULT true NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    asked_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    error TEXT,
    failures INTEGER DEFAULT '0' NOT NULL,
    last_rated_on DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT rate_source_format CHECK (format IN ('ecb-xml', 'json'))
);
CREATE UNIQUE INDEX rate_source_one_per_code ON rate_source (code);
CREATE INDEX rate_source_due ON rate_source (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE exchange_rate (
    source_id UUID NOT NULL,
    currency TEXT NOT NULL,
    rated_on DATE NOT NULL,
    base TEXT NOT NULL,
    rate NUMERIC(19, 10) NOT NULL,
    read_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (source_id, currency, rated_on),
    CONSTRAINT exchange_rate_of_something CHECK (rate > 0),
    FOREIGN KEY(source_id) REFERENCES rate_source (id)
);
ALTER TABLE purchase_order ADD COLUMN rate_source_id UUID;
ALTER TABLE purchase_order ADD COLUMN rated_on DATE;
ALTER TABLE purchase_order ADD COLUMN rate_note TEXT;
ALTER TABLE invoice ADD COLUMN rate_source_id UUID;
ALTER TABLE invoice ADD COLUMN rated_on DATE;
ALTER TABLE invoice ADD COLUMN rate_note TEXT;
""")
