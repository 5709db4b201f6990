"""Take an import back: ask for it, and see to a slice of its records."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.history.statements import Entity, keeping
from catalog.holdings.policy_rules import policies
from catalog.holdings.telling import holdings_states
from catalog.imports.commands import ImportUnknown
from catalog.imports.described import DESCRIBED, ITEM_FACTS
from catalog.imports.rules import OPEN_STATES, bounded, reason
from catalog.items.announcing import announce_items_of, batches, states
from catalog.items.rules import LISTS
from catalog.items.standing import standing
from catalog.marc.storage import unpack
from catalog.titles.facts import summary
from catalog.titles.queries import mark_changed
from catalog.undoing import queries
from catalog.undoing.queries import Facts
from catalog.undoing.rules import OPEN, Undone, UndoState, Verdict, judged
from chassis import outbox
from chassis.ids import uuid7
from chassis.json import dumped
from chassis.problems import NotFound, Reason, Refused
from contracts.catalog import (
    HoldingsDeleted,
    HoldingsUpdated,
    ItemWithdrawalRequested,
    TitleDeleted,
    TitleUpdated,
)

REASON: Final = "its import was taken back"


class UndoImpossible(Refused):
    """There is nothing that could be taken back yet."""

    code, title = "undo-impossible", "This import cannot be taken back."


class UndoUnknown(NotFound):
    """Nobody has asked for this import to be taken back."""

    code, title = "undo-unknown", "Nobody has asked for this import to be taken back."


_IMPORT = text("SELECT state, dry_run FROM import_job WHERE id = :id FOR UPDATE")
_ASK = text("""
INSERT INTO import_undo (id, import_id, requested_by, created_at) VALUES (:id, :import_id, :by, :now)
ON CONFLICT (import_id) DO UPDATE SET version = import_undo.version + 1, state = 'queued', position = 0,
    requested_by = excluded.requested_by, started_at = NULL, finished_at = NULL
WHERE import_undo.state NOT IN ('queued', 'running', 'waiting')
""")
_TAKE = text("""
SELECT * FROM import_undo WHERE state IN ('queued', 'running', 'waiting')
ORDER BY (state = 'waiting'), id LIMIT 20 FOR UPDATE SKIP LOCKED
""")
_START = text("""
UPDATE import_undo SET state = 'running', started_at = coalesce(started_at, :now), version = version + 1
WHERE id = :id RETURNING *
""")
_MOVE_ON = text("""
UPDATE import_undo SET state = :state, position = :position, version = version + 1,
    finished_at = CASE WHEN :ended THEN CAST(:now AS timestamptz) END
WHERE id = :id
""")
_LEFT = text("""
SELECT count(*) FILTER (WHERE outcome = 'waiting') AS waiting, count(*) FILTER (WHERE outcome = 'conflict') AS conflict
FROM import_undo_outcome WHERE undo_id = :id
""")
_TELL = text("""
INSERT INTO import_undo_outcome (undo_id, ordinal, title_id, outcome, reasons)
SELECT :id, o.ordinal, o.title_id, o.outcome, o.reasons::jsonb
FROM unnest(CAST(:ordinals AS int[]), CAST(:titles AS uuid[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]))
    AS o (ordinal, title_id, outcome, reasons)
ON CONFLICT (undo_id, ordinal) DO UPDATE SET outcome = excluded.outcome, reasons = excluded.reasons
""")
_WITHDRAW = text("""
INSERT INTO withdrawal (id, item_id, state, reason, steps, requested_by, requested_at)
SELECT w.id, w.item_id, 'requested', :reason,
    jsonb_build_array(jsonb_build_object('state', 'requested', 'at', CAST(:now AS timestamptz))), :by, :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[])) AS w (id, item_id)
""")
_KEEP = text("""
INSERT INTO title_version (title_id, version, record, suppressed, replaced_at, replaced_by)
SELECT id, version, record, suppressed, :now, :by FROM title WHERE id = ANY (:ids)
""")


def _keeping(entity: Entity, update: str, **returning: str) -> Any:
    return text(keeping(entity, update, now=":now", by=":by", returning=returning or None))


_HOLDINGS_GO = _keeping(
    "holdings",
    """
UPDATE holdings h SET version = version + 1, deleted_at = :now, updated_at = :now
WHERE h.title_id = ANY (:ids) AND h.deleted_at IS NULL AND (h.title_id = ANY (:gone) OR h.import_id = :import_id)
    AND NOT EXISTS (
        SELECT FROM item i WHERE i.title_id = h.title_id AND i.holdings_id = h.id AND i.base_state <> 'withdrawn')
""",
)
_TITLES_GO = text("""
UPDATE title SET version = version + 1, suppressed = true, deleted_at = :now, updated_at = :now
WHERE id = ANY (:ids) RETURNING id, version
""")
_RESTORE = text("""
UPDATE title SET version = version + 1, match_key = :match_key, control_number = :control_number,
    control_agency = :control_agency, title = :title, subtitle = :subtitle, author = :author, year = :year,
    format = :format, record = :record, keys = CAST(:keys AS text[]), updated_at = :now
WHERE id = :id RETURNING version
""")
RESTORED = ", ".join(
    f"{name} = coalesce(b.{name}, '{{}}')" if name in LISTS else f"{name} = b.{name}" for name in DESCRIBED
)
_RESTORE_ITEMS = _keeping(
    "item",
    f"""
UPDATE item i SET version = i.version + 1, updated_at = :now, holdings_id = b.holdings_id,
    place = CASE WHEN i.holdings_id = b.holdings_id THEN i.place END,
    {standing("b.location_id", "b.temporary_location_id")},
    material_type = b.material_type, loan_type = b.loan_type, call_number = b.call_number,
    call_number_scheme = b.call_number_scheme, shelving_key = b.shelving_key, volume = b.volume,
    copy_number = b.copy_number, note = b.note, purchase_minor = b.purchase_minor,
    purchase_currency = b.purchase_currency, replacement_minor = b.replacement_minor,
    replacement_currency = b.replacement_currency,
    {RESTORED}
FROM import_item_change c CROSS JOIN LATERAL jsonb_populate_record(NULL::item, c.before) AS b
    JOIN holdings h ON h.id = b.holdings_id
WHERE c.import_id = :import_id AND i.id = c.item_id AND i.title_id = ANY (:ids) AND c.after = {ITEM_FACTS}
""",  # noqa: S608 - our own text
    id="new.id",
    holdings_id="new.holdings_id",
)
_KEEP_DESCRIBED = text("""
INSERT INTO holdings_version (holdings_id, version, record, replaced_at, replaced_by)
SELECT id, version, record, :now, :by FROM holdings WHERE id = ANY (:ids) AND record IS NOT NULL
""")
_DESCRIBE_AGAIN = _keeping(
    "holdings",
    """
UPDATE holdings h SET version = h.version + 1, record = c.record, call_number_scheme = c.call_number_scheme,
    shelving_key = c.shelving_key, policies = CAST(n.policies AS jsonb), updated_at = :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:policies AS text[])) AS n (id, policies)
    JOIN import_holdings_change c ON c.import_id = :import_id AND c.holdings_id = n.id
WHERE h.id = n.id
""",
)
_STAND_AGAIN = _keeping(
    "holdings",
    """
UPDATE holdings SET version = version + 1, deleted_at = NULL, merged_into = NULL, updated_at = :now
WHERE id = ANY (:ids) AND deleted_at IS NOT NULL
""",
)


async def request(session: AsyncSession, import_id: UUID, *, by: str, now: datetime) -> None:
    """Ask for an import to be taken back; once more, when some of it could not be. Asked twice it is one."""
    job = (await session.execute(_IMPORT, {"id": import_id})).first()
    if job is None:
        raise ImportUnknown
    reasons = []
    if job.state in OPEN_STATES:
        mend = "Wait for its end, or cancel it first."
        reasons.append(Reason("import-under-way", f"It is {job.state}.", mend=mend))
    if job.dry_run:
        reasons.append(Reason("dry-run", "A dry run has written nothing."))
    if reasons:
        raise UndoImpossible(reasons=reasons)
    await session.execute(_ASK, {"id": uuid7(), "import_id": import_id, "by": by, "now": now})


async def take(session: AsyncSession) -> Sequence[Any]:
    """Undoings that are open and that nobody else is at, those first that wait for nobody; held to the end of the
    transaction."""
    return (await session.execute(_TAKE)).all()


async def see_to(session: AsyncSession, undo: Any, *, limit: int, now: datetime) -> bool:
    """A slice: records not looked at yet, else those that circulation has answered for. Whether there were any."""
    if undo.state != UndoState.WAITING:
        undo = (await session.execute(_START, {"id": undo.id, "now": now})).one()
    records = await queries.next_records(session, undo, limit=limit)
    position = records[-1].ordinal if records else undo.position
    if not records:
        records = await queries.answered(session, undo, limit=limit)
    if records:
        found = await queries.facts(session, undo, records)
        await _act(session, undo, found, now=now)
    left = (await session.execute(_LEFT, {"id": undo.id})).one()
    state = UndoState.RUNNING
    if not records:
        state = UndoState.FINISHED_WITH_CONFLICTS if left.conflict else UndoState.FINISHED
        state = UndoState.WAITING if left.waiting else state
    if records or state != undo.state:
        told = {"id": undo.id, "state": state.value, "position": position, "now": now}
        await session.execute(_MOVE_ON, told | {"ended": state not in OPEN})
    return bool(records)


async def _act(session: AsyncSession, undo: Any, found: Sequence[Facts], *, now: datetime) -> None:
    """One record of each title decides; what others told of the same title goes with it."""
    done: set[UUID] = set()
    told: list[tuple[Facts, Verdict]] = []
    for each in found:
        if each.title_id in done:
            continue
        verdict = judged(each.case)
        if verdict.outcome is not None:
            done.add(each.title_id)
            told.append((each, verdict))
    await _withdraw(session, [id_ for _, verdict in told for id_ in verdict.withdraw], undo.requested_by, now)
    restored = [each for each, verdict in told if verdict.restore]
    gone = [each.title_id for each, verdict in told if verdict.delete]
    touched = [each.title_id for each, verdict in told if verdict.outcome is Undone.RESTORED]
    await _restore(session, restored, undo.requested_by, now)
    items = [each.title_id for each, verdict in told if verdict.restore_items]
    await _restore_items(session, undo, items, now)
    shelves = [each.title_id for each, verdict in told if verdict.restore_shelves]
    await _restore_shelves(session, undo, shelves, now)
    await _remove(session, undo, gone, [*gone, *touched], now)
    await mark_changed(session, [*gone, *touched])
    await session.execute(
        _TELL,
        {
            "id": undo.id,
            "ordinals": [each.ordinal for each, _ in told],
            "titles": [each.title_id for each, _ in told],
            "outcomes": [verdict.outcome.value for _, verdict in told if verdict.outcome is not None],
            "reasons": [
                orjson.dumps(bounded(reason(*why) for why in verdict.reasons)).decode() for _, verdict in told
            ],
        },
    )


async def _withdraw(session: AsyncSession, items: Sequence[UUID], by: str, now: datetime) -> None:
    if not items:
        return
    ids = [uuid7() for _ in items]
    told = {"ids": ids, "items": list(items), "reason": REASON, "by": by, "now": now}
    await session.execute(_WITHDRAW, told)
    await outbox.publish(
        session,
        *(
            ItemWithdrawalRequested(
                version=1, occurred_at=now, withdrawal_id=id_, item_id=item_id, reason=REASON
            )
            for id_, item_id in zip(ids, items, strict=True)
        ),
    )


async def _restore(session: AsyncSession, titles: Sequence[Facts], by: str, now: datetime) -> None:
    if not titles:
        return
    await session.execute(_KEEP, {"ids": [each.title_id for each in titles], "now": now, "by": by})
    events = []
    for each in titles:
        assert each.before is not None
        version = await session.scalar(
            _RESTORE, {"id": each.title_id, "now": now, **each.before.parameters()}
        )
        title = summary(each.title_id, version, each.before, suppressed=each.suppressed)
        events.append(TitleUpdated(version=version, occurred_at=now, title_id=each.title_id, title=title))
    await outbox.publish(session, *events)
    await announce_items_of(session, [each.title_id for each in titles], now=now)


async def _restore_items(session: AsyncSession, undo: Any, titles: Sequence[UUID], now: datetime) -> None:
    if not titles:
        return
    told = {"import_id": undo.import_id, "ids": list(titles), "now": now, "by": undo.requested_by}
    rows = (await session.execute(_RESTORE_ITEMS, told)).all()
    again = {"ids": [row.holdings_id for row in rows], "now": now, "by": undo.requested_by}
    await session.execute(_STAND_AGAIN, again)
    await outbox.publish(session, *batches(await states(session, [row.id for row in rows]), now=now))


async def _restore_shelves(session: AsyncSession, undo: Any, titles: Sequence[UUID], now: datetime) -> None:
    """Holdings have the record that they had before, or none; what the import gave them is kept as an earlier one."""
    if not titles:
        return
    rows = [row for row in await queries.changed_shelves(session, undo, titles) if row.as_left]
    ids = [row.holdings_id for row in rows]
    told = {
        "import_id": undo.import_id,
        "ids": ids,
        "policies": [
            dumped(policies(unpack(row.record))).decode() if row.record is not None else None for row in rows
        ],
        "now": now,
        "by": undo.requested_by,
    }
    await session.execute(_KEEP_DESCRIBED, told)
    await session.execute(_DESCRIBE_AGAIN, told)
    await outbox.publish(
        session,
        *(
            HoldingsUpdated(
                version=state.version, occurred_at=now, holdings_id=state.holdings_id, holdings=state
            )
            for state, _ in await holdings_states(session, ids)
        ),
    )


async def _remove(
    session: AsyncSession, undo: Any, gone: Sequence[UUID], titles: Sequence[UUID], now: datetime
) -> None:
    """Titles that the import made, and holdings that it made and nothing stands in any more."""
    if not titles:
        return
    told = {
        "ids": list(titles),
        "gone": list(gone),
        "import_id": undo.import_id,
        "now": now,
        "by": undo.requested_by,
    }
    holdings = [row.id for row in await session.execute(_HOLDINGS_GO, told)]
    events: list[TitleDeleted | HoldingsDeleted] = []
    if gone:
        await session.execute(_KEEP, {"ids": list(gone), "now": now, "by": undo.requested_by})
        events += [
            TitleDeleted(version=row.version, occurred_at=now, title_id=row.id)
            for row in await session.execute(_TITLES_GO, {"ids": list(gone), "now": now})
        ]
    events += [
        HoldingsDeleted(version=state.version, occurred_at=now, holdings_id=state.holdings_id, holdings=state)
        for state, _ in await holdings_states(session, holdings)
    ]
    await outbox.publish(session, *events)
