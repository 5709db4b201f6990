"""Change holdings, take them out and bring them back, and let them or single items belong to another title."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.history.statements import keeping, whoever
from catalog.holdings.telling import holdings_states
from catalog.items.announcing import batches, states
from catalog.items.commands import (
    HoldingsTaken,
    HoldingsUnknown,
    check_known,
    holdings_for,
    placed,
    reason_of,
)
from catalog.items.rules import ended, endless, gone, over
from catalog.items.standing import permanent, standing
from catalog.titles.queries import mark_changed
from chassis import etags, outbox
from chassis.json import dumped
from chassis.problems import Invalid, Reason, Refused
from contracts.catalog import HoldingsDeleted, HoldingsMoved, HoldingsUpdated


class HoldingsInUse(Refused):
    """Items of theirs are here."""

    code, title = "holdings-in-use", "These holdings cannot be deleted yet."


class HoldingsNotDeleted(Refused):
    """There is nothing to bring back, or nowhere to bring it."""

    code, title = "holdings-not-deleted", "These holdings cannot be brought back."


_LOCK = text("SELECT * FROM holdings WHERE id = :id FOR UPDATE")
_REFERRED: Final = ("location_id", "temporary_location_id", "statistical_codes", "digitisation_policy")
CHANGEABLE: Final = (
    "location_id", "call_number", "temporary_location_id", "temporary_location_ends_at", "call_number_scheme",
    "suppressed", "statistical_codes", "other_call_numbers", "digitisation_policy",
)  # fmt: skip
"""Facts that a change may set."""
_THERE = text("""
SELECT id FROM holdings
WHERE title_id = :title_id AND location_id = :location_id AND call_number = :call_number AND id <> :id
""")


def _keeping_holdings(update: str) -> Any:
    return text(keeping("holdings", update, now=":now", by=":by"))


def _keeping_items(update: str) -> Any:
    return text(keeping("item", update, now=":now", by=":by"))


_UPDATE = _keeping_holdings("""
UPDATE holdings SET version = version + 1, location_id = :location_id, call_number = :call_number,
    temporary_location_id = CAST(:temporary_location_id AS uuid),
    temporary_location_ends_at = CAST(:temporary_location_ends_at AS timestamptz),
    call_number_scheme = :scheme, shelving_key = :shelving_key, suppressed = :suppressed,
    statistical_codes = CAST(:statistical_codes AS text[]), digitisation_policy = :digitisation_policy,
    other_call_numbers = CAST(:other_call_numbers AS jsonb), updated_at = :now
WHERE id = :id
""")
_COME_ALONG: Final = f"""CASE WHEN {permanent("item")} = CAST(:before AS uuid) THEN CAST(:after AS uuid)
    ELSE {permanent("item")} END"""
_SHIFT_ITEMS = _keeping_items(f"""
UPDATE item SET version = item.version + 1, updated_at = :now,
    {standing(_COME_ALONG, "item.temporary_location_id")}
FROM holdings h WHERE item.title_id = :title_id AND item.holdings_id = :id AND h.id = :id
""")  # noqa: S608 - our own text
_MOVE_ITEMS = _keeping_items("""
UPDATE item SET version = version + 1, updated_at = :now, title_id = CAST(:to AS uuid),
    bound_with = array_remove(bound_with, CAST(:to AS uuid))
WHERE title_id = :title_id AND holdings_id = :id
""")
_MOVE = _keeping_holdings(
    "UPDATE holdings SET version = version + 1, title_id = CAST(:to AS uuid), updated_at = :now WHERE id = :id"
)
_LIVE = text("""
SELECT count(*) FROM item WHERE title_id = :title_id AND holdings_id = :id AND base_state <> 'withdrawn'
""")
_DELETE = _keeping_holdings("""
UPDATE holdings SET version = version + 1, deleted_at = CAST(:deleted_at AS timestamptz), updated_at = :now
WHERE id = :id
""")
_TITLE = text("SELECT deleted_at IS NULL AS here FROM title WHERE id = :id FOR SHARE")
_SOME_ITEMS = text("""
SELECT i.id, i.title_id, i.holdings_id, i.bound_with FROM item i WHERE i.id = ANY (:ids) ORDER BY i.id FOR UPDATE
""")
_TAKES_WITH_IT: Final = f"""CASE WHEN {permanent("item")} = o.location_id THEN h.location_id
    ELSE {permanent("item")} END"""
_TAKE_ITEMS = _keeping_items(f"""
UPDATE item SET version = item.version + 1, title_id = CAST(:to AS uuid), holdings_id = CAST(:holdings_id AS uuid),
    place = NULL, bound_with = array_remove(item.bound_with, CAST(:to AS uuid)), updated_at = :now,
    {standing(_TAKES_WITH_IT, "item.temporary_location_id")}
FROM holdings o, holdings h
WHERE item.id = ANY (:ids) AND o.id = item.holdings_id AND h.id = CAST(:holdings_id AS uuid)
""")  # noqa: S608 - our own text


async def locked(session: AsyncSession, holdings_id: UUID, expected: int) -> Any:
    found = (await session.execute(_LOCK, {"id": holdings_id})).first()
    if found is None or found.merged_into is not None:
        raise HoldingsUnknown(
            holdings_id=str(found.merged_into) if found is not None and found.merged_into else None
        )
    etags.guard(expected=expected, found=found.version)
    return found


async def _there(session: AsyncSession, row: Any, **changed: Any) -> HoldingsTaken | None:
    """The refusal when the title has holdings at that place already, though they be deleted."""
    told = {name: getattr(row, name) for name in ("id", "title_id", "location_id", "call_number")} | changed
    other = await session.scalar(_THERE, told)
    if other is None:
        return None
    return HoldingsTaken(
        reasons=[
            Reason(
                "holdings-taken",
                f"The title has holdings {other} there already.",
                mend="Move the items to those: POST /v1/items:move.",
            )
        ],
        holdings_id=str(other),
    )


async def refuse_taken(session: AsyncSession, row: Any, **changed: Any) -> None:
    """Raise when the title has other holdings at that place."""
    if (taken := await _there(session, row, **changed)) is not None:
        raise taken


async def tell_updated(session: AsyncSession, row: Any, *, location_id: UUID, now: datetime) -> None:
    """Holdings have changed, and items carry their facts: those that stood with them come along."""
    mine = {"id": row.id, "title_id": row.title_id, "now": now, "by": whoever()}
    touched = await session.execute(_SHIFT_ITEMS, mine | {"before": row.location_id, "after": location_id})
    await _tell(session, HoldingsUpdated, row.id, [item.id for item in touched], [row.title_id], now=now)


async def change(
    session: AsyncSession, holdings_id: UUID, changes: Mapping[str, Any], *, expected: int, now: datetime
) -> None:
    """Change some of the holdings' facts; what is not told stays."""
    row = await locked(session, holdings_id, expected)
    if row.deleted_at is not None:
        raise HoldingsUnknown("These holdings are deleted.")
    before = {name: getattr(row, name) for name in CHANGEABLE}
    before |= gone(before, now=now)
    after = before | dict(changes) | ended(before, changes)
    after["call_number"] = after["call_number"] or ""
    if after == before:
        return
    news = {name: value for name, value in after.items() if value != before[name]}
    if found := [*endless(after), *over(news, now=now)]:
        raise Invalid(reasons=[reason_of(each) for each in found])
    await check_known(session, {name: after[name] for name in _REFERRED if after[name] != before[name]})
    await refuse_taken(session, row, **{name: after[name] for name in ("location_id", "call_number")})
    where = placed(after["call_number"], after["call_number_scheme"])
    told = after | where | {"other_call_numbers": dumped(after["other_call_numbers"]).decode()}
    await session.execute(_UPDATE, told | {"id": holdings_id, "now": now, "by": whoever()})
    await tell_updated(session, row, location_id=after["location_id"], now=now)


async def delete(session: AsyncSession, holdings_id: UUID, *, expected: int, now: datetime) -> None:
    """Take them out; refused while an item of them is here."""
    row = await locked(session, holdings_id, expected)
    if row.deleted_at is not None:
        return
    mine = {"id": holdings_id, "title_id": row.title_id}
    if left := await session.scalar(_LIVE, mine):
        raise HoldingsInUse(
            reasons=[
                Reason(
                    "items-left",
                    f"There are {left} items of these holdings.",
                    mend="Withdraw them, or move them: POST /v1/items:move.",
                )
            ]
        )
    await session.execute(_DELETE, mine | {"deleted_at": now, "now": now, "by": whoever()})
    await _tell(session, HoldingsDeleted, holdings_id, [], [row.title_id], now=now)


async def undelete(session: AsyncSession, holdings_id: UUID, *, expected: int, now: datetime) -> None:
    """Bring them back, unless their title is gone."""
    row = await locked(session, holdings_id, expected)
    if row.deleted_at is None:
        raise HoldingsNotDeleted("They are not deleted.")
    title = (await session.execute(_TITLE, {"id": row.title_id})).one()
    if not title.here:
        raise HoldingsNotDeleted(
            reasons=[
                Reason("title-deleted", "Their title is deleted.", mend="POST /v1/titles/{id}/undeletions")
            ]
        )
    await session.execute(_DELETE, {"id": holdings_id, "deleted_at": None, "now": now, "by": whoever()})
    await _tell(session, HoldingsUpdated, holdings_id, [], [row.title_id], now=now)


async def move(
    session: AsyncSession, holdings_id: UUID, *, title_id: UUID, expected: int, now: datetime
) -> None:
    """Let them belong to another title, with all their items, withdrawn ones too."""
    await check_known(session, {"title_ids": [title_id]}, pointer="/title_id")
    row = await locked(session, holdings_id, expected)
    if row.deleted_at is not None:
        raise HoldingsUnknown("These holdings are deleted.")
    if row.title_id == title_id:
        return
    await refuse_taken(session, row, title_id=title_id)
    await session.execute(_MOVE, {"id": holdings_id, "to": title_id, "now": now, "by": whoever()})
    told = {"id": holdings_id, "title_id": row.title_id, "to": title_id, "now": now, "by": whoever()}
    ids = [item.id for item in await session.execute(_MOVE_ITEMS, told)]
    more = {"from_title_id": row.title_id, "items": len(ids)}
    await _tell(session, HoldingsMoved, holdings_id, ids, [row.title_id, title_id], now=now, **more)


async def move_items(session: AsyncSession, told: dict[str, Any], *, now: datetime) -> tuple[UUID, UUID, int]:
    """Let items belong to other holdings: those holdings, their title, and how many have moved."""
    wanted = list(dict.fromkeys(told.pop("item_ids")))
    holdings_id, title_id, _ = await holdings_for(session, told, now=now)
    items = list((await session.execute(_SOME_ITEMS, {"ids": wanted})).all())
    if missing := sorted(set(map(str, wanted)) - {str(item.id) for item in items}):
        raise Invalid(
            reasons=[Reason("item-unknown", f"There is no item {each}.", "/item_ids") for each in missing]
        )
    moving = [item for item in items if item.holdings_id != holdings_id]
    if moving:
        ids = [item.id for item in moving]
        await session.execute(
            _TAKE_ITEMS,
            {"ids": ids, "to": title_id, "holdings_id": holdings_id, "now": now, "by": whoever()},
        )
        titles = [title_id, *(each for item in moving for each in (item.title_id, *item.bound_with))]
        await mark_changed(session, list(dict.fromkeys(titles)))
        await outbox.publish(session, *batches(await states(session, ids), now=now))
    return UUID(int=holdings_id.int), UUID(int=title_id.int), len(moving)


async def _tell(
    session: AsyncSession,
    kind: type[HoldingsUpdated | HoldingsDeleted | HoldingsMoved],
    holdings_id: UUID,
    carried: Sequence[UUID],
    titles: Sequence[UUID],
    *,
    now: datetime,
    **more: Any,
) -> None:
    """Let the index know, and everybody: of the holdings, and of the items that carry their facts."""
    item_states = await states(session, carried) if carried else []
    bound = (title for state in item_states for title in state.title_ids)
    await mark_changed(session, list(dict.fromkeys([*titles, *bound])))
    ((state, _),) = await holdings_states(session, [holdings_id])
    told = kind(version=state.version, occurred_at=now, holdings_id=holdings_id, holdings=state, **more)
    await outbox.publish(session, told, *batches(item_states, now=now))
