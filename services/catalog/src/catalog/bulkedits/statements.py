"""What the worker says to the database."""

from collections.abc import Sequence
from typing import Final

from catalog.bulkedits.rules import DIGITISED_FACTS, HOLDINGS_FACTS, ITEM_FACTS, OWN_ITEM_FACTS
from catalog.bulkedits.tables import WORKING
from catalog.history.statements import keeping
from catalog.items.rules import ENDING
from catalog.items.standing import permanent, standing

WAITING: Final = f"""
SELECT e.id, e.matched, e.gathered FROM bulk_edit e WHERE {WORKING} AND (NOT e.gathered OR e.matched <= $1)
ORDER BY e.worked_at NULLS FIRST, e.id LIMIT 200
"""
BEGIN: Final = f"UPDATE bulk_edit SET worked_at = $2 WHERE id = $1 AND {WORKING} RETURNING *"
LIST: Final = """
SELECT kind, state, problem, generation, count FROM saved_list WHERE id = $1 AND (shared OR owner = $2) FOR SHARE
"""
GATHER: Final = """
INSERT INTO bulk_edit_record (edit_id, entity_id) SELECT $1, entity_id FROM saved_list_member
WHERE list_id = $2 AND generation = $3
"""
GATHERED: Final = "UPDATE bulk_edit SET gathered = true, matched = $2 WHERE id = $1 AND state = 'previewing'"
NEXT: Final = """
SELECT entity_id AS id, version_seen, before, left_as FROM bulk_edit_record
WHERE edit_id = $1 AND outcome = $2 AND entity_id > $3 ORDER BY entity_id LIMIT $4
"""
TELL: Final = """
UPDATE bulk_edit_record r SET outcome = told.outcome, version_seen = coalesce(told.version, r.version_seen),
    differences = coalesce(told.differences::jsonb, r.differences), reasons = told.reasons::jsonb,
    before = coalesce(told.before::jsonb, r.before), left_as = coalesce(told.left_as, r.left_as)
FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
    AS told (id, outcome, version, differences, reasons, before, left_as)
WHERE r.edit_id = $1 AND r.entity_id = ANY ($2::uuid[]) AND r.entity_id = told.id
"""
"""(By the primary key, whatever is thought of how many records an edit has.)"""
SURVEY: Final = "ANALYZE bulk_edit_record"
MOVE_ON: Final = """
UPDATE bulk_edit SET position = $4, worked_at = $5 WHERE id = $1 AND state = $2 AND position = $3 RETURNING true
"""
END_STEP: Final = """
UPDATE bulk_edit SET state = $3, version = version + 1, position = $4,
    previewed_at = CASE WHEN $3 = 'previewed' THEN $5 ELSE previewed_at END,
    ended_at = CASE WHEN $3 = 'previewed' THEN NULL ELSE $5::timestamptz END
WHERE id = $1 AND state = $2
"""
FAIL: Final = f"""
UPDATE bulk_edit SET state = 'failed', problem = $2, ended_at = $3, version = version + 1 WHERE id = $1 AND {WORKING}
"""
SWEEP: Final = f"DELETE FROM bulk_edit WHERE (ended_at <= $1 OR created_at <= $2) AND NOT ({WORKING})"


def digest(alias: str, facts: Sequence[str], *, belongs: str | None = None) -> str:
    """What stands in these facts, in few characters. Facts that most have none of count only where there are some, so
    that an edit of an earlier release can still be taken back."""
    told = ", ".join(
        f"'{name}', {belongs if belongs is not None and name == 'location_id' else f'{alias}.{name}'}"
        for name in facts
        if name not in SELDOM
    )
    seldom = ", ".join(f"'{name}', {alias}.{name}" for name in facts if name in SELDOM)
    return f"md5((jsonb_build_object({told}) || jsonb_strip_nulls(jsonb_build_object({seldom})))::text)"


SELDOM: Final = frozenset({"temporary_location_id", "temporary_loan_type", *ENDING})
_ITEM_COLUMNS: Final = ", ".join(
    f"{permanent('i')} AS location_id" if name == "location_id" else f"i.{name}" for name in OWN_ITEM_FACTS
)
_WRITE_ITEMS: Final = f"""
UPDATE item e SET version = e.version + 1, updated_at = $3,
    {", ".join(f"{name} = b.{name}" for name in OWN_ITEM_FACTS if name != "location_id")},
    {
    standing(
        f"CASE WHEN told.after::jsonb ? 'location_id' THEN b.location_id ELSE {permanent('s')} END",
        "b.temporary_location_id",
    )
}
FROM unnest($1::uuid[], $2::text[]) AS told (id, after) JOIN item s ON s.id = told.id
    JOIN holdings h ON h.id = s.holdings_id
    CROSS JOIN LATERAL jsonb_populate_record(s, told.after::jsonb) AS b
WHERE e.id = told.id
"""
_WRITE_HOLDINGS: Final = f"""
UPDATE holdings e SET version = e.version + 1, updated_at = $3,
    {", ".join(f"{name} = b.{name}" for name in DIGITISED_FACTS)}
FROM unnest($1::uuid[], $2::text[]) AS told (id, after) JOIN holdings s ON s.id = told.id
    CROSS JOIN LATERAL jsonb_populate_record(s, told.after::jsonb) AS b
WHERE e.id = told.id
"""
_TOLD_OF_HOLDINGS: Final = {
    **{
        name: f"new.{name}"
        for name in (
            "id", "version", "title_id", "location_id", "temporary_location_id", "temporary_location_ends_at",
            "call_number", "suppressed", "statistical_codes", "other_call_numbers", "digitisation_policy",
        )
    },
    "record_number": "new.hrid_prefix || new.hrid",
    "lending_policy": "new.policies ->> 'lending_policy'",
    "reproduction_policy": "new.policies ->> 'reproduction_policy'",
}  # fmt: skip


def hold_items(*, own: bool) -> str:
    """Items, locked. What is the library's own counts as touched only for an edit that changes it."""
    is_now = digest("i", OWN_ITEM_FACTS if own else ITEM_FACTS, belongs=permanent("i"))
    return f"""
SELECT i.id, i.version, i.title_id, {_ITEM_COLUMNS}, {is_now} AS is_now
FROM item i WHERE i.id = ANY ($1::uuid[]) ORDER BY i.id FOR UPDATE
"""


def look_at_items(*, own: bool) -> str:
    """The same without a lock."""
    return hold_items(own=own).replace(" FOR UPDATE", "")


def write_items(*, own: bool) -> str:
    """What changes of each; the digest of what is left is of the facts that `hold_items` looks at."""
    left_as = digest("new", OWN_ITEM_FACTS if own else ITEM_FACTS, belongs=permanent("new"))
    told = {"id": "new.id", "left_as": left_as}
    return keeping("item", _WRITE_ITEMS, now="$3", by="$4", returning=told)


def hold_holdings(*, digitised: bool) -> str:
    """Holdings, locked. How they are digitised counts as touched only for an edit that changes it."""
    return f"""
SELECT h.id, h.version, h.title_id, h.deleted_at, {", ".join(f"h.{name}" for name in DIGITISED_FACTS)},
    {digest("h", DIGITISED_FACTS if digitised else HOLDINGS_FACTS)} AS is_now
FROM holdings h WHERE h.id = ANY ($1::uuid[]) AND h.merged_into IS NULL ORDER BY h.id FOR UPDATE
"""


def look_at_holdings(*, digitised: bool) -> str:
    """The same without a lock."""
    return hold_holdings(digitised=digitised).replace(" FOR UPDATE", "")


def write_holdings(*, digitised: bool) -> str:
    """What changes of each, and what is told of it."""
    left_as = digest("new", DIGITISED_FACTS if digitised else HOLDINGS_FACTS)
    told = _TOLD_OF_HOLDINGS | {"left_as": left_as}
    return keeping("holdings", _WRITE_HOLDINGS, now="$3", by="$4", returning=told)


PLACES_TAKEN: Final = """
SELECT title_id, location_id, call_number FROM holdings WHERE title_id = ANY ($1::uuid[])
"""
_COMES_ALONG: Final = f"CASE WHEN {permanent('i')} = told.before THEN told.after ELSE {permanent('i')} END"
CARRY_ITEMS: Final = keeping(
    "item",
    f"""
UPDATE item i SET version = i.version + 1, updated_at = $4,
    {standing(_COMES_ALONG, "i.temporary_location_id")}
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS told (id, before, after)
    JOIN holdings h ON h.id = told.id
WHERE i.title_id = h.title_id AND i.holdings_id = h.id
""",
    now="$4",
    by="$5",
)
KNOWN: Final = """
SELECT (SELECT coalesce(array_agg(l.id), '{}') FROM (
        SELECT id FROM location WHERE id = ANY ($1::uuid[]) ORDER BY id FOR SHARE) l) AS location_id,
    (SELECT coalesce(array_agg(code), '{}') FROM material_type WHERE code = ANY ($2::text[])) AS material_type,
    (SELECT coalesce(array_agg(code), '{}') FROM loan_type WHERE code = ANY ($3::text[])) AS loan_type,
    (SELECT coalesce(array_agg(code), '{}') FROM damaged_status WHERE code = ANY ($4::text[])) AS damaged_status,
    (SELECT coalesce(array_agg(code), '{}') FROM statistical_code WHERE code = ANY ($5::text[])) AS statistical_codes,
    (SELECT coalesce(array_agg(code), '{}') FROM digitisation_policy
        WHERE code = ANY ($6::text[])) AS digitisation_policy
"""

HOLD_TITLES: Final = """
SELECT id, version, match_key, title, author, record, suppressed, deleted_at, tags, custom FROM title
WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
"""
LOOK_AT_TITLES: Final = HOLD_TITLES.replace(" FOR UPDATE", "")
KEEP_TITLES: Final = """
INSERT INTO title_version (title_id, version, record, suppressed, replaced_at, replaced_by)
SELECT id, version, record, suppressed, $2, $3 FROM title WHERE id = ANY ($1::uuid[])
"""
WRITE_TITLES: Final = """
UPDATE title t SET version = version + 1, control_number = n.control_number, control_agency = n.control_agency,
    title = n.title, subtitle = n.subtitle, author = n.author, year = n.year, format = n.format, record = n.record,
    keys = string_to_array(n.keys, chr(10)), suppressed = n.suppressed, updated_at = $13,
    brief_since = CASE WHEN n.whole THEN NULL ELSE t.brief_since END,
    tags = ARRAY(SELECT jsonb_array_elements_text(n.tags::jsonb)), custom = n.custom::jsonb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::text[],
    $9::bytea[], $10::text[], $11::boolean[], $12::boolean[], $14::text[], $15::text[]) AS n (id, control_number,
    control_agency, title, subtitle, author, year, format, record, keys, suppressed, whole, tags, custom)
WHERE t.id = n.id RETURNING t.id, t.version
"""
BEFORE_TITLES: Final = """
SELECT v.title_id AS id, v.record, v.suppressed
FROM unnest($1::uuid[], $2::bigint[]) AS asked (id, version)
JOIN title_version v ON v.title_id = asked.id AND v.version = asked.version
"""
RAISE_ITEMS: Final = """
UPDATE item SET version = version + 1, updated_at = $2 WHERE title_id = ANY ($1::uuid[]) RETURNING id
"""
