"""What happens to lost and claimed items. The rows are locked in the desk's order: patron, item, loan, fees.

Every turn tells two things: what happened to the loan, and what the item's availability has become.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.problems import NotFound, Reason, Refused
from circulation.calendars.rules import Calendar
from circulation.fees import commands as fees
from circulation.fees import reminder_blocks
from circulation.fees.charging import charge
from circulation.fees.commands import By, Wish
from circulation.fees.overdue import owner_at
from circulation.fees.rules import Money, known_price
from circulation.items.handlers import tell_availability
from circulation.items.rules import Copy, Loss, State, state_of
from circulation.ledger.rules import Act
from circulation.lost import rules
from circulation.lost.rules import (
    LOST_FEES,
    TEXTS,
    UNWRITTEN,
    Cause,
    Cost,
    DepositThen,
    LostFee,
    LostPolicy,
    Refusal,
    Resolution,
)
from circulation.places.library import Library
from circulation.rentals.rules import DEPOSIT
from contracts.circulation import (
    ItemClaimedReturned,
    ItemClaimResolved,
    ItemDeclaredLost,
    ItemLostAndPaid,
    LoanEvent,
    LoanFacts,
)

E = TypeVar("E", bound=LoanEvent)


class LossRefused(Refused):
    """The loan takes no such turn; every reason is given."""

    code, title = "loss-refused", "This loan cannot take this turn."


LOAN = """
SELECT l.*, l.id AS open_loan_id, l.service_point_id AS lent_from, i.location, i.library, i.campus, i.institution,
    i.material_type, i.loan_type, i.base, i.loss, i.price_minor, i.price_currency,
    coalesce(p.group_code, l.patron_group) AS group_code
FROM loan l JOIN item i ON i.id = l.item_id LEFT JOIN patron p ON p.id = l.patron_id
"""


async def locked(connection: Connection, loan_id: UUID) -> asyncpg.Record:
    """The loan with its patron and item, all locked."""
    told = await connection.fetchrow("SELECT patron_id, item_id FROM loan WHERE id = $1", loan_id)
    if told is None:
        raise NotFound("There is no such loan.")
    await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", told["patron_id"])
    await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", told["item_id"])
    await connection.execute("SELECT FROM loan WHERE id = $1 FOR NO KEY UPDATE", loan_id)
    return await read(connection, loan_id)


async def read(connection: Connection, loan_id: UUID) -> asyncpg.Record:
    """The loan as it stands."""
    row = await connection.fetchrow(LOAN + "WHERE l.id = $1", loan_id)
    assert row is not None
    return row


def policy_for(library: Library, row: asyncpg.Record) -> LostPolicy:
    """The policy that a lost item was lost under, else the one that its rule names now."""
    code = row["lost_policy"]
    if code is None:
        names = ("location", "library", "campus", "institution", "material_type", "loan_type")
        facts = {name: row[name] for name in names} | {"patron_group": row["group_code"]}
        code = library.rules.winning(facts).lost
    return library.lost.get(code or "", UNWRITTEN)


PRICED = "The item's price, as the catalogue has it."


def price_of(library: Library, row: asyncpg.Record) -> Money | None:
    """What the item costs, where the catalogue says so in the library's currency."""
    return known_price(row["price_minor"], row["price_currency"], ours=library.currency)


def calendar_for(library: Library, row: asyncpg.Record) -> Calendar:
    """That of the service point where it was lent."""
    return library.calendar_at(row["lent_from"], row["due_zone"])


def _refuse(*reasons: Refusal) -> None:
    if reasons:
        raise LossRefused(reasons=[Reason(each, TEXTS[each][0], mend=TEXTS[each][1]) for each in reasons])


def loan_facts(row: asyncpg.Record) -> LoanFacts:
    """The loan as events tell it."""
    return LoanFacts(
        loan_id=row["id"],
        item_id=row["item_id"],
        title_id=row["title_id"],
        patron_ref=row["patron_id"],
        patron_group=row["patron_group"],
        service_point_id=row["lent_from"],
        lent_at=row["lent_at"],
        due_at=row["due_at"],
        due_zone=row["due_zone"],
        renewals=row["renewals"],
        policy=row["policy"],
        rules_version=row["rules_version"],
        proxy_ref=row["proxy_id"],
    )


def event(kind: type[E], row: asyncpg.Record, version: int, now: datetime, **more: Any) -> E:
    """What happened to a loan."""
    return kind(
        version=version,
        occurred_at=now,
        loan_id=row["id"],
        item_id=row["item_id"],
        loan=loan_facts(row),
        **more,
    )


async def _place(
    connection: Connection,
    row: asyncpg.Record,
    told: LoanEvent,
    loss: Loss | None,
    *,
    on_loan: bool,
    now: datetime,
) -> None:
    """Derive the item's state anew, and tell of it and of the loan."""
    withdrawing = await connection.fetchval(
        "SELECT withdrawal_id IS NOT NULL FROM item WHERE id = $1", row["item_id"]
    )
    copy = Copy(row["base"], on_loan=on_loan, withdrawing=withdrawing, loss=loss)
    await connection.execute(
        "UPDATE item SET loss = $2, state = $3, guard = guard + 1, "
        "  loan_id = CASE WHEN $4 THEN loan_id END, due_at = CASE WHEN $4 THEN due_at END, "
        "  reshelving_until = CASE WHEN $4 THEN reshelving_until END WHERE id = $1",
        row["item_id"],
        loss.value if loss else None,
        state_of(copy).value,
        on_loan,
    )
    await outbox.record(connection, [told])
    await tell_availability(connection, [row["item_id"]], now)


async def declare_lost(
    connection: Connection, library: Library, loan_id: UUID, comment: str, by: By
) -> asyncpg.Record:
    """The item is lost, the patron or staff say: it is billed at once. What ageing billed is replaced."""
    row = await locked(connection, loan_id)
    if row["returned_at"] is not None:
        _refuse(Refusal.LOAN_ENDED)
    if row["lost_cause"] == Cause.DECLARED:
        _refuse(Refusal.ALREADY_DECLARED_LOST)
    if row["claimed_at"] is not None:
        _refuse(Refusal.ALREADY_CLAIMED)
    policy = policy_for(library, row)
    already = await _cancel_unpaid(connection, loan_id, by)
    await connection.execute(
        "UPDATE loan SET lost_at = $2, lost_cause = 'declared', lost_policy = $3, bill_at = $2, version = version + 1, "
        "  lost_comment = $4 WHERE id = $1",
        loan_id,
        by.now,
        policy.code,
        comment,
    )
    told = event(ItemDeclaredLost, row, row["version"] + 1, by.now)
    await _place(connection, row, told, Loss.LOST, on_loan=True, now=by.now)
    await bill(connection, library, await read(connection, loan_id), now=by.now, already=already)
    return await read(connection, loan_id)


async def _lost_fees(connection: Connection, loan_id: UUID) -> list[asyncpg.Record]:
    return await connection.fetch(
        "SELECT * FROM fee WHERE loan_id = $1 AND kind = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE",
        loan_id,
        list(LOST_FEES),
    )


async def _cancel_unpaid(connection: Connection, loan_id: UUID, by: By) -> set[str]:
    """Lost fees of which nothing was settled are cancelled; the kinds of the others, which stay."""
    kept = set()
    for fee in await _lost_fees(connection, loan_id):
        if fee["state"] == "open" and fee["remaining"] == fee["amount"]:
            await fees.act(connection, fee, Wish(Act.CANCEL, comment="The item was declared lost."), by)
        else:
            kept.add(fee["kind"])
    return kept


async def bill(
    connection: Connection,
    library: Library,
    row: asyncpg.Record,
    *,
    now: datetime,
    already: Iterable[str] = (),
) -> None:
    """Charge a lost item's fees; its loan ends where nothing is charged."""
    policy = policy_for(library, row)
    cause = Cause(row["lost_cause"])
    price = price_of(library, row)
    due = rules.charges(policy, cause, set(already), price=price)
    by_price = policy.cost is Cost.PRICE and price is not None
    for kind, amount in due:
        await charge(
            connection,
            patron_id=row["patron_id"],
            loan_id=row["id"],
            item_id=row["item_id"],
            kind=kind,
            policy=policy.code,
            amount=amount,
            now=now,
            note=PRICED if by_price and kind == rules.ITEM_FEE else None,
            owner=owner_at(library, row),
        )
    awaited = rules.awaits_cost(policy, price) and rules.ITEM_FEE not in set(already)
    nothing = not due and not awaited and not set(already)
    closes_at = (
        policy.close_after.after(now, calendar_for(library, row)) if nothing and policy.close_after else None
    )
    await connection.execute(
        "UPDATE loan SET bill_at = NULL, cost_awaited = $2, closes_at = $3 WHERE id = $1",
        row["id"],
        awaited,
        closes_at,
    )
    await close_settled(connection, library, [row["id"]], now=now)


async def name_cost(
    connection: Connection, library: Library, loan_id: UUID, amount: int | None, comment: str, by: By
) -> asyncpg.Record:
    """Staff name what a lost item really costs, or nothing for its price; nothing is charged for nothing."""
    row = await locked(connection, loan_id)
    if row["returned_at"] is not None:
        _refuse(Refusal.LOAN_ENDED)
    if not row["cost_awaited"]:
        _refuse(Refusal.NO_COST_AWAITED)
    if amount is None:
        price = price_of(library, row)
        if price is None:
            _refuse(Refusal.PRICE_UNKNOWN)
        amount = price.minor if price else 0
    if amount:
        await charge(
            connection,
            patron_id=row["patron_id"],
            loan_id=loan_id,
            item_id=row["item_id"],
            kind=rules.ITEM_FEE,
            policy=row["lost_policy"],
            amount=Money(amount, library.currency),
            now=by.now,
            note=comment,
            owner=owner_at(library, row),
        )
    await connection.execute("UPDATE loan SET cost_awaited = false WHERE id = $1", loan_id)
    await close_settled(connection, library, [loan_id], now=by.now)
    return await read(connection, loan_id)


_SETTLED = """
SELECT count(*) AS fees, count(*) FILTER (WHERE state = 'open') AS open_fees
FROM fee WHERE loan_id = $1 AND kind = ANY ($2::text[])
"""


async def close_settled(
    connection: Connection, library: Library, loan_ids: Iterable[UUID | None], *, now: datetime
) -> None:
    """Those of these loans whose lost item is settled end as lost and paid. Their patrons are locked."""
    for loan_id in sorted({loan_id for loan_id in loan_ids if loan_id is not None}):
        row = await read(connection, loan_id)
        if row["lost_at"] is None or row["returned_at"] is not None or row["claimed_at"] is not None:
            continue
        row = await locked(connection, loan_id)
        counted = await connection.fetchrow(_SETTLED, loan_id, list(LOST_FEES))
        assert counted is not None
        loss = rules.Loss(
            billed=row["bill_at"] is None,
            cost_awaited=row["cost_awaited"],
            open_fees=counted["open_fees"],
            fees=counted["fees"],
            closes_at=row["closes_at"],
        )
        if row["returned_at"] is None and rules.ends(policy_for(library, row), loss, now=now):
            await _end(connection, library, row, "lost-and-paid", Loss.LOST_AND_PAID, By("system", None, now))


async def _end(
    connection: Connection, library: Library, row: asyncpg.Record, how: str, loss: Loss, by: By
) -> None:
    """The loan ends without a return; what then becomes of its deposit its policy says, and so does the event."""
    claimed, now = row["claimed_at"] is not None, by.now
    await connection.execute(
        "UPDATE loan SET returned_at = $2, system_returned_at = $2, ended = $3, bill_at = NULL, "
        "  cost_awaited = false, closes_at = NULL, version = version + 1, "
        "  claim_resolution = CASE WHEN $4 THEN 'missing' ELSE claim_resolution END WHERE id = $1",
        row["id"],
        now,
        how,
        claimed,
    )
    await connection.execute(
        "UPDATE patron SET open_loans = open_loans - 1, claims_open = claims_open - $2, guard = guard + 1 "
        "WHERE id = $1",
        row["patron_id"],
        int(claimed),
    )
    await reminder_blocks.lift(connection, [row["id"]], now=now)
    version = row["version"] + 1
    policy = policy_for(library, row)
    then = policy.deposit_when_missing if claimed else policy.deposit_when_paid
    deposit = await _deposit_then(connection, row, then, by) if row["deposit"] else {}
    told: LoanEvent
    if claimed:
        told = event(ItemClaimResolved, row, version, now, resolution=Resolution.MISSING, **deposit)
    else:
        told = event(ItemLostAndPaid, row, version, now, **deposit)
    await _place(connection, row, told, loss, on_loan=False, now=now)


async def _deposits(connection: Connection, loan_id: UUID) -> list[asyncpg.Record]:
    return await connection.fetch(
        "SELECT * FROM fee WHERE loan_id = $1 AND kind = $2 ORDER BY id FOR NO KEY UPDATE", loan_id, DEPOSIT
    )


async def _deposit_then(
    connection: Connection, row: asyncpg.Record, then: DepositThen, by: By
) -> dict[str, Any]:
    """Keep the deposit or give it back; what an event tells of that."""
    if then is DepositThen.KEEP:
        return {"deposit": then.value}
    charged = await _deposits(connection, row["id"])
    stood = await fees.standings(connection, charged)
    for fee in charged:
        await _undo(connection, fee, by, cancel=True, refund=True, comment="The loan has ended.")
    back = sum(stood[fee["id"]].refundable.minor for fee in charged)
    return {"deposit": then.value, "deposit_minor": back}


async def claim(
    connection: Connection, loan_id: UUID, comment: str | None, claimed_at: datetime, by: By
) -> asyncpg.Record:
    """The patron says that it was brought back: nothing is billed meanwhile, and it counts to no limit."""
    row = await locked(connection, loan_id)
    if row["returned_at"] is not None:
        _refuse(Refusal.LOAN_ENDED)
    if row["claimed_at"] is not None:
        _refuse(Refusal.ALREADY_CLAIMED)
    await connection.execute(
        "UPDATE loan SET claimed_at = $2, claim_comment = $3, claim_resolution = NULL, version = version + 1 "
        "WHERE id = $1",
        loan_id,
        claimed_at,
        comment,
    )
    await connection.execute(
        "UPDATE patron SET claims = claims + 1, claims_open = claims_open + 1, guard = guard + 1 WHERE id = $1",
        row["patron_id"],
    )
    told = event(ItemClaimedReturned, row, row["version"] + 1, by.now, claimed_at=claimed_at)
    await _place(connection, row, told, Loss.CLAIMED_RETURNED, on_loan=True, now=by.now)
    return await read(connection, loan_id)


async def resolve(
    connection: Connection, library: Library, loan_id: UUID, resolution: Resolution, by: By
) -> asyncpg.Record:
    """The claim ends without the item: nobody finds it, or the patron has it after all."""
    row = await locked(connection, loan_id)
    if row["returned_at"] is not None:
        _refuse(Refusal.LOAN_ENDED)
    if row["claimed_at"] is None:
        _refuse(Refusal.NOT_CLAIMED)
    if resolution is Resolution.MISSING:
        for fee in await _lost_fees(connection, loan_id):
            await _undo(connection, fee, by, cancel=True, refund=True, comment="Claimed returned; not found.")
        await _end(connection, library, row, "missing", Loss.MISSING, by)
        return await read(connection, loan_id)
    await _unclaim(connection, row)
    told = event(ItemClaimResolved, row, row["version"] + 1, by.now, resolution=resolution)
    await connection.execute(
        "UPDATE loan SET claimed_at = NULL, claim_resolution = $2, version = version + 1 WHERE id = $1",
        loan_id,
        resolution.value,
    )
    loss = Loss.LOST if row["lost_at"] is not None else None
    await _place(connection, row, told, loss, on_loan=True, now=by.now)
    await close_settled(connection, library, [loan_id], now=by.now)
    return await read(connection, loan_id)


async def _unclaim(connection: Connection, row: asyncpg.Record) -> None:
    await connection.execute(
        "UPDATE patron SET claims_open = claims_open - 1, guard = guard + 1 WHERE id = $1", row["patron_id"]
    )


async def _undo(
    connection: Connection, fee: asyncpg.Record, by: By, *, cancel: bool, refund: bool, comment: str
) -> None:
    """Cancel what is owed of a fee, give back what was paid."""
    standing = (await fees.standings(connection, [fee]))[fee["id"]]
    if cancel and standing.owed:
        fee = (await fees.act(connection, fee, Wish(Act.CANCEL, comment=comment), by))[-1].fee
    if refund and standing.refundable:
        await fees.act(connection, fee, Wish(Act.REFUND, comment=comment), by)


@dataclass(frozen=True, slots=True)
class Back:
    """What a lost or claimed item that came back leaves to be done."""

    overdue_to: datetime | None
    """Up to when its overdue fine counts; none: there is none."""


async def borrower_of(connection: Connection, item_id: UUID) -> UUID | None:
    """Whose account an item that was lost and paid may touch when it is found."""
    found: UUID | None = await connection.fetchval(
        "SELECT patron_id FROM loan WHERE item_id = $1 AND ended = 'lost-and-paid' ORDER BY id DESC LIMIT 1",
        item_id,
    )
    return found


async def came_back(
    connection: Connection,
    library: Library,
    item_id: UUID,
    *,
    back_at: datetime,
    by: By,
    resolution: Resolution | None = None,
    goes_on: bool = False,
) -> Back:
    """A lost, claimed or missing item is here again: its fees are undone as the policy says, its mark is gone.

    Patron and item are locked. `goes_on`: the loan is renewed rather than ended.
    """
    loan_id = await connection.fetchval(
        "SELECT coalesce(i.loan_id, (SELECT l.id FROM loan l WHERE l.item_id = i.id AND l.ended = 'lost-and-paid' "
        "  ORDER BY l.id DESC LIMIT 1)) FROM item i WHERE i.id = $1 AND i.loss IS NOT NULL",
        item_id,
    )
    back = Back(back_at)
    if loan_id is not None:
        await connection.execute("SELECT FROM loan WHERE id = $1 FOR NO KEY UPDATE", loan_id)
        row = await read(connection, loan_id)
        chosen = resolution or library.claim_resolution
        by_library = row["claimed_at"] is not None and chosen is Resolution.FOUND_BY_LIBRARY
        if by_library:
            back = Back(None)
        if row["lost_at"] is not None and row["loss"] != Loss.MISSING:
            back = await _settle(connection, library, row, back_at=back_at, by=by, by_library=by_library)
        if row["returned_at"] is None:
            await _mark_back(connection, row, chosen, goes_on=goes_on, now=by.now)
    await connection.execute(
        "UPDATE item SET loss = NULL, guard = guard + 1, state = CASE WHEN loan_id IS NULL THEN state ELSE $2 END "
        "WHERE id = $1",
        item_id,
        State.ON_LOAN.value,
    )
    return back


async def _settle(
    connection: Connection,
    library: Library,
    row: asyncpg.Record,
    *,
    back_at: datetime,
    by: By,
    by_library: bool,
) -> Back:
    charged = await _lost_fees(connection, row["id"])
    if (
        row["deposit"] and row["returned_at"] is not None
    ):  # kept when it was paid for; else the return sees to it
        charged += await _deposits(connection, row["id"])
    stood = await fees.standings(connection, charged)
    told = [
        LostFee(fee["id"], fee["kind"], stood[fee["id"]].owed, stood[fee["id"]].refundable) for fee in charged
    ]
    undone = rules.found(
        policy_for(library, row),
        told,
        calendar_for(library, row),
        lost_at=row["lost_at"],
        back_at=back_at,
        by_library=by_library,
    )
    for fee in charged:
        await _undo(
            connection,
            fee,
            by,
            cancel=fee["id"] in undone.cancelled,
            refund=fee["id"] in undone.refunded,
            comment="The item was found.",
        )
    return Back(undone.overdue_to)


async def _mark_back(
    connection: Connection, row: asyncpg.Record, resolution: Resolution, *, goes_on: bool, now: datetime
) -> None:
    """The loan is neither lost nor claimed any more; a claim is told of as resolved."""
    claimed = row["claimed_at"] is not None
    await connection.execute(
        "UPDATE loan SET bill_at = NULL, cost_awaited = false, closes_at = NULL, lost_check_at = NULL, "
        "  claim_resolution = CASE WHEN $2 THEN $3 ELSE claim_resolution END, version = version + $4, "
        "  lost_at = CASE WHEN $5 THEN NULL ELSE lost_at END, "
        "  lost_cause = CASE WHEN $5 THEN NULL ELSE lost_cause END, "
        "  lost_policy = CASE WHEN $5 THEN NULL ELSE lost_policy END WHERE id = $1",
        row["id"],
        claimed,
        resolution.value,
        int(claimed),
        goes_on,
    )
    if claimed:
        await _unclaim(connection, row)
        told = event(ItemClaimResolved, row, row["version"] + 1, now, resolution=resolution)
        await outbox.record(connection, [told])
