"""Signing in by a campus: the document, keys, identity providers, requests, persons, sessions."""

from chassis.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables."""
    script("""
CREATE TABLE sign_on (
    one boolean PRIMARY KEY DEFAULT true CONSTRAINT sign_on_only_one CHECK (one),
    version integer NOT NULL DEFAULT 1,
    document jsonb NOT NULL,
    applied_at timestamptz,
    applied_by text
);
INSERT INTO sign_on (document) VALUES ('{}');
CREATE TABLE saml_key (
    kid text PRIMARY KEY,
    state text NOT NULL CONSTRAINT saml_key_state CHECK (state IN ('next', 'current', 'former')),
    sealed bytea NOT NULL,
    certificate text NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX saml_key_one_current ON saml_key (state) WHERE state = 'current';
CREATE UNIQUE INDEX saml_key_one_next ON saml_key (state) WHERE state = 'next';
CREATE TABLE saml_source (
    name text PRIMARY KEY,
    settings bytea NOT NULL,
    fetched_at timestamptz,
    tried_at timestamptz,
    valid_until timestamptz,
    tags jsonb NOT NULL DEFAULT '{}',
    digest bytea,
    providers integer NOT NULL DEFAULT 0,
    failure text,
    failing_since timestamptz
);
CREATE TABLE saml_provider (
    source text NOT NULL REFERENCES saml_source (name) ON DELETE CASCADE,
    entity_id text NOT NULL,
    ordinal integer NOT NULL,
    label text NOT NULL,
    hidden boolean NOT NULL,
    admitted boolean NOT NULL,
    valid_until timestamptz,
    asked_again_at timestamptz,
    document jsonb,
    search tsvector NOT NULL,
    PRIMARY KEY (source, entity_id)
);
CREATE INDEX saml_provider_entity ON saml_provider (entity_id, ordinal);
CREATE INDEX saml_provider_by_label ON saml_provider (label, entity_id) WHERE admitted AND NOT hidden;
CREATE INDEX saml_provider_search ON saml_provider USING gin (search) WHERE admitted AND NOT hidden;
CREATE INDEX saml_provider_due ON saml_provider (asked_again_at) WHERE asked_again_at IS NOT NULL;
CREATE TABLE saml_request (
    id text PRIMARY KEY,
    relay_hash bytea NOT NULL,
    browser_hash bytea NOT NULL,
    entity_id text NOT NULL,
    context text,
    return_to text NOT NULL,
    made_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE UNIQUE INDEX saml_request_relay ON saml_request (relay_hash);
CREATE INDEX saml_request_made ON saml_request (made_at);
CREATE TABLE saml_message_seen (
    digest bytea PRIMARY KEY,
    until timestamptz NOT NULL
);
CREATE INDEX saml_message_seen_until ON saml_message_seen (until);
CREATE TABLE person (
    id uuid PRIMARY KEY,
    key_kind text NOT NULL,
    key_value text NOT NULL,
    entity_id text NOT NULL,
    patron_id uuid,
    registered_at timestamptz NOT NULL,
    signed_in_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX person_key ON person (key_kind, key_value);
CREATE TABLE browser_session (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL,
    person_id uuid NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    patron_id uuid,
    roles text[] NOT NULL,
    libraries text[],
    entity_id text,
    name_hash bytea,
    name_sealed bytea,
    session_index text,
    context text,
    authenticated_at timestamptz,
    began_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    idle_seconds integer NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX browser_session_token ON browser_session (token_hash);
CREATE INDEX browser_session_name ON browser_session (entity_id, name_hash);
CREATE INDEX browser_session_person ON browser_session (person_id);
CREATE INDEX browser_session_ends ON browser_session (ends_at);
CREATE TABLE sign_in (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    entity_id text NOT NULL,
    person_id uuid,
    outcome text NOT NULL CONSTRAINT sign_in_outcome CHECK (outcome IN ('signed-in', 'turned-away', 'refused')),
    reasons text[] NOT NULL,
    facts jsonb NOT NULL,
    standing jsonb NOT NULL
);
CREATE INDEX sign_in_at ON sign_in (at);
CREATE INDEX sign_in_person ON sign_in (person_id, id);
""")
