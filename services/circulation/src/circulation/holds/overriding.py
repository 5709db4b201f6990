"""Staff set aside what stands against a hold, and say why.

What was set aside is told of by the event and kept beside the hold, not on it: its patron reads the hold
(mod-circulation: requestProcessingParametersAreNotStoredInRequestRecord).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from chassis.principal import Principal
from chassis.problems import Invalid, Reason
from circulation.holds.rules import TEXTS, HoldRefusal, Wish, refusals
from circulation.overrides.demanding import demand_scopes
from circulation.overrides.rules import HOLD_POWERS

_WHERE = "/override/refusals"


@dataclass(frozen=True, slots=True)
class Override:
    """What staff set aside, and why."""

    refusals: frozenset[HoldRefusal]
    comment: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was set aside for a hold, as it is kept."""

    refusals: tuple[HoldRefusal, ...]
    comment: str
    by: str


def set_aside(
    wish: Wish, found: Sequence[HoldRefusal], override: Override, principal: Principal, *, now: datetime
) -> tuple[Wish, list[HoldRefusal], Kept | None]:
    """The wish as it is now judged, what is left against it, and what was set aside, if anything had to be.

    Raises `Forbidden` naming each scope that is missing, `Invalid` for what nobody may set aside.
    """
    demand_scopes(override.refusals, principal, HOLD_POWERS, pointer=_WHERE)
    named = [each for each in found if each in override.refusals]
    if fixed := [each for each in named if each not in HOLD_POWERS]:
        told = [Reason(each, TEXTS[each], _WHERE) for each in fixed]
        raise Invalid("These refusals cannot be overridden.", reasons=told)
    if not named:
        return wish, list(found), None
    if HoldRefusal.NEW_ITEM_LOCAL in named:
        wish = replace(wish, candidates=[replace(copy, stays_home=False) for copy in wish.candidates])
    left = [each for each in refusals(wish, now=now) if each not in named]
    return wish, left, Kept(tuple(named), override.comment, str(principal.actor))


_KEEP = """
INSERT INTO hold_override (hold_id, refusals, comment, overridden_at, overridden_by) VALUES ($1, $2, $3, $4, $5)
"""


async def keep_override(connection: Connection, hold_id: UUID, kept: Kept, *, now: datetime) -> None:
    """Keep it with the hold that was placed so."""
    await connection.execute(_KEEP, hold_id, list(kept.refusals), kept.comment, now, kept.by)
