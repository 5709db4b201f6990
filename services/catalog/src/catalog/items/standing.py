"""Where items stand, as SQL: the one place that says it, for every statement that puts an item somewhere.

`item.location_id` is where it stands now; `permanent_location_id` is where it belongs while that is elsewhere. An item
has a permanent location of its own where it is another than its holdings'; otherwise it goes where they go. So of these
the first that is told counts: its temporary location, a permanent one of its own, its holdings' temporary one, theirs.
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


STANDS: Final = effective("$5::uuid", NOWHERE)
"""Where a new item stands that belongs at $5."""


def standing(belongs: str, temporary: str, shelf: str = "h") -> str:
    """The same as what an UPDATE sets."""
    where = effective(belongs, temporary, shelf)
    return f"location_id = {where}, permanent_location_id = nullif({belongs}, {where})"
