"""Lists of ids are asked for, and given back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.idlists import queries
from catalog.idlists.rules import KEPT, MOST_KEPT
from catalog.idlists.tables import IdList
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused


class ListUnknown(NotFound):
    """There is no such list, or it is not the asker's."""

    code, title = "id-list-unknown", "There is no such list of ids (any more)."


class TooManyLists(Refused):
    """The asker has as many lists as may be kept."""

    code, title = "too-many-id-lists", "You have as many lists of ids as are kept."


async def ask(
    session: AsyncSession,
    *,
    query: str,
    filters: Mapping[str, Sequence[str]],
    with_suppressed: bool,
    by: str,
    now: datetime,
) -> IdList:
    """Ask for the ids of all titles that answer; whoever asks is counted one request after the other."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('id lists'), hashtext(:by))"), {"by": by}
    )
    if (kept := await queries.count(session, by=by)) >= MOST_KEPT:
        raise TooManyLists(
            reasons=[
                Reason(
                    "too-many-id-lists",
                    f"Up to {MOST_KEPT} lists are kept for one asker.",
                    mend="Delete those that you have fetched.",
                    value=kept,
                    limit=MOST_KEPT,
                )
            ]
        )
    asked = IdList(
        id=uuid7(),
        query=query,
        filters={name: list(values) for name, values in filters.items()},
        with_suppressed=with_suppressed,
        requested_by=by,
        state="queued",
        written=0,
        last_number=0,
        created_at=now,
        expires_at=now + KEPT,
    )
    session.add(asked)
    await session.flush()
    return asked


async def drop(session: AsyncSession, list_id: UUID, *, by: str) -> Any:
    """Give a list back; its file is removed by the caller, or by the next sweep."""
    row = await queries.one(session, list_id, by=by)
    if row is None:
        raise ListUnknown
    await session.execute(text("DELETE FROM id_list WHERE id = :id"), {"id": list_id})
    return row
