"""Rows that say nothing that has to be weighed: the database tells them apart, and writes them, a slice at once.

Plainly the same is the only row of a title that the package has just so; plainly new is the only row of a title that
has a number, and of whose identifiers and name neither the knowledge base nor another row of the slice has heard.
Everything else is matched (`applying`), which would come to the same with these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7s
from erm.identifiers.rules import OWN
from erm.instances.rules import FOLLOWING
from erm.kbart.gathering import SHARED
from erm.kbart.rules import AT, OF_TITLE, Outcome


def _cell(name: str) -> str:
    return f"NULLIF(r.cells[{AT[name] + 1}], '')"


_DONE: Final = """
cells = NULL, digest = NULL, domain = NULL, sort_name = NULL, core_name = NULL, start_on = NULL, end_on = NULL,
    online_kind = NULL, online = NULL, print_kind = NULL, print = NULL, doi = NULL
"""
SORT: Final = f"""
-- rows are gone back to where they lie: nobody else touches them, and joined by what they have in common, a list that
-- the planner knows nothing of yet would be read whole for each of them

WITH slice AS MATERIALIZED (
    SELECT ctid AS at, line, key, sort_name, core_name, cells[{AT["publication_type"] + 1}] AS kind, digest, domain,
        online_kind, online, print_kind, print,
        CASE WHEN key NOT LIKE '{SHARED}%' THEN doi END AS doi,
        CASE WHEN key NOT LIKE '{SHARED}%' THEN NULLIF(cells[{AT["title_id"] + 1}], '') END AS own,
        count(*) OVER (PARTITION BY key) AS rows
    FROM kbart_row WHERE load_id = $1 AND key > $2 AND key <= $3 AND outcome IS NULL
),
sole AS MATERIALIZED (
    SELECT s.at, s.line, s.print IS NOT NULL AS printed, i.id AS item_id, s.kind, s.core_name,
        s.online IS NOT NULL OR s.print IS NOT NULL OR s.doi IS NOT NULL AS numbered,
        i.removed_at IS NULL AND i.digest = s.digest || uuid_send(coalesce(d.platform_id, $6)) AS same
    FROM slice s LEFT JOIN LATERAL (SELECT id, removed_at, digest FROM package_item
        WHERE package_id = $4 AND key = s.key LIMIT 1) i ON true
    LEFT JOIN LATERAL (SELECT platform_id FROM platform_domain WHERE domain = s.domain LIMIT 1) d ON true
    WHERE s.rows = 1 AND s.sort_name IS NOT NULL
),
names AS MATERIALIZED (
    SELECT line, namespace, value, min(line) OVER w <> max(line) OVER w AS shared, sort_name
    FROM slice CROSS JOIN LATERAL (VALUES (online_kind, online), (print_kind, print), ('doi', doi), ($5, own))
        AS told (namespace, value)
    WHERE value IS NOT NULL AND EXISTS (SELECT FROM sole WHERE item_id IS NULL)
    WINDOW w AS (PARTITION BY value COLLATE "C", namespace COLLATE "C")
),
nameless AS MATERIALIZED (
    SELECT coalesce(array_agg(sort_name), '{{}}') AS told FROM slice
    WHERE online IS NULL AND print IS NULL AND doi IS NULL AND own IS NULL
),
fresh AS MATERIALIZED (
    SELECT line FROM names GROUP BY line, sort_name
    HAVING NOT bool_or(shared) AND NOT sort_name = ANY ((SELECT told FROM nameless)::text[])
        AND NOT bool_or((SELECT true FROM title_identifier n
            WHERE n.namespace = names.namespace AND n.value = names.value LIMIT 1) IS TRUE)
),
likely AS MATERIALIZED (
    SELECT at, line, printed FROM sole s WHERE item_id IS NULL AND (NOT $7 OR numbered AND (
        SELECT true FROM title_instance t WHERE t.kind = s.kind AND t.core_name = s.core_name
            AND t.medium = 'electronic' AND t.merged_into IS NULL LIMIT 1) IS NULL)
),
done AS (
    UPDATE kbart_row r SET outcome = '{Outcome.UNCHANGED}', item_id = s.item_id, {_DONE}
    FROM sole s WHERE s.same AND r.ctid = s.at RETURNING r.line
)
SELECT (SELECT count(*) FROM done) AS same,
    (SELECT coalesce(array_agg(line), '{{}}') FROM fresh) AS fresh,
    (SELECT coalesce(array_agg(line ORDER BY line), '{{}}') FROM likely) AS lines,
    (SELECT coalesce(array_agg(at ORDER BY line), '{{}}') FROM likely) AS places,
    (SELECT coalesce(array_agg(printed ORDER BY line), '{{}}') FROM likely) AS printed
"""  # noqa: S608 - our own text
TRY: Final = f"""
UPDATE kbart_row SET outcome = '{Outcome.ADDED}', {_DONE} WHERE ctid = ANY ($1::tid[])
"""  # noqa: S608 - our own text
_TITLE: Final = ", ".join(_cell(column) for column in FOLLOWING)
_LISTED: Final = ", ".join(f"'{name}', {_cell(name)}" for name in OF_TITLE)
ADD: Final = f"""
WITH told AS MATERIALIZED (
    SELECT a.*, r.line, r.cells, r.key, r.sort_name, r.core_name, r.start_on, r.end_on, r.online_kind, r.online,
        r.print_kind, r.print,
        CASE WHEN r.key NOT LIKE '{SHARED}%' THEN r.doi END AS doi,
        CASE WHEN r.key NOT LIKE '{SHARED}%' THEN {_cell("title_id")} END AS own,
        coalesce(d.platform_id, $3) AS platform_id,
        r.digest || uuid_send(coalesce(d.platform_id, $3)) AS digest
    FROM unnest($6::tid[], $7::uuid[], $8::uuid[], $9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[], $13::uuid[],
        $14::uuid[], $15::uuid[]) AS a (at, title_id, sibling_id, place_id, item_id, part_id, n1, n2, n3, n4)
    JOIN kbart_row r ON r.ctid = a.at LEFT JOIN platform_domain d ON d.domain = r.domain
),
titles AS (
    INSERT INTO title_instance (id, work_id, medium, kind, sort_name, core_name, created_at,
        {", ".join(FOLLOWING.values())})
    SELECT m.id, r.title_id, m.medium, r.cells[{AT["publication_type"] + 1}], r.sort_name, r.core_name, $5, {_TITLE}
    FROM told r CROSS JOIN LATERAL (VALUES (r.title_id, 'electronic', true),
        (r.sibling_id, 'print', r.print IS NOT NULL)) AS m (id, medium, there) WHERE m.there
),
names AS (
    INSERT INTO title_identifier (id, title_id, namespace, value, medium)
    SELECT n.* FROM told r CROSS JOIN LATERAL (VALUES (r.n1, r.title_id, r.online_kind, r.online, 'electronic'),
        (r.n2, r.title_id, 'doi', r.doi, 'electronic'), (r.n3, r.title_id, $4, r.own, 'electronic'),
        (r.n4, r.sibling_id, r.print_kind, r.print, 'print')) AS n (id, title_id, namespace, value, medium)
    WHERE n.value IS NOT NULL
),
places AS (
    INSERT INTO platform_title (id, title_id, platform_id, url)
    SELECT place_id, title_id, platform_id, {_cell("title_url")} FROM told r
),
items AS (
    INSERT INTO package_item (id, package_id, platform_title_id, key, listed, digest, sort_name, url, line, origin,
        load_id, created_at)
    SELECT item_id, $2, place_id, key, jsonb_strip_nulls(jsonb_build_object({_LISTED})), digest, sort_name,
        {_cell("title_url")}, line, 'list', $1, $5 FROM told r
),
parts AS (
    INSERT INTO coverage_statement (id, item_id, ordinal, starts, start_on, start_volume, start_issue, ends, end_on,
        end_volume, end_issue, depth, embargo, access_type, note, line)
    SELECT part_id, item_id, 0, {_cell("date_first_issue_online")}, start_on, {_cell("num_first_vol_online")},
        {_cell("num_first_issue_online")}, {_cell("date_last_issue_online")}, end_on,
        {_cell("num_last_vol_online")}, {_cell("num_last_issue_online")}, r.cells[{AT["coverage_depth"] + 1}],
        {_cell("embargo_info")}, r.cells[{AT["access_type"] + 1}], {_cell("notes")}, line FROM told r
),
done AS (
    UPDATE kbart_row r SET outcome = '{Outcome.ADDED}', item_id = t.item_id, {_DONE}
    FROM told t WHERE r.ctid = t.at
)
SELECT coalesce(array_agg(own) FILTER (WHERE own IS NOT NULL), '{{}}') AS brought,
    coalesce(array_agg(item_id) FILTER (WHERE {_cell("preceding_publication_title_id")} IS NOT NULL), '{{}}') AS after
FROM told r
"""  # noqa: S608 - our own text
PER_ROW: Final = 9
"""Ids that a new title may need: two titles, its place, its item, a part of coverage, and four identifiers."""


@dataclass(slots=True)
class Plain:
    """What became of rows that had not to be weighed."""

    same: int = 0
    added: int = 0
    titles_added: int = 0
    titles: Sequence[UUID] = ()
    items: Sequence[UUID] = ()
    brought: Sequence[str] = ()
    """What the provider calls the new titles."""
    after: Sequence[UUID] = ()
    """Items whose titles continue others."""


async def take(
    connection: Connection,
    load: asyncpg.Record,
    package: asyncpg.Record,
    *,
    upto: str,
    names: bool,
    now: datetime,
) -> Plain:
    """Take what is plain among the titles up to a key; where `names` are compared, none that is called as another."""
    own = OWN + package["source"]
    told = await connection.fetchrow(
        SORT, load["id"], load["applied_to"] or "", upto, package["id"], own, package["platform_id"], names
    )
    assert told is not None
    fresh = set(told["fresh"])
    new = [
        (place, printed)
        for line, place, printed in zip(told["lines"], told["places"], told["printed"], strict=True)
        if line in fresh
    ]
    plain = Plain(told["same"], len(new), len(new) + sum(printed for _, printed in new))
    if not new:
        return plain
    places = [place for place, _ in new]
    if load["dry_run"]:
        await connection.execute(TRY, places)
        return plain
    ids = [uuid7s(len(new)) for _ in range(PER_ROW)]
    plain.titles, plain.items = ids[0], ids[3]
    where = load["id"], package["id"], package["platform_id"], own, now
    added = await connection.fetchrow(ADD, *where, places, *ids)
    assert added is not None
    plain.brought, plain.after = added["brought"], added["after"]
    return plain
