"""The recorder's and the sender's statements.

Rows are locked in one order everywhere: feed, subscription, place, delivery. Whoever writes deliveries of a
subscription, ends one or claims one holds the subscription's row, so that none of a key is ever forgotten.
"""

from gateway.clients.owners import standing_of

ADD_FEED = """
INSERT INTO webhook_feed (source, position, generation) VALUES ($1, $2, 0) ON CONFLICT (source) DO NOTHING
"""
FEED = "SELECT position, generation FROM webhook_feed WHERE source = $1"
ADVANCE = """
UPDATE webhook_feed SET position = $2 WHERE source = $1 AND position = $3 AND generation = $4 RETURNING true
"""
LOCK_FEED = "SELECT position FROM webhook_feed WHERE source = $1 FOR NO KEY UPDATE"
LEVEL = "UPDATE webhook_feed SET generation = generation + 1 WHERE source = $1"

_HEARS = "w.id, w.types, w.libraries, w.locations, w.keys, w.payload"
LISTENING = f"""
SELECT {_HEARS} FROM webhook w WHERE w.state = 'active'
AND NOT EXISTS (SELECT FROM webhook_place p WHERE p.webhook_id = w.id AND p.source = $1)
"""
BEHIND = f"""
SELECT {_HEARS}, p.position FROM webhook_place p JOIN webhook w ON w.id = p.webhook_id
WHERE p.source = $1 AND w.state = 'active'
"""
ANY_ACTIVE = "SELECT EXISTS (SELECT FROM webhook WHERE state = 'active')"
LOCK = "SELECT id FROM webhook WHERE id = ANY ($1) AND state = 'active' ORDER BY id FOR NO KEY UPDATE"
MOVE_PLACE = """
UPDATE webhook_place SET position = $4 WHERE webhook_id = $1 AND source = $2 AND position = $3 RETURNING again
"""
LEAVE_PLACE = "DELETE FROM webhook_place WHERE webhook_id = $1 AND source = $2"

_RECORD = """
INSERT INTO webhook_delivery (id, webhook_id, kind, message_id, type, key, position, body, traceparent, created_at,
    state, since, tries, failures)
SELECT n.id, n.webhook_id, 'event', n.message_id, n.type, n.key, n.position, n.body, n.traceparent, $9,
    'pending', $9, 0, 0
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::text[])
    AS n (id, webhook_id, message_id, type, key, position, body, traceparent)
ON CONFLICT (webhook_id, message_id)
"""
RECORD = _RECORD + "DO NOTHING"
RECORD_AGAIN = (
    _RECORD
    + """DO UPDATE SET state = 'pending', due_at = NULL, since = excluded.since, failures = 0, ended_at = NULL
WHERE webhook_delivery.state <> 'pending'
"""
)
HOLD_BACK = """
UPDATE webhook_delivery d SET due_at = NULL FROM unnest($1::uuid[], $2::text[]) AS k (webhook_id, key)
WHERE d.webhook_id = k.webhook_id AND d.key = k.key AND d.state = 'pending' AND d.due_at IS NOT NULL
AND d.leased_until IS NULL AND EXISTS (
    SELECT FROM webhook_delivery e WHERE e.webhook_id = k.webhook_id AND e.key = k.key AND e.state = 'pending'
    AND e.position < d.position)
"""
"""What is due and has an earlier one of its key before it again, after a replay."""
BRING_FORWARD = """
UPDATE webhook_delivery d SET due_at = $3, since = CASE WHEN d.failures = 0 THEN $3 ELSE d.since END
FROM unnest($1::uuid[], $2::text[]) AS k (webhook_id, key) CROSS JOIN LATERAL (
    SELECT p.id FROM webhook_delivery p WHERE p.webhook_id = k.webhook_id AND p.key = k.key AND p.state = 'pending'
    ORDER BY p.position LIMIT 1) AS head
WHERE d.id = head.id AND d.due_at IS NULL AND NOT EXISTS (
    SELECT FROM webhook_delivery o WHERE o.webhook_id = k.webhook_id AND o.leased_until IS NOT NULL AND o.key = k.key)
"""
"""The first that waits of each key becomes due, unless another of the key is under way."""

CLAIM = """
WITH ready AS MATERIALIZED (
    SELECT w.id, w.state, least(w.concurrency, coalesce(p.slots, $4),
        CASE WHEN w.failures >= $5 THEN 1 ELSE w.concurrency END) AS most
    FROM webhook w LEFT JOIN unnest($6::uuid[], $7::integer[]) AS p (id, slots) ON p.id = w.id
    WHERE (w.state = 'unverified' OR (w.state = 'active' AND (w.rests_until IS NULL OR w.rests_until <= $1)))
    AND (w.id = ANY ($8::uuid[])) = $9
    AND EXISTS (SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id AND d.due_at <= $1
        AND (w.state = 'active' OR d.kind = 'verification'))
    ORDER BY random() FOR NO KEY UPDATE OF w SKIP LOCKED
), picked AS MATERIALIZED (
    SELECT d.id FROM ready r CROSS JOIN LATERAL (
        SELECT each.id FROM webhook_delivery each WHERE each.webhook_id = r.id AND each.due_at <= $1
        AND (r.state = 'active' OR each.kind = 'verification') ORDER BY each.due_at
        LIMIT greatest(r.most - (SELECT count(*) FROM webhook_delivery f WHERE f.webhook_id = r.id
            AND f.leased_until > $1), 0)
    ) AS d LIMIT $3
)
UPDATE webhook_delivery d SET leased_until = $2, due_at = $2, tries = d.tries + 1
FROM picked p, webhook w WHERE d.id = p.id AND w.id = d.webhook_id AND d.due_at <= $1
RETURNING d.id, d.webhook_id, d.kind, d.message_id, d.type, d.key, d.body, d.traceparent, d.tries, d.failures,
    d.since, w.url, w.challenge, w.concurrency
"""
"""Take what is due, as much as each subscription and this process may have under way. A lease that has run out is
due again: whoever held it has died. (The statement looks at `due_at` once more where it writes: of two processes
that picked the same, the second finds it taken.)"""
SECRETS = """
SELECT webhook_id, kind, sealed FROM webhook_secret
WHERE webhook_id = ANY ($1) AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at DESC, id DESC
"""

LOCK_STANDING = """
SELECT id, state, failures, failing_since, rests_until, last_tried_at, warned FROM webhook
WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE
"""
STILL_OURS = """
SELECT d.id FROM webhook_delivery d JOIN unnest($1::uuid[], $2::integer[]) AS t (id, tries)
ON d.id = t.id AND d.tries = t.tries WHERE d.state = 'pending' AND d.leased_until IS NOT NULL
"""
"""Deliveries that nobody else has taken up since."""
WRITE_TRIES = """
INSERT INTO webhook_try (delivery_id, number, at, took_ms, status, error, answer)
SELECT * FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::integer[], $5::integer[], $6::text[], $7::text[])
ON CONFLICT DO NOTHING
"""
SETTLE = """
UPDATE webhook_delivery d SET state = t.state, due_at = t.due_at, failures = t.failures, leased_until = NULL,
    ended_at = CASE WHEN t.state = 'pending' THEN NULL ELSE $5::timestamptz END
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::integer[]) AS t (id, state, due_at, failures)
WHERE d.id = t.id
"""
STAND = """
UPDATE webhook w SET failures = t.failures, failing_since = t.failing_since, rests_until = t.rests_until,
    last_tried_at = t.last_tried_at, warned = t.warned
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::integer[])
    AS t (id, failures, failing_since, rests_until, last_tried_at, warned)
WHERE w.id = t.id
"""
NOW_DUE = """
UPDATE webhook_delivery SET due_at = $2 WHERE webhook_id = ANY ($1) AND due_at > $2 AND leased_until IS NULL
"""
"""A receiver is back: whatever waits for it is tried at once."""
VERIFIED = """
UPDATE webhook SET state = 'active', reason = NULL, verified_at = $3, failures = 0, failing_since = NULL,
    rests_until = NULL, warned = 0, version = version + 1
WHERE id = $1 AND state = 'unverified' AND challenge = $2 RETURNING true
"""
FRESHLY_DUE = """
UPDATE webhook_delivery SET due_at = $2, since = $2 WHERE webhook_id = $1 AND due_at IS NOT NULL
AND leased_until IS NULL AND kind <> 'verification'
"""
"""What waited while nothing was sent has its days from now on."""
NOT_VERIFIED = """
UPDATE webhook SET reason = 'verification-failed', version = version + 1
WHERE id = $1 AND state = 'unverified' AND challenge = $2
"""

DISABLE = """
UPDATE webhook SET state = 'disabled', reason = $2, announced = announced + 1, version = version + 1
WHERE id = $1 AND state IN ('active', 'unverified', 'paused')
RETURNING announced, owner_kind, owner_ref, failing_since
"""
WARN = """
UPDATE webhook SET warned = warned + 1, announced = announced + 1 WHERE id = $1 AND state = 'active'
RETURNING announced, owner_kind, owner_ref, failing_since
"""
KEEP_PLACE = """
INSERT INTO webhook_place (webhook_id, source, position, again) SELECT $1, source, position, false FROM webhook_feed
ON CONFLICT DO NOTHING
"""
FAILING = """
SELECT id, failing_since, last_tried_at, warned FROM webhook
WHERE state = 'active' AND failing_since <= $1 AND last_tried_at IS NOT NULL
"""
OWNERS = f"""
SELECT w.id, w.types, w.libraries, w.owner_kind, w.owner_ref, w.owner_id,
    c.id IS NOT NULL AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $1) AS client_there,
    c.scopes, c.libraries AS client_libraries,
    c.owner_id IS NOT NULL AS client_owned, o.roles AS client_roles, o.libraries AS client_owner_libraries,
    coalesce(o.disabled, true) AS disabled,
    a.id IS NOT NULL AND NOT a.disabled AS account_there, a.roles, a.libraries AS account_libraries
FROM webhook w
LEFT JOIN client c ON w.owner_kind = 'client' AND c.id = w.owner_id
LEFT JOIN LATERAL ({standing_of("c.owner_id", "$1::timestamptz")}) AS o ON true
LEFT JOIN LATERAL ({standing_of("w.owner_id", "$1::timestamptz")}) AS a ON w.owner_kind = 'staff'
WHERE w.state IN ('active', 'unverified', 'paused') AND ($2::uuid IS NULL OR w.id = $2)
"""

FORGET = (
    "DELETE FROM webhook_try WHERE (delivery_id, number) IN "
    "(SELECT delivery_id, number FROM webhook_try WHERE at < $1 LIMIT 5000)",
    "DELETE FROM webhook_delivery WHERE id IN "
    "(SELECT id FROM webhook_delivery WHERE created_at < $1 AND leased_until IS NULL "
    "LIMIT 5000)",
)
FORGET_DELETED = (
    "DELETE FROM webhook_delivery WHERE id IN (SELECT d.id FROM webhook_delivery d JOIN webhook w "
    "ON w.id = d.webhook_id WHERE w.state = 'deleted' LIMIT 5000)"
)
FORGET_WEBHOOKS = (
    "DELETE FROM webhook w WHERE w.state = 'deleted' "
    "AND NOT EXISTS (SELECT FROM webhook_delivery d WHERE d.webhook_id = w.id)"
)
"""Both go by age; nothing is tried for longer than five days, unless its subscription is disabled."""
