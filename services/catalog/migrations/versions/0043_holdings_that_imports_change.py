"""Imports keep what the holdings were whose records they change, so that it can stand again."""

from chassis.migrations import script

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE import_holdings_change (
    import_id UUID NOT NULL,
    holdings_id UUID NOT NULL,
    title_id UUID NOT NULL,
    record BYTEA,
    call_number_scheme TEXT,
    shelving_key TEXT,
    left_as TEXT NOT NULL,
    PRIMARY KEY (import_id, holdings_id)
);
CREATE INDEX import_holdings_change_title ON import_holdings_change (import_id, title_id);
""")
