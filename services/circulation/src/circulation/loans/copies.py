"""Whether copies on the shelf can fill every hold that waits for what is to be renewed (L32)."""

from typing import Any, Final

import asyncpg

from chassis.database import Connection
from circulation.holds.tables import FILLED_BY
from circulation.loans.facts import Seen
from circulation.loans.rules import Shelved, copies_suffice
from circulation.places.library import Library

_WAITING: Final = f"""
SELECT h.id, h.level, h.volume_key, h.title_id, h.pickup_id, p.group_code
FROM hold h JOIN patron p ON p.id = h.patron_id JOIN item i ON i.id = $2
WHERE h.title_id = ANY ($1::uuid[]) AND h.state = 'waiting' AND h.suspended_at IS NULL AND {FILLED_BY}
ORDER BY h.position
"""  # noqa: S608 - our own text
_SHELVED: Final = """
SELECT id, title_ids, location, library, campus, institution, material_type, loan_type, hold_id,
    volume_key FROM item
WHERE title_ids && $1::uuid[] AND id <> $2 AND loss IS NULL AND withdrawal_id IS NULL
  AND state IN ('available', 'paged')
ORDER BY id
"""
FACTS: Final = ("location", "library", "campus", "institution", "material_type", "loan_type")


async def suffice(connection: Connection | asyncpg.Pool, seen: Seen) -> bool:
    """Asked only where somebody waits and the policy makes a difference of it; a renewal else costs no more for it."""
    if seen["open_loan_id"] is None or not seen["waiting_for_it"]:
        return False
    policy = seen.library.rules.loan.get(seen.rule.loan)
    if policy is None or not policy.renew_if_copies_suffice:
        return False
    titles, item_id = seen["title_ids"], seen["item_id"]
    waiting = await connection.fetch(_WAITING, titles, item_id)
    shelved = await connection.fetch(_SHELVED, titles, item_id)
    holds = [hold for hold in waiting if hold["level"] != "item"]
    found = [
        Shelved(
            frozenset(
                place for place, hold in enumerate(holds) if _fills(seen.library, dict(copy), dict(hold))
            )
        )
        for copy in shelved
    ]
    return copies_suffice(len(holds), len(waiting) - len(holds), found)


def _fills(library: Library, copy: dict[str, Any], hold: dict[str, Any]) -> bool:
    """Whether a copy can fill a hold: one that is kept for a hold only that one, else whatever its policies allow."""
    if hold["title_id"] not in copy["title_ids"]:
        return False
    if hold["level"] == "volume" and copy["volume_key"] != hold["volume_key"]:
        return False
    if copy["hold_id"] is not None:
        return bool(copy["hold_id"] == hold["id"])
    rule = library.rules.winning({name: copy[name] for name in FACTS} | {"patron_group": hold["group_code"]})
    held, lent = library.rules.hold.get(rule.hold), library.rules.loan.get(rule.loan)
    if held is None or lent is None or not lent.loanable or hold["level"] not in held.levels:
        return False
    pickup = library.desks.get(hold["pickup_id"])
    reached = held.pickup_points is None or (pickup is not None and pickup.code in held.pickup_points)
    return bool(reached and held.kinds & {"hold", "page"})
