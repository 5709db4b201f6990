"""Sources on the net: who has it, what it is, whether it is free, and whether it is in."""

from chassis.migrations import script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE lookup (
    id UUID NOT NULL,
    request_id UUID NOT NULL,
    kind TEXT NOT NULL,
    by TEXT NOT NULL,
    url TEXT NOT NULL,
    partner_id UUID,
    reads JSONB DEFAULT '[]' NOT NULL,
    state TEXT NOT NULL,
    outcome JSONB,
    error TEXT,
    attempts INTEGER DEFAULT '0' NOT NULL,
    next_at TIMESTAMP WITH TIME ZONE,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    answered_at TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (id),
    CONSTRAINT lookup_state CHECK (state IN ('waiting', 'answered', 'silent', 'dropped')),
    CONSTRAINT lookup_kind CHECK (kind IN ('citation', 'open-access', 'index', 'availability')),
    FOREIGN KEY(request_id) REFERENCES request (id),
    FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX lookup_by_request ON lookup (request_id, id);
CREATE INDEX lookup_by_age ON lookup (asked_at);
CREATE INDEX lookup_to_be_made ON lookup (next_at) WHERE state = 'waiting';
ALTER TABLE partner ADD COLUMN holdings_code TEXT, ADD COLUMN catalogue_url TEXT,
    ADD COLUMN catalogue_version TEXT DEFAULT '1.2' NOT NULL,
    ADD COLUMN catalogue_schema TEXT DEFAULT 'marcxml' NOT NULL,
    ADD COLUMN catalogue_silent TEXT DEFAULT 'ask' NOT NULL
        CONSTRAINT partner_catalogue_silent CHECK (catalogue_silent IN ('ask', 'skip'));
ALTER TABLE request ADD COLUMN citation_told JSONB;
ALTER TABLE rota_entry ADD COLUMN chosen BOOLEAN DEFAULT false NOT NULL, ADD COLUMN record_id TEXT,
    ADD COLUMN call_number TEXT;
""")
