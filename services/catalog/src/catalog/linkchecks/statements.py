"""What the worker says to the database."""

from typing import Any, Final

from catalog.linkchecks.tables import OPEN

OPEN_CHECKS: Final = f"SELECT id, state FROM link_check WHERE {OPEN} ORDER BY id"
BEGIN: Final = """
UPDATE link_check SET state = 'gathering' WHERE id = $1 AND state IN ('queued', 'gathering') RETURNING *
"""
FAIL: Final = f"""
UPDATE link_check SET state = 'failed', problem = $2, finished_at = $3 WHERE id = $1 AND {OPEN}
"""
LIST: Final = "SELECT kind, generation FROM saved_list WHERE id = $1 AND (shared OR owner = $2)"
_MEMBER: Final = "FROM saved_list_member m WHERE m.list_id = $3 AND m.generation = $4 AND m.entity_id ="
_LISTED: Final = {
    "titles": f"EXISTS (SELECT {_MEMBER} t.id)",
    "holdings": f"EXISTS (SELECT FROM holdings h WHERE h.title_id = t.id AND EXISTS (SELECT {_MEMBER} h.id))",
    "items": f"EXISTS (SELECT FROM item i WHERE i.title_id = t.id AND EXISTS (SELECT {_MEMBER} i.id))",
}
_AGAIN: Final = """EXISTS (
    SELECT FROM link_place p JOIN link l ON l.id = p.link_id
    WHERE p.title_id = t.id AND l.outcome IN ('broken', 'unclear'))"""


def slice_of(source: dict[str, Any], kind: str | None) -> str:
    """The next titles of a check; `kind` is that of the list that it is made of."""
    conditions = []
    if source.get("title_ids"):
        conditions.append("t.id = ANY ($3::uuid[])")
    if kind is not None:
        conditions.append(_LISTED[kind])
    if source.get("again"):
        conditions.append(_AGAIN)
    return f"""
SELECT t.id, t.hrid, t.record FROM title t
WHERE t.hrid > $1 AND t.deleted_at IS NULL {"".join(f" AND {each}" for each in conditions)}
ORDER BY t.hrid LIMIT $2
"""


SHELVES: Final = """
SELECT id, title_id, record FROM holdings
WHERE title_id = ANY ($1::uuid[]) AND record IS NOT NULL AND deleted_at IS NULL
"""
FORGET_PLACES: Final = "DELETE FROM link_place WHERE title_id = ANY ($1::uuid[])"
KEEP_LINKS: Final = """
INSERT INTO link (id, digest, url, host)
SELECT told.id, told.digest, told.url, told.host
FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::text[]) AS told (id, digest, url, host) ORDER BY told.digest
ON CONFLICT (digest) DO NOTHING
"""
KEEP_PLACES: Final = """
INSERT INTO link_place (link_id, kind, entity_id, title_id, relation, label)
SELECT l.id, told.kind, told.entity_id, told.title_id, told.relation, told.label
FROM unnest($1::bytea[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])
    AS told (digest, kind, entity_id, title_id, relation, label)
JOIN link l ON l.digest = told.digest
ON CONFLICT DO NOTHING
"""
PUT_IN: Final = """
INSERT INTO link_check_link (check_id, link_id, host, not_before)
SELECT $1, l.id, told.host, $4 FROM unnest($2::bytea[], $3::text[]) AS told (digest, host)
JOIN link l ON l.digest = told.digest
WHERE NOT $5 OR l.outcome IS NULL OR l.outcome IN ('broken', 'unclear')
ON CONFLICT DO NOTHING
"""
HOSTS: Final = """
INSERT INTO link_host (host, next_at) SELECT DISTINCT told.host, $2::timestamptz FROM unnest($1::text[]) AS told (host)
ON CONFLICT DO NOTHING
"""
MOVE_ON: Final = """
UPDATE link_check SET last_number = $2, titles = titles + $3, links = links + $4, state = $5
WHERE id = $1 AND state = 'gathering' RETURNING id
"""

NEXT: Final = """
SELECT h.host, n.link_id, n.tries, l.url
FROM link_host h
CROSS JOIN LATERAL (
    SELECT w.link_id, w.tries FROM link_check_link w
    WHERE w.host = h.host AND w.outcome IS NULL AND w.not_before <= $1
    ORDER BY w.not_before, w.link_id LIMIT 1
) n
JOIN link l ON l.id = n.link_id
WHERE h.next_at <= $1 AND NOT h.host = ANY ($2::text[])
ORDER BY h.next_at LIMIT $3
"""
"""One link of each host that may be asked now and is not being asked."""
HOST_RESTS: Final = "UPDATE link_host SET next_at = greatest(next_at, $2) WHERE host = $1"
AGAIN: Final = """
UPDATE link_check_link SET tries = $2, not_before = $3 WHERE link_id = $1 AND outcome IS NULL
"""
HOLD_LINK: Final = "SELECT outcome FROM link WHERE id = $1 FOR UPDATE"
LEARNT: Final = """
UPDATE link SET outcome = $2, problem = $3, status = $4, final_address = $5, moved_to = $6, hops = $7::text::jsonb,
    checked_at = $8, since = CASE WHEN outcome IS NOT DISTINCT FROM $2 THEN since ELSE $8 END,
    mended_at = CASE WHEN $9 THEN $8 ELSE mended_at END
WHERE id = $1
"""
SETTLED: Final = """
UPDATE link_check_link SET outcome = $2, problem = $3, status = $4, final_address = $5, moved_to = $6,
    hops = $7::text::jsonb, checked_at = $8, tries = $9, before = $10, change = $11
WHERE link_id = $1 AND outcome IS NULL RETURNING check_id
"""
COUNTED: Final = """
UPDATE link_check SET checked = checked + 1, well = well + ($2 = 'well')::int, moved = moved + ($2 = 'moved')::int,
    broken = broken + ($2 = 'broken')::int, unclear = unclear + ($2 = 'unclear')::int,
    not_asked = not_asked + ($2 = 'not-asked')::int,
    broke = broke + coalesce($3 = 'broke', false)::int, mended = mended + coalesce($3 = 'mended', false)::int
WHERE id = ANY ($1::uuid[])
"""
CLOSE: Final = """
UPDATE link_check c SET state = 'done', finished_at = $1
WHERE state = 'checking' AND NOT EXISTS (
    SELECT FROM link_check_link w WHERE w.check_id = c.id AND w.outcome IS NULL)
"""
FORGET_HOSTS: Final = """
DELETE FROM link_host h WHERE next_at <= $1 AND NOT EXISTS (
    SELECT FROM link_check_link w WHERE w.host = h.host AND w.outcome IS NULL)
"""

SWEEP: Final = "DELETE FROM link_check WHERE finished_at <= $1"
FORGET_LINKS: Final = """
DELETE FROM link l WHERE NOT EXISTS (SELECT FROM link_place p WHERE p.link_id = l.id)
    AND NOT EXISTS (SELECT FROM link_check_link w WHERE w.link_id = l.id)
"""
