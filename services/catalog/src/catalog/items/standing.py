"""Where items stand, as SQL: the one place that says it, for every statement that puts an item somewhere.

`item.location_id` is where it stands now; `permanent_location_id` is where it belongs while that is elsewhere. An item
has a permanent location of its own where it is another than its holdings'; otherwise it goes where they go. So of these
the first that is told counts: its temporary location, a permanent one of its own, its holdings' temporary one, theirs.

What is told for a time may have an end (`…_ends_at`). From then on it does not count: whoever reads goes by
`lasting` and `stands_now`; the columns follow when the timer of `catalog.items.ending` has come by.
"""

from typing import Final

NOWHERE: Final = "CAST(NULL AS uuid)"


def permanent(item: str) -> str:
    """Where an item belongs."""
    return f"coalesce({item}.permanent_location_id, {item}.location_id)"


def effective(belongs: str, temporary: str, shelf: str = "h") -> str:
    """Where an item stands that belongs there; `shelf` is the row of its holdings."""
    theirs = f"CASE WHEN {belongs} = {shelf}.location_id THEN {shelf}.temporary_location_id END"
    return f"coalesce({temporary}, {theirs}, {belongs})"


def lasting(row: str, fact: str) -> str:
    """What is told for a time (`temporary_location`, `temporary_loan_type`), unless its time is over."""
    column = f"{row}.{COLUMN[fact]}"
    return f"CASE WHEN {row}.{fact}_ends_at <= now() THEN NULL ELSE {column} END"


COLUMN: Final = {"temporary_location": "temporary_location_id", "temporary_loan_type": "temporary_loan_type"}


def shelved_now(shelf: str = "h") -> str:
    """Where holdings stand now."""
    return f"coalesce({lasting(shelf, 'temporary_location')}, {shelf}.location_id)"


def stands_now(item: str = "i", shelf: str = "h") -> str:
    """Where an item stands now, though its time or its holdings' is just over."""
    belongs = permanent(item)
    theirs = f"CASE WHEN {belongs} = {shelf}.location_id THEN {lasting(shelf, 'temporary_location')} END"
    return f"coalesce({lasting(item, 'temporary_location')}, {theirs}, {belongs})"


def lent_as(item: str = "i") -> str:
    """The loan type that counts now."""
    return f"coalesce({lasting(item, 'temporary_loan_type')}, {item}.loan_type)"


STANDS: Final = effective("$5::uuid", NOWHERE)
"""Where a new item stands that belongs at $5."""


def standing(belongs: str, temporary: str, shelf: str = "h") -> str:
    """The same as what an UPDATE sets."""
    where = effective(belongs, temporary, shelf)
    return f"location_id = {where}, permanent_location_id = nullif({belongs}, {where})"
