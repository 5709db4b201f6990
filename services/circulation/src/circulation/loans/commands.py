"""Check-out and renewal at the busy desk: look once, decide by the rules, act once.

When somebody was faster nothing was written, and we look again; after three misses the rows are locked
first, so that a busy patron or item is never refused for being busy. What touches a queue of holds always
goes that way (loans/unhurried.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from starlette.responses import Response

from chassis import outbox
from chassis.database import Connection
from chassis.edge import Once, StoredAnswer, checked
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused
from circulation.calendars.rules import Calendar, NeverOpen
from circulation.items.rules import State
from circulation.loans import statements
from circulation.loans.answers import DryRunOut, Explanation, LoanOut, blocks_out
from circulation.loans.facts import Seen
from circulation.loans.rules import (
    Block,
    checkout_blocks,
    due_at,
    not_overridable,
    outside_schedule,
    overridden,
    prospect,
    renewal_blocks,
)
from circulation.patrons.rules import Beyond
from circulation.places.library import Desk, Library, Shelf
from circulation.places.routes import told
from circulation.policies.rules import LoanPolicy, OutsideSchedule
from circulation.proxies.queries import Named, standing
from circulation.proxies.rules import Standing, proxy_refusals
from contracts.circulation import LoanCreated, LoanFacts, LoanRenewed

LOOKS = 3


class CheckOutRefused(Refused):
    """The item cannot be lent to this patron; every reason is given."""

    code, title = "check-out-refused", "This item cannot be lent to this patron."


class RenewalRefused(Refused):
    """The loan cannot be renewed; every reason is given."""

    code, title = "renewal-refused", "This loan cannot be renewed."


class UnknownServicePoint(Invalid):
    """No service point was named, and the client has none of its own."""

    code, title = "service-point-unknown", "Name a service point that exists."


@dataclass(frozen=True, slots=True)
class Override:
    """Blocks that staff set aside, and why."""

    blocks: frozenset[Block]
    comment: str
    due_at: datetime | None = None
    cancels_hold: bool = False
    """Whether the hold of the patron it was kept for ends; else it waits again."""


@dataclass(frozen=True, slots=True)
class CheckOut:
    """What the desk asks for."""

    patron_id: UUID | None
    patron_barcode: str | None
    item_id: UUID | None
    item_barcode: str | None
    desk_id: UUID | None
    lent_at: datetime
    override: Override | None
    once: Once
    explain: bool = False
    proxy: Named | None = None
    """Who borrows it for the patron, if somebody does."""


def desk_for(library: Library, principal: Principal, asked: UUID | None) -> Desk:
    """The service point a request is made at: named, else the client's own; in one of the staff's libraries."""
    chosen = asked or principal.service_point_id
    desk = library.desks.get(chosen) if chosen else None
    if desk is None:
        raise UnknownServicePoint(reasons=[_NO_SUCH_DESK])
    if principal.libraries is not None and desk.library not in principal.libraries:
        raise Forbidden(f"You do not work for the library {desk.library}.")
    return desk


_NO_SUCH_DESK = Reason(
    "service-point-unknown",
    "There is no such service point.",
    "/service_point_id",
    "Name one of /v1/service-points.",
)


def desk_missing(seen: Seen, principal: Principal, asked: UUID | None) -> list[Reason]:
    """That the service point is unknown, too, for an answer that tells every reason at once."""
    chosen = asked or principal.service_point_id
    return [] if chosen in seen.library.desks else [_NO_SUCH_DESK]


def replayed(seen: Seen, asked: Once) -> Response | None:
    """The stored answer of the same request; raises when the key was used for another."""
    if seen["status"] is None:
        return None
    checked(seen["fingerprint"], asked)
    return StoredAnswer(seen["status"], orjson.loads(seen["headers"]), bytes(seen["body"])).response()


def reasons_for(blocks: Sequence[Block], beyond: Sequence[Beyond] = ()) -> list[Reason]:
    """Blocks as reasons; of limits how much there is, and how much is allowed."""
    told = blocks_out(list(blocks), beyond)
    return [Reason(each.code, each.text, mend=each.mend, value=each.value, limit=each.limit) for each in told]


def explained(seen: Seen) -> Explanation:
    """The rule that won, those that lost, and the facts."""
    return Explanation(facts=seen.facts, rules=told(seen.library, seen.facts))


async def look(
    connection: Connection | asyncpg.Pool, shelf: Shelf, statement: str, *arguments: object
) -> Seen:
    """Look, and make sure that what is decided by is of the version that was seen."""
    row = await connection.fetchrow(statement, *arguments)
    assert row is not None
    holding = None if isinstance(connection, asyncpg.Pool) else connection
    return Seen(row, await shelf.library(row["reference"], by=holding))


@dataclass(frozen=True, slots=True)
class Decided:
    """A check-out as the rules see it."""

    desk: Desk
    policy: LoanPolicy
    fine_policy: str
    due_at: datetime | None
    blocks: list[Block]
    overridden: tuple[str, ...]
    beyond: tuple[Beyond, ...] = ()
    """Limits among the blocks."""
    proxy: Standing | None = None


async def proxy_of(
    connection: Connection | asyncpg.Pool, seen: Seen, asked: CheckOut, *, lock: bool = False
) -> Standing | None:
    """What is known of the proxy who borrows for the patron; None when there is none, or the patron is unknown."""
    if asked.proxy is None or seen["patron_id"] is None:
        return None
    found = await standing(connection, seen["patron_id"], asked.proxy, lock=lock)
    if found is None:
        unknown = Reason("proxy-unknown", "There is no such patron.", asked.proxy.pointer)
        raise NotFound("The proxy is unknown here.", reasons=[unknown])
    return found


def proxy_blocks(proxy: Standing | None, *, now: datetime) -> list[Block]:
    """What stands against the proxy."""
    return [Block(refusal) for refusal in proxy_refusals(proxy, now=now)] if proxy else []


def decide(
    seen: Seen, asked: CheckOut, principal: Principal, *, now: datetime, proxy: Standing | None = None
) -> Decided:
    """Which policy, until when, and what stands against it. Raises what no override could mend."""
    missing = []
    if seen["patron_id"] is None:
        pointer = "/patron_barcode" if asked.patron_id is None else "/patron_id"
        missing.append(Reason("patron-unknown", "There is no such patron.", pointer))
    if seen["item_id"] is None:
        pointer = "/item_barcode" if asked.item_id is None else "/item_id"
        missing.append(Reason("item-unknown", "There is no such item.", pointer))
    if missing:
        missing += desk_missing(seen, principal, asked.desk_id)
        raise NotFound("The patron or the item is unknown here.", reasons=missing)
    desk = desk_for(seen.library, principal, asked.desk_id)
    rule = seen.rule
    policy = seen.library.rules.loan[rule.loan]
    borrower = seen.borrower(policy, "borrow")
    blocks = checkout_blocks(borrower, seen.piece, policy, patron_id=seen["patron_id"], now=now)
    due: datetime | None = None
    if asked.override is not None and asked.override.due_at is not None:
        due = asked.override.due_at
    else:
        try:
            due = due_at(
                policy,
                desk.calendar,
                lent_at=asked.lent_at,
                expires_at=seen["expires_at"],
                holds_waiting=seen.others_waiting,
            )
        except NeverOpen:
            blocks.append(Block.NO_OPEN_DAY)
        except OutsideSchedule:
            pass
    if outside_schedule(policy, desk.calendar, lent_at=asked.lent_at):
        blocks.append(Block.OUTSIDE_SCHEDULE)
    if due is not None and due <= asked.lent_at:
        blocks.append(Block.DUE_NOT_AHEAD)
    blocks += proxy_blocks(proxy, now=now)
    left, overridden = _overriding(blocks, asked.override, principal)
    return Decided(desk, policy, rule.fine, due, left, overridden, borrower.beyond, proxy)


def _overriding(
    blocks: list[Block], override: Override | None, principal: Principal
) -> tuple[list[Block], tuple[str, ...]]:
    """What is left of the blocks after an override; one that is not needed does no harm."""
    if override is None:
        return blocks, ()
    if not principal.may("loans:override"):
        raise Forbidden("This needs the scope loans:override.")
    if fixed := not_overridable([block for block in blocks if block in override.blocks]):
        raise Invalid("These blocks cannot be overridden.", reasons=reasons_for(fixed))
    aside = overridden(blocks, override.blocks, due_named=override.due_at is not None)
    return [block for block in blocks if block not in aside], tuple(aside)


async def check_out(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> Response:
    """Lend an item to a patron, or raise with every reason not to. Lending it again to its holder renews it."""
    from circulation.loans import unhurried

    async with pool.acquire() as connection:
        for _ in range(LOOKS):
            seen = await look_check_out(connection, shelf, asked, now)
            if (answer := replayed(seen, asked.once)) is not None:
                return answer
            proxy = await proxy_of(connection, seen, asked)
            if _same_holder(seen):
                if blocks := proxy_blocks(proxy, now=now):
                    raise CheckOutRefused(reasons=reasons_for(blocks))
                break
            decided = decide(seen, asked, principal, now=now, proxy=proxy)
            if decided.blocks:
                raise CheckOutRefused(reasons=reasons_for(decided.blocks, decided.beyond))
            if seen["own_hold"] is not None or seen["kept_for"] is not None or proxy is not None:
                break
            answer = await lend(connection, seen, asked, decided, now=now)
            if answer is not None:
                return answer
    if _same_holder(seen):
        return await renew(pool, shelf, _renewal_instead(seen, asked), principal, now=now)
    return await unhurried.check_out(pool, shelf, asked, principal, now=now)


def _renewal_instead(seen: Seen, asked: CheckOut) -> "Renewal":
    return Renewal(seen["loan_id"], asked.once, asked.override, asked.desk_id, asked.explain)


def _same_holder(seen: Seen) -> bool:
    return (
        seen["loan_id"] is not None and seen["patron_id"] is not None and seen["lent_to"] == seen["patron_id"]
    )


async def look_check_out(
    connection: Connection | asyncpg.Pool, shelf: Shelf, asked: CheckOut, now: datetime
) -> Seen:
    return await look(
        connection,
        shelf,
        statements.LOOK_CHECK_OUT,
        asked.patron_id,
        asked.patron_barcode,
        asked.item_id,
        asked.item_barcode,
        asked.once.principal,
        asked.once.key,
        now,
    )


async def lend(
    connection: Connection | asyncpg.Pool, seen: Seen, asked: CheckOut, decided: Decided, *, now: datetime
) -> Response | None:
    """Write the loan with everything that hangs on it; None when somebody was faster."""
    assert decided.due_at is not None
    row, desk = seen.row, decided.desk
    loan_id = uuid7()
    title_id = row["title_ids"][0]
    facts = LoanFacts(
        loan_id=loan_id,
        item_id=row["item_id"],
        title_id=title_id,
        patron_ref=row["patron_id"],
        patron_group=row["group_code"],
        service_point_id=desk.id,
        lent_at=asked.lent_at,
        due_at=decided.due_at,
        due_zone=desk.calendar.zone,
        renewals=0,
        policy=decided.policy.code,
        rules_version=seen.library.version,
        proxy_ref=decided.proxy.proxy_id if decided.proxy else None,
    )
    event = LoanCreated(
        version=1,
        occurred_at=now,
        loan_id=loan_id,
        item_id=row["item_id"],
        loan=facts,
        overridden=decided.overridden,
        availability=seen.availability(state=State.ON_LOAN, lendable=False, due_at=decided.due_at, now=now),
    )
    answer = LoanOut(
        id=loan_id,
        item_id=row["item_id"],
        item_barcode=row["item_barcode"],
        title_id=title_id,
        title=row["short_title"],
        patron_id=row["patron_id"],
        proxy_id=facts.proxy_ref,
        service_point_id=desk.id,
        lent_at=asked.lent_at,
        due_at=decided.due_at,
        due_zone=desk.calendar.zone,
        renewals=0,
        policy=decided.policy.code,
        rules_version=seen.library.version,
        version=1,
        explanation=explained(seen) if asked.explain else None,
    )
    stored = answer_of(answer, 201, {"location": f"/v1/loans/{loan_id}", "etag": '"1"'})
    outgoing = outbox.sealed(event)
    done: bool = await connection.fetchval(
        statements.ACT_CHECK_OUT,
        row["patron_id"],
        row["patron_guard"],
        row["item_id"],
        row["item_guard"],
        seen.library.version,
        loan_id,
        decided.due_at,
        asked.lent_at,
        desk.id,
        title_id,
        row["group_code"],
        desk.calendar.zone,
        decided.policy.code,
        decided.fine_policy,
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
        facts.proxy_ref,
    )
    return Response(stored.body, stored.status, stored.headers) if done else None


def answer_of(told_: Any, status: int, headers: dict[str, str]) -> StoredAnswer:
    """An answer as it is sent, and stored beside the effect."""
    body = told_.model_dump_json(exclude_none=False).encode()
    return StoredAnswer(status, {"content-type": "application/json", **headers}, body)


async def would_check_out(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> DryRunOut:
    """The same validations and policies, nothing written."""
    seen = await look_check_out(pool, shelf, asked, now)
    proxy = await proxy_of(pool, seen, asked)
    if _same_holder(seen) and not proxy_blocks(proxy, now=now):
        return await would_renew(pool, shelf, _renewal_instead(seen, asked), principal, now=now)
    decided = decide(seen, asked, principal, now=now, proxy=proxy)
    return DryRunOut(
        allowed=not decided.blocks,
        blocks=blocks_out(decided.blocks, decided.beyond),
        due_at=decided.due_at,
        policy=decided.policy.code,
        explanation=explained(seen) if asked.explain else None,
    )


@dataclass(frozen=True, slots=True)
class Renewal:
    """What is asked for."""

    loan_id: UUID
    once: Once
    override: Override | None = None
    desk_id: UUID | None = None
    explain: bool = False


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
    beyond: tuple[Beyond, ...] = ()
    """Limits among the blocks."""

    def refusal(self) -> RenewalRefused:
        """Every reason; and when it may be renewed, where that is all it takes to wait for."""
        if self.renewable_from is None:
            return RenewalRefused(reasons=reasons_for(self.blocks, self.beyond))
        return RenewalRefused(
            reasons=reasons_for(self.blocks, self.beyond), renewable_from=self.renewable_from.isoformat()
        )


def decide_renewal(seen: Seen, asked: Renewal, principal: Principal, *, now: datetime) -> Extended:
    """Until when, and what stands against it. A patron's own loans only; others' do not exist for them."""
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
    policy = seen.library.rules.loan[rule.loan]
    calendar = seen.library.calendar_at(row["lent_from"], row["due_zone"])
    ahead = prospect(seen.open_loan, policy, calendar, now=now, expires_at=row["expires_at"])
    due = ahead.due_at
    if asked.override is not None and asked.override.due_at is not None:
        due = asked.override.due_at
    borrower = seen.borrower(policy, "renew")
    blocks = renewal_blocks(borrower, seen.open_loan, policy, new_due_at=due, now=now, of_time=ahead.blocks)
    if row["withdrawal_id"] is not None:
        blocks.append(Block.ITEM_WITHDRAWING)
    left, overridden = _overriding(blocks, asked.override, principal)
    return Extended(calendar, policy, rule.fine, due, left, overridden, ahead.renewable_from, borrower.beyond)


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
            extended = decide_renewal(seen, asked, principal, now=now)
            if extended.blocks:
                raise extended.refusal()
            if unhurried.owing(seen, now=now) or seen["loss"] is not None:
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
        | {"version": version, "explanation": explained(seen) if asked.explain else None}
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
    )
    return Response(stored.body, stored.status, stored.headers) if done else None


async def would_renew(
    pool: asyncpg.Pool, shelf: Shelf, asked: Renewal, principal: Principal, *, now: datetime
) -> DryRunOut:
    """The same validations and policies, nothing written."""
    seen = await look_renewal(pool, shelf, asked, now)
    extended = decide_renewal(seen, asked, principal, now=now)
    return DryRunOut(
        allowed=not extended.blocks,
        blocks=blocks_out(extended.blocks, extended.beyond),
        due_at=extended.due_at,
        renewable_from=extended.renewable_from,
        policy=extended.policy.code,
        explanation=explained(seen) if asked.explain else None,
    )


def loan_facts(seen: Seen, **changed: Any) -> LoanFacts:
    """The loan that was seen, as events tell it."""
    row = seen.row
    told_ = {
        "loan_id": row["open_loan_id"],
        "item_id": row["item_id"],
        "title_id": row["title_id"],
        "patron_ref": row["patron_id"],
        "patron_group": row["patron_group"],
        "service_point_id": row["lent_from"],
        "lent_at": row["lent_at"],
        "due_at": row["due_at"],
        "due_zone": row["due_zone"],
        "renewals": row["renewals"],
        "policy": row["policy"],
        "rules_version": row["rules_version"],
        "proxy_ref": row["proxy_id"],
    }
    return LoanFacts(**told_ | changed)


def loan_fields(seen: Seen) -> dict[str, Any]:
    """The loan that was seen, as the desk is told."""
    row = seen.row
    return {
        "id": row["open_loan_id"],
        "item_id": row["item_id"],
        "item_barcode": row["item_barcode"],
        "title_id": row["title_id"],
        "title": row["short_title"],
        "patron_id": row["patron_id"],
        "proxy_id": row["proxy_id"],
        "service_point_id": row["lent_from"],
        "lent_at": row["lent_at"],
        "due_at": row["due_at"],
        "due_zone": row["due_zone"],
        "renewals": row["renewals"],
        "policy": row["policy"],
        "rules_version": row["rules_version"],
        "recalled_at": row["recalled_at"],
        "returned_at": row["returned_at"],
        "version": row["loan_version"],
        "lost_at": row["lost_at"],
        "lost_cause": row["lost_cause"],
        "claimed_at": row["claimed_at"],
        "ended": row["ended"],
    }
