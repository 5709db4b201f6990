"""The tables that every service has for its events and retries, as SQL for a service's first migration.

`outbox` is partitioned by the day a row was written: 35 days are kept for replay, then whole days are
dropped. `position` is given out by the relay when an event has been published; readers of the change feed
go by it, because it is committed in order (a row's `seq` is not: see docs/decisions/0003).
"""

OUTBOX_DAYS = 35
PARTITIONS_AHEAD = 3

SQL = """
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    written_on date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    id uuid NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    envelope text NOT NULL,
    published_at timestamptz,
    position bigint,
    PRIMARY KEY (written_on, seq)
) PARTITION BY RANGE (written_on);
CREATE INDEX outbox_unpublished ON outbox (seq) WHERE published_at IS NULL;
CREATE INDEX outbox_by_position ON outbox (position) WHERE position IS NOT NULL;
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
CREATE TABLE outbox_state (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    last_position bigint NOT NULL DEFAULT 0,
    epoch integer NOT NULL DEFAULT 1
);
INSERT INTO outbox_state DEFAULT VALUES;
CREATE TABLE inbox (
    event_id uuid PRIMARY KEY,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_by_age ON inbox (received_at);
CREATE TABLE idempotency (
    principal text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint,
    headers text,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);
CREATE TABLE lease (
    name text PRIMARY KEY,
    last_run_at timestamptz,
    last_took interval,
    last_error text
);
CREATE TABLE dead_letter_verdict (
    event_id uuid NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('replayed', 'discarded')),
    reason text NOT NULL,
    actor text NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now()
)
"""
