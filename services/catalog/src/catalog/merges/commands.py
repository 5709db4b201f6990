"""Merge titles: holdings, items, bindings and numbers go to the one that stays; the others lead to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.covers import queries as covers
from catalog.history.statements import Entity, keeping, whoever
from catalog.holdings.telling import holdings_states
from catalog.items.announcing import batches, states
from catalog.items.standing import permanent, standing
from catalog.marc.storage import unpack
from catalog.merges.rules import Beside, Conflict, Plan, Shelf, planned, united, with_identifiers
from catalog.titles import commands as titles
from catalog.titles.commands import TitleUnknown
from catalog.titles.facts import columns, summary
from catalog.titles.queries import mark_changed
from chassis import etags, outbox
from chassis.json import dumped
from chassis.problems import Invalid, Reason, Refused
from contracts.catalog import HoldingsDeleted, HoldingsMoved, HoldingsUpdated, TitleDeleted, TitleMerged
from contracts.events import Event


class MergeRefused(Refused):
    """These titles cannot be merged; every reason is given."""

    code, title = "merge-refused", "These titles cannot be merged."


@dataclass(frozen=True, slots=True)
class Merging:
    """What is asked for."""

    survivor_id: UUID
    merged: Mapping[UUID, int | None]
    """The titles that go, with the version that was read, if it was told."""
    expected: int
    identifiers: bool = True


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it."""

    version: int
    holdings_moved: int
    holdings_joined: int
    items_moved: int
    conflicts: Sequence[Conflict] = ()
    """Facts of the library's own of which the titles said different things."""


_TITLES = text("""
SELECT id, version, suppressed, record, deleted_at, merged_into, statistical_codes, tags, custom FROM title
WHERE id = ANY (:ids) ORDER BY id FOR UPDATE
""")
_HOLDINGS = text("""
SELECT id, title_id, location_id, call_number, record IS NOT NULL AS described, deleted_at IS NOT NULL AS deleted
FROM holdings WHERE title_id = ANY (:ids) AND merged_into IS NULL ORDER BY deleted_at IS NOT NULL, id FOR UPDATE
""")


def _keeping(entity: Entity, update: str) -> Any:
    return text(keeping(entity, update, now=":now", by=":by"))


_MOVE = _keeping(
    "holdings",
    """
UPDATE holdings SET title_id = CAST(:to AS uuid), version = version + 1, updated_at = :now WHERE id = ANY (:ids)
""",
)
_JOIN = _keeping(
    "holdings",
    """
UPDATE holdings h SET version = version + 1, deleted_at = :now, merged_into = n.target, updated_at = :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:targets AS uuid[])) AS n (id, target) WHERE h.id = n.id
""",
)
_INHERIT = text("""
UPDATE holdings h SET version = h.version + 1, record = s.record, policies = s.policies
FROM unnest(CAST(:ids AS uuid[]), CAST(:sources AS uuid[])) AS n (id, source) JOIN holdings s ON s.id = n.source
WHERE h.id = n.id
""")
_REVIVE = _keeping(
    "holdings",
    """
UPDATE holdings SET version = version + 1, deleted_at = NULL, updated_at = :now
WHERE id = ANY (:ids) AND deleted_at IS NOT NULL
  AND EXISTS (SELECT FROM holdings o
      WHERE o.id = ANY (:others) AND o.merged_into = holdings.id AND NOT o.id = ANY (:dead))
""",
)
_BRING = _keeping(
    "item",
    f"""
UPDATE item SET version = item.version + 1, title_id = CAST(:to AS uuid), updated_at = :now, holdings_id = h.id,
    place = CASE WHEN NOT item.holdings_id = ANY (CAST(:ids AS uuid[])) THEN item.place END,
    {standing(permanent("item"), "item.temporary_location_id")}
FROM holdings h
WHERE item.title_id = ANY (:gone) AND h.id = coalesce((
    SELECT n.target FROM unnest(CAST(:ids AS uuid[]), CAST(:targets AS uuid[])) AS n (id, target)
    WHERE n.id = item.holdings_id), item.holdings_id)
""",  # noqa: S608 - our own text
)
_REBIND = _keeping(
    "item",
    """
UPDATE item SET version = version + (NOT item.id = ANY (:brought))::int, updated_at = :now, bound_with = (
    SELECT coalesce(array_agg(n.id ORDER BY n.place), '{}') FROM (
        SELECT CASE WHEN t.id = ANY (:gone) THEN :to ELSE t.id END AS id, min(t.place) AS place
        FROM unnest(item.bound_with) WITH ORDINALITY AS t (id, place) GROUP BY 1) n
    WHERE n.id <> item.title_id)
WHERE bound_with <> '{}' AND bound_with && CAST(:touched AS uuid[])
""",
)
_KEEP = text("""
INSERT INTO title_version (title_id, version, record, suppressed, replaced_at, replaced_by)
SELECT id, version, record, suppressed, :now, :by FROM title WHERE id = ANY (:ids)
""")
_GO = text("""
UPDATE title SET version = version + 1, suppressed = true, deleted_at = :now, merged_into = :to, updated_at = :now
WHERE id = ANY (:gone) RETURNING id, version
""")
_LEAD_ON = text("UPDATE title SET merged_into = :to WHERE merged_into = ANY (:gone)")
_STAY = text("""
UPDATE title SET version = version + 1, updated_at = :now, statistical_codes = CAST(:statistical_codes AS text[]),
    tags = CAST(:tags AS text[]), custom = CAST(:custom AS jsonb)
WHERE id = :id RETURNING version, record, suppressed
""")


async def merge(session: AsyncSession, asked: Merging, *, by: str, now: datetime) -> Merged:
    """Merge titles, or raise with every reason not to."""
    to, gone = asked.survivor_id, list(asked.merged)
    rows = {row.id: row for row in await session.execute(_TITLES, {"ids": [to, *gone]})}
    _look(asked, rows)
    found = await session.execute(_HOLDINGS, {"ids": [to, *gone]})
    shelves = [Shelf(**row._mapping) for row in found]
    plan = planned(to, shelves)
    if plan.clashes:
        raise MergeRefused(reasons=[_clash(one, other) for one, other in plan.clashes])
    if asked.identifiers:
        record = unpack(rows[to].record)
        whole = with_identifiers(record, [unpack(rows[title_id].record) for title_id in gone])
        if whole is not record:
            await titles.replace(session, to, whole, expected=asked.expected, by=by, now=now)
    items = await _carry(session, to, gone, shelves, plan, now=now)
    await session.execute(_KEEP, {"ids": [to, *gone], "now": now, "by": by})
    left = list(await session.execute(_GO, {"gone": gone, "to": to, "now": now}))
    await session.execute(_LEAD_ON, {"gone": gone, "to": to})
    await covers.come_along(session, to, gone)
    facts, conflicts = united(_beside(rows[to]), [_beside(rows[title_id]) for title_id in gone])
    beside = {name: getattr(facts, name) for name in ("statistical_codes", "tags", "custom")}
    written = beside | {"custom": dumped(facts.custom).decode(), "id": to, "now": now}
    stays = (await session.execute(_STAY, written)).one()
    changed = {name: value for name, value in beside.items() if value != getattr(rows[to], name)}
    await mark_changed(session, [to, *gone])
    told = TitleMerged(
        version=stays.version,
        occurred_at=now,
        title_id=to,
        merged_ids=tuple(gone),
        title=summary(
            to, stays.version, columns(unpack(stays.record)), suppressed=stays.suppressed, beside=changed
        ),
        holdings_moved=len(plan.moves),
        items_moved=len(items),
    )
    await outbox.publish(
        session,
        told,
        *(
            TitleDeleted(version=row.version, occurred_at=now, title_id=row.id, merged_into=to)
            for row in left
        ),
        *await _of_holdings(session, shelves, plan, now=now),
        *batches(await states(session, items), now=now),
    )
    return Merged(stays.version, len(plan.moves), len(plan.joins), len(items), conflicts)


def _beside(row: Any) -> Beside:
    return Beside(row.id, row.statistical_codes, row.tags, row.custom)


def _look(asked: Merging, rows: Mapping[UUID, Any]) -> None:
    """Raise with everything that stands against it."""
    to = asked.survivor_id
    if to not in rows:
        raise TitleUnknown
    unknown = [title_id for title_id in asked.merged if title_id not in rows]
    if unknown or to in asked.merged:
        reasons = [Reason("title-unknown", f"There is no title {each}.", "/merged") for each in unknown]
        if to in asked.merged:
            reasons.append(Reason("title-itself", "A title is not merged into itself.", "/merged"))
        raise Invalid(reasons=reasons)
    etags.guard(expected=asked.expected, found=rows[to].version)
    reasons = []
    for title_id in (to, *asked.merged):
        row, version = rows[title_id], asked.merged.get(title_id)
        if row.merged_into is not None:
            text_ = f"Title {title_id} was merged into {row.merged_into} already."
            reasons.append(Reason("title-merged", text_, mend="Name that one."))
        elif row.deleted_at is not None:
            reasons.append(
                Reason(
                    "title-deleted", f"Title {title_id} is deleted.", mend="Bring it back, or leave it out."
                )
            )
        if version is not None and version != row.version:
            text_ = f"Title {title_id} has changed since version {version} was read; it is at {row.version}."
            reasons.append(Reason("title-changed", text_, "/merged", "Look at it again."))
    if reasons:
        raise MergeRefused(reasons=reasons)


def _clash(one: UUID, other: UUID) -> Reason:
    return Reason(
        "holdings-both-described",
        f"Holdings {one} and {other} stand at one place, and each has a record of its own.",
        mend="Put what is right into one of them and delete the other's record, then merge.",
    )


async def _carry(
    session: AsyncSession,
    to: UUID,
    gone: Sequence[UUID],
    shelves: Sequence[Shelf],
    plan: Plan,
    *,
    now: datetime,
) -> list[UUID]:
    """Write what was planned; the items that have changed."""
    joined = {"ids": list(plan.joins), "targets": list(plan.joins.values())}
    by = whoever()
    if plan.moves:
        await session.execute(_MOVE, {"ids": plan.moves, "to": to, "now": now, "by": by})
    if plan.joins:
        await session.execute(_JOIN, {**joined, "now": now, "by": by})
        dead = [shelf.id for shelf in shelves if shelf.deleted]
        told = {"ids": joined["targets"], "others": joined["ids"], "dead": dead, "now": now, "by": by}
        await session.execute(_REVIVE, told)
        if plan.inherit:
            heirs = {"ids": list(plan.inherit), "sources": list(plan.inherit.values())}
            await session.execute(_INHERIT, heirs)
    told = {**joined, "gone": list(gone), "to": to, "now": now, "by": by}
    brought = [row.id for row in await session.execute(_BRING, told)]
    rebound = await session.execute(
        _REBIND,
        {"brought": brought, "gone": list(gone), "touched": [to, *gone], "to": to, "now": now, "by": by},
    )
    return list(dict.fromkeys([*brought, *(row.id for row in rebound)]))


async def _of_holdings(
    session: AsyncSession, shelves: Sequence[Shelf], plan: Plan, *, now: datetime
) -> list[Event]:
    before = {shelf.id: shelf.title_id for shelf in shelves}
    told: list[Event] = []
    for state, items in await holdings_states(session, [*plan.moves, *plan.joins, *plan.inherit]):
        common = {"version": state.version, "occurred_at": now, "holdings_id": state.holdings_id}
        if state.holdings_id in plan.joins:
            into = plan.joins[state.holdings_id]
            told.append(HoldingsDeleted(**common, holdings=state, merged_into=into))
        elif state.holdings_id in plan.inherit and state.holdings_id not in plan.moves:
            told.append(HoldingsUpdated(**common, holdings=state))
        else:
            come_from = before[state.holdings_id]
            told.append(HoldingsMoved(**common, holdings=state, from_title_id=come_from, items=items))
    return told
