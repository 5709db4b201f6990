"""What time does: loans whose policy says so are renewed before they are due, a slice of the set at a time (L30)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Resources
from circulation.autorenewal.rules import (
    DAILY,
    Candidate,
    is_final,
    looks_again,
    looks_at,
    reasons,
    refusals,
)
from circulation.blocks.rules import Block
from circulation.calendars.rules import Calendar
from circulation.fees import reminder_blocks
from circulation.items.rules import State
from circulation.loans import copies
from circulation.loans.desk import loan_facts
from circulation.loans.facts import Seen
from circulation.loans.rules import prospect, renewal_blocks
from circulation.loans.statements import ITEM_FACTS, LOAN_SEEN, PATRON_FACTS, QUEUE_LENGTH
from circulation.places.library import Library, NotConfigured, Shelf
from circulation.policies.rules import LoanPolicy
from contracts.circulation import LoanNotRenewed, LoanRenewed
from contracts.events import Event

SLICE: Final = 200

DUE: Final = """
SELECT id, item_id, patron_id FROM loan WHERE auto_at <= $1 AND returned_at IS NULL ORDER BY auto_at LIMIT $2
"""
_LOOK: Final = f"""
SELECT {ITEM_FACTS}, {QUEUE_LENGTH}, {PATRON_FACTS.format(action="'renew'", now="$2::timestamptz")},
    p.auto_renew, l.auto_refused, {LOAN_SEEN}
FROM loan l JOIN item i ON i.id = l.item_id JOIN patron p ON p.id = l.patron_id
WHERE l.id = ANY ($1::uuid[]) AND l.returned_at IS NULL ORDER BY l.auto_at, l.id
"""  # noqa: S608 - our own text
_RENEW: Final = """
UPDATE loan SET due_at = t.due_at, due_zone = t.zone, policy = t.policy, fine_policy = t.fine, auto_at = t.auto_at,
    rules_version = $7, auto_refused = NULL, override_comment = NULL, renewals = renewals + 1, unseen = unseen + 1,
    version = version + 1
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
    AS t (id, due_at, zone, policy, fine, auto_at)
WHERE loan.id = t.id
"""
_MOVE: Final = """
UPDATE item SET due_at = t.due_at, guard = guard + 1
FROM unnest($1::uuid[], $2::timestamptz[]) AS t (id, due_at) WHERE item.id = t.id
"""
_LEAVE: Final = """
UPDATE loan SET auto_at = t.auto_at,
    auto_refused = CASE WHEN t.refused IS NULL THEN auto_refused ELSE string_to_array(t.refused, ' ') END,
    version = version + t.told::int
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::boolean[]) AS t (id, auto_at, refused, told)
WHERE loan.id = t.id
"""


async def renew_automatically(resources: Resources, now: datetime) -> None:
    """All whose time has come. Where nothing is configured yet nothing can have been lent."""
    shelf: Shelf = resources.own["shelf"]
    try:
        library = await shelf.fresh()
    except NotConfigured:
        return
    while True:
        async with resources.pool.acquire() as connection, connection.transaction():
            if await renew_slice(connection, library, now=now) < SLICE:
                break


@dataclass(frozen=True, slots=True)
class Renewed:
    """What is renewed, and until when."""

    seen: Seen
    policy: LoanPolicy
    calendar: Calendar
    due_at: datetime
    final: bool


@dataclass(frozen=True, slots=True)
class Left:
    """What is left as it is, why, and when it is looked at again."""

    seen: Seen
    again_at: datetime | None
    reasons: list[str]

    @property
    def told(self) -> bool:
        """Whether anybody is told: of the same reasons once, and of nothing that only wants waiting for."""
        return bool(self.reasons) and self.reasons != (self.seen["auto_refused"] or [])


async def renew_slice(connection: Connection, library: Library, *, now: datetime) -> int:
    """A slice of the loans whose time has come: decided with their rows locked; how many were looked at.

    Rules, patrons, items, loans are locked in the desk's own order. Rules that have changed since they were read
    are left to the next round.
    """
    version = await connection.fetchval("SELECT version FROM reference FOR SHARE")
    due = await connection.fetch(DUE, now, SLICE)
    if not due or version != library.version:
        return 0
    for table, name in (("patron", "patron_id"), ("item", "item_id"), ("loan", "id")):
        await connection.execute(
            f"SELECT FROM {table} WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
            [row[name] for row in due],
        )
    rows = await connection.fetch(_LOOK, [row["id"] for row in due], now)
    decided = [await _decide(connection, Seen(row, library), now=now) for row in rows]
    await _write(connection, library, [each for each in decided if isinstance(each, Renewed)], now)
    await _leave(connection, [each for each in decided if isinstance(each, Left)], now)
    return len(due)


async def _decide(connection: Connection, seen: Seen, *, now: datetime) -> Renewed | Left:
    policy = seen.library.rules.loan.get(seen.rule.loan)
    if policy is None or policy.automatic is None:
        return Left(seen, None, [])
    auto = policy.automatic
    calendar = seen.library.calendar_at(seen["lent_from"], seen["due_zone"])
    expires_at = seen["expires_at"]
    candidate = Candidate(seen["lent_at"], seen["due_at"], seen["auto_renew"], seen["owed"], expires_at)
    against = refusals(auto, calendar, candidate, now=now)
    again_at = looks_again(auto, calendar, due_at=seen["due_at"], now=now)
    if now < auto.before.moment(seen["due_at"], calendar):
        return Left(seen, again_at, [])
    suffice = await copies.suffice(connection, seen)
    loan = replace(seen.open_loan, seen=False, copies_suffice=suffice)
    ahead = prospect(loan, policy, calendar, now=now, expires_at=expires_at)
    blocks = renewal_blocks(
        seen.borrower(policy, "renew"), loan, policy, new_due_at=ahead.due_at, now=now, of_time=ahead.blocks
    )
    if seen["withdrawal_id"] is not None:
        blocks.append(Block.ITEM_WITHDRAWING)
    if against or blocks or ahead.due_at is None:
        return Left(seen, again_at, reasons(against, blocks))
    final = is_final(
        policy,
        auto,
        calendar,
        lent_at=seen["lent_at"],
        new_due_at=ahead.due_at,
        renewals=seen["renewals"] + 1,
        unseen=seen["unseen"] + 1,
    )
    return Renewed(seen, policy, calendar, ahead.due_at, final)


async def _write(connection: Connection, library: Library, renewed: Sequence[Renewed], now: datetime) -> None:
    if not renewed:
        return
    loans: list[UUID] = [each.seen["open_loan_id"] for each in renewed]
    dues = [each.due_at for each in renewed]
    await connection.execute(
        _RENEW,
        loans,
        dues,
        [each.calendar.zone for each in renewed],
        [each.policy.code for each in renewed],
        [each.seen.rule.fine for each in renewed],
        [_looks_next(each, now) for each in renewed],
        library.version,
    )
    await connection.execute(_MOVE, [each.seen["item_id"] for each in renewed], dues)
    await outbox.record(connection, [_event(each, now) for each in renewed])
    await reminder_blocks.lift(connection, loans, now=now)


def _looks_next(each: Renewed, now: datetime) -> datetime | None:
    """In time for the next renewal, and never twice a day, however early the policy begins."""
    at = looks_at(each.policy.automatic, each.calendar, due_at=each.due_at, now=now)
    return None if at is None else max(at, now + DAILY)


def _event(each: Renewed, now: datetime) -> Event:
    seen = each.seen
    return LoanRenewed(
        version=seen["loan_version"] + 1,
        occurred_at=now,
        loan_id=seen["open_loan_id"],
        item_id=seen["item_id"],
        loan=loan_facts(
            seen,
            due_at=each.due_at,
            due_zone=each.calendar.zone,
            renewals=seen["renewals"] + 1,
            policy=each.policy.code,
            rules_version=seen.library.version,
        ),
        previous_due_at=seen["due_at"],
        availability=seen.availability(state=State.ON_LOAN, lendable=False, due_at=each.due_at, now=now),
        automatic=True,
        final=each.final,
    )


async def _leave(connection: Connection, left: Sequence[Left], now: datetime) -> None:
    if not left:
        return
    await connection.execute(
        _LEAVE,
        [each.seen["open_loan_id"] for each in left],
        [each.again_at for each in left],
        [" ".join(each.reasons) if each.told else None for each in left],
        [each.told for each in left],
    )
    told = [
        LoanNotRenewed(
            version=each.seen["loan_version"] + 1,
            occurred_at=now,
            loan_id=each.seen["open_loan_id"],
            item_id=each.seen["item_id"],
            loan=loan_facts(each.seen),
            reasons=tuple(each.reasons),
        )
        for each in left
        if each.told
    ]
    await outbox.record(connection, told)
