"""What a number that somebody reads out belongs to."""

from collections.abc import Sequence
from typing import Any, Final, Literal
from uuid import UUID

from fastapi import Path
from pydantic import BaseModel
from sqlalchemy import text

from catalog.numbers.rules import read
from chassis.application import new_router
from chassis.edge import ReadTx
from chassis.principal import Anyone
from chassis.problems import NotFound, problems

router = new_router(tag="record-numbers")


class NumberUnknown(NotFound):
    """Nothing has this number, or nothing that is shown to you."""

    code, title = "record-number-unknown", "Nothing that is shown to you has this number."


class NumberedOut(BaseModel):
    """Something that has the number."""

    kind: Literal["title", "holdings", "item"]
    id: UUID
    record_number: str
    title_id: UUID
    """The title that it is, or belongs to. A title that was merged leads to what it was merged into."""


class NumberedListOut(BaseModel):
    """Mostly one; more, where the library has given two kinds one prefix at different times."""

    items: list[NumberedOut]


_FIND: Final = text("""
SELECT 'title' AS kind, coalesce(t.merged_into, t.id) AS id, t.hrid_prefix || t.hrid AS record_number,
    coalesce(t.merged_into, t.id) AS title_id
FROM title t JOIN title s ON s.id = coalesce(t.merged_into, t.id)
WHERE t.hrid = :hrid AND t.hrid_prefix = :prefix AND (:hidden_too OR NOT s.suppressed)
UNION ALL
SELECT 'holdings', coalesce(h.merged_into, h.id), h.hrid_prefix || h.hrid, h.title_id
FROM holdings h JOIN holdings s ON s.id = coalesce(h.merged_into, h.id) JOIN title t ON t.id = s.title_id
WHERE h.hrid = :hrid AND h.hrid_prefix = :prefix
    AND (:hidden_too OR NOT (s.suppressed OR t.suppressed OR s.deleted_at IS NOT NULL))
UNION ALL
SELECT 'item', i.id, i.hrid_prefix || i.hrid, i.title_id
FROM item i JOIN holdings h ON h.id = i.holdings_id JOIN title t ON t.id = i.title_id
WHERE i.hrid = :hrid AND i.hrid_prefix = :prefix AND (:hidden_too OR NOT (i.suppressed OR h.suppressed OR t.suppressed))
""")


@router.get("/v1/record-numbers/{number}", response_model=NumberedListOut, responses=problems(NumberUnknown))
async def read_record_number(
    tx: ReadTx, asker: Anyone, number: str = Path(min_length=1, max_length=60)
) -> dict[str, Any]:
    """The title, holdings or item that has this number, with its prefix; leading zeros are passed over."""
    told = read(number)
    rows: Sequence[Any] = ()
    if told is not None:
        asked = told._asdict() | {"hidden_too": asker.may("items:write") or asker.may("items:read")}
        rows = (await tx.execute(_FIND, asked)).mappings().all()
    if not rows:
        raise NumberUnknown
    return {"items": rows}
