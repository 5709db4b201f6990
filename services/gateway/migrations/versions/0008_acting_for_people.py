"""Programs act for people: consents, codes, families of tokens, devices; machines say how they get tokens."""

from chassis.migrations import script

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add what the previous release does not know; its machines go on as they were."""
    script("""
ALTER TABLE client
    ADD COLUMN grants text[] NOT NULL DEFAULT '{client_credentials}',
    ADD COLUMN redirect_uris text[] NOT NULL DEFAULT '{}',
    ADD COLUMN origins text[] NOT NULL DEFAULT '{}',
    ADD COLUMN public boolean NOT NULL DEFAULT false,
    ADD COLUMN in_house boolean NOT NULL DEFAULT false,
    ADD COLUMN version integer NOT NULL DEFAULT 1;
CREATE TABLE consent (
    id uuid PRIMARY KEY,
    person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    scopes text[] NOT NULL,
    given_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX consent_one ON consent (person_id, client_id);
CREATE INDEX consent_by_client ON consent (client_id);
CREATE TABLE token_family (
    id uuid PRIMARY KEY,
    client_id uuid NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    session_id uuid REFERENCES browser_session (id) ON DELETE CASCADE,
    scopes text[] NOT NULL,
    began_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_for text
);
CREATE INDEX token_family_by_person ON token_family (person_id, client_id);
CREATE INDEX token_family_by_client ON token_family (client_id);
CREATE INDEX token_family_by_session ON token_family (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX token_family_ends ON token_family (ends_at);
CREATE INDEX token_family_revoked ON token_family (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    family_id uuid NOT NULL REFERENCES token_family (id) ON DELETE CASCADE,
    made_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX refresh_token_by_family ON refresh_token (family_id);
CREATE INDEX refresh_token_used ON refresh_token (used_at) WHERE used_at IS NOT NULL;
CREATE TABLE authorization_code (
    code_hash bytea PRIMARY KEY,
    client_id uuid NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    session_id uuid NOT NULL REFERENCES browser_session (id) ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,
    scopes text[] NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    family_id uuid NOT NULL
);
CREATE INDEX authorization_code_expires ON authorization_code (expires_at);
CREATE INDEX authorization_code_by_person ON authorization_code (person_id);
CREATE INDEX authorization_code_by_client ON authorization_code (client_id);
CREATE INDEX authorization_code_by_session ON authorization_code (session_id);
CREATE TABLE pushed_request (
    uri_hash bytea PRIMARY KEY,
    client_id uuid NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    asked jsonb NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX pushed_request_expires ON pushed_request (expires_at);
CREATE INDEX pushed_request_by_client ON pushed_request (client_id);
CREATE TABLE device_request (
    device_hash bytea PRIMARY KEY,
    user_code text NOT NULL,
    client_id uuid NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    scopes text[] NOT NULL,
    state text NOT NULL CONSTRAINT device_request_state CHECK (state IN ('waiting', 'allowed', 'denied', 'done')),
    expires_at timestamptz NOT NULL,
    asked_at timestamptz,
    pause_seconds integer NOT NULL,
    person_id uuid REFERENCES person (id) ON DELETE CASCADE,
    session_id uuid REFERENCES browser_session (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX device_request_user_code ON device_request (user_code);
CREATE INDEX device_request_expires ON device_request (expires_at);
CREATE INDEX device_request_by_client ON device_request (client_id);
CREATE INDEX device_request_by_person ON device_request (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX device_request_by_session ON device_request (session_id) WHERE session_id IS NOT NULL;
""")
