"""Check-out at the busy desk: look once, decide by the rules, act once; in a rush together with others (loans/rush.py).

When somebody was faster nothing was written, and we look again; after three misses the rows are locked
first, so that a busy patron or item is never refused for being busy. What touches a queue of holds always
goes that way (loans/unhurried.py).
"""

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from uuid import UUID

import asyncpg
import orjson
from starlette.responses import Response

from chassis import outbox
from chassis.database import Connection
from chassis.edge import Once
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from circulation.arrivals.commands import Looked, count_use, pieces_of
from circulation.arrivals.rules import asks_for_pieces, unconfirmed
from circulation.autorenewal.rules import looks_at
from circulation.blocks.rules import Block
from circulation.calendars.rules import NeverOpen
from circulation.inlibrary.rules import IN_USE
from circulation.items.rules import State
from circulation.limits.rules import Reached, too_new
from circulation.loans import renewing, statements
from circulation.loans.answers import DryRunOut, LoanOut, UseCountedOut, blocks_out
from circulation.loans.desk import (
    LOOKS,
    Override,
    answer_of,
    charges_out,
    desk_for,
    desk_missing,
    explained,
    look,
    overriding,
    policy_of,
    reasons_for,
    refuse_elsewhere,
    remember,
    replayed,
)
from circulation.loans.facts import Seen
from circulation.loans.rules import checkout_blocks, due_at, outside_schedule
from circulation.loans.rush import Rush
from circulation.patrons.rules import Beyond
from circulation.places.library import Desk, Shelf
from circulation.policies.rules import LoanPolicy, OutsideSchedule
from circulation.proxies.queries import Named, standing
from circulation.proxies.rules import Standing, proxy_refusals
from circulation.registration.aliases import CARD_REPLACED, alias_of
from circulation.rentals.rules import DEPOSIT, Charge, charges_of_loan
from contracts.circulation import LoanCreated, LoanFacts


class CheckOutRefused(Refused):
    """The item cannot be lent to this patron; every reason is given."""

    code, title = "check-out-refused", "This item cannot be lent to this patron."


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
    confirmed: frozenset[Block] = frozenset()
    """What the desk was asked, and means all the same."""
    proxy: Named | None = None
    """Who borrows it for the patron, if somebody does."""
    looked: Looked | None = None
    """What was said of its pieces, by whoever looked at them."""
    instead_of: UUID | None = None
    """The loan to another patron that this one ended."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A check-out as the rules see it."""

    desk: Desk
    policy: LoanPolicy
    fine_policy: str
    due_at: datetime | None
    blocks: list[Block]
    overridden: tuple[str, ...]
    beyond: tuple[Beyond | Reached, ...] = ()
    """Limits among the blocks."""
    proxy: Standing | None = None
    charges: tuple[Charge, ...] = ()
    """What the loan costs."""
    loan_id: UUID = field(default_factory=uuid7)

    def refusal(self, seen: Seen) -> CheckOutRefused:
        """Every reason; and which pieces are to be looked at, where that is one."""
        reasons = reasons_for(self.blocks, self.beyond)
        if Block.PIECES_UNCONFIRMED in self.blocks:
            return CheckOutRefused(reasons=reasons, pieces=pieces_of(seen.row))
        return CheckOutRefused(reasons=reasons)


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
    policy = policy_of(seen, CheckOutRefused)
    borrower = seen.borrower(policy, "borrow")
    new = too_new(
        policy.new_items,
        desk.calendar,
        new_since=seen["new_since"],
        local=(seen["library"] or "") in desk.serves,
        now=now,
    )
    if new is not None:
        borrower = replace(borrower, reached=(*borrower.reached, new))
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
    asks = asks_for_pieces("check-out", seen.library.desk_rules.confirm_pieces)
    if unconfirmed(seen["pieces"], confirm=asks, confirmed=asked.looked is not None):
        blocks.append(Block.PIECES_UNCONFIRMED)
    left, overridden = overriding(blocks, asked.override, principal, asked.confirmed)
    charges: tuple[Charge, ...] = ()
    if due is not None:
        charges = charges_of_loan(
            policy.rental, policy.deposit, desk.calendar, lent_at=asked.lent_at, due_at=due
        )
    return Decided(desk, policy, rule.fine, due, left, overridden, borrower.limits, proxy, charges)


async def check_out(
    pool: asyncpg.Pool,
    shelf: Shelf,
    asked: CheckOut,
    principal: Principal,
    *,
    now: datetime,
    rush: Rush | None = None,
) -> Response:
    """Lend an item to a patron, or raise with every reason not to. Lending it again to its holder renews it.

    A card or id of a registration that was merged lends as the one that took it up; a replaced card lends nothing.
    In a `rush` the statements are shared with others who are at the desk at the same time.
    """
    try:
        return await _check_out(pool, shelf, asked, principal, now=now, rush=rush)
    except NotFound as unknown:
        asked = await _meant(pool, asked, unknown)
    return await _check_out(pool, shelf, asked, principal, now=now)


async def _meant(pool: asyncpg.Pool, asked: CheckOut, unknown: NotFound) -> CheckOut:
    """The same for the patron who is meant; raises what was raised where nobody is."""
    alias = await alias_of(pool, patron_id=asked.patron_id, barcode=asked.patron_barcode)
    if alias is None:
        raise unknown
    if alias.replaced:
        others = [reason for reason in unknown.reasons if reason.code != "patron-unknown"]
        raise CheckOutRefused(reasons=[CARD_REPLACED, *others])
    return replace(asked, patron_id=alias.patron_id, patron_barcode=None)


async def _check_out(
    pool: asyncpg.Pool,
    shelf: Shelf,
    asked: CheckOut,
    principal: Principal,
    *,
    now: datetime,
    rush: Rush | None = None,
) -> Response:
    from circulation.loans import changing_hands, unhurried

    with nullcontext(False) if rush is None else rush.turn() as crowded:
        async with nullcontext(pool) if crowded else pool.acquire() as connection:
            together = rush if crowded else None
            answer, seen = await _everyday(connection, shelf, asked, principal, now=now, rush=together)
    if answer is not None:
        return answer
    if (desk := statistical(seen, asked, principal)) is not None:
        return await count_only(pool, shelf, asked, desk, now=now)
    if _same_holder(seen):
        refuse_elsewhere(seen.library, principal, asked.desk_id)
        return await renewing.renew(pool, shelf, _renewal_instead(seen, asked), principal, now=now)
    if changing_hands.may_change_hands(seen, asked, principal, now=now):
        return await changing_hands.check_out(pool, shelf, asked, principal, now=now)
    return await unhurried.check_out(pool, shelf, asked, principal, now=now)


async def _everyday(
    connection: Connection | asyncpg.Pool,
    shelf: Shelf,
    asked: CheckOut,
    principal: Principal,
    *,
    now: datetime,
    rush: Rush | None = None,
) -> tuple[Response | None, Seen]:
    """Look, decide and act, until it is done; no answer where it is no everyday check-out, or others are faster."""
    from circulation.loans import changing_hands

    for _ in range(LOOKS):
        seen = await _look_everyday(connection, shelf, asked, now, rush)
        if (answer := replayed(seen, asked.once)) is not None:
            return answer, seen
        if statistical(seen, asked, principal) is not None:
            return None, seen
        proxy = await proxy_of(connection, seen, asked)
        if _same_holder(seen):
            if blocks := proxy_blocks(proxy, now=now):
                raise CheckOutRefused(reasons=reasons_for(blocks))
            return None, seen
        decided = decide(seen, asked, principal, now=now, proxy=proxy)
        if changing_hands.may_change_hands(seen, asked, principal, now=now):
            return None, seen
        if decided.blocks:
            raise decided.refusal(seen)
        held = seen["own_hold"] is not None or seen["kept_for"] is not None
        if held or proxy is not None or decided.charges:
            return None, seen
        answer = await lend(connection, seen, asked, decided, now=now, rush=rush)
        if answer is not None:
            return answer, seen
        rush = None  # whoever missed it among others waits for whom they met
    return None, seen


def statistical(seen: Seen, asked: CheckOut, principal: Principal) -> Desk | None:
    """The service point, where the card is nobody's and only counts uses (Koha calls such a patron statistical)."""
    if seen["patron_id"] is None or seen["item_id"] is None:
        return None
    group = seen.library.groups.get(seen["group_code"])
    if group is None or not group.statistical:
        return None
    return desk_for(seen.library, principal, asked.desk_id)


async def count_only(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, desk: Desk, *, now: datetime
) -> Response:
    """One more use of the item in the house, and no loan; what somebody has out is used by nobody else."""
    async with pool.acquire() as connection, connection.transaction():
        seen = await look_check_out(connection, shelf, asked, now)
        await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", seen["item_id"])
        seen = await look_check_out(connection, shelf, asked, now)
        if (answer := replayed(seen, asked.once)) is not None:
            return answer
        if seen["loan_id"] is not None:
            raise CheckOutRefused(reasons=reasons_for([Block.ITEM_ON_LOAN]))
        await count_use(connection, seen.row, desk.id, used_at=asked.lent_at, now=now)
        told = UseCountedOut(
            item_id=seen["item_id"], item_barcode=seen["item_barcode"], title=seen["short_title"]
        )
        stored = answer_of(told, 200, {})
        await remember(connection, asked.once, stored)
    return Response(stored.body, stored.status, stored.headers)


def _renewal_instead(seen: Seen, asked: CheckOut) -> renewing.Renewal:
    return renewing.Renewal(seen["loan_id"], asked.once, asked.override, asked.desk_id, asked.explain)


def _same_holder(seen: Seen) -> bool:
    return (
        seen["loan_id"] is not None and seen["patron_id"] is not None and seen["lent_to"] == seen["patron_id"]
    )


async def _look_everyday(
    connection: Connection | asyncpg.Pool, shelf: Shelf, asked: CheckOut, now: datetime, rush: Rush | None
) -> Seen:
    """Look with the short statement; with the whole one where that turns out not to tell all that is decided by."""
    if shelf.newest is None or shelf.newest.counts_facts:
        return await look_check_out(connection, shelf, asked, now)
    named = (asked.patron_id, asked.patron_barcode, asked.item_id, asked.item_barcode)
    by = (asked.once.principal, asked.once.key, now)
    if rush is not None:
        row = await rush.look(*named, *by)
        seen = Seen(row, await shelf.library(row["reference"]))
    else:
        statement, patron, item = statements.everyday(*named)
        seen = await look(connection, shelf, statement, patron, item, *by)
    if everyday(seen) and not seen.library.counts_facts:
        return seen
    return await look_check_out(connection, shelf, asked, now)


def everyday(seen: Seen) -> bool:
    """Whether the short look told all: both are known, the item is free and whole, nobody waits, and no wards."""
    row = seen.row
    return not (
        row["patron_id"] is None
        or row["item_id"] is None
        or row["loan_id"] is not None
        or row["hold_id"] is not None
        or row["kept_for"] is not None
        or row["pieces"] is not None
        or row["queue_length"]
        or row["wards"]
    )


async def look_check_out(
    connection: Connection | asyncpg.Pool, shelf: Shelf, asked: CheckOut, now: datetime
) -> Seen:
    """Look; once more where the configuration turns out to ask for more than the one that was known here before."""
    named = (asked.patron_id, asked.patron_barcode, asked.item_id, asked.item_barcode)
    by = (asked.once.principal, asked.once.key, now)
    closely = shelf.newest is not None and shelf.newest.counts_facts
    seen = await look(connection, shelf, statements.LOOK_CHECK_OUT, *named, *by, closely)
    if seen.library.counts_facts and not closely:
        seen = await look(connection, shelf, statements.LOOK_CHECK_OUT, *named, *by, True)
    return seen


async def lend(
    connection: Connection | asyncpg.Pool,
    seen: Seen,
    asked: CheckOut,
    decided: Decided,
    *,
    now: datetime,
    rush: Rush | None = None,
) -> Response | None:
    """Write the loan with everything that hangs on it; None when somebody was faster."""
    assert decided.due_at is not None
    row, desk = seen.row, decided.desk
    loan_id = decided.loan_id
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
        in_library=IN_USE if decided.policy.in_library else None,
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
        instead_of=asked.instead_of,
        in_library=facts.in_library,
        charges=charges_out(decided.charges, seen.library.currency),
        item_notes=row["check_out_notes"],
        explanation=explained(seen) if asked.explain else None,
    )
    stored = answer_of(answer, 201, {"location": f"/v1/loans/{loan_id}", "etag": '"1"'})
    outgoing = outbox.sealed(event)
    act = partial(connection.fetchval, statements.ACT_CHECK_OUT) if rush is None else rush.act
    done: bool = await act(
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
        asked.looked is not None,
        asked.looked.missing if asked.looked else None,
        looks_at(decided.policy.automatic, desk.calendar, due_at=decided.due_at, now=now),
        facts.in_library,
        any(charge.kind == DEPOSIT for charge in decided.charges),
    )
    return Response(stored.body, stored.status, stored.headers) if done else None


async def would_check_out(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> DryRunOut:
    """The same validations and policies, nothing written."""
    try:
        return await _would_check_out(pool, shelf, asked, principal, now=now)
    except NotFound as unknown:
        asked = await _meant(pool, asked, unknown)
    return await _would_check_out(pool, shelf, asked, principal, now=now)


async def _would_check_out(
    pool: asyncpg.Pool, shelf: Shelf, asked: CheckOut, principal: Principal, *, now: datetime
) -> DryRunOut:
    from circulation.loans import changing_hands

    seen = await look_check_out(pool, shelf, asked, now)
    if statistical(seen, asked, principal) is not None:
        blocks = [Block.ITEM_ON_LOAN] if seen["loan_id"] is not None else []
        return DryRunOut(allowed=not blocks, blocks=blocks_out(blocks), used_in_house=True)
    proxy = await proxy_of(pool, seen, asked)
    if _same_holder(seen) and not proxy_blocks(proxy, now=now):
        refuse_elsewhere(seen.library, principal, asked.desk_id)
        return await renewing.would_renew(pool, shelf, _renewal_instead(seen, asked), principal, now=now)
    decided = decide(seen, asked, principal, now=now, proxy=proxy)
    blocks = decided.blocks
    if changing_hands.may_change_hands(seen, asked, principal, now=now):
        blocks = await changing_hands.blocks_after(pool, seen, asked, blocks)
    return DryRunOut(
        allowed=not blocks,
        blocks=blocks_out(blocks, decided.beyond),
        due_at=decided.due_at,
        policy=decided.policy.code,
        charges=charges_out(decided.charges, seen.library.currency),
        item_notes=seen["check_out_notes"],
        explanation=explained(seen) if asked.explain else None,
    )
