"""Keys, accounts, clients, audit."""

from chassis.migrations import script
from chassis.schema import SQL

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    script(SQL)
    script("""
CREATE TABLE signing_key (
    kid text PRIMARY KEY,
    sealed bytea NOT NULL,
    signs_from timestamptz NOT NULL,
    signs_until timestamptz NOT NULL
);
CREATE TABLE account (
    id uuid PRIMARY KEY,
    username text NOT NULL CONSTRAINT account_username_folded CHECK (username = lower(username)),
    password_hash text NOT NULL,
    roles text[] NOT NULL,
    patron_id uuid,
    libraries text[],
    service_point_id uuid,
    disabled boolean NOT NULL DEFAULT false,
    failures integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX account_username ON account (username);
CREATE TABLE client (
    id uuid PRIMARY KEY,
    kind text NOT NULL CONSTRAINT client_kind CHECK (kind IN ('oauth2', 'api-key')),
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    libraries text[],
    service_point_id uuid,
    expires_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL
);
CREATE TABLE audit_entry (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status integer NOT NULL,
    took_ms integer NOT NULL,
    traceparent text,
    address text
);
CREATE INDEX audit_entry_by_actor ON audit_entry (actor, id);
""")
