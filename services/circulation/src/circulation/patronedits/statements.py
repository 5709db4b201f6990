"""What the worker and the sheets say to the database."""

from typing import Final

from circulation.patronedits.tables import WORKING

SHEET: Final = """
SELECT r.patron_id AS id, p.barcode, r.outcome, r.differences, r.reasons
FROM patron_edit_record r LEFT JOIN patron p ON p.id = r.patron_id
WHERE r.edit_id = $1 AND r.patron_id > $2 AND r.outcome = ANY ($3::text[]) ORDER BY r.patron_id LIMIT $4
"""
WAITING: Final = f"""
SELECT id FROM patron_edit WHERE {WORKING} ORDER BY worked_at NULLS FIRST, id LIMIT 50
"""
LOOK: Final = f"SELECT * FROM patron_edit WHERE id = $1 AND {WORKING}"
HOLD: Final = f"UPDATE patron_edit SET worked_at = $2 WHERE id = $1 AND {WORKING} RETURNING *"
GATHER: Final = """
INSERT INTO patron_edit_record (edit_id, patron_id) SELECT $1, told.id FROM unnest($2::uuid[]) AS told (id)
ON CONFLICT DO NOTHING
"""
GATHERED: Final = """
UPDATE patron_edit SET matched = matched + $2, position = $3, gathered = $4 WHERE id = $1
"""
NEXT: Final = """
SELECT patron_id AS id, version_seen, before, after, block_id, lifted FROM patron_edit_record
WHERE edit_id = $1 AND outcome = $2 AND patron_id > $3 ORDER BY patron_id LIMIT $4
"""
MOVE_ON: Final = "UPDATE patron_edit SET position = $2 WHERE id = $1"
END_STEP: Final = """
UPDATE patron_edit SET state = $2, version = version + 1, position = $3,
    previewed_at = CASE WHEN $2 = 'previewed' THEN $4 ELSE previewed_at END,
    ended_at = CASE WHEN $2 = 'previewed' THEN NULL ELSE $4::timestamptz END
WHERE id = $1
"""
FAIL: Final = f"""
UPDATE patron_edit SET state = 'failed', problem = $2, ended_at = $3, version = version + 1 WHERE id = $1 AND {WORKING}
"""
TELL: Final = """
UPDATE patron_edit_record r SET outcome = told.outcome, version_seen = coalesce(told.version, r.version_seen),
    differences = coalesce(told.differences::jsonb, r.differences), reasons = told.reasons::jsonb,
    before = coalesce(told.before::jsonb, r.before), after = coalesce(told.after::jsonb, r.after),
    block_id = coalesce(told.block, r.block_id), lifted = coalesce(told.lifted::uuid[], r.lifted)
FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[],
    $10::text[]) AS told (id, outcome, version, differences, reasons, before, after, block, lifted)
WHERE r.edit_id = $1 AND r.patron_id = ANY ($2::uuid[]) AND r.patron_id = told.id
"""
"""(By the primary key, whatever is thought of how many patrons an edit has.)"""
SWEEP: Final = f"DELETE FROM patron_edit WHERE (ended_at <= $1 OR created_at <= $2) AND NOT ({WORKING})"
