"""Renewal at the busy desk: look once, decide by the rules, act once; when somebody was faster, look again.

After three misses the rows are locked first; a late renewal that is charged, and a lost item that is found by
it, always go that way (loans/unhurried.py).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from starlette.responses import Response

from chassis import outbox
from chassis.database import Connection
from chassis.edge import Once
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from circulation.autorenewal.rules import looks_at
from circulation.blocks.rules import Block
from circulation.calendars.rules import Calendar
from circulation.items.rules import State
from circulation.limits.rules import Reached
from circulation.loans import copies, statements
from circulation.loans.answers import DryRunOut, LoanOut, blocks_out
from circulation.loans.desk import (
    LOOKS,
    Override,
    answer_of,
    charges_out,
    explained,
    loan_facts,
    loan_fields,
    look,
    overriding,
    policy_of,
    reasons_for,
    replayed,
)
from circulation.loans.facts import Seen
from circulation.loans.rules import prospect, renewal_blocks
from circulation.patrons.rules import Beyond
from circulation.places.library import Shelf
from circulation.policies.rules import LoanPolicy
from circulation.rentals.rules import Charge, charges_of_renewal
from contracts.circulation import LoanRenewed


class RenewalRefused(Refused):
    """The loan cannot be renewed; every reason is given."""

    code, title = "renewal-refused", "This loan cannot be renewed."


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is asked for."""

    loan_id: UUID
    once: Once
    override: Override | None = None
    desk_id: UUID | None = None
    explain: bool = False
    seen: bool = True
    """Whether somebody has the item before their eyes; a patron who renews from afar never does."""


@dataclass(frozen=True, slots=True)
class Extended:
    """A renewal as the rules see it."""

    calendar: Calendar
    """Of the service point where the item was lent."""
    policy: LoanPolicy
    fine_policy: str
    due_at: datetime | None
    blocks: list[Block]
    overridden: tuple[str, ...]
    renewable_from: datetime | None = None
    """When it may be renewed, if not yet."""
    beyond: tuple[Beyond | Reached, ...] = ()
    """Limits among the blocks."""
    charges: tuple[Charge, ...] = ()
    """What the renewal costs."""
    seen: bool = True
    """Whether somebody saw the item."""

    def refusal(self) -> RenewalRefused:
        """Every reason; and when it may be renewed, where that is all it takes to wait for."""
        if self.renewable_from is None:
            return RenewalRefused(reasons=reasons_for(self.blocks, self.beyond))
        return RenewalRefused(
            reasons=reasons_for(self.blocks, self.beyond), renewable_from=self.renewable_from.isoformat()
        )


def decide_renewal(
    seen: Seen, asked: Renewal, principal: Principal, *, now: datetime, suffice: bool = False
) -> Extended:
    """Until when, and what stands against it. A patron's own loans only; others' do not exist for them.

    `suffice`: whether copies on the shelf can fill all the holds that wait.
    """
    row = seen.row
    if row["open_loan_id"] is None or row["patron_id"] is None or row["item_id"] is None:
        raise NotFound("There is no such loan.")
    if not principal.may("loans:renew") and row["patron_id"] != principal.patron_id:
        raise NotFound("There is no such loan.")
    if row["returned_at"] is not None:
        raise RenewalRefused(
            reasons=[Reason("loan-closed", "The loan has ended.", mend="Lend the item again.")]
        )
    rule = seen.rule
    policy = policy_of(seen, RenewalRefused)
    calendar = seen.library.calendar_at(row["lent_from"], row["due_zone"])
    at_hand = asked.seen and principal.may("loans:renew")
    loan = replace(seen.open_loan, seen=at_hand, copies_suffice=suffice)
    ahead = prospect(loan, policy, calendar, now=now, expires_at=row["expires_at"])
    due = ahead.due_at
    if asked.override is not None and asked.override.due_at is not None:
        due = asked.override.due_at
    borrower = seen.borrower(policy, "renew")
    blocks = renewal_blocks(borrower, loan, policy, new_due_at=due, now=now, of_time=ahead.blocks)
    if row["withdrawal_id"] is not None:
        blocks.append(Block.ITEM_WITHDRAWING)
    left, overridden = overriding(blocks, asked.override, principal)
    charges: tuple[Charge, ...] = ()
    if due is not None:
        charges = charges_of_renewal(policy.rental, calendar, due_at=row["due_at"], new_due_at=due, now=now)
    return Extended(
        calendar,
        policy,
        rule.fine,
        due,
        left,
        overridden,
        ahead.renewable_from,
        borrower.limits,
        charges,
        at_hand,
    )


async def renew(
    pool: asyncpg.Pool, shelf: Shelf, asked: Renewal, principal: Principal, *, now: datetime
) -> Response:
    """Extend a loan, or raise with every reason not to."""
    from circulation.loans import unhurried

    async with pool.acquire() as connection:
        for _ in range(LOOKS):
            seen = await look_renewal(connection, shelf, asked, now)
            if (answer := replayed(seen, asked.once)) is not None:
                return answer
            suffice = await copies.suffice(connection, seen)
            extended = decide_renewal(seen, asked, principal, now=now, suffice=suffice)
            if extended.blocks:
                raise extended.refusal()
            charged = unhurried.owing(seen, now=now) or extended.charges
            if charged or seen["loss"] is not None or seen["reminded"]:
                break
            answer = await extend(connection, seen, asked, extended, now=now)
            if answer is not None:
                return answer
    return await unhurried.renew(pool, shelf, asked, principal, now=now)


async def look_renewal(
    connection: Connection | asyncpg.Pool, shelf: Shelf, asked: Renewal, now: datetime
) -> Seen:
    return await look(
        connection,
        shelf,
        statements.LOOK_RENEWAL,
        asked.loan_id,
        None,
        asked.once.principal,
        asked.once.key,
        now,
    )


async def extend(
    connection: Connection | asyncpg.Pool, seen: Seen, asked: Renewal, extended: Extended, *, now: datetime
) -> Response | None:
    """Write the renewal; None when somebody was faster."""
    assert extended.due_at is not None
    row = seen.row
    version = row["loan_version"] + 1
    changed = {
        "due_at": extended.due_at,
        "due_zone": extended.calendar.zone,
        "renewals": row["renewals"] + 1,
        "policy": extended.policy.code,
        "rules_version": seen.library.version,
    }
    event = LoanRenewed(
        version=version,
        occurred_at=now,
        loan_id=row["open_loan_id"],
        item_id=row["item_id"],
        loan=loan_facts(seen, **changed),
        previous_due_at=row["due_at"],
        overridden=extended.overridden,
        availability=seen.availability(state=State.ON_LOAN, lendable=False, due_at=extended.due_at, now=now),
    )
    answer = LoanOut(
        **loan_fields(seen)
        | changed
        | {
            "version": version,
            "unseen": 0 if extended.seen else row["unseen"] + 1,
            "charges": charges_out(extended.charges, seen.library.currency),
            "explanation": explained(seen) if asked.explain else None,
        }
    )
    stored = answer_of(answer, 201, {"location": f"/v1/loans/{answer.id}", "etag": f'"{version}"'})
    outgoing = outbox.sealed(event)
    done: bool = await connection.fetchval(
        statements.ACT_RENEWAL,
        row["patron_id"],
        row["patron_guard"],
        row["item_id"],
        row["item_guard"],
        seen.library.version,
        row["open_loan_id"],
        row["loan_version"],
        extended.due_at,
        extended.policy.code,
        extended.fine_policy,
        extended.calendar.zone,
        asked.override.comment if asked.override else None,
        outgoing.id,
        outgoing.type,
        outgoing.key,
        outgoing.envelope,
        asked.once.principal,
        asked.once.key,
        asked.once.fingerprint,
        stored.status,
        orjson.dumps(stored.headers).decode(),
        stored.body,
        looks_at(extended.policy.automatic, extended.calendar, due_at=extended.due_at, now=now),
        extended.seen,
    )
    return Response(stored.body, stored.status, stored.headers) if done else None


async def would_renew(
    pool: asyncpg.Pool, shelf: Shelf, asked: Renewal, principal: Principal, *, now: datetime
) -> DryRunOut:
    """The same validations and policies, nothing written."""
    seen = await look_renewal(pool, shelf, asked, now)
    suffice = await copies.suffice(pool, seen)
    extended = decide_renewal(seen, asked, principal, now=now, suffice=suffice)
    return DryRunOut(
        allowed=not extended.blocks,
        blocks=blocks_out(extended.blocks, extended.beyond),
        due_at=extended.due_at,
        renewable_from=extended.renewable_from,
        policy=extended.policy.code,
        charges=charges_out(extended.charges, seen.library.currency),
        explanation=explained(seen) if asked.explain else None,
    )
