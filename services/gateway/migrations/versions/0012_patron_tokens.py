"""PAIA auth gives out tokens."""

from chassis.migrations import script

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the table."""
    script("""
CREATE TABLE patron_token (
    token_hash bytea PRIMARY KEY,
    patron_id uuid NOT NULL,
    scopes text[] NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE INDEX patron_token_by_patron ON patron_token (patron_id, ends_at);
CREATE INDEX patron_token_ends ON patron_token (ends_at);
""")
