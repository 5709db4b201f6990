"""Accounts have second factors: an app's codes, recovery codes, passkeys."""

from chassis.migrations import script

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the tables; nobody has any yet."""
    script("""
CREATE TABLE account_totp (
    account_id uuid PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0
);
CREATE TABLE recovery_code (
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    digest bytea NOT NULL,
    PRIMARY KEY (account_id, digest)
);
CREATE TABLE passkey (
    credential_id bytea PRIMARY KEY,
    id uuid NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    name text NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    made_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX passkey_by_account ON passkey (account_id);
""")
