"""How a patron stands, looked at with everything else the desk needs to know; and the limits of their group."""

from typing import Final

import asyncpg

from circulation.patrons.rules import NO_LIMITS, Beyond, Limits, Measure, Standing, beyond, stricter
from circulation.places.documents import Action, LimitsDoc, PatronGroupDoc

ACTIONS: Final[tuple[Action, ...]] = ("borrow", "renew", "hold")

LATE: Final = """
    CASE WHEN p.open_loans > 0 THEN (
        SELECT jsonb_build_object('items', count(*), 'recalls', count(recalled_at), 'recall_seconds',
            coalesce(floor(extract(epoch FROM {now} - min(due_at) FILTER (WHERE recalled_at IS NOT NULL))), 0))
        FROM loan WHERE patron_id = p.id AND returned_at IS NULL AND claimed_at IS NULL AND due_at < {now}
    ) END AS late
"""
"""Of patron p, for statements that look; patrons without loans cost nothing."""


def standing(row: asyncpg.Record) -> Standing:
    """From a row with `open_loans`, `owed` and what `LATE` brings."""
    late = row["late"] or {}
    return Standing(
        row["open_loans"],
        row["owed"],
        late.get("items", 0),
        late.get("recalls", 0),
        int(late.get("recall_seconds", 0)),
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
