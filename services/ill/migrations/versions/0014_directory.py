"""Several symbols of a library, its branches and other services; requests are told apart by who asked, by symbol."""

from chassis.migrations import script

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Additive: the first symbol stays where it was, and the release before knows no other."""
    script("""
CREATE TABLE partner_symbol (
    partner_id UUID NOT NULL,
    position INTEGER NOT NULL,
    scheme TEXT NOT NULL,
    symbol TEXT NOT NULL,
    branch TEXT,
    preferred_for TEXT[] DEFAULT '{}' NOT NULL,
    PRIMARY KEY (partner_id, position),
    FOREIGN KEY (partner_id) REFERENCES partner (id)
);
CREATE UNIQUE INDEX partner_symbol_one_library ON partner_symbol (upper(scheme), upper(symbol));
CREATE INDEX partner_symbol_by_symbol ON partner_symbol (upper(symbol));
CREATE UNIQUE INDEX partner_symbol_one_for_messages ON partner_symbol (partner_id)
    WHERE 'messages' = ANY (preferred_for);
CREATE UNIQUE INDEX partner_symbol_one_for_slips ON partner_symbol (partner_id) WHERE 'slips' = ANY (preferred_for);
ALTER TABLE partner ADD COLUMN branches JSONB DEFAULT '[]' NOT NULL, ADD COLUMN endpoints JSONB DEFAULT '[]' NOT NULL;
CREATE INDEX partner_by_network ON partner USING gin (networks jsonb_path_ops);
CREATE UNIQUE INDEX request_one_per_asking_id ON request (partner_id, partners_request_id, coalesce(named, ''))
    WHERE side = 'lending';
DROP INDEX request_one_per_partners_id;
""")
