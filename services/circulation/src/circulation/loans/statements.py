"""The busy desk's statements: one that looks, one that acts. Two round trips, no explicit transaction.

The guard of an act locks the rows it was decided by and lets nothing through unless they are as they were
read: every other part hangs on it, so a guard that fails anywhere writes nothing anywhere. PostgreSQL
checks the conditions again on a row that changed while it waited for the lock (READ COMMITTED), which
makes a lost race look the same as a stale read: nothing was written, look again.
"""

from typing import Final

from circulation.holds.tables import FILLED_BY
from circulation.patrons.standing import OUT, OUT_NOW

BLOCKED: Final = """
    EXISTS (
        SELECT FROM patron_block b
        WHERE b.patron_id = p.id AND {action} = ANY (b.actions)
          AND (b.expires_at IS NULL OR b.expires_at > {now})
    ) AS blocked
"""
PATRON_FACTS: Final = f"""
    p.id AS patron_id, p.guard AS patron_guard, p.group_code, p.active, p.expires_at,
    p.open_loans - p.claims_open AS open_loans, p.owed,
    p.library AS patron_library,
    {BLOCKED}, {OUT}
"""
ITEM_FACTS: Final = """
    i.id AS item_id, i.guard AS item_guard, i.told, i.barcode AS item_barcode, i.title_ids, i.location, i.library,
    i.campus, i.institution, i.material_type, i.loan_type, i.base, i.short_title, i.short_author, i.call_number,
    i.state, i.loan_id, i.due_at AS item_due_at, i.hold_id, i.kept_for, i.hold_shelf, i.transit_to, i.withdrawal_id,
    i.loss, i.transit_from, i.transit_since, i.reshelving_until, i.pieces, i.pieces_text, i.missing_pieces,
    i.volume_key, i.new_since, i.price_minor, i.price_currency, i.check_out_notes, i.check_in_notes
"""
QUEUE_LENGTH: Final = """
    (SELECT count(*) FROM hold h
     WHERE h.title_id = ANY (i.title_ids) AND h.state IN ('waiting', 'in-transit', 'ready')) AS queue_length
"""

LOOK_CHECK_OUT: Final = f"""
SELECT r.version AS reference, o.fingerprint, o.status, o.headers, o.body, {ITEM_FACTS}, {QUEUE_LENGTH},
    {PATRON_FACTS.format(action="'borrow'", now="$7::timestamptz")},
    CASE WHEN $8::boolean THEN (SELECT jsonb_agg(jsonb_build_object('loans', g.n, 'facts', jsonb_build_object(
            'location', g.location, 'library', g.library, 'campus', g.campus, 'institution', g.institution,
            'material_type', g.material_type, 'loan_type', g.loan_type))) FROM (
        SELECT c.location, c.library, c.campus, c.institution, c.material_type, c.loan_type, count(*) AS n
        FROM loan l JOIN item c ON c.id = l.item_id
        WHERE l.patron_id = p.id AND l.returned_at IS NULL AND l.claimed_at IS NULL AND l.in_library IS NULL
        GROUP BY c.location, c.library, c.campus, c.institution, c.material_type, c.loan_type
    ) g) END AS out_by_facts,
    CASE WHEN $8::boolean THEN EXISTS (
        SELECT FROM loan l JOIN item c ON c.id = l.item_id
        WHERE l.patron_id = p.id AND l.returned_at IS NULL AND l.title_id = ANY (i.title_ids) AND c.id <> i.id
          AND c.volume IS NOT DISTINCT FROM i.volume
    ) END AS second_copy,
    (SELECT h.id FROM hold h
     WHERE h.patron_id = p.id AND h.title_id = ANY (i.title_ids) AND h.state IN ('waiting', 'in-transit', 'ready')
       AND {FILLED_BY}
     ORDER BY h.id = i.hold_id DESC NULLS LAST, h.id LIMIT 1) AS own_hold,
    (SELECT l.patron_id FROM loan l WHERE l.id = i.loan_id) AS lent_to
FROM (SELECT version FROM reference LIMIT 1) r
LEFT JOIN idempotency o ON o.principal = $5 AND o.key = $6
LEFT JOIN patron p ON p.id = coalesce($1::uuid, (SELECT id FROM patron WHERE barcode = $2))
LEFT JOIN item i ON i.id = coalesce($3::uuid, (SELECT id FROM item WHERE barcode = $4))
"""
"""$1 patron id, $2 patron barcode, $3 item id, $4 item barcode, $5 principal, $6 key, $7 now,
$8 whether limits by facts and second copies are asked for"""


_EVERYDAY: Final = """
SELECT {also}r.version AS reference, o.fingerprint, o.status, o.headers, o.body,
    i.id AS item_id, i.guard AS item_guard, i.barcode AS item_barcode, i.title_ids, i.location, i.library, i.campus,
    i.institution, i.material_type, i.loan_type, i.base, i.short_title, i.loan_id, i.hold_id, i.kept_for,
    i.withdrawal_id, i.loss, i.pieces, i.new_since, i.check_out_notes, {queue_length},
    p.id AS patron_id, p.guard AS patron_guard, p.group_code, p.active, p.expires_at, p.owed, p.wards, {blocked},
    {out_now},
    NULL::bigint AS wards_owe, NULL::jsonb AS out_by_facts, NULL::boolean AS second_copy, NULL::uuid AS own_hold,
    NULL::uuid AS lent_to
FROM (SELECT version FROM reference LIMIT 1) r
{from_}
"""
_ONE: Final = """LEFT JOIN idempotency o ON o.principal = $3 AND o.key = $4
LEFT JOIN patron p ON p.{patron} = $1
LEFT JOIN item i ON i.{item} = $2"""
EVERYDAY: Final = {
    (patron, item): _EVERYDAY.format(
        also="",
        from_=_ONE.format(patron=patron, item=item),
        queue_length=QUEUE_LENGTH,
        blocked=BLOCKED.format(action="'borrow'", now="$5::timestamptz"),
        out_now=OUT_NOW.format(now="$5::timestamptz"),
    )
    for patron in ("id", "barcode")
    for item in ("id", "barcode")
}
"""The look that is enough for nearly every check-out, by what patron and item are named by.

A statement costs by what stands in it, asked for or not: this one leaves out what only those loans are decided by
that touch somebody's hold, another loan, a ward or pieces to look at (`lending.everyday`). $1 patron, $2 item,
$3 principal, $4 key, $5 now.
"""


def everyday(
    patron_id: object, patron_barcode: object, item_id: object, item_barcode: object
) -> tuple[str, object, object]:
    """The statement of these, and what it is to name patron and item by."""
    by_card, by_label = patron_id is None, item_id is None
    statement = EVERYDAY["barcode" if by_card else "id", "barcode" if by_label else "id"]
    return statement, patron_barcode if by_card else patron_id, item_barcode if by_label else item_id


EVERYDAY_TOGETHER: Final = _EVERYDAY.format(
    also="a.n, ",
    from_="""CROSS JOIN (
    SELECT n, principal, key, now,
        coalesce(patron_id, (SELECT id FROM patron WHERE barcode = patron_barcode)) AS patron_id,
        coalesce(item_id, (SELECT id FROM item WHERE barcode = item_barcode)) AS item_id
    FROM unnest((SELECT $1::uuid[]), (SELECT $2::text[]), (SELECT $3::uuid[]), (SELECT $4::text[]), (SELECT $5::text[]),
        (SELECT $6::text[]), (SELECT $7::timestamptz[])) WITH ORDINALITY
        AS asked (patron_id, patron_barcode, item_id, item_barcode, principal, key, now, n)
) a
LEFT JOIN idempotency o ON o.principal = a.principal AND o.key = a.key
LEFT JOIN patron p ON p.id = a.patron_id
LEFT JOIN item i ON i.id = a.item_id""",
    queue_length=QUEUE_LENGTH,
    blocked=BLOCKED.format(action="'borrow'", now="a.now"),
    out_now=OUT_NOW.format(now="a.now"),
)
"""The same for many: `n` tells whose row it is, from 1 on.

Each array comes by a SELECT: knowing how many it holds, PostgreSQL would plan anew for every number, which takes longer
than the statement. Arrays: $1 patron ids, $2 or barcodes, $3 item ids, $4 or barcodes, $5 principals, $6 keys, $7 now.
"""

_ACT_CHECK_OUT: Final = """
WITH guard AS (
    SELECT p.id AS patron_id, i.id AS item_id FROM patron p, item i, reference r
    WHERE p.id = $1 AND p.guard = $2 AND i.id = $3 AND i.guard = $4 AND r.version = $5
    FOR NO KEY UPDATE OF p, i{or_not}
), borrower AS (
    UPDATE patron SET open_loans = open_loans + 1, guard = guard + 1
    FROM guard WHERE patron.id = guard.patron_id
), piece AS (
    UPDATE item SET guard = guard + 1, state = 'on-loan', loan_id = $6, due_at = $7, hold_id = NULL,
        kept_for = NULL, hold_shelf = false, transit_to = NULL, transit_from = NULL, transit_since = NULL,
        missing_pieces = CASE WHEN $27::boolean THEN $28::text ELSE missing_pieces END, last_seen_at = $8,
        last_seen_by = $9
    FROM guard WHERE item.id = guard.item_id
    RETURNING item.id
), visit AS (
    UPDATE desk_session s SET last_at = greatest(s.last_at, $8) FROM guard
    WHERE s.patron_id = guard.patron_id AND s.service_point_id = $9 AND s.ended_at IS NULL
    RETURNING s.id
), lent AS (
    INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone,
        policy, fine_policy, rules_version, override_comment, proxy_id, session_id, auto_at, in_library, deposit)
    SELECT $6, $3, $10, $1, $11, $9, $8, $7, $12, $13, $14, $5, $15, $26, (SELECT id FROM visit), $29, $30, $31
    FROM piece
), told AS (
    INSERT INTO outbox (id, type, key, envelope) SELECT $16, $17, $18, $19 FROM piece
), kept AS (
    INSERT INTO idempotency (principal, key, fingerprint, status, headers, body)
    SELECT $20, $21, $22, $23, $24, $25 FROM piece
)
SELECT EXISTS (SELECT FROM piece)
"""
ACT_CHECK_OUT: Final = _ACT_CHECK_OUT.format(or_not="")
ACT_UNLESS_LOCKED: Final = _ACT_CHECK_OUT.format(or_not=" SKIP LOCKED")
"""The same, but somebody else's lock is not waited for: it counts as a look that is out of date."""
ACT_TOGETHER: Final = """
WITH asked AS (
    SELECT * FROM unnest((SELECT $1::uuid[]), (SELECT $2::bigint[]), (SELECT $3::uuid[]), (SELECT $4::bigint[]),
        (SELECT $5::bigint[]), (SELECT $6::uuid[]), (SELECT $7::timestamptz[]), (SELECT $8::timestamptz[]),
        (SELECT $9::uuid[]), (SELECT $10::uuid[]), (SELECT $11::text[]), (SELECT $12::text[]), (SELECT $13::text[]),
        (SELECT $14::text[]), (SELECT $15::text[]), (SELECT $16::uuid[]), (SELECT $17::text[]), (SELECT $18::text[]),
        (SELECT $19::text[]), (SELECT $20::text[]), (SELECT $21::text[]), (SELECT $22::bytea[]),
        (SELECT $23::smallint[]), (SELECT $24::text[]), (SELECT $25::bytea[]), (SELECT $26::uuid[]),
        (SELECT $27::boolean[]), (SELECT $28::text[]), (SELECT $29::timestamptz[]), (SELECT $30::text[]),
        (SELECT $31::boolean[]))
        AS a (patron_id, patron_guard, item_id, item_guard, rules_version, loan_id, due_at, lent_at, desk_id, title_id,
            patron_group, due_zone, policy, fine_policy, comment, event_id, type, event_key, envelope, principal, key,
            fingerprint, status, headers, body, proxy_id, looked, missing, auto_at, in_library, deposit)
), guard AS (
    SELECT a.* FROM asked a
    JOIN patron p ON p.id = a.patron_id AND p.guard = a.patron_guard
    JOIN item i ON i.id = a.item_id AND i.guard = a.item_guard
    JOIN reference r ON r.version = a.rules_version
    FOR NO KEY UPDATE OF p, i SKIP LOCKED
), borrower AS (
    UPDATE patron SET open_loans = open_loans + 1, guard = guard + 1
    FROM guard g WHERE patron.id = g.patron_id
), piece AS (
    UPDATE item SET guard = guard + 1, state = 'on-loan', loan_id = g.loan_id, due_at = g.due_at, hold_id = NULL,
        kept_for = NULL, hold_shelf = false, transit_to = NULL, transit_from = NULL, transit_since = NULL,
        missing_pieces = CASE WHEN g.looked THEN g.missing ELSE missing_pieces END, last_seen_at = g.lent_at,
        last_seen_by = g.desk_id
    FROM guard g WHERE item.id = g.item_id
), visit AS (
    UPDATE desk_session s SET last_at = greatest(s.last_at, g.lent_at) FROM guard g
    WHERE s.patron_id = g.patron_id AND s.service_point_id = g.desk_id AND s.ended_at IS NULL
    RETURNING s.id, s.patron_id
), lent AS (
    INSERT INTO loan (id, item_id, title_id, patron_id, patron_group, service_point_id, lent_at, due_at, due_zone,
        policy, fine_policy, rules_version, override_comment, proxy_id, session_id, auto_at, in_library, deposit)
    SELECT g.loan_id, g.item_id, g.title_id, g.patron_id, g.patron_group, g.desk_id, g.lent_at, g.due_at, g.due_zone,
        g.policy, g.fine_policy, g.rules_version, g.comment, g.proxy_id, v.id, g.auto_at, g.in_library, g.deposit
    FROM guard g LEFT JOIN visit v ON v.patron_id = g.patron_id
), told AS (
    INSERT INTO outbox (id, type, key, envelope) SELECT event_id, type, event_key, envelope FROM guard
), kept AS (
    INSERT INTO idempotency (principal, key, fingerprint, status, headers, body)
    SELECT principal, key, fingerprint, status, headers, body FROM guard
)
SELECT loan_id FROM guard
"""
"""The same for many, each array in the place of what it is made of; the loans that were written.

No two of them may name one patron or one item, for a row is written once in a statement. A row that is locked is left
out, which makes of any two such statements no deadlock, whatever order they lock in.
"""

LOAN_SEEN: Final = f"""
    l.id AS open_loan_id, l.version AS loan_version, l.title_id, l.lent_at, l.due_at, l.due_zone, l.renewals,
    l.policy, l.fine_policy, l.rules_version, l.recalled_at, l.returned_at, l.service_point_id AS lent_from,
    l.patron_group, l.lost_at, l.lost_cause, l.claimed_at, l.ended, l.proxy_id, l.unseen, l.in_library, l.held_until,
    l.deposit, l.reminded,
    (SELECT count(*) FROM hold h
     WHERE h.title_id = ANY (i.title_ids) AND h.state = 'waiting' AND h.suspended_at IS NULL
       AND {FILLED_BY}
    ) AS waiting_for_it
"""
"""Of loan l and item i, for looks at one loan and at many."""
_LOOK_LOAN: Final = f"""
SELECT r.version AS reference, o.fingerprint, o.status, o.headers, o.body, {ITEM_FACTS}, {QUEUE_LENGTH},
    {{patron}}, {LOAN_SEEN}
FROM (SELECT version FROM reference LIMIT 1) r
LEFT JOIN idempotency o ON o.principal = $3 AND o.key = $4
"""
LOOK_RENEWAL: Final = (
    _LOOK_LOAN.format(patron=PATRON_FACTS.format(action="'renew'", now="$5::timestamptz"))
    + """
LEFT JOIN loan l ON l.id = $1 AND $2::text IS NULL
LEFT JOIN item i ON i.id = l.item_id
LEFT JOIN patron p ON p.id = l.patron_id
"""
)
"""$1 loan id, $2 null, $3 principal, $4 key, $5 now"""
LOOK_RETURN: Final = (
    _LOOK_LOAN.format(patron="p.id AS patron_id, p.group_code")
    + """
LEFT JOIN item i ON i.id = coalesce($1::uuid, (SELECT id FROM item WHERE barcode = $2))
LEFT JOIN loan l ON l.id = i.loan_id
LEFT JOIN patron p ON p.id = l.patron_id
"""
)
"""$1 item id, $2 item barcode, $3 principal, $4 key; how the patron stands is nothing to a return"""

ACT_RENEWAL: Final = """
WITH guard AS (
    SELECT p.id AS patron_id, i.id AS item_id, l.id AS loan_id FROM patron p, item i, loan l, reference r
    WHERE p.id = $1 AND p.guard = $2 AND i.id = $3 AND i.guard = $4 AND r.version = $5
      AND l.id = $6 AND l.version = $7 AND l.returned_at IS NULL
    FOR NO KEY UPDATE OF p, i, l
), piece AS (
    UPDATE item SET guard = guard + 1, due_at = $8 FROM guard WHERE item.id = guard.item_id RETURNING item.id
), renewed AS (
    UPDATE loan SET due_at = $8, renewals = renewals + 1, version = version + 1, policy = $9, fine_policy = $10,
        rules_version = $5, due_zone = $11, override_comment = $12, auto_at = $23, auto_refused = NULL,
        unseen = CASE WHEN $24 THEN 0 ELSE unseen + 1 END
    FROM guard WHERE loan.id = guard.loan_id
), told AS (
    INSERT INTO outbox (id, type, key, envelope) SELECT $13, $14, $15, $16 FROM piece
), kept AS (
    INSERT INTO idempotency (principal, key, fingerprint, status, headers, body)
    SELECT $17, $18, $19, $20, $21, $22 FROM piece
)
SELECT EXISTS (SELECT FROM piece)
"""

ACT_RETURN: Final = """
WITH guard AS (
    SELECT p.id AS patron_id, i.id AS item_id, l.id AS loan_id FROM patron p, item i, loan l
    WHERE p.id = $1 AND i.id = $2 AND i.guard = $3 AND l.id = $4 AND l.version = $5 AND l.returned_at IS NULL
    FOR NO KEY UPDATE OF p, i, l
), borrower AS (
    UPDATE patron SET open_loans = open_loans - 1, guard = guard + 1
    FROM guard WHERE patron.id = guard.patron_id
), piece AS (
    UPDATE item SET guard = guard + 1, state = $6, loan_id = NULL, due_at = NULL, hold_id = $7, kept_for = $8,
        hold_shelf = $9, transit_to = $10, transit_from = CASE WHEN $10::uuid IS NOT NULL THEN $12::uuid END,
        transit_since = CASE WHEN $10::uuid IS NOT NULL THEN $11::timestamptz END, reshelving_until = $24,
        missing_pieces = CASE WHEN $25::boolean THEN $26::text ELSE missing_pieces END, last_seen_at = $11,
        last_seen_by = $12
    FROM guard WHERE item.id = guard.item_id
    RETURNING item.id
), visit AS (
    UPDATE desk_session s SET last_at = greatest(s.last_at, $11) FROM guard
    WHERE s.patron_id = guard.patron_id AND s.service_point_id = $12 AND s.ended_at IS NULL
    RETURNING s.id
), returned AS (
    UPDATE loan SET returned_at = $13, system_returned_at = $11, return_service_point_id = $12,
        return_session_id = (SELECT id FROM visit), version = version + 1,
        in_library = CASE WHEN in_library IS NOT NULL THEN 'returned' END, held_until = NULL
    FROM guard WHERE loan.id = guard.loan_id
), told AS (
    INSERT INTO outbox (id, type, key, envelope) SELECT $14, $15, $16, $17 FROM piece
), kept AS (
    INSERT INTO idempotency (principal, key, fingerprint, status, headers, body)
    SELECT $18, $19, $20, $21, $22, $23 FROM piece
)
SELECT EXISTS (SELECT FROM piece)
"""
