"""Charging: the fee, its booking in the ledger, the patron's balance, the event; in the caller's transaction."""

from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.edge import InFlight
from chassis.ids import uuid7
from circulation.fees.rules import Money
from circulation.ledger.rules import Act, booked
from contracts.circulation import FeeCharged, FeeFacts
from contracts.money import Amount


async def charge(
    connection: Connection,
    *,
    patron_id: UUID,
    loan_id: UUID | None,
    item_id: UUID | None,
    kind: str,
    policy: str | None,
    amount: Money,
    now: datetime,
    note: str | None = None,
    owner: str | None = None,
) -> UUID:
    """Charge a patron; the fee's id. The caller holds the patron's row."""
    fee_id = uuid7()
    await connection.execute(
        "INSERT INTO fee (id, patron_id, loan_id, item_id, kind, policy, amount, remaining, currency, state, "
        "  note, charged_at, owner) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, 'open', $9, $10, $11)",
        fee_id,
        patron_id,
        loan_id,
        item_id,
        kind,
        policy,
        amount.minor,
        amount.currency,
        note,
        now,
        owner,
    )
    await book(connection, fee_id=fee_id, act=Act.CHARGE, amount=amount, now=now)
    known = await connection.execute(
        "UPDATE patron SET owed = owed + $2, guard = guard + 1 WHERE id = $1", patron_id, amount.minor
    )
    if known == "UPDATE 0":
        raise InFlight  # the registration was merged into another meanwhile: look again
    told = Amount(minor=amount.minor, currency=amount.currency)
    event = FeeCharged(
        version=1,
        occurred_at=now,
        fee_id=fee_id,
        patron_ref=patron_id,
        fee=FeeFacts(
            fee_id=fee_id,
            patron_ref=patron_id,
            loan_id=loan_id,
            kind=kind,
            amount=told,
            remaining=told,
            state="open",
        ),
    )
    await outbox.record(connection, [event])
    return fee_id


async def book(connection: Connection, *, fee_id: UUID, act: Act, amount: Money, now: datetime) -> None:
    """Both entries of a booking."""
    booking = uuid7()
    await connection.executemany(
        "INSERT INTO ledger_entry (id, booking_id, fee_id, account, amount, currency, at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        [
            (uuid7(), booking, fee_id, entry.account.value, entry.amount.minor, entry.amount.currency, now)
            for entry in booked(act, amount)
        ],
    )
