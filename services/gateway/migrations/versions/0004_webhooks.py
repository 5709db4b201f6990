"""Webhooks: subscriptions, where each stands in the feeds, deliveries and their tries."""

from chassis.migrations import script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    script("""
CREATE TABLE webhook (
    id uuid NOT NULL,
    owner_kind text NOT NULL,
    owner_ref text NOT NULL,
    owner_id uuid,
    description text NOT NULL,
    url text NOT NULL,
    types text[] NOT NULL,
    libraries text[],
    locations text[],
    keys text[],
    payload text NOT NULL,
    data_agreement text,
    signature text NOT NULL,
    concurrency integer NOT NULL,
    state text NOT NULL,
    reason text,
    challenge text NOT NULL,
    created_at timestamptz NOT NULL,
    verified_at timestamptz,
    failures integer NOT NULL,
    failing_since timestamptz,
    last_tried_at timestamptz,
    rests_until timestamptz,
    warned integer NOT NULL,
    announced integer NOT NULL,
    version integer NOT NULL,
    PRIMARY KEY (id),
    CONSTRAINT webhook_state CHECK (state IN ('unverified', 'active', 'paused', 'disabled', 'deleted')),
    CONSTRAINT webhook_full_by_agreement CHECK (payload <> 'full' OR data_agreement IS NOT NULL)
);
CREATE INDEX webhook_by_owner ON webhook (owner_kind, owner_ref, id);
CREATE TABLE webhook_secret (
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    kind text NOT NULL,
    sealed bytea NOT NULL,
    public text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (id)
);
CREATE INDEX webhook_secret_of ON webhook_secret (webhook_id);
CREATE TABLE webhook_feed (
    source text NOT NULL,
    position bigint NOT NULL,
    generation bigint NOT NULL,
    PRIMARY KEY (source)
);
CREATE TABLE webhook_place (
    webhook_id uuid NOT NULL,
    source text NOT NULL,
    position bigint NOT NULL,
    again boolean NOT NULL,
    PRIMARY KEY (webhook_id, source)
);
CREATE TABLE webhook_delivery (
    id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    kind text NOT NULL,
    message_id text NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    position bigint NOT NULL,
    body bytea NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL,
    state text NOT NULL,
    due_at timestamptz,
    leased_until timestamptz,
    since timestamptz NOT NULL,
    tries integer NOT NULL,
    failures integer NOT NULL,
    ended_at timestamptz,
    PRIMARY KEY (id),
    CONSTRAINT webhook_delivery_state CHECK (state IN ('pending', 'delivered', 'failed', 'skipped')),
    CONSTRAINT webhook_delivery_due_while_pending CHECK (state = 'pending' OR due_at IS NULL)
);
CREATE INDEX webhook_delivery_by_age ON webhook_delivery (created_at);
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_delivery_in_order ON webhook_delivery (webhook_id, key, position) WHERE state = 'pending';
CREATE INDEX webhook_delivery_leased ON webhook_delivery (webhook_id) WHERE leased_until IS NOT NULL;
CREATE INDEX webhook_delivery_log ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_log_by_state ON webhook_delivery (webhook_id, state, id);
CREATE UNIQUE INDEX webhook_delivery_once ON webhook_delivery (webhook_id, message_id);
CREATE TABLE webhook_try (
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    took_ms integer NOT NULL,
    status integer,
    error text,
    answer text,
    PRIMARY KEY (delivery_id, number)
);
CREATE INDEX webhook_try_by_age ON webhook_try (at);
""")
