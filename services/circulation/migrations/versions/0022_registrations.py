"""Names, addresses, identifiers and consents of patrons."""

from chassis.migrations import script

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Additive; rows that the previous release writes get their searched names by a timer."""
    script("""
ALTER TABLE patron ADD COLUMN preferred_name TEXT;
ALTER TABLE patron ADD COLUMN sort_name TEXT;
ALTER TABLE patron ADD COLUMN name_order TEXT;
ALTER TABLE patron ADD COLUMN name_forms JSONB DEFAULT '[]' NOT NULL;
ALTER TABLE patron ADD COLUMN birth_on DATE;
ALTER TABLE patron ADD COLUMN note TEXT;
ALTER TABLE patron ADD COLUMN addresses JSONB DEFAULT '[]' NOT NULL;
ALTER TABLE patron ADD COLUMN emails JSONB DEFAULT '[]' NOT NULL;
ALTER TABLE patron ADD COLUMN phones JSONB DEFAULT '[]' NOT NULL;
ALTER TABLE patron ADD COLUMN statistics JSONB DEFAULT '{}' NOT NULL;
ALTER TABLE patron ADD COLUMN name_key TEXT COLLATE "C";
ALTER TABLE patron ADD COLUMN name_words TSVECTOR;
CREATE INDEX patron_by_name ON patron (name_key, id);
CREATE INDEX patron_by_words ON patron USING gin (name_words);
CREATE INDEX patron_nameless ON patron (id) WHERE name_key IS NULL;
CREATE TABLE patron_identifier (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    state TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT patron_identifier_state CHECK (state IN ('current', 'replaced', 'merged')),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE UNIQUE INDEX patron_identifier_once ON patron_identifier (kind, value);
CREATE INDEX patron_identifier_by_patron ON patron_identifier (patron_id, kind, value);
CREATE TABLE patron_consent (
    id UUID NOT NULL,
    patron_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    given_by TEXT NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    withdrawn_by TEXT,
    PRIMARY KEY (id),
    FOREIGN KEY(patron_id) REFERENCES patron (id)
);
CREATE UNIQUE INDEX patron_consent_one_given ON patron_consent (patron_id, purpose) WHERE withdrawn_at IS NULL;
CREATE INDEX patron_consent_by_patron ON patron_consent (patron_id, id);
""")
