"""What is done with fees: charge by hand, pay, waive, cancel, transfer, refund; one by one or many at once.

Everything that befalls one act happens together: fee, entries in the ledger, the patron's balance, events.
The patron's row is locked before any fee of theirs, so acts on one patron take turns.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from circulation.drawers.queries import open_at
from circulation.drawers.rules import CASH
from circulation.fees.charging import book
from circulation.fees.rules import Money, PaymentRefusal, state_after, total
from circulation.ledger.rules import (
    GIVES_BACK,
    Act,
    Refusal,
    Source,
    Standing,
    refund_parts,
    refusals,
    spread,
    standing,
    status_after,
)
from contracts.circulation import (
    FeeCancelled,
    FeeClosed,
    FeeFacts,
    FeePaid,
    FeeRefunded,
    FeeTransferred,
    FeeWaived,
)
from contracts.events import Event
from contracts.money import Amount


class PaymentRefused(Refused):
    """The payment cannot be taken; every reason is given."""

    code, title = "payment-refused", "This payment cannot be taken."


class FeeActionRefused(Refused):
    """This cannot be done with the fee; every reason is given."""

    code, title = "fee-action-refused", "This cannot be done with the fee."


class DrawerClosed(Refused):
    """Cash is counted at this service point, and no drawer is open."""

    code, title = "drawer-closed", "No cash drawer is open at this service point."


class ReferenceUsed(Refused):
    """This reference belongs to another payment by the same method."""

    code, title = "reference-used", "This reference belongs to another payment."


TEXTS = {
    PaymentRefusal.FEE_CLOSED: (
        "The fee is settled already.",
        "Nothing is left to be done; refund it if need be.",
    ),
    PaymentRefusal.MORE_THAN_OWED: ("It is more than remains to be paid.", "Name at most what remains."),
    PaymentRefusal.NOT_POSITIVE: ("The amount is not more than nothing.", "Name an amount, or leave it out."),
    PaymentRefusal.OTHER_CURRENCY: ("The fee is owed in another currency.", "Name the fee's currency."),
    Refusal.MORE_THAN_REFUNDABLE: (
        "It is more than was paid or transferred and not given back yet.",
        "Name at most what was.",
    ),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done, and how; the whole of what can be where no amount is named."""

    act: Act
    amount: int | None = None
    currency: str | None = None
    method: str | None = None
    account: str | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class By:
    """Who does it, where and when."""

    who: str
    service_point_id: UUID | None
    now: datetime
    counts_cash: bool = False
    """Whether cash is taken here only into an open drawer."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with one fee, and how it stands now."""

    id: UUID
    fee: asyncpg.Record
    act: Act
    amount: Money
    method: str | None
    account: str | None


async def locked(
    connection: Connection, fee_ids: Sequence[UUID], *, patron_id: UUID | None = None
) -> list[asyncpg.Record]:
    """The fees of one patron, in the order named, with patron and fees locked."""
    owners = await connection.fetch("SELECT id, patron_id FROM fee WHERE id = ANY ($1::uuid[])", fee_ids)
    known = {row["id"] for row in owners if patron_id in (None, row["patron_id"])}
    if missing := [fee_id for fee_id in fee_ids if fee_id not in known]:
        raise NotFound(
            "There is no such fee.",
            reasons=[Reason("fee-unknown", f"The patron has no fee {fee_id}.") for fee_id in missing],
        )
    await connection.execute(
        "SELECT FROM patron WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        [row["patron_id"] for row in owners],
    )
    rows = await connection.fetch(
        "SELECT * FROM fee WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", fee_ids
    )
    by_id = {row["id"]: row for row in rows}
    return [by_id[fee_id] for fee_id in fee_ids]


async def standings(connection: Connection, fees: Iterable[asyncpg.Record]) -> dict[UUID, Standing]:
    """How each fee stands, as the ledger tells."""
    rows = {row["id"]: row for row in fees}
    balances: dict[UUID, dict[str, int]] = {fee_id: {} for fee_id in rows}
    for row in await connection.fetch(
        "SELECT fee_id, account, sum(amount)::bigint AS balance FROM ledger_entry WHERE fee_id = ANY ($1::uuid[]) "
        "GROUP BY fee_id, account",
        list(rows),
    ):
        balances[row["fee_id"]][row["account"]] = row["balance"]
    return {
        fee_id: standing(Money(row["amount"], row["currency"]), balances[fee_id])
        for fee_id, row in rows.items()
    }


async def act(
    connection: Connection, fee: asyncpg.Record, wish: Wish, by: By, *, receipt: "Receipt | None" = None
) -> list[Done]:
    """Do it to one locked fee; a refund may go back in several parts. Raises with every reason against it."""
    stood = (await standings(connection, [fee]))[fee["id"]]
    sources = await _sources(connection, fee, wish.method) if wish.act is Act.REFUND else []
    whole = (
        total((source.amount for source in sources), fee["currency"])
        if wish.act is Act.REFUND
        else stood.owed
    )
    amount = Money(
        wish.amount if wish.amount is not None else whole.minor, wish.currency or stood.charged.currency
    )
    parts = [Source(wish.act, "", amount)]
    if wish.act is Act.REFUND and amount.currency == stood.charged.currency:
        parts = refund_parts(sources, amount)
        if not parts or amount > whole:
            raise _refused(wish.act, [_reason(Refusal.MORE_THAN_REFUNDABLE, "/amount")])
    elif reasons := refusals(wish.act, stood, amount):
        raise _refused(wish.act, [_reason(reason, "/amount") for reason in reasons])
    done = []
    for part in parts:
        written = await _write(connection, fee, stood, part, wish, by, receipt)
        done.append(written)
        fee = written.fee
        stood = (await standings(connection, [fee]))[fee["id"]]
    return done


_SOURCES = """
SELECT act, name, sum(amount)::bigint AS net FROM (
    SELECT 'refund' AS act, method AS name, amount, paid_at AS at FROM payment WHERE fee_id = $1
    UNION ALL
    SELECT CASE act WHEN 'transfer' THEN 'credit' ELSE act END, coalesce(method, account),
        CASE act WHEN 'transfer' THEN amount ELSE -amount END, at
    FROM fee_action WHERE fee_id = $1 AND act IN ('transfer', 'refund', 'credit')
) AS moved GROUP BY act, name HAVING sum(amount) > 0 ORDER BY max(at) DESC, act, name
"""


async def _sources(connection: Connection, fee: asyncpg.Record, method: str | None) -> list[Source]:
    """Where a refund can go, newest first; with a method, only back by that one."""
    return [
        Source(Act(row["act"]), row["name"], Money(row["net"], fee["currency"]))
        for row in await connection.fetch(_SOURCES, fee["id"])
        if method is None or (row["act"] == Act.REFUND and row["name"] == method)
    ]


async def _write(
    connection: Connection,
    fee: asyncpg.Record,
    stood: Standing,
    part: Source,
    wish: Wish,
    by: By,
    receipt: "Receipt | None",
) -> Done:
    amount = part.amount
    gives_back = part.act in GIVES_BACK
    left = stood.owed if gives_back else stood.owed - amount
    whole = amount == stood.refundable if gives_back else not left
    status = status_after(part.act, whole=whole)
    closes = not gives_back and not left
    method = part.name if part.act is Act.REFUND else wish.method if part.act is Act.PAY else None
    account = part.name if part.act is Act.CREDIT else wish.account if part.act is Act.TRANSFER else None
    changed = await connection.fetchrow(
        "UPDATE fee SET remaining = $2, state = $3, status = $4, version = version + $5, "
        "  closed_at = CASE WHEN $6 THEN $7::timestamptz ELSE closed_at END WHERE id = $1 RETURNING *",
        fee["id"],
        left.minor,
        state_after(left).value,
        status,
        2 if closes else 1,
        closes,
        by.now,
    )
    assert changed is not None
    action_id = await _note(connection, changed, part.act, amount, method, account, wish, by, receipt)
    await book(connection, fee_id=fee["id"], act=part.act, amount=amount, now=by.now)
    if not gives_back:
        await connection.execute(
            "UPDATE patron SET owed = owed - $2, guard = guard + 1 WHERE id = $1",
            fee["patron_id"],
            amount.minor,
        )
    done = Done(action_id, changed, part.act, amount, method, account)
    version = changed["version"] - 1 if closes else changed["version"]
    events = [_told(done, version, by.now)]
    if closes:
        events.append(FeeClosed(**_common(changed, changed["version"], by.now), status=status))
    await outbox.record(connection, events)
    return done


async def _note(
    connection: Connection,
    fee: asyncpg.Record,
    done: Act,
    amount: Money,
    method: str | None,
    account: str | None,
    wish: Wish,
    by: By,
    receipt: "Receipt | None",
) -> UUID:
    action_id = uuid7()
    drawer_id = None
    if method is not None and (drawer_id := await open_at(connection, by.service_point_id)) is None:
        _needs_no_drawer(method, by)
    if done is Act.PAY:
        await connection.execute(
            "INSERT INTO payment (id, fee_id, amount, currency, method, reference, service_point_id, paid_at, "
            "  taken_by, receipt_id, comment, drawer_id) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            action_id,
            fee["id"],
            amount.minor,
            amount.currency,
            method,
            receipt.reference if receipt else None,
            by.service_point_id,
            by.now,
            by.who,
            receipt.id if receipt else None,
            wish.comment,
            drawer_id,
        )
    else:
        await connection.execute(
            "INSERT INTO fee_action (id, fee_id, act, amount, currency, method, account, comment, "
            "  service_point_id, at, done_by, drawer_id) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            action_id,
            fee["id"],
            done.value,
            amount.minor,
            amount.currency,
            method,
            account,
            wish.comment,
            by.service_point_id,
            by.now,
            by.who,
            drawer_id,
        )
    return action_id


def _needs_no_drawer(method: str, by: By) -> None:
    """Where cash is counted, none is taken or given back without an open drawer."""
    if method == CASH and by.counts_cash:
        text, mend = "No cash drawer is open at this service point.", "Open it first: POST /v1/cash-drawers."
        raise DrawerClosed(reasons=[Reason("drawer-closed", text, "/service_point_id", mend)])


def _common(fee: asyncpg.Record, version: int, now: datetime) -> dict[str, Any]:
    return {
        "version": version,
        "occurred_at": now,
        "fee_id": fee["id"],
        "patron_ref": fee["patron_id"],
        "fee": FeeFacts(
            fee_id=fee["id"],
            patron_ref=fee["patron_id"],
            loan_id=fee["loan_id"],
            kind=fee["kind"],
            amount=Amount(minor=fee["amount"], currency=fee["currency"]),
            remaining=Amount(minor=fee["remaining"], currency=fee["currency"]),
            state=fee["state"],
        ),
    }


def _told(done: Done, version: int, now: datetime) -> Event:
    """What is announced of it; comments stay here."""
    common = _common(done.fee, version, now)
    amount = Amount(minor=done.amount.minor, currency=done.amount.currency)
    match done.act:
        case Act.PAY:
            return FeePaid(**common, payment_id=done.id, paid=amount, method=done.method or "")
        case Act.WAIVE:
            return FeeWaived(**common, waived=amount)
        case Act.CANCEL:
            return FeeCancelled(**common, cancelled=amount)
        case Act.TRANSFER:
            return FeeTransferred(**common, transferred=amount, account=done.account or "")
        case Act.REFUND:
            return FeeRefunded(**common, refunded=amount, method=done.method)
        case Act.CREDIT:
            return FeeRefunded(**common, refunded=amount, account=done.account)
        case Act.CHARGE:
            raise AssertionError("a charge is told where it is made")


@dataclass(frozen=True, slots=True)
class Taking:
    """Money taken in one act: by which method, under which reference, for what."""

    method: str
    reference: str | None
    asked: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What payments made in one act have in common."""

    id: UUID
    reference: str | None


async def take(
    connection: Connection, parts: Sequence[tuple[asyncpg.Record, Wish]], taking: Taking, by: By
) -> tuple[UUID, list[Done]]:
    """Take money for one fee or many, under one receipt. The fees are locked."""
    receipt = Receipt(uuid7(), taking.reference)
    done = []
    for fee, wish in parts:
        done += await act(connection, fee, wish, by, receipt=receipt)
    await connection.execute(
        "INSERT INTO receipt (id, patron_id, amount, currency, method, reference, asked, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        receipt.id,
        parts[0][0]["patron_id"],
        sum(each.amount.minor for each in done),
        done[0].amount.currency,
        taking.method,
        taking.reference,
        taking.asked,
        by.now,
    )
    return receipt.id, done


async def taken_before(connection: Connection, taking: Taking) -> UUID | None:
    """The receipt of the same payment, told again; raises when the reference is another payment's.

    Takes the reference for this transaction first, so that of two terminals one waits.
    """
    if taking.reference is None:
        return None
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('payment ' || $1 || ' ' || $2, 0))",
        taking.method,
        taking.reference,
    )
    row = await connection.fetchrow(
        "SELECT id, asked FROM receipt WHERE method = $1 AND reference = $2", taking.method, taking.reference
    )
    if row is None:
        return None
    if row["asked"] != taking.asked:
        raise ReferenceUsed(
            reasons=[
                Reason(
                    "reference-used",
                    "The reference was first sent with another amount, fee or patron.",
                    "/reference",
                    "Send the reference of this payment.",
                )
            ]
        )
    found: UUID = row["id"]
    return found


def shared_out(amount: Money, fees: Sequence[asyncpg.Record], act: Act) -> list[tuple[asyncpg.Record, int]]:
    """An amount over the open fees, oldest first; raises when it is more than all of them."""
    by_id = {fee["id"]: fee for fee in fees if fee["currency"] == amount.currency}
    owed = [(fee_id, Money(fee["remaining"], fee["currency"])) for fee_id, fee in by_id.items()]
    parts = spread(amount, owed)
    if sum(part.minor for _, part in parts) < amount.minor:
        raise _refused(act, [_reason(PaymentRefusal.MORE_THAN_OWED, "/amount")])
    return [(by_id[fee_id], part.minor) for fee_id, part in parts]


async def check_all(connection: Connection, parts: Sequence[tuple[asyncpg.Record, Wish]], act: Act) -> None:
    """Raise with every reason against any of them, before the first is touched."""
    if not parts:
        raise _refused(act, [_reason(PaymentRefusal.FEE_CLOSED, None)])
    stood = await standings(connection, [fee for fee, _ in parts])
    currency = parts[0][0]["currency"]
    reasons = []
    for place, (fee, wish) in enumerate(parts):
        found = stood[fee["id"]]
        amount = found.owed.minor if wish.amount is None else wish.amount
        against = refusals(act, found, Money(amount, wish.currency or currency))
        reasons += [_reason(reason, f"/fees/{place}") for reason in against]
    if reasons:
        raise _refused(act, reasons)


def _refused(act: Act, reasons: list[Reason]) -> Refused:
    return (PaymentRefused if act is Act.PAY else FeeActionRefused)(reasons=reasons)


def _reason(refusal: PaymentRefusal | Refusal, pointer: str | None) -> Reason:
    text, mend = TEXTS[refusal]
    return Reason(refusal, text, pointer, mend)


async def locked_open(connection: Connection, patron_id: UUID) -> list[asyncpg.Record]:
    """A patron's open fees, oldest first, with patron and fees locked."""
    if await connection.fetchval("SELECT id FROM patron WHERE id = $1 FOR NO KEY UPDATE", patron_id) is None:
        raise NotFound("There is no such patron.")
    return await connection.fetch(
        "SELECT * FROM fee WHERE patron_id = $1 AND state = 'open' ORDER BY charged_at, id FOR NO KEY UPDATE",
        patron_id,
    )
