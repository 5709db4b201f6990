"""Add title and item in one transaction; the title is hidden until somebody has completed it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.fastadd.rules import Told, brief_record
from catalog.items import commands as items
from catalog.titles import commands as titles
from chassis.ids import uuid7

_BRIEF = text("UPDATE title SET brief_since = :now WHERE id = :id")


async def add(session: AsyncSession, told: Told, item: dict[str, Any], *, now: datetime) -> tuple[UUID, UUID]:
    """The title and the item."""
    record = brief_record(told, on=now.date())
    key = (
        f"brief|{uuid7()}"  # the next copy of the same book is brief, too, and a title of its own until then
    )
    title_id = await titles.create(session, record, suppressed=True, key=key, now=now)
    await session.execute(_BRIEF, {"id": title_id, "now": now})
    item_id = await items.add(session, item | {"title_id": title_id}, now=now)
    return title_id, item_id
