"""Exports that tell of holdings and items; what holdings are received, kept, lent and digitised by."""

from chassis.migrations import script

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Additive; what records say of these policies is read in the background."""
    script("""
ALTER TABLE export ADD COLUMN with_holdings BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE export_title ADD COLUMN holdings_digest BIGINT;
ALTER TABLE export_given ADD COLUMN holdings_digest BIGINT;
CREATE TABLE digitisation_policy (code TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (code));
ALTER TABLE holdings ADD COLUMN policies JSONB, ADD COLUMN digitisation_policy TEXT;
""")
