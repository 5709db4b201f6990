"""Take a title out of the catalogue, and bring it back. Nothing is thrown away: record, history and ids stay."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.history.statements import keeping
from catalog.holdings.telling import holdings_states
from catalog.marc.storage import unpack
from catalog.titles.commands import TitleGone, TitleUnknown
from catalog.titles.facts import columns, summary
from catalog.titles.queries import mark_changed
from chassis import etags, outbox
from chassis.problems import Reason, Refused
from contracts.catalog import HoldingsDeleted, TitleDeleted, TitleUpdated


class TitleInUse(Refused):
    """Something still hangs on the title; every reason is given."""

    code, title = "title-in-use", "This title cannot be deleted yet."


class TitleNotDeleted(Refused):
    """There is nothing to bring back."""

    code, title = "title-not-deleted", "This title is not deleted."


_LOCK = text("""
SELECT version, suppressed, record, deleted_at, merged_into FROM title WHERE id = :id FOR UPDATE
""")
_USED = text("""
SELECT
    (SELECT count(*) FROM item WHERE title_id = :id AND base_state <> 'withdrawn') AS items,
    (SELECT count(*) FROM item WHERE bound_with <> '{}' AND bound_with @> ARRAY[CAST(:id AS uuid)]
        AND base_state <> 'withdrawn') AS bound
""")
_HOLDINGS_GO = text(
    keeping(
        "holdings",
        """
UPDATE holdings SET version = version + 1, deleted_at = :now, updated_at = :now
WHERE title_id = :id AND deleted_at IS NULL
""",
        now=":now",
        by=":by",
    )
)
_KEEP = text("""
INSERT INTO title_version (title_id, version, record, suppressed, replaced_at, replaced_by)
SELECT id, version, record, suppressed, :now, :by FROM title WHERE id = :id
""")
_GO = text("""
UPDATE title SET version = version + 1, suppressed = true, deleted_at = :now, updated_at = :now
WHERE id = :id RETURNING version
""")
_COME_BACK = text("""
UPDATE title SET version = version + 1, deleted_at = NULL, updated_at = :now,
    suppressed = (SELECT v.suppressed FROM title_version v WHERE v.title_id = :id AND v.version = title.version - 1)
WHERE id = :id RETURNING version, suppressed, record
""")


async def _locked(session: AsyncSession, title_id: UUID, expected: int) -> Any:
    found = (await session.execute(_LOCK, {"id": title_id})).first()
    if found is None:
        raise TitleUnknown
    etags.guard(expected=expected, found=found.version)
    return found


async def delete(session: AsyncSession, title_id: UUID, *, expected: int, by: str, now: datetime) -> None:
    """Take it out, with its empty holdings; refused while an item of it is here."""
    found = await _locked(session, title_id, expected)
    if found.deleted_at is not None:
        raise TitleGone(merged_into=str(found.merged_into) if found.merged_into else None)
    used = (await session.execute(_USED, {"id": title_id})).one()
    reasons = []
    if used.items:
        reasons.append(
            Reason(
                "items-left",
                f"The title has {used.items} items.",
                mend="Withdraw them, or move them to another title.",
            )
        )
    if used.bound:
        reasons.append(
            Reason(
                "bound-with",
                f"The title is bound into {used.bound} items of other titles.",
                mend="Take it out of their bound_with.",
            )
        )
    if reasons:
        raise TitleInUse(reasons=reasons)
    gone = [row.id for row in await session.execute(_HOLDINGS_GO, {"id": title_id, "now": now, "by": by})]
    await session.execute(_KEEP, {"id": title_id, "now": now, "by": by})
    version = await session.scalar(_GO, {"id": title_id, "now": now})
    await mark_changed(session, [title_id])
    await outbox.publish(
        session,
        TitleDeleted(version=version, occurred_at=now, title_id=title_id),
        *(
            HoldingsDeleted(
                version=state.version, occurred_at=now, holdings_id=state.holdings_id, holdings=state
            )
            for state, _ in await holdings_states(session, gone)
        ),
    )


async def undelete(session: AsyncSession, title_id: UUID, *, expected: int, by: str, now: datetime) -> None:
    """Bring a deleted title back, shown or hidden as it was; its holdings are brought back one by one."""
    found = await _locked(session, title_id, expected)
    if found.merged_into is not None:
        raise TitleGone(merged_into=str(found.merged_into))
    if found.deleted_at is None:
        raise TitleNotDeleted
    await session.execute(_KEEP, {"id": title_id, "now": now, "by": by})
    row = (await session.execute(_COME_BACK, {"id": title_id, "now": now})).one()
    await mark_changed(session, [title_id])
    told = summary(title_id, row.version, columns(unpack(row.record)), suppressed=row.suppressed)
    await outbox.publish(
        session, TitleUpdated(version=row.version, occurred_at=now, title_id=title_id, title=told)
    )
