"""Organisations are known by other names, too; whom to ask there, where to sign in, where they want their money."""

from chassis.migrations import script

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Organisations have no other names and contacts until somebody tells them."""
    script("""
ALTER TABLE organisation ADD COLUMN aliases TEXT[] DEFAULT '{}' NOT NULL,
    ADD COLUMN contacts JSONB DEFAULT '[]' NOT NULL;
CREATE FUNCTION organisation_names(code TEXT, name TEXT, aliases TEXT[]) RETURNS TEXT[] IMMUTABLE LANGUAGE sql
    AS $$ SELECT array_agg(lower(each)) FROM unnest(aliases || code || name) each $$;
CREATE INDEX organisation_by_name ON organisation USING gin (organisation_names(code, name, aliases));
CREATE TABLE organisation_interface (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    name TEXT NOT NULL,
    kinds TEXT[] DEFAULT '{}' NOT NULL,
    url TEXT,
    user_name TEXT,
    sealed BYTEA,
    secret_set_at TIMESTAMP WITH TIME ZONE,
    note TEXT,
    active BOOLEAN DEFAULT true NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT organisation_interface_secret_is_dated CHECK ((sealed IS NULL) = (secret_set_at IS NULL)),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id)
);
CREATE INDEX organisation_interface_by_organisation ON organisation_interface (organisation_id, id);
CREATE TABLE bank_account (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    holder TEXT NOT NULL,
    iban TEXT,
    account_number TEXT,
    routing_code TEXT,
    bic TEXT,
    bank TEXT,
    currency TEXT,
    note TEXT,
    state TEXT NOT NULL,
    told_by TEXT NOT NULL,
    confirmed_by TEXT,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version BIGINT DEFAULT '1' NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT bank_account_state CHECK (state IN ('unconfirmed', 'confirmed', 'closed')),
    CONSTRAINT bank_account_has_one_number CHECK ((iban IS NULL) <> (account_number IS NULL)),
    CONSTRAINT bank_account_by_two CHECK (confirmed_by <> told_by),
    CONSTRAINT bank_account_confirmed_by_somebody CHECK (state <> 'confirmed' OR confirmed_by IS NOT NULL),
    FOREIGN KEY(organisation_id) REFERENCES organisation (id)
);
CREATE INDEX bank_account_by_organisation ON bank_account (organisation_id, id);
CREATE UNIQUE INDEX bank_account_once ON bank_account
    (organisation_id, coalesce(iban, account_number), coalesce(routing_code, '')) WHERE state <> 'closed';
""")
