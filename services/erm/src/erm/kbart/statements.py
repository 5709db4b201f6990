"""What a load asks of the database, and writes, for a slice of titles at once."""

from typing import Final

NEXT: Final = "SELECT id FROM kbart_load WHERE state IN ('queued', 'reading', 'applying') ORDER BY id LIMIT 1"
UNDER_WAY: Final = """
SELECT id FROM kbart_load WHERE package_id = $1 AND NOT dry_run
    AND state IN ('queued', 'reading', 'applying', 'waiting')
"""
"""A package takes one list at a time."""
TAKE: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('kbart-load ' || $1::uuid::text, 0))"
LOAD: Final = """
SELECT * FROM kbart_load WHERE id = $1 AND state IN ('queued', 'reading', 'applying') FOR UPDATE
"""
PART: Final = "SELECT first_line, content FROM kbart_part WHERE load_id = $1 AND ordinal = $2"
PART_DONE: Final = "DELETE FROM kbart_part WHERE load_id = $1 AND ordinal <= $2"
ROWS: Final = """
INSERT INTO kbart_row (load_id, line, key, name, cells, outcome, reasons, digest, domain, sort_name, core_name,
    start_on, end_on, online_kind, online, print_kind, print, doi)
SELECT $1, line, key, name, string_to_array(cells, E'\t'), outcome, reasons::jsonb, digest, domain, sort_name,
    core_name, start_on, end_on, online_kind, online, print_kind, print, doi
FROM unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::text[],
    $10::text[], $11::text[], $12::date[], $13::date[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[])
    AS told (line, key, name, cells, outcome, reasons, digest, domain, sort_name, core_name, start_on, end_on,
        online_kind, online, print_kind, print, doi)
"""
READ: Final = """
UPDATE kbart_load SET state = 'reading', started_at = coalesce(started_at, $2), part = part + 1,
    rows_read = rows_read + $3, rejected = rejected + $4, warned = warned + $5, version = version + 1
WHERE id = $1
"""
BY_INDEX: Final = """
SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off
"""
"""A slice is a thousand titles of maybe millions; while a load fills tables, what the planner knows of them is old."""
KNOW: Final = "ANALYZE kbart_row"
"""A list that the planner has not heard of has a row or two, it would think."""
BY_HASH: Final = "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off"
"""For a list as a whole: row by row, guessed to be few, it would be compared with all of itself."""
_NUMBERS: Final = r"""
SELECT load_id, line, key,
    CASE WHEN cells[3] ~ '^([0-9]{4}-[0-9]{3}[0-9X]|[0-9X-]{10,17})$' THEN cells[3] END AS online,
    CASE WHEN cells[2] ~ '^([0-9]{4}-[0-9]{3}[0-9X]|[0-9X-]{10,17})$' THEN cells[2] END AS print
FROM kbart_row WHERE load_id = $1 AND key LIKE 'id:%' AND outcome IS NULL
"""
TELL_APART: Final = f"""
WITH numbers AS ({_NUMBERS}), shared AS (
    SELECT key FROM numbers GROUP BY key HAVING min(online) <> max(online) OR min(print) <> max(print)
)
UPDATE kbart_row r SET key = 'of' || substr(r.key, 3) || '|' || coalesce(n.online, n.print)
FROM shared JOIN numbers n USING (key)
WHERE r.load_id = $1 AND r.line = n.line AND coalesce(n.online, n.print) IS NOT NULL
"""
"""A provider's id that stands for titles of several numbers (a journal and what it was called before) names none."""
SLICE: Final = """
WITH ahead AS MATERIALIZED (SELECT key FROM kbart_row WHERE load_id = $1 AND key > $2 AND outcome IS NULL
    ORDER BY key, line LIMIT $3),
last AS MATERIALIZED (SELECT max(key) AS key, count(*) AS rows FROM ahead)
SELECT coalesce((SELECT max(a.key) FROM ahead a WHERE l.rows < $3 OR a.key < l.key), l.key) FROM last l
"""
"""The last key of the next titles: as many as have so many rows, one at least, each with all of its rows."""
TO_APPLY: Final = """
SELECT line, key, cells, ctid AS at FROM kbart_row WHERE load_id = $1 AND key > $2 AND key <= $3 AND outcome IS NULL
ORDER BY key, line
"""
_ITEM: Final = """
SELECT i.id, i.key, i.digest, i.listed, i.removed_at, i.access_end_on, i.platform_title_id, i.url, pt.platform_id,
    pt.title_id, t.work_id, t.kind, t.medium, t.name, t.publisher, t.first_author, t.first_editor, t.edition,
    t.volume, t.published_print, t.published_online
"""
BY_KEY: Final = f"""
SELECT found.* FROM unnest($2::text[]) AS asked (key) CROSS JOIN LATERAL ({_ITEM}
    FROM package_item i JOIN platform_title pt ON pt.id = i.platform_title_id
    JOIN title_instance t ON t.id = pt.title_id WHERE i.package_id = $1 AND i.key = asked.key OFFSET 0) AS found
"""
BY_TITLE: Final = f"""
SELECT found.* FROM unnest($2::uuid[]) AS asked (id) CROSS JOIN LATERAL ({_ITEM}
    FROM platform_title pt JOIN package_item i ON i.platform_title_id = pt.id AND i.package_id = $1
    JOIN title_instance t ON t.id = pt.title_id WHERE pt.title_id = asked.id OFFSET 0) AS found
"""
"""One by one (OFFSET 0 keeps the planner from beginning with all that the package holds)."""
IN_LIST: Final = "SELECT DISTINCT key FROM kbart_row WHERE load_id = $1 AND key = ANY ($2::text[])"
HOLDERS: Final = """
SELECT DISTINCT ON (n.namespace, n.value, n.medium) n.namespace, n.value, n.medium, t.id, t.work_id, t.kind
FROM unnest($1::text[], $2::text[]) AS asked (namespace, value)
JOIN title_identifier n ON n.namespace = asked.namespace AND n.value = asked.value
JOIN title_instance t ON t.id = n.title_id ORDER BY n.namespace, n.value, n.medium, n.approved
"""
WORKS: Final = """
SELECT t.id, t.work_id, t.kind, t.medium, (SELECT coalesce(array_agg(DISTINCT n.namespace), '{}')
    FROM title_identifier n WHERE n.title_id = t.id) AS namespaces
FROM title_instance t WHERE t.work_id = ANY ($1::uuid[]) AND t.merged_into IS NULL
"""
NAMED: Final = """
SELECT id, work_id, kind, medium, sort_name FROM title_instance
WHERE sort_name = ANY ($1::text[]) AND medium = 'electronic' AND merged_into IS NULL
"""
_ELECTRONIC: Final = "core_name IS NOT NULL AND medium = 'electronic' AND merged_into IS NULL"
_NEIGHBOURS: Final = " UNION ".join(
    f"(SELECT id FROM title_instance WHERE kind = a.kind AND {name} {side} {told} AND {name} IS NOT NULL "
    f"AND medium = 'electronic' AND merged_into IS NULL ORDER BY kind {way}, {name} {way}, id {way} LIMIT 6)"
    for name, told in (("core_name", "a.core"), ("reverse(core_name)", "reverse(a.core)"))
    for side, way in ((">=", ""), ("<", "DESC"))
)
ALIKE: Final = f"""
WITH asked AS (SELECT * FROM unnest($1::text[], $2::text[], $3::bool[]) AS told (kind, core, numbered)),
near AS (
    SELECT a.kind, a.core, n.id FROM asked a CROSS JOIN LATERAL ({_NEIGHBOURS}) n WHERE NOT a.numbered
    UNION ALL
    SELECT a.kind, a.core, n.id FROM asked a CROSS JOIN LATERAL (SELECT id FROM title_instance
        WHERE kind = a.kind AND core_name = a.core AND {_ELECTRONIC} ORDER BY id LIMIT 12) n WHERE a.numbered
)
SELECT near.core, near.kind, t.id, t.work_id, t.medium, t.name, t.publisher, t.first_author, t.edition, t.volume,
    (SELECT coalesce(array_agg(DISTINCT o.medium || ' ' || n.namespace), '{{}}') FROM title_instance o
        JOIN title_identifier n ON n.title_id = o.id
        WHERE o.work_id = t.work_id AND (o.id = t.id OR o.medium = 'print' AND o.merged_into IS NULL)) AS numbered
FROM near JOIN title_instance t ON t.id = near.id
"""
"""Titles whose names are the next ones, read from the front and from behind: one letter that is wrong leaves either its
beginning or its end as it is. Of a name whose row has a number, only those that are called the same."""
PLATFORMS: Final = "SELECT domain, platform_id FROM platform_domain WHERE domain = ANY ($1::text[])"
JOIN_WORKS: Final = """
UPDATE title_instance t SET work_id = told.becomes, version = t.version + 1
FROM unnest($1::uuid[], $2::uuid[]) AS told (was, becomes) WHERE t.work_id = told.was RETURNING t.id
"""
FOLLOW: Final = """
UPDATE title_instance t SET name = told.name, sort_name = told.sort_name, core_name = told.core_name,
    publisher = told.publisher, first_author = told.first_author, first_editor = told.first_editor,
    edition = told.edition, volume = told.volume, published_print = told.published_print,
    published_online = told.published_online, version = t.version + 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::text[], $10::text[], $11::text[]) AS told (id, name, sort_name, core_name, publisher, first_author,
    first_editor, edition, volume, published_print, published_online) WHERE t.id = told.id
"""
PLACES: Final = """
INSERT INTO platform_title (id, title_id, platform_id, url)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[])
ON CONFLICT (title_id, platform_id) DO UPDATE SET url = coalesce(excluded.url, platform_title.url)
RETURNING id, title_id, platform_id
"""
_TOLD_ITEMS: Final = """
unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::int[])
    AS told (id, platform_title_id, key, listed, digest, sort_name, url, line)
"""
ADD_ITEMS: Final = f"""
INSERT INTO package_item (id, platform_title_id, key, listed, digest, sort_name, url, line, package_id, origin, load_id,
    created_at)
SELECT told.id, told.platform_title_id, told.key, told.listed::jsonb, told.digest, told.sort_name, told.url, told.line,
    $9, 'list', $10, $11 FROM {_TOLD_ITEMS}
"""
CHANGE_ITEMS: Final = f"""
UPDATE package_item i SET platform_title_id = told.platform_title_id, key = told.key, listed = told.listed::jsonb,
    digest = told.digest, sort_name = told.sort_name, url = told.url, line = told.line, origin = 'list', load_id = $9,
    removed_at = NULL, removed_load_id = NULL, version = i.version + 1,
    access_end_on = CASE WHEN i.removed_at IS NULL OR i.access_end_on < (i.removed_at AT TIME ZONE $10)::date - 1
        THEN i.access_end_on END
FROM {_TOLD_ITEMS} WHERE i.id = told.id
"""
"""Of one that returns, access is open again, unless somebody had ended it earlier."""
COVERAGE: Final = """
INSERT INTO coverage_statement (id, item_id, ordinal, starts, start_on, start_volume, start_issue, ends, end_on,
    end_volume, end_issue, depth, embargo, access_type, note, url, line, listed)
SELECT told.id, told.item_id, told.ordinal, told.starts, told.start_on, told.start_volume, told.start_issue, told.ends,
    told.end_on, told.end_volume, told.end_issue, told.depth, told.embargo, told.access_type, told.note, told.url,
    told.line, told.listed::jsonb
FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::text[], $5::date[], $6::text[], $7::text[], $8::text[], $9::date[],
    $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::int[], $18::text[])
    AS told (id, item_id, ordinal, starts, start_on, start_volume, start_issue, ends, end_on, end_volume, end_issue,
        depth, embargo, access_type, note, url, line, listed)
"""
DROP_COVERAGE: Final = "DELETE FROM coverage_statement WHERE item_id = ANY ($1::uuid[])"
REVIEWS: Final = """
INSERT INTO title_review (id, kind, title_id, other_id, line, score, why, package_id, load_id, created_at, state)
SELECT told.id, told.kind, told.title_id, told.other_id, told.line, told.score, string_to_array(told.why, ' '), $8, $9,
    $10, 'open'
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::int[], $6::int[], $7::text[])
    AS told (id, kind, title_id, other_id, line, score, why)
ON CONFLICT (kind, title_id, other_id) DO NOTHING RETURNING id
"""
PRECEDED: Final = """
WITH told AS MATERIALIZED (
    SELECT i.platform_title_id, i.before FROM unnest($4::uuid[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT platform_title_id, listed ->> 'preceding_publication_title_id' AS before FROM package_item
        WHERE id = asked.id AND (listed ->> 'preceding_publication_title_id') IS NOT NULL OFFSET 0) AS i
    UNION
    SELECT i.platform_title_id, asked.before FROM unnest($5::text[]) AS asked (before) CROSS JOIN LATERAL (
        SELECT platform_title_id FROM package_item
        WHERE package_id = $1 AND listed ->> 'preceding_publication_title_id' = asked.before
            AND (listed ->> 'preceding_publication_title_id') IS NOT NULL OFFSET 0) AS i
),
pairs AS MATERIALIZED (
    SELECT pt.title_id, (SELECT n.title_id FROM title_identifier n WHERE n.namespace = $2 AND n.value = told.before
        AND n.medium = 'electronic' ORDER BY n.approved, n.id LIMIT 1) AS before
    FROM told CROSS JOIN LATERAL (SELECT title_id FROM platform_title WHERE id = told.platform_title_id OFFSET 0) AS pt
)
UPDATE title_instance t SET preceded_by = p.before,
    version = t.version + CASE WHEN t.id = ANY ($3::uuid[]) THEN 0 ELSE 1 END
FROM pairs p WHERE t.id = p.title_id AND t.preceded_by IS NULL AND p.before <> t.id RETURNING t.id
"""
OUTCOMES: Final = """
UPDATE kbart_row r SET outcome = told.outcome, item_id = told.item_id, cells = NULL, digest = NULL, domain = NULL,
    sort_name = NULL, core_name = NULL, start_on = NULL, end_on = NULL, online_kind = NULL, online = NULL,
    print_kind = NULL, print = NULL, doi = NULL,
    reasons = NULLIF(coalesce(r.reasons, '[]') || told.reasons::jsonb, '[]')
FROM unnest($1::tid[], $2::text[], $3::uuid[], $4::text[]) AS told (at, outcome, item_id, reasons)
WHERE r.ctid = told.at
"""
APPLIED: Final = """
UPDATE kbart_load SET applied_to = $2, added = added + $3, changed = changed + $4, unchanged = unchanged + $5,
    duplicate = duplicate + $6, rejected = rejected + $7, warned = warned + $8, items_added = items_added + $9,
    items_changed = items_changed + $10, items_unchanged = items_unchanged + $11, titles_added = titles_added + $12,
    questions = questions + $13, version = version + 1
WHERE id = $1
"""
MISSING: Final = """
FROM package_item i WHERE i.package_id = $2 AND i.origin = 'list' AND i.removed_at IS NULL
    AND NOT EXISTS (SELECT FROM kbart_row r WHERE r.load_id = $1 AND r.key = i.key)
"""
COUNT_MISSING: Final = f"""
SELECT (SELECT count(*) {MISSING}) AS missing, (SELECT count(*) FROM package_item
    WHERE package_id = $2 AND origin = 'list' AND removed_at IS NULL) AS known,
    EXISTS (SELECT FROM kbart_row WHERE load_id = $1 AND outcome = 'rejected' AND key IS NULL) AS unreadable
"""
REMOVE: Final = f"""
UPDATE package_item SET removed_at = $4, removed_load_id = $1, access_end_on = least(coalesce(access_end_on, $5), $5),
    version = version + 1
WHERE id IN (SELECT i.id {MISSING} ORDER BY i.id LIMIT $3 FOR UPDATE) RETURNING id
"""
END: Final = """
UPDATE kbart_load SET state = $2, findings = $3, finished_at = $4, items_removed = items_removed + $5,
    started_at = coalesce(started_at, $4), version = version + 1
WHERE id = $1 RETURNING *
"""
WAIT: Final = """
UPDATE kbart_load SET state = 'waiting', findings = $2, items_removed = 0, version = version + 1 WHERE id = $1
"""
GO_ON: Final = (
    "UPDATE kbart_load SET state = 'applying', applied_to = '', version = version + 1 WHERE id = $1"
)
REMOVED: Final = (
    "UPDATE kbart_load SET items_removed = items_removed + $2, version = version + 1 WHERE id = $1"
)
LOADED: Final = "UPDATE package SET loaded_at = $2, version = version + 1 WHERE id = $1 RETURNING *"
