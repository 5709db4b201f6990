"""Machines prove themselves with a key of their own; each assertion once."""

from chassis.migrations import script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Public keys beside the hash, which then is of no secret."""
    script("""
ALTER TABLE client ADD COLUMN jwks jsonb;
CREATE TABLE client_assertion (
    client_id uuid NOT NULL,
    jti text NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti)
);
CREATE INDEX client_assertion_by_age ON client_assertion (expires_at);
""")
