"""Open loans, as they stood: with their own dates and number of renewals, under the policies that apply from now on."""

from collections import Counter
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from pydantic import Field

from chassis import outbox
from chassis.ids import uuid7
from chassis.moments import Moment
from circulation.autorenewal.rules import looks_at
from circulation.items.rules import GONE_BASES, State
from circulation.legacy.commands import Slice, Taken, lock_patrons, refused
from circulation.legacy.rules import Outcome, Piece, loan_refusals
from circulation.legacy.wire import Code, LegacyId, Row
from circulation.loans.statements import QUEUE_LENGTH
from contracts.circulation import ItemAvailability, LoanCreated, LoanFacts


class MigratedLoanIn(Row):
    """An open loan."""

    patron: LegacyId
    """Legacy id of who has it."""
    item_id: UUID
    lent_at: Moment
    due_at: Moment
    renewals: Annotated[int, Field(ge=0, le=10_000)] = 0
    service_point: Code


_ITEMS_LOCKED = "SELECT FROM item WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"
_ITEMS = f"""
SELECT i.id, i.guard, i.title_ids, i.location, i.library, i.campus, i.institution, i.material_type, i.loan_type,
    i.base, i.loan_id, i.hold_id, i.withdrawal_id, i.loss, {QUEUE_LENGTH}
FROM item i WHERE i.id = ANY ($1::uuid[])
"""  # noqa: S608 - our own text
_COLUMNS: Final = (
    "id", "item_id", "title_id", "patron_id", "patron_group", "service_point_id", "lent_at", "due_at", "due_zone",
    "renewals", "policy", "fine_policy", "rules_version", "auto_at",
)  # fmt: skip
_LENT = """
UPDATE item SET guard = guard + 1, state = 'on-loan', loan_id = n.loan_id, due_at = n.due_at, hold_shelf = false,
    transit_to = NULL, transit_from = NULL, transit_since = NULL, reshelving_until = NULL
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS n (id, loan_id, due_at) WHERE item.id = n.id
"""
_BORROWED = """
UPDATE patron SET open_loans = open_loans + n.loans, guard = guard + 1
FROM unnest($1::uuid[], $2::int[]) AS n (id, loans) WHERE patron.id = n.id
"""


async def items_of(slice_: Slice[Any], ids: list[UUID]) -> dict[UUID, asyncpg.Record]:
    """Items, locked."""
    await slice_.connection.execute(_ITEMS_LOCKED, ids)
    return {row["id"]: row for row in await slice_.connection.fetch(_ITEMS, ids)}


def piece(row: asyncpg.Record | None, *, lent: bool = False, kept: bool = False) -> Piece | None:
    """An item as the rules see it; what this slice has done with it counts."""
    if row is None:
        return None
    gone = row["base"] in GONE_BASES or row["withdrawal_id"] is not None or row["loss"] is not None
    return Piece(
        lent=lent or row["loan_id"] is not None,
        kept=kept or row["hold_id"] is not None,
        gone=gone and row["loan_id"] is None,
        title_ids=tuple(row["title_ids"]),
    )


async def loans(slice_: Slice[MigratedLoanIn]) -> list[Taken]:
    """Write them with everything that hangs on them."""
    library, now = slice_.library, slice_.now
    await lock_patrons(slice_, [row.patron for row in slice_.rows])
    items = await items_of(slice_, [row.item_id for row in slice_.rows])
    taken: list[Taken] = []
    written, events, lent = [], [], set[UUID]()
    for row in slice_.rows:
        patron, item = slice_.patrons.get(row.patron), items.get(row.item_id)
        desk = library.by_code.get(row.service_point)
        wrong = loan_refusals(
            patron_known=patron is not None,
            item=piece(item, lent=row.item_id in lent),
            point_known=desk is not None,
            lent_at=row.lent_at,
            due_at=row.due_at,
            now=now,
        )
        if wrong or patron is None or item is None or desk is None:
            taken.append(refused(row, wrong))
            continue
        lent.add(row.item_id)
        loan_id = uuid7()
        rule = library.rules.winning(
            {
                "patron_group": patron["group_code"],
                **{name: item[name] for name in ("location", "library", "campus", "institution")},
                "material_type": item["material_type"],
                "loan_type": item["loan_type"],
            }
        )
        policy = library.rules.loan.get(rule.loan)
        auto_at = None
        if policy is not None and row.due_at > now:
            auto_at = looks_at(policy.automatic, desk.calendar, due_at=row.due_at, now=now)
        facts = LoanFacts(
            loan_id=loan_id,
            item_id=row.item_id,
            title_id=item["title_ids"][0],
            patron_ref=patron["id"],
            patron_group=patron["group_code"],
            service_point_id=desk.id,
            lent_at=row.lent_at,
            due_at=row.due_at,
            due_zone=desk.calendar.zone,
            renewals=row.renewals,
            policy=rule.loan,
            rules_version=library.version,
        )
        written.append(
            (loan_id, row.item_id, facts.title_id, patron["id"], facts.patron_group, desk.id, row.lent_at, row.due_at,
             facts.due_zone, row.renewals, rule.loan, rule.fine, library.version, auto_at)
        )  # fmt: skip
        events.append(_told(slice_, item, facts))
        taken.append(Taken(row.legacy_id, Outcome.LOADED, loan_id))
    connection = slice_.connection
    await connection.copy_records_to_table("loan", records=written, columns=_COLUMNS)
    await connection.execute(
        _LENT, [row[1] for row in written], [row[0] for row in written], [row[7] for row in written]
    )
    borrowed = Counter(row[3] for row in written)
    await connection.execute(_BORROWED, list(borrowed), list(borrowed.values()))
    await outbox.record(connection, events)
    return taken


def _told(slice_: Slice[MigratedLoanIn], item: asyncpg.Record, facts: LoanFacts) -> LoanCreated:
    availability = ItemAvailability(
        item_id=facts.item_id,
        version=item["guard"] + 1,
        title_ids=tuple(item["title_ids"]),
        library=item["library"] or "",
        location=item["location"] or "",
        state=State.ON_LOAN,
        lendable=False,
        due_at=facts.due_at,
        queue_length=item["queue_length"],
        as_of=slice_.now,
    )
    return LoanCreated(
        version=1,
        occurred_at=slice_.now,
        loan_id=facts.loan_id,
        item_id=facts.item_id,
        loan=facts,
        availability=availability,
        migrated_from=slice_.source,
    )
