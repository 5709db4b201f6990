"""What the worker says to the database."""

from typing import Final

from catalog.exports.tables import OPEN

_ASKS: Final = "query <> '' OR filters <> '{}'"
WAITING: Final = f"""
SELECT id, index_wanted, state <> 'writing' AND ({_ASKS}) AS asks_index FROM export WHERE {OPEN}
ORDER BY worked_at NULLS FIRST, id LIMIT 500
"""
BEGIN: Final = f"""
UPDATE export SET state = CASE state WHEN 'queued' THEN 'selecting' ELSE state END, worked_at = $2
WHERE id = $1 AND {OPEN} RETURNING *, ({_ASKS}) AS asks_index
"""
FAIL: Final = f"UPDATE export SET state = 'failed', problem = $2, finished_at = $3 WHERE id = $1 AND {OPEN}"

FOUND: Final = """
INSERT INTO export_found (export_id, title_id) SELECT $1, told.id FROM unnest($2::uuid[]) AS told (id)
ON CONFLICT DO NOTHING
"""
FOUND_TO: Final = "UPDATE export SET last_number = $2, index_position = $3 WHERE id = $1"
POSITION: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1"
"""All transactions up to this one are in the snapshot."""
_IN: Final = "t.deleted_at IS NULL AND ($2 OR NOT t.suppressed)"
_OF_LIST: Final = """
FROM saved_list l JOIN saved_list_member m ON m.list_id = l.id AND m.generation = l.generation
"""
_LISTED: Final = f"""t.id IN (
    SELECT m.entity_id {_OF_LIST} WHERE l.id = $4 AND l.kind = 'titles'
    UNION ALL SELECT h.title_id {_OF_LIST} JOIN holdings h ON h.id = m.entity_id WHERE l.id = $4 AND l.kind = 'holdings'
    UNION ALL SELECT i.title_id {_OF_LIST} JOIN item i ON i.id = m.entity_id WHERE l.id = $4 AND l.kind = 'items')"""
_FOUND: Final = "EXISTS (SELECT FROM export_found f WHERE f.export_id = $1 AND f.title_id = t.id)"
LIST_SEEN: Final = "SELECT true FROM saved_list WHERE id = $1 AND (shared OR owner = $2)"


_HELD: Final = """CROSS JOIN LATERAL (
    SELECT coalesce((
        SELECT hashtextextended(
            string_agg(i.id || ':' || i.version || coalesce('@' || i.place, ''), ',' ORDER BY i.id), 0)
        FROM (SELECT id, version, place FROM item WHERE title_id = t.id
            UNION ALL SELECT id, version, place FROM item
            WHERE bound_with <> '{}' AND bound_with @> ARRAY[t.id]) i
    ), 0) # coalesce((
        SELECT hashtextextended(string_agg(h.id || ':' || h.version, ',' ORDER BY h.id), 1)
        FROM holdings h WHERE h.title_id = t.id AND h.deleted_at IS NULL
    ), 0) AS digest
) d"""
"""What a title's holdings and items are: whatever changes of one of them, this does."""


def choose(*, found: bool, listed: bool, held: bool) -> str:
    """Titles to be given: those that the query found, those of a list, or both; of a schedule, those that are new.
    `held`: what is new of their holdings and items counts, too."""
    titles = "export_found f JOIN title t ON t.id = f.title_id" if found else "title t"
    conditions = [_IN, *(["f.export_id = $1"] if found else []), *([_LISTED] if listed else [])]
    return f"""
INSERT INTO export_title (export_id, number, title_id, version, holdings_digest)
SELECT $1, t.hrid, t.id, t.version, {"d.digest" if held else "NULL"} FROM {titles} {_HELD if held else ""}
WHERE {" AND ".join(conditions)} AND ($3::text IS NULL OR NOT EXISTS (
    SELECT FROM export_given g WHERE g.schedule = $3 AND g.title_id = t.id AND g.version = t.version
        {"AND g.holdings_digest = d.digest" if held else ""}
))
"""


def leave(*, found: bool, listed: bool) -> str:
    """Titles that a schedule has given and that are no longer among them."""
    conditions = [_IN, *([_FOUND] if found else []), *([_LISTED] if listed else [])]
    return f"""
INSERT INTO export_title (export_id, number, title_id, version, outcome)
SELECT $1, t.hrid, t.id, t.version, 'gone' FROM export_given g JOIN title t ON t.id = g.title_id
WHERE g.schedule = $3 AND NOT ({" AND ".join(conditions)})
"""


FIXED: Final = """
UPDATE export SET state = 'writing', position = $2, selected_at = $3, last_number = 0,
    selected = (SELECT count(*) FROM export_title WHERE export_id = $1)
WHERE id = $1 AND state = 'selecting'
"""

NEXT: Final = """
SELECT e.number, e.title_id, e.outcome = 'gone' AS gone, coalesce(v.record, t.record) AS record
FROM (
    SELECT * FROM export_title WHERE export_id = $1 AND number > $2 ORDER BY number LIMIT $3
) e
JOIN title t ON t.id = e.title_id
LEFT JOIN title_version v ON v.title_id = e.title_id AND v.version = e.version
ORDER BY e.number
"""
"""A record that was replaced since the titles were fixed is kept as the version that it was."""
WRITTEN: Final = """
UPDATE export SET given = given + $2, gone = gone + $3, left_out = left_out + $4, size = $5, last_number = $6,
    worked_at = $7
WHERE id = $1 AND state = 'writing' AND last_number < $6 RETURNING id
"""
LEFT_OUT: Final = """
UPDATE export_title e SET outcome = 'left-out', reason = told.reason
FROM unnest($2::bigint[], $3::text[]) AS told (number, reason)
WHERE e.export_id = $1 AND e.number = told.number
"""

DONE: Final = """
UPDATE export SET state = 'done', size = $2, sha256 = $3, finished_at = $4, expires_at = $5
WHERE id = $1 AND state = 'writing' RETURNING id
"""
HOLD_SCHEDULE: Final = "SELECT document->>'mode' FROM export_schedule WHERE code = $1 FOR UPDATE"
FORGET_GIVEN: Final = "DELETE FROM export_given WHERE schedule = $1"
REMEMBER_GIVEN: Final = """
INSERT INTO export_given (schedule, title_id, version, holdings_digest)
SELECT $1, title_id, version, holdings_digest FROM export_title WHERE export_id = $2 AND outcome <> 'gone'
ON CONFLICT (schedule, title_id) DO UPDATE SET version = excluded.version, holdings_digest = excluded.holdings_digest
"""
FORGET_GONE: Final = """
DELETE FROM export_given g USING export_title e
WHERE g.schedule = $1 AND e.export_id = $2 AND e.outcome = 'gone' AND g.title_id = e.title_id
"""
LAST_DONE: Final = "UPDATE export_schedule SET last_done = $2 WHERE code = $1"
FORGET_TITLES: Final = "DELETE FROM export_title WHERE export_id = $1 AND outcome = 'given'"
FORGET_FOUND: Final = "DELETE FROM export_found WHERE export_id = $1"

SWEEP: Final = f"DELETE FROM export WHERE expires_at <= $1 AND NOT ({OPEN})"
WITH_FILE: Final = f"SELECT id FROM export WHERE state = 'done' OR {OPEN}"
