"""Statements that change items or holdings keep what was, in the same statement: nobody comes in between."""

from collections.abc import Mapping
from typing import Final, Literal

from catalog.items.standing import permanent
from chassis import outbox

Entity = Literal["item", "holdings"]
_APART: Final[Mapping[Entity, tuple[str, ...]]] = {
    "item": (
        "id", "version", "created_at", "updated_at", "import_id", "place", "shelving_key", "permanent_location_id",
        "hrid", "hrid_prefix", "purchase_minor", "purchase_currency", "replacement_minor", "replacement_currency",
    ),
    "holdings": (
        "id", "version", "created_at", "updated_at", "import_id", "shelving_key", "record", "policies", "hrid",
        "hrid_prefix",
    ),
}  # fmt: skip
"""Columns that are no facts, are told as others, or have versions of their own."""


def _price(row: str, kind: str) -> str:
    amount = f"jsonb_build_object('minor', {row}.{kind}_minor, 'currency', {row}.{kind}_currency)"
    return f"'{kind}_price', CASE WHEN {row}.{kind}_minor IS NOT NULL THEN {amount} END"


def _facts(entity: Entity, row: str) -> str:
    """The row's facts by the names that they have on the wire."""
    told = f"'call_number', nullif({row}.call_number, '')"
    if entity == "item":
        prices = ", ".join(_price(row, kind) for kind in ("purchase", "replacement"))
        told += f", 'location_id', {permanent(row)}, {prices}"
    return f"to_jsonb({row}) || jsonb_build_object({told})"


ID: Final = {"id": "new.id"}


def whoever() -> str:
    """Who acts now, as events tell it."""
    return str(outbox.origin.get().actor)


def keeping(
    entity: Entity, update: str, *, now: str, by: str, returning: Mapping[str, str] | None = None
) -> str:
    """An UPDATE (or an upsert), without its RETURNING, as a statement that also keeps a step of each row whose facts it
    changes. `now` and `by` are parameters; it answers with the named expressions, in which `old` and `new` are the
    row before and after. What leaves all facts as they were is no step."""
    told = ID if returning is None else returning
    apart = ", ".join(f"'{name}'" for name in _APART[entity])
    return f"""
WITH changed AS (
{update}
RETURNING {", ".join(f"{expression} AS {name}" for name, expression in told.items())},
    new.id AS step_of, new.version AS step_version, {_facts(entity, "old")} AS step_from,
    {_facts(entity, "new")} AS step_to
), kept AS (
    INSERT INTO {entity}_step ({entity}_id, version, changes, at, by)
    SELECT step_of, step_version, d.changes, CAST({now} AS timestamptz), CAST({by} AS text)
    FROM changed CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(b.key, jsonb_build_array(b.value, step_to -> b.key)) AS changes
        FROM jsonb_each(step_from) b
        WHERE b.value IS DISTINCT FROM step_to -> b.key AND NOT b.key = ANY (ARRAY[{apart}])
    ) d
    WHERE d.changes IS NOT NULL
    ON CONFLICT ({entity}_id, version) DO UPDATE SET changes = {entity}_step.changes || excluded.changes
)
SELECT {", ".join(told)} FROM changed
"""
