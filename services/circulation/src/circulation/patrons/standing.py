"""How a patron stands, looked at with everything else the desk needs to know; and the limits of their group."""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from circulation.patrons.rules import NO_LIMITS, Beyond, Limits, Measure, Standing, beyond, stricter
from circulation.places.documents import Action, LimitsDoc, PatronGroupDoc

ACTIONS: Final[tuple[Action, ...]] = ("borrow", "renew", "hold")

WARDS: Final = """
    CASE WHEN p.wards > 0 THEN (
        SELECT coalesce(sum(w.owed), 0)::bigint FROM patron_guarantee g JOIN patron w ON w.id = g.ward_id
        WHERE g.guarantor_id = p.id AND g.ended_at IS NULL
          AND (g.ends_on IS NULL OR g.ends_on > ({now} AT TIME ZONE 'UTC')::date)
    ) END AS wards_owe
"""
"""What those owe for whom patron p answers.

A ward's new debt bars the guarantor from the next look on: it is another's row, and guards no act under way.
"""
OUT_NOW: Final = """
    CASE WHEN p.open_loans > 0 THEN (
        SELECT jsonb_build_object('items', count(*) FILTER (WHERE in_library IS NULL), 'lost', count(lost_at),
            'late', count(*) FILTER (WHERE due_at < {now}),
            'recalls', count(*) FILTER (WHERE due_at < {now} AND recalled_at IS NOT NULL),
            'recall_seconds', coalesce(floor(extract(epoch FROM
                {now} - min(due_at) FILTER (WHERE due_at < {now} AND recalled_at IS NOT NULL))), 0),
            'policies', jsonb_agg(policy))
        FROM loan WHERE patron_id = p.id AND returned_at IS NULL AND claimed_at IS NULL
    ) END AS out_now
"""
"""What patron p has out, in one pass over the open loans; what is used in the library is not out.

`policies` are those of the open loans, one for each of them.
"""
OUT: Final = f"{OUT_NOW}, {WARDS}"
"""Of patron p, for statements that look; patrons without loans, and those who answer for nobody, cost nothing."""


def standing(row: asyncpg.Record | Mapping[str, Any]) -> Standing:
    """From a row with `owed` and what `OUT` brings; what is claimed returned counts to nothing."""
    out = row["out_now"] or {}
    return Standing(
        items_out=out.get("items", 0),
        balance=row["owed"],
        overdue_items=out.get("late", 0),
        overdue_recalls=out.get("recalls", 0),
        recall_overdue_seconds=int(out.get("recall_seconds", 0)),
        lost_items=out.get("lost", 0),
        wards_balance=row["wards_owe"] or 0,
    )


def limits_of(group: PatronGroupDoc | None, action: str) -> Limits:
    """What a group allows for an action; what it allows in general counts, too."""
    if group is None:
        return NO_LIMITS
    general = {
        Measure.ITEMS_OUT: group.max_loans if action == "borrow" else None,
        Measure.BALANCE: group.max_owed if action != "hold" else None,
    }
    told: LimitsDoc | None = getattr(group.limits, action)
    return stricter(
        {measure: limit for measure, limit in general.items() if limit is not None},
        told.as_rule() if told else NO_LIMITS,
    )


def in_the_way(stands: Standing, group: PatronGroupDoc | None, action: str) -> tuple[Beyond, ...]:
    """Every limit of the patron's group that stands in the way of an action."""
    return beyond(stands, limits_of(group, action), action=action)
