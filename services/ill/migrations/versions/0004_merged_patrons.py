"""Who a patron of former times is now."""

from chassis.migrations import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Additive."""
    script("""
CREATE TABLE merged_patron (
    merged_ref UUID NOT NULL,
    patron_ref UUID NOT NULL,
    PRIMARY KEY (merged_ref)
);
CREATE INDEX merged_patron_into ON merged_patron (patron_ref);
""")
