"""A hold is placed in two round trips: one statement looks, one acts (loans/statements.py tells how it is guarded).

The act takes the title's queue first, then the patron, then copies by id: the order in which everybody takes them.
"""

from functools import cache
from typing import Final

from circulation.holds.tables import OPEN
from circulation.items.tables import LEFT
from circulation.loans.statements import PATRON_FACTS

_OWN: Final = (
    "title_ids",
    "location",
    "library",
    "campus",
    "institution",
    "material_type",
    "loan_type",
    "base",
    "state",
    "loan_id",
    "hold_shelf",
    "transit_to",
    "withdrawal_id",
    "loss",
)
_COPY: Final = (
    *_OWN,
    "new_since",
    "volume",
    "volume_key",
    "lent_to",
    "loan_due_at",
    "recalled_at",
    "apart",
    "left_behind",
)
_KNOWN: Final = f"""
    SELECT r.version AS reference, o.fingerprint, o.status, o.headers, o.body, t.id AS title_id, $7::text AS wanted,
        coalesce((SELECT q.guard FROM hold_queue q WHERE q.title_id = t.id), 0) AS queue_guard,
        coalesce((SELECT max(h.position) FROM hold h WHERE h.title_id = t.id), 0) AS queue_length,
        (SELECT campus FROM location WHERE library = $8 LIMIT 1) AS pickup_campus,
        (SELECT institution FROM location WHERE library = $8 LIMIT 1) AS pickup_institution,
        {PATRON_FACTS.format(action="'hold'", now="$9::timestamptz")}, held.*,
        {{placed_today}} AS placed_today
    FROM (SELECT version FROM reference LIMIT 1) r
    CROSS JOIN (SELECT coalesce($3::uuid, (SELECT title_ids[1] FROM item WHERE id = $4)) AS id) t
    LEFT JOIN idempotency o ON o.principal = $5 AND o.key = $6
    LEFT JOIN patron p ON p.id = coalesce($1::uuid, (SELECT id FROM patron WHERE barcode = $2))
    LEFT JOIN LATERAL (
        SELECT count(*) AS open_holds, count(h.suspended_at) AS suspended_holds,
            jsonb_agg(jsonb_build_array(h.nth, h.level, h.item_id, h.volume_key,
                CASE WHEN h.level = 'item' THEN (SELECT i.volume_key FROM item i WHERE i.id = h.item_id) END
            )) FILTER (WHERE h.title_id = t.id) AS held
        FROM hold h WHERE h.patron_id = p.id AND h.{OPEN}
    ) held ON true
"""
_TODAY: Final = "(SELECT count(*) FROM hold h WHERE h.patron_id = p.id AND h.placed_at >= $10::timestamptz)"
_OUT: Final = "i.loan_id IS NOT NULL OR i.transit_to IS NOT NULL"
_APART: Final = f"CASE WHEN {_OUT} THEN i.id END"


@cache
def look_hold(*, item: bool, every: bool, by_day: bool) -> str:
    """The look, as one statement of few: a part that a parameter left out would be planned at each call.

    Copies that are alike in all that a rule may ask for come as one row with the id, guard and count of events of
    the one that was made first: of a serial's thousands of copies a handful of rows. Those that are out come each
    for itself; `every` copy does where it is to be told, or where it matters how new it is. `item`: one is named,
    and no other is read. `by_day`: somebody asks how many holds the patron placed today.

    $1 patron id, $2 patron barcode, $3 title id, $4 item id, $5 principal, $6 key, $7 volume, $8 the pickup
    point's library, $9 now, and with `by_day` $10 midnight
    """
    apart = "i.id" if every else _APART
    volumes = "true" if every else "$4::uuid IS NOT NULL OR known.wanted IS NOT NULL"
    which = "i.title_ids @> ARRAY[known.title_id]"
    if not every:
        which = "i.id = $4" if item else f"{which} AND (known.wanted IS NULL OR i.volume_key = known.wanted)"
    return f"""
WITH known AS MATERIALIZED ({_KNOWN.format(placed_today=_TODAY if by_day else "0")})
SELECT known.*, copy.*
FROM known LEFT JOIN LATERAL (
    SELECT min(concat_ws(' ', c.id, c.guard, c.told)) AS first, min(c.labelled) AS low, max(c.labelled) AS high,
        c.{", c.".join(_COPY)}
    FROM (
        SELECT i.id, i.guard, i.told, i.{", i.".join(_OWN)}, coalesce(i.volume_key, '') COLLATE "C" AS labelled,
            {"i.new_since" if every else "NULL::timestamptz AS new_since"},
            CASE WHEN {volumes} THEN i.volume END AS volume, CASE WHEN {volumes} THEN i.volume_key END AS volume_key,
            l.patron_id AS lent_to, l.due_at AS loan_due_at, l.recalled_at, {apart} AS apart,
            coalesce(i.{LEFT}, false) AS left_behind
        FROM item i LEFT JOIN loan l ON l.id = i.loan_id
        WHERE {which} AND i.base <> 'withdrawn'
    ) c
    GROUP BY c.{", c.".join(_COPY)}
) copy ON true
"""


@cache
def look_copies(*, item: bool, volumes: bool) -> str:
    """The copies of a hold that waits, in the same few rows; one that was looked for in vain stands apart.

    `item`: one is named, and no other is read. `volumes`: it matters of which volume they are.

    $1 title, $2 the pickup point's library, $3 the hold, $4 item
    """
    which = "i.id = $4 AND i.title_ids @> ARRAY[$1::uuid]" if item else "i.title_ids @> ARRAY[$1::uuid]"
    return f"""
SELECT min(concat_ws(' ', c.id, c.guard, c.told)) AS first, c.missed, c.{", c.".join(_COPY)},
    (SELECT campus FROM location WHERE library = $2::text LIMIT 1) AS pickup_campus,
    (SELECT institution FROM location WHERE library = $2 LIMIT 1) AS pickup_institution
FROM (
    SELECT i.id, i.guard, i.told, i.{", i.".join(_OWN)}, NULL::timestamptz AS new_since, NULL::text AS volume,
        {"i.volume_key" if volumes else "NULL::text AS volume_key"},
        l.patron_id AS lent_to, l.due_at AS loan_due_at, l.recalled_at, {_APART} AS apart,
        coalesce(i.{LEFT}, false) AS left_behind,
        EXISTS (SELECT FROM hold_missed m WHERE m.hold_id = $3::uuid AND m.item_id = i.id) AS missed
    FROM item i
    LEFT JOIN LATERAL (
        SELECT patron_id, due_at, recalled_at FROM loan WHERE id = i.loan_id OFFSET 0  -- never all loans for a few
    ) l ON i.loan_id IS NOT NULL
    WHERE {which} AND i.base <> 'withdrawn'
) c
GROUP BY c.missed, c.{", c.".join(_COPY)}
"""


ACT_HOLD: Final = """
WITH free AS MATERIALIZED (
    SELECT pg_try_advisory_xact_lock(hashtextextended(($1::uuid)::text, 0)) AS it
), line AS (
    INSERT INTO hold_queue AS q (title_id, guard)
    SELECT $1, 1 FROM free
    WHERE free.it AND ($3::int = 1 OR EXISTS (SELECT FROM hold h WHERE h.title_id = $1 AND h.position = $3 - 1))
    ON CONFLICT (title_id) DO UPDATE SET guard = q.guard + 1 WHERE q.guard = $2
    RETURNING q.title_id
), guard AS (
    SELECT p.id AS patron_id FROM line, patron p, reference r
    WHERE p.id = $4 AND p.guard = $5 AND r.version = $6
    FOR NO KEY UPDATE OF p
), copies AS (
    SELECT i.id FROM guard, unnest($7::uuid[], $8::bigint[]) AS seen (id, guard)
    JOIN item i ON i.id = seen.id AND i.guard = seen.guard
    ORDER BY i.id FOR NO KEY UPDATE OF i
), clear AS (
    SELECT FROM guard WHERE (SELECT count(*) FROM copies) = cardinality($7::uuid[])
), placed AS (
    INSERT INTO hold (id, kind, level, title_id, item_id, patron_id, pickup_id, state, position, policy, placed_at,
        expires_at, proxy_id, volume_key, volume, fulfilment, delivery_address_type, nth, retarget_at)
    SELECT $9, $10, $11, $1, $12, $4, $13, 'waiting', $3, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23 FROM clear
    RETURNING id
), holder AS (
    UPDATE patron SET guard = guard + 1 FROM placed WHERE patron.id = $4
), piece AS (
    UPDATE item SET guard = guard + 1,
        told = CASE WHEN item.id = $24::uuid THEN told + 1 ELSE told END,
        state = CASE WHEN item.id = $24 THEN 'paged' ELSE state END,
        hold_id = CASE WHEN item.id = $24 THEN placed.id ELSE hold_id END,
        kept_for = CASE WHEN item.id = $24 THEN $4 ELSE kept_for END
    FROM placed WHERE item.id = ANY ($7::uuid[])
), told AS (
    INSERT INTO outbox (id, type, key, envelope)
    SELECT e.* FROM placed, unnest($25::uuid[], $26::text[], $27::text[], $28::text[]) AS e
), kept AS (
    INSERT INTO idempotency (principal, key, fingerprint, status, headers, body)
    SELECT $29, $30, $31, 201, $32, $33 FROM placed WHERE $29::text IS NOT NULL
)
SELECT EXISTS (SELECT FROM placed)
"""
"""$1 title, $2 the queue's guard, $3 position, $4 patron, $5 their guard, $6 version of the configuration, $7 and $8
copies and their guards: those that are out, and the one that is paged; $9 to $23 the hold, $24 the copy that is paged;
$25 to $28 events; $29 to $33 the answer, if it is kept

The position is one more than was seen: exact, since whatever changes a queue raises its guard. That the hold before
is there is asked for the sake of processes of the previous release, which hold the queue's advisory lock and know
of no guard."""
