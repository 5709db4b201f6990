"""Rentals and deposits on the patron's account; in the transaction of the loan or the return that they belong to."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from circulation.fees import commands as fees
from circulation.fees.charging import charge
from circulation.fees.commands import By, Wish
from circulation.fees.rules import Money
from circulation.ledger.rules import Act
from circulation.loans.facts import Seen
from circulation.rentals.rules import DEPOSIT, Charge

RETURNED = "The item came back."


async def charge_for(
    connection: Connection,
    seen: Seen,
    charges: Iterable[Charge],
    loan_id: UUID,
    owner: str | None,
    *,
    now: datetime,
) -> None:
    """Charge the patron, who is locked."""
    for each in charges:
        await charge(
            connection,
            patron_id=seen["patron_id"],
            loan_id=loan_id,
            item_id=seen["item_id"],
            kind=each.kind,
            policy=seen.rule.loan,
            amount=Money(each.amount, seen.library.currency),
            now=now,
            owner=owner,
        )


async def give_back(connection: Connection, loan_id: UUID, by: By) -> int:
    """What was paid of the loan's deposit goes back, the rest is owed no more; how much went back, in minor units.

    The patron is locked. A deposit that was waived or transferred is not given back in money: what the bursar
    collects is credited there.
    """
    back = 0
    for fee in await connection.fetch(
        "SELECT * FROM fee WHERE loan_id = $1 AND kind = $2 ORDER BY id FOR NO KEY UPDATE", loan_id, DEPOSIT
    ):
        stood = (await fees.standings(connection, [fee]))[fee["id"]]
        changed = fee
        if stood.owed:
            changed = (await fees.act(connection, fee, Wish(Act.CANCEL, comment=RETURNED), by))[-1].fee
        if stood.refundable:
            await fees.act(connection, changed, Wish(Act.REFUND, comment=RETURNED), by)
            back += stood.refundable.minor
    return back
