"""The shelf around a place: holdings, and items whose own call number differs, merged in order."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.items.standing import lasting, shelved_now

_HOLDINGS: Final = f"""
SELECT h.shelving_key, h.id, h.call_number, h.id AS holdings_id, CAST(NULL AS uuid) AS item_id, h.title_id,
    {shelved_now()} AS location_id, t.title, t.author, t.year
FROM holdings h JOIN title t ON t.id = h.title_id
WHERE h.shelving_key IS NOT NULL AND (:hidden_too OR NOT (t.suppressed OR h.suppressed))
  AND h.deleted_at IS NULL AND {{shelf}} {{location}}
ORDER BY h.shelving_key {{way}}, h.id {{way}} LIMIT :limit
"""  # noqa: S608 - our own text
_ITEMS: Final = """
SELECT h.shelving_key, h.id, h.call_number, h.holdings_id, h.id AS item_id, h.title_id,
    h.location_id, t.title, t.author, t.year
FROM item h JOIN title t ON t.id = h.title_id JOIN holdings o ON o.id = h.holdings_id
WHERE h.shelving_key IS NOT NULL AND (:hidden_too OR NOT (t.suppressed OR h.suppressed OR o.suppressed))
  AND h.base_state <> 'withdrawn' AND {shelf} {location}
ORDER BY h.shelving_key {way}, h.id {way} LIMIT :limit
"""
_WHOLE: Final = """
SELECT s.*, l.code AS location, b.code AS library
FROM (({holdings}) UNION ALL ({items})) s
JOIN location l ON l.id = s.location_id JOIN library b ON b.id = l.library_id
ORDER BY s.shelving_key {way}, s.id {way} LIMIT :limit
"""
_AT_HOME: Final = f"h.location_id = :location_id AND ({lasting('h', 'temporary_location')}) IS NULL"
_FOR_A_TIME: Final = (
    "h.temporary_location_id = :location_id AND (h.temporary_location_ends_at > now()) IS NOT FALSE"
)
"""Apart, so that each is read along its own index."""
_ONWARD: Final = "(h.shelving_key, h.id) > (:key, :id) AND h.shelving_key < :edge"
_FROM: Final = "h.shelving_key >= :key AND h.shelving_key < :edge"
_BACK: Final = "(h.shelving_key, h.id) < (:key, :id) AND h.shelving_key >= :edge"


def _statement(shelf: str, way: str, *, here: bool) -> Any:
    filled = {"shelf": shelf, "way": way}
    holdings = [
        _HOLDINGS.format(location=f"AND {where}" if here else "", **filled)
        for where in (_AT_HOME, _FOR_A_TIME)[: 2 if here else 1]
    ]
    items = _ITEMS.format(location="AND h.location_id = :location_id" if here else "", **filled)
    return text(_WHOLE.format(holdings=") UNION ALL (".join(holdings), items=items, way=way))


_STATEMENTS: Final = {
    (name, here): _statement(shelf, way, here=here)
    for name, shelf, way in (("onward", _ONWARD, "ASC"), ("from", _FROM, "ASC"), ("back", _BACK, "DESC"))
    for here in (False, True)
}


@dataclass(frozen=True, slots=True)
class Place:
    """Between two books: behind (or before) the one with this key and id; without an id, at the key itself."""

    key: str
    id: UUID | None = None


async def along(
    session: AsyncSession,
    place: Place,
    *,
    back: bool,
    edge: str,
    location_id: UUID | None,
    hidden_too: bool,
    limit: int,
) -> list[Any]:
    """What stands next to a place, in the order of the shelf; `edge` is where the scheme's shelf ends."""
    name = "back" if back else "onward" if place.id is not None else "from"
    told = {
        "key": place.key,
        "id": place.id or UUID(int=0),
        "edge": edge,
        "hidden_too": hidden_too,
        "limit": limit,
        "location_id": location_id,
    }
    if name == "from":
        del told["id"]
    if location_id is None:
        del told["location_id"]
    rows = list((await session.execute(_STATEMENTS[name, location_id is not None], told)).all())
    return rows[::-1] if back else rows
