"""Vouchers go out in batches, once; payments are reported back."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from erm.finance.commands import Books
from erm.invoices import commands as invoices
from erm.money.rules import NotAnAmount, read, written
from erm.rows import change, insert
from erm.units.rules import Act, Standing
from erm.units.standing import within
from erm.vouchers import delivering
from erm.vouchers.rules import Known, Told, VoucherKind, VoucherState, is_known, payment_flaws
from erm.vouchers.writing import as_json, as_xml
from erm.wire import AmountIn, Currency, Day, Strict, Word

MOST: Final = 1000
"""Vouchers of one batch; the rest goes with the next."""


class BatchGroupUnknown(NotFound):
    """There is no such group."""

    code, title = "batch-group-unknown", "There is no such batch group."


class PaymentsRefused(Refused):
    """Something reported is not so here; nothing of the report was taken."""

    code, title = "voucher-payments-refused", "These payments cannot be taken."


class VoucherPaymentIn(Strict):
    """A voucher that was paid."""

    number: Annotated[int, Field(ge=1, lt=2**63)]
    """Of the voucher."""
    amount: AmountIn
    """As the voucher says, with its sign."""
    currency: Currency
    paid_on: Day
    reference: Word
    """What the university's books call the payment."""


_WAITING = """
SELECT v.id, v.number, v.currency, v.amount, v.document FROM voucher v JOIN invoice i ON i.id = v.invoice_id
WHERE v.batch_group_id = $1 AND v.state = 'awaiting' AND {} ORDER BY v.number LIMIT $2 FOR UPDATE OF v
"""
_SENT = """
UPDATE voucher SET state = 'exported', batch_id = $2, exported_at = $3, version = version + 1
WHERE id = ANY ($1::uuid[])
"""


async def export(
    connection: Connection, group_id: UUID, *, actor: str, now: datetime, standing: Standing
) -> UUID | None:
    """Put what awaits its export into the group's next batch, and write it once and for all; none where nothing does.

    Vouchers of invoices that the exporter may not see go on waiting for somebody who may. `BatchGroupUnknown`.
    Who exports the same group at once waits, and finds what is left.
    """
    group = await connection.fetchrow("SELECT * FROM batch_group WHERE id = $1 FOR UPDATE", group_id)
    if group is None:
        raise BatchGroupUnknown
    seen = within(standing, "i.acquisition_unit_ids")
    text, values = ("true", ()) if seen is None else (seen.numbered(3), seen.values)
    rows = await connection.fetch(_WAITING.format(text), group_id, MOST, *values)
    if not rows:
        return None
    number, batch_id = group["last_batch"] + 1, uuid7()
    sums: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        sums[row["currency"]] += row["amount"]
    document = {
        "id": str(batch_id),
        "group": group["code"],
        "number": number,
        "created_at": now.isoformat(),
        "voucher_count": len(rows),
        "totals": [{"currency": each, "amount": written(sums[each], each)} for each in sorted(sums)],
        "vouchers": [row["document"] for row in rows],
    }
    await change(connection, "batch_group", group_id, last_batch=number)
    await insert(
        connection,
        "voucher_batch",
        id=batch_id,
        batch_group_id=group_id,
        number=number,
        vouchers=len(rows),
        as_json=as_json(document),
        as_xml=as_xml(document),
        created_at=now,
        created_by=actor,
    )
    await connection.execute(_SENT, [row["id"] for row in rows], batch_id, now)
    await delivering.queue(connection, group_id, batch_id, now=now)
    return batch_id


_FLAWS = {
    "voucher-not-exported": ("Voucher {number} has not been exported.", "Export it, or leave it out."),
    "voucher-cancelled": ("Voucher {number} is cancelled.", "Leave it out; its reversal follows."),
    "paid-otherwise": (
        "Voucher {number} was paid with {reference}.",
        "Leave it out, or look which is right.",
    ),
    "amount-differs": ("Voucher {number} is of {amount} {currency}.", "Report what was paid."),
}
_NAMED = """
SELECT v.*, i.acquisition_unit_ids FROM voucher v JOIN invoice i ON i.id = v.invoice_id
WHERE v.number = ANY ($1::bigint[])
"""


async def report(connection: Connection, told: Sequence[VoucherPaymentIn], books: Books) -> list[bool]:
    """Take what was paid, all of it or nothing: invoices are paid as by hand. Of each, whether it was new.

    `PaymentsRefused` with everything that is not so, `InvoiceRefused`. The same reported again changes nothing.
    """
    numbers = [each.number for each in told]
    rows = await connection.fetch(_NAMED, numbers)
    standing = books.standing
    hidden = {row["id"] for row in rows if not standing.lets(Act.READ, row["acquisition_unit_ids"])}
    locked = {
        invoice_id: await invoices.locked(connection, invoice_id, standing)
        for invoice_id in sorted({row["invoice_id"] for row in rows if row["id"] not in hidden})
    }
    vouchers = {
        row["number"]: row
        for row in await connection.fetch(f"{_NAMED} ORDER BY v.number FOR UPDATE OF v", numbers)
        if row["id"] not in hidden
    }
    reasons = _wrong(told, vouchers)
    if reasons:
        raise PaymentsRefused(reasons=reasons)
    fresh = [not is_known(_read(each), _known(vouchers[each.number])) for each in told]
    for each, new in zip(told, fresh, strict=True):
        row = vouchers[each.number]
        if not new:
            continue
        if row["kind"] != VoucherKind.REVERSAL:
            invoice = locked[row["invoice_id"]]
            await invoices.pay(connection, invoice, books, reference=each.reference)
        values: dict[str, Any] = {"paid_on": each.paid_on, "payment_reference": each.reference}
        await change(connection, "voucher", row["id"], state=VoucherState.PAID.value, **values)
    return fresh


def _read(told: VoucherPaymentIn) -> Told:
    return Told(read(told.amount, told.currency), told.currency, told.reference)


def _known(row: Any) -> Known:
    return Known(VoucherState(row["state"]), row["amount"], row["currency"], row["payment_reference"])


def _wrong(told: Sequence[VoucherPaymentIn], vouchers: dict[int, Any]) -> list[Reason]:
    reasons, seen = [], set()
    for at, each in enumerate(told):
        pointer = f"/payments/{at}"
        row = vouchers.get(each.number)
        if each.number in seen:
            text = f"Voucher {each.number} is named twice."
            reasons.append(Reason("voucher-named-twice", text, f"{pointer}/number", "Name it once."))
        seen.add(each.number)
        if row is None:
            text = f"There is no voucher {each.number}."
            reasons.append(Reason("voucher-unknown", text, f"{pointer}/number"))
            continue
        try:
            flaws = payment_flaws(_read(each), _known(row))
        except NotAnAmount as wrong:
            reasons.append(Reason(wrong.code, wrong.text, f"{pointer}/amount"))
            continue
        words = {
            "number": each.number,
            "reference": row["payment_reference"] or "no reference",
            "amount": written(row["amount"], row["currency"]),
            "currency": row["currency"],
        }
        for code in flaws:
            text, mend = _FLAWS[code]
            part = "amount" if code == "amount-differs" else "number"
            reasons.append(Reason(code, text.format(**words), f"{pointer}/{part}", mend))
    return reasons
