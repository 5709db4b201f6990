"""Signing in by other doors than SAML: requests at them, their secrets, and by which one a session began."""

from chassis.migrations import script

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add what they need; sessions that are there began by SAML."""
    script("""
CREATE TABLE door_request (
    state_hash bytea PRIMARY KEY,
    browser_hash bytea NOT NULL,
    door text NOT NULL,
    name text NOT NULL,
    context text,
    return_to text NOT NULL,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX door_request_made ON door_request (made_at);
CREATE TABLE sign_on_secret (
    name text PRIMARY KEY,
    sealed bytea NOT NULL,
    set_at timestamptz NOT NULL,
    set_by text NOT NULL
);
ALTER TABLE browser_session ADD COLUMN door text NOT NULL DEFAULT 'saml';
UPDATE browser_session SET door = 'account' WHERE entity_id IS NULL;
CREATE INDEX browser_session_index ON browser_session (entity_id, session_index);
""")
