"""What an item cost, and what a new copy would."""

from chassis.migrations import script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Additive."""
    script("""
ALTER TABLE item ADD COLUMN purchase_minor BIGINT, ADD COLUMN purchase_currency TEXT,
    ADD COLUMN replacement_minor BIGINT, ADD COLUMN replacement_currency TEXT;
ALTER TABLE item ADD CONSTRAINT item_prices_have_currencies CHECK (purchase_minor >= 0 AND replacement_minor >= 0
    AND (purchase_minor IS NULL) = (purchase_currency IS NULL)
    AND (replacement_minor IS NULL) = (replacement_currency IS NULL)) NOT VALID;
ALTER TABLE item VALIDATE CONSTRAINT item_prices_have_currencies;
""")
