"""What the worker says to the database."""

from typing import Final

from catalog.lists.rules import Combining
from catalog.lists.tables import OPEN

WAITING: Final = f"""
SELECT id, index_wanted, source FROM saved_list WHERE {OPEN} ORDER BY worked_at NULLS FIRST, id LIMIT 200
"""
BEGIN: Final = f"UPDATE saved_list SET state = 'filling', worked_at = $2 WHERE id = $1 AND {OPEN} RETURNING *"
CLEAR: Final = "DELETE FROM saved_list_member WHERE list_id = $1 AND generation <> $2"
PUT: Final = """
INSERT INTO saved_list_member (list_id, generation, entity_id)
SELECT $1, $2, told.id FROM unnest($3::uuid[]) AS told (id)
"""
MOVE_ON: Final = """
UPDATE saved_list SET filled = filled + $3, last_id = $4, worked_at = $5
WHERE id = $1 AND state = 'filling' AND last_id = $2 RETURNING filled
"""
READY: Final = """
UPDATE saved_list SET state = 'ready', generation = generation + 1, count = filled, filled_at = $2, updated_at = $2,
    version = version + 1
WHERE id = $1 AND state = 'filling' RETURNING generation
"""
FAIL: Final = f"""
UPDATE saved_list SET state = 'failed', problem = $2, updated_at = $3, version = version + 1 WHERE id = $1 AND {OPEN}
"""
COMBINABLE: Final = f"""
SELECT count(*) AS there, count(*) FILTER (WHERE generation > 0 OR state = 'ready') AS filled,
    count(*) FILTER (WHERE generation = 0 AND {OPEN}) AS waiting
FROM saved_list WHERE id = ANY ($1::uuid[]) AND (shared OR owner = $2) AND kind = $3
"""
_OF: Final = """
FROM saved_list l JOIN saved_list_member m ON m.list_id = l.id AND m.generation = l.generation
"""
_COMBINE: Final = """
INSERT INTO saved_list_member (list_id, generation, entity_id) SELECT $1, $2, {what} LIMIT $4
"""
COMBINE: Final = {
    Combining.UNION: _COMBINE.format(
        what=f"told.id FROM (SELECT DISTINCT m.entity_id AS id {_OF} WHERE l.id = ANY ($3::uuid[])) told"
    ),
    Combining.INTERSECTION: _COMBINE.format(
        what=f"told.id FROM (SELECT m.entity_id AS id {_OF} WHERE l.id = ANY ($3::uuid[]) "
        "GROUP BY m.entity_id HAVING count(*) = cardinality($3)) told"
    ),
    Combining.DIFFERENCE: _COMBINE.format(
        what=f"told.id FROM (SELECT m.entity_id AS id {_OF} WHERE l.id = ($3::uuid[])[1] "
        f"EXCEPT SELECT m.entity_id {_OF} WHERE l.id = ANY (($3::uuid[])[2:])) told"
    ),
}
PATIENCE: Final = "SET LOCAL statement_timeout = '5min'"
SWEEP: Final = "DELETE FROM saved_list WHERE passing AND created_at <= $1"
MEMBERS: Final = """
SELECT m.entity_id AS id FROM saved_list_member m
WHERE m.list_id = $1 AND m.generation = $2 AND m.entity_id > $3 ORDER BY m.entity_id LIMIT $4
"""
