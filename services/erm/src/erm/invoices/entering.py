"""An invoice as it is told on the wire, read into rows: everything that is wrong with it is told at once."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Reason
from erm.invoices.rules import Adjustment, Charged, Prorate, comes_to, spread
from erm.money.rules import LARGEST, share_flaws, shares_of, written
from erm.orders.entering import unknown
from erm.orders.queries import lines_in_sight
from erm.units.rules import Standing
from erm.wire import LONGEST, AmountIn, Amounts, Currency, Day, Note, Rate, ShareIn, Strict, Word, flaw

Percentage = Annotated[str, Field(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,6})?$")]


class AdjustmentIn(Strict):
    """Freight, tax, a discount: spread over the lines, to the last minor unit."""

    kind: Literal["shipping", "tax", "discount", "fee", "other"]
    description: Word
    percent: Percentage | None = None
    """Of all lines; negative when it goes off."""
    amount: AmountIn | None = None
    """Negative when it goes off."""
    prorate: Prorate = Prorate.BY_AMOUNT
    included: bool = False
    """It is within the lines' amounts already, and only told."""

    @model_validator(mode="after")
    def _one_measure(self) -> "AdjustmentIn":
        if (self.percent is None) == (self.amount is None):
            raise ValueError("an adjustment is either a percentage or an amount")
        return self


class InvoiceLineIn(Strict):
    """A position of an invoice; quantity and amount are negative on a credit note."""

    description: Word
    order_line_id: UUID | None = None
    quantity: Annotated[int, Field(ge=-100_000, le=100_000)] = 1
    amount: AmountIn
    """For the whole line, before what comes on top of the invoice."""
    last: bool = False
    """No other invoice is to come for the order line: what is still set aside for it is let go."""
    shares: list[ShareIn] = Field(default_factory=list, max_length=50)
    """None: as the order line's."""


class InvoiceIn(Strict):
    """What a vendor wants, or gives back."""

    vendor_id: UUID
    vendor_invoice_number: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]
    """As it stands on the paper; a vendor's number is taken once, whatever its case."""
    invoiced_on: Day
    currency: Currency
    exchange_rate: Rate | None = None
    """Units of the funds' currency for one of the invoice's, where they differ; none: that of a source on the day of
    the invoice, taken when it is approved. It stays with the invoice."""
    fiscal_year_id: UUID | None = None
    """Whose money is spent; none: of the open year in which it is approved."""
    batch_group_id: UUID | None = None
    """The vouchers that its own goes to the university's books with; none: those of the group `main`."""
    lock_total: AmountIn | None = None
    """What stands on the paper: it is approved only when the lines come to it."""
    note: Note | None = None
    adjustments: list[AdjustmentIn] = Field(default_factory=list, max_length=50)
    lines: list[InvoiceLineIn] = Field(min_length=1, max_length=LONGEST)


@dataclass
class Entered:
    """Rows to be written."""

    head: dict[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)
    shares: list[dict[str, Any]] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


def read_invoice(body: InvoiceIn, invoice_id: UUID) -> Entered:
    """Columns and rows, and every reason why it cannot be."""
    amounts = Amounts(body.currency)
    lines = _lines(body, amounts)
    adjustments = [
        Adjustment(
            told.prorate,
            None if told.percent is None else Decimal(told.percent),
            None
            if told.amount is None
            else amounts.read(told.amount, f"/adjustments/{at}/amount", negative=True),
            told.included,
        )
        for at, told in enumerate(body.adjustments)
    ]
    lock = None if body.lock_total is None else amounts.read(body.lock_total, "/lock_total", negative=True)
    parts = spread(adjustments, lines)
    totals = [line.subtotal + part for line, part in zip(lines, parts, strict=True)]
    total = sum(totals)
    if any(abs(each) > LARGEST for each in (*totals, total)):
        text = f"An invoice comes to at most {written(LARGEST, body.currency)} {body.currency}."
        amounts.reasons.append(Reason("amount-too-large", text, "/lines", "Split it."))
    told = Entered(
        body.model_dump(exclude={"lines", "adjustments", "lock_total", "acquisition_unit_ids"})
        | {"lock_total": lock, "total": total},
        reasons=amounts.reasons,
    )
    for at, (each, line, part) in enumerate(zip(body.lines, lines, parts, strict=True)):
        line_id = uuid7()
        told.lines.append(
            {
                "id": line_id,
                "invoice_id": invoice_id,
                "position": at,
                "description": each.description,
                "order_line_id": each.order_line_id,
                "quantity": line.quantity,
                "subtotal": line.subtotal,
                "adjustments": part,
                "total": totals[at],
                "last": each.last,
            }
        )
        told.shares += _shares(each, totals[at], line_id, f"/lines/{at}", amounts)
    for at, (wish, adjustment) in enumerate(zip(body.adjustments, adjustments, strict=True)):
        told.adjustments.append(
            {
                "invoice_id": invoice_id,
                "position": at,
                "kind": wish.kind,
                "description": wish.description,
                "percent": adjustment.percent,
                "amount": adjustment.amount,
                "prorate": adjustment.prorate.value,
                "included": adjustment.included,
                "comes_to": comes_to(adjustment, lines),
            }
        )
    return told


def _lines(body: InvoiceIn, amounts: Amounts) -> list[Charged]:
    lines = []
    for at, told in enumerate(body.lines):
        subtotal = amounts.read(told.amount, f"/lines/{at}/amount", negative=True)
        if told.quantity == 0:
            text = "A line is of some copies; of fewer than none for a credit."
            amounts.reasons.append(Reason("quantity-nothing", text, f"/lines/{at}/quantity"))
        elif subtotal * told.quantity < 0:
            text = "Quantity and amount are both positive, or both negative for a credit."
            amounts.reasons.append(Reason("signs-differ", text, f"/lines/{at}/amount"))
        if told.last and (told.order_line_id is None or told.quantity < 0):
            text = "Only a line that charges for an order line can be its last."
            amounts.reasons.append(Reason("last-of-nothing", text, f"/lines/{at}/last"))
        lines.append(Charged(told.quantity, subtotal))
    return lines


def _shares(
    told: InvoiceLineIn, total: int, line_id: UUID, pointer: str, amounts: Amounts
) -> list[dict[str, Any]]:
    if not told.shares:
        if told.order_line_id is None:
            amounts.reasons.append(flaw("shares-missing", f"{pointer}/shares"))
        return []
    before = len(amounts.reasons)
    shares = [
        amounts.share(share, f"{pointer}/shares/{at}", negative=True) for at, share in enumerate(told.shares)
    ]
    amounts.reasons += [flaw(code, f"{pointer}/shares") for code in share_flaws(shares, total)]
    bears = shares_of(shares, total) if len(amounts.reasons) == before else [0] * len(shares)
    return [
        {
            "invoice_line_id": line_id,
            "position": at,
            "fund_id": each.fund_id,
            "expense_class_id": each.expense_class_id,
            "fiscal_year_id": each.fiscal_year_id,
            "percent": share.percent,
            "amount": share.amount,
            "bears": part,
        }
        for at, (each, share, part) in enumerate(zip(told.shares, shares, bears, strict=True))
    ]


async def unknown_in(connection: Connection, told: Entered, standing: Standing) -> list[Reason]:
    """What the invoice names and is not there, or not for whoever enters it."""
    at = {line["id"]: line["position"] for line in told.lines}
    reasons = await unknown(
        connection,
        [
            (share, f"/lines/{at[share['invoice_line_id']]}/shares/{share['position']}")
            for share in told.shares
        ],
        standing,
    )
    wanted = {line["order_line_id"] for line in told.lines} - {None}
    known = await lines_in_sight(connection, wanted, standing)
    for line in told.lines:
        if line["order_line_id"] is not None and line["order_line_id"] not in known:
            text = f"There is no order line {line['order_line_id']}."
            pointer = f"/lines/{line['position']}/order_line_id"
            reasons.append(Reason("order-line-unknown", text, pointer, "Name one that there is."))
    return reasons
