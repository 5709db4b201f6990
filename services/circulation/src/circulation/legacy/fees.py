"""Open fees, as they stood: charged when they were, and so much of them paid as was.

What was settled before is booked as a payment by the method `migrated`, on the day of the charge: it was no money of
the drawers here, and can be given back like any other.
"""

from collections import Counter
from typing import Any, Final
from uuid import UUID

from chassis import outbox
from chassis.ids import uuid7
from chassis.moments import Moment
from circulation.fees.rules import CHARGED_BY_RULES, Money
from circulation.ledger.rules import Act, booked, status_after
from circulation.legacy.commands import Slice, Taken, lock_patrons, refused
from circulation.legacy.rules import Outcome, fee_refusals
from circulation.legacy.wire import Code, Currency, LegacyId, MinorUnits, Row, Words
from contracts.circulation import FeeCharged, FeeFacts
from contracts.money import Amount

METHOD: Final = "migrated"


class MigratedFeeIn(Row):
    """An open fee; amounts in minor units."""

    patron: LegacyId
    loan: LegacyId | None = None
    """Legacy id of the open loan that it is about."""
    item_id: UUID | None = None
    type: Code
    """One of the configuration's fee_types, or a kind that rules charge."""
    amount: MinorUnits
    remaining: MinorUnits
    currency: Currency
    charged_at: Moment
    note: Words | None = None


_LOANS = """
SELECT legacy_id, record_id FROM migrated_record
WHERE source = $1 AND kind = 'loan' AND legacy_id = ANY ($2::text[]) AND outcome = 'loaded'
"""
_ITEMS = "SELECT id FROM item WHERE id = ANY ($1::uuid[])"
_FEES: Final = (
    "id", "patron_id", "loan_id", "item_id", "kind", "amount", "remaining", "currency", "state", "note", "charged_at",
    "status",
)  # fmt: skip
_ENTRIES: Final = ("id", "booking_id", "fee_id", "account", "amount", "currency", "at")
_PAYMENTS: Final = ("id", "fee_id", "amount", "currency", "method", "paid_at", "taken_by")
_OWED = """
UPDATE patron SET owed = patron.owed + n.more, guard = guard + 1
FROM unnest($1::uuid[], $2::bigint[]) AS n (id, more) WHERE patron.id = n.id
"""


async def fees(slice_: Slice[MigratedFeeIn]) -> list[Taken]:
    """Write them with their bookings."""
    connection, library = slice_.connection, slice_.library
    await lock_patrons(slice_, [row.patron for row in slice_.rows])
    named = [row.loan for row in slice_.rows if row.loan is not None]
    loans = {
        row["legacy_id"]: row["record_id"] for row in await connection.fetch(_LOANS, slice_.source, named)
    }
    asked = [row.item_id for row in slice_.rows if row.item_id is not None]
    items = {row["id"] for row in await connection.fetch(_ITEMS, asked)}
    taken: list[Taken] = []
    written: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    payments: list[tuple[Any, ...]] = []
    events, owed = [], Counter[UUID]()
    for row in slice_.rows:
        patron = slice_.patrons.get(row.patron)
        loan_id = loans.get(row.loan) if row.loan is not None else None
        wrong = fee_refusals(
            patron_known=patron is not None,
            type_known=row.type in library.fee_types or row.type in CHARGED_BY_RULES,
            loan_unknown=row.loan is not None and loan_id is None,
            item_unknown=row.item_id is not None and row.item_id not in items,
            amount=row.amount,
            remaining=row.remaining,
            currency=row.currency,
            ours=library.currency,
            charged_at=row.charged_at,
            now=slice_.now,
        )
        if wrong or patron is None:
            taken.append(refused(row, wrong))
            continue
        fee_id, settled = uuid7(), row.amount - row.remaining
        status = status_after(Act.PAY, whole=False) if settled else None
        written.append(
            (fee_id, patron["id"], loan_id, row.item_id, row.type, row.amount, row.remaining, row.currency, "open",
             row.note, row.charged_at, status)
        )  # fmt: skip
        entries += _booked(fee_id, Act.CHARGE, row, row.amount)
        if settled:
            entries += _booked(fee_id, Act.PAY, row, settled)
            payments.append((uuid7(), fee_id, settled, row.currency, METHOD, row.charged_at, slice_.by))
        owed[patron["id"]] += row.remaining
        events.append(_told(slice_, fee_id, patron["id"], loan_id, row))
        taken.append(Taken(row.legacy_id, Outcome.LOADED, fee_id))
    await connection.copy_records_to_table("fee", records=written, columns=_FEES)
    await connection.copy_records_to_table("ledger_entry", records=entries, columns=_ENTRIES)
    await connection.copy_records_to_table("payment", records=payments, columns=_PAYMENTS)
    await connection.execute(_OWED, list(owed), list(owed.values()))
    await outbox.record(connection, events)
    return taken


def _booked(fee_id: UUID, act: Act, row: MigratedFeeIn, minor: int) -> list[tuple[Any, ...]]:
    booking = uuid7()
    return [
        (
            uuid7(),
            booking,
            fee_id,
            entry.account.value,
            entry.amount.minor,
            entry.amount.currency,
            row.charged_at,
        )
        for entry in booked(act, Money(minor, row.currency))
    ]


def _told(
    slice_: Slice[MigratedFeeIn], fee_id: UUID, patron_id: UUID, loan_id: UUID | None, row: MigratedFeeIn
) -> FeeCharged:
    return FeeCharged(
        version=1,
        occurred_at=slice_.now,
        fee_id=fee_id,
        patron_ref=patron_id,
        fee=FeeFacts(
            fee_id=fee_id,
            patron_ref=patron_id,
            loan_id=loan_id,
            kind=row.type,
            amount=Amount(minor=row.amount, currency=row.currency),
            remaining=Amount(minor=row.remaining, currency=row.currency),
            state="open",
        ),
        migrated_from=slice_.source,
    )
