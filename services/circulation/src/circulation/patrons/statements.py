"""The account's statement: all it is made of, at one moment."""

from typing import Final

from circulation.fees.routes import FeeOut
from circulation.holds.tables import FILLED_BY, OPEN
from circulation.patrons.standing import WARDS
from circulation.waits.queries import queues_beside

LIMIT: Final = 5000
"""Entries of each kind; more than any patron has."""

_OF_LOAN: Final = (
    *("id", "item_id", "title_id", "lent_at", "due_at", "due_zone", "renewals", "recalled_at"),
    *("service_point_id", "fine_policy", "claimed_at", "lost_at", "lost_cause", "unseen", "in_library"),
)
_OF_ITEM: Final = (
    *("barcode", "short_title", "short_author", "call_number", "location", "library", "campus"),
    *("institution", "material_type", "loan_type", "withdrawal_id", "price_minor", "price_currency"),
)
_OF_HOLD: Final = (
    *("id", "kind", "title_id", "item_id", "volume", "state", "position", "suspended_at", "suspended_until"),
    *("pickup_id", "placed_at", "expires_at", "shelf_expires_at", "fulfilment", "delivery_address_type"),
)
LOAN: Final = (*_OF_LOAN, *_OF_ITEM, "waiting_for_it")
HOLD: Final = (*_OF_HOLD, "title")
FEE: Final = tuple(FeeOut.model_fields)
BLOCK: Final = ("actions", "message", "expires_at")
"""What the entries of the account's lists are, in their order: a row inside a row has no names."""


def _of(alias: str, names: tuple[str, ...]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


_THEIRS: Final = f"h.patron_id = $1 AND h.{OPEN}"
LOOK_ACCOUNT: Final = f"""
WITH wanted AS MATERIALIZED (SELECT ARRAY(SELECT DISTINCT h.title_id FROM hold h WHERE {_THEIRS}) AS titles)
SELECT r.version AS reference, p.id, p.group_code, p.family_name, p.given_name, p.expires_at, p.active, p.owed,
    p.open_loans, p.claims_open, {WARDS.format(now="$2::timestamptz")},
    ARRAY(
        SELECT ROW({_of("l", _OF_LOAN)}, {_of("i", _OF_ITEM)}, (
            SELECT count(*) FROM hold h
            WHERE h.title_id = ANY (i.title_ids) AND h.state = 'waiting' AND h.suspended_at IS NULL AND {FILLED_BY}
        ))
        FROM loan l JOIN item i ON i.id = l.item_id
        WHERE l.patron_id = $1 AND l.returned_at IS NULL ORDER BY l.due_at LIMIT {LIMIT}
    ) AS loans,
    ARRAY(
        SELECT ROW({_of("h", _OF_HOLD)},
            (SELECT min(i.short_title) FROM item i WHERE i.title_ids @> ARRAY[h.title_id]))
        FROM hold h WHERE {_THEIRS} ORDER BY h.placed_at LIMIT {LIMIT}
    ) AS holds,
    ARRAY(
        SELECT ROW({_of("f", FEE)}) FROM fee f
        WHERE f.patron_id = $1 AND f.state = 'open' ORDER BY f.charged_at LIMIT {LIMIT}
    ) AS fees,
    ARRAY(
        SELECT ROW({_of("b", BLOCK)}) FROM patron_block b
        WHERE b.patron_id = $1 AND (b.expires_at IS NULL OR b.expires_at > $2) ORDER BY b.created_at LIMIT {LIMIT}
    ) AS blocks,
    {queues_beside("(SELECT titles FROM wanted)::uuid[]")}
FROM (SELECT version FROM reference LIMIT 1) r LEFT JOIN patron p ON p.id = $1
"""
"""$1 patron, $2 now."""
