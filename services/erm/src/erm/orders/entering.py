"""Lines as they are told on the wire, read into rows: everything that is wrong with them is told at once."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Reason
from erm.money.rules import LARGEST, share_flaws, shares_of, written
from erm.orders.rules import Price
from erm.units.rules import Act, Standing
from erm.wire import AmountIn, Amounts, Day, Note, Percent, ShareIn, Strict, Word, flaw

Quantity = Annotated[int, Field(ge=1, le=100_000)]
TypeCode = Annotated[str, Field(min_length=1, max_length=60)]
Discount = Annotated[Percent, Field(description="Of list price and quantity")]


class LineIn(Strict):
    """One title, and what it costs."""

    title: Annotated[str, Field(min_length=1, max_length=1000, pattern=r"\S")]
    author: Word | None = None
    publisher: Word | None = None
    year: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    isbn: Annotated[str, Field(pattern=r"^[0-9Xx -]{10,20}$")] | None = None
    title_id: UUID | None = None
    """In the catalogue; none: the catalogue enters the title when the first copy has come."""
    receipt: Literal["items", "count", "none"] = "items"
    """`items`: the catalogue makes an item of each copy; `count`: copies are only counted; `none`: nothing comes."""
    location_id: UUID | None = None
    """Where items go; needed for them."""
    material_type: TypeCode = "unspecified"
    loan_type: TypeCode = "standard"
    call_number: Word | None = None
    quantity: Quantity = 1
    list_price: AmountIn
    """For one copy."""
    discount_percent: Discount | None = None
    additional: AmountIn = "0"
    """For the whole line: binding, freight."""
    tax_percent: Annotated[Percent, Field(description="On all of it")] | None = None
    expected_on: Day | None = None
    """When it is to have come; none: as long after the approval as its vendor has."""
    claim_interval_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    """Days between claims when it does not come; none: as its vendor has it."""
    shares: list[ShareIn] = Field(min_length=1, max_length=50)
    note: Note | None = None

    @model_validator(mode="after")
    def _items_go_somewhere(self) -> "LineIn":
        if self.receipt == "items" and self.location_id is None:
            raise ValueError("items need a location_id; or choose another receipt")
        return self


PRICE = ("quantity", "list_price", "discount_percent", "additional", "tax_percent", "total")
SHARE = ("fund_id", "expense_class_id", "fiscal_year_id", "percent", "amount", "bears")
FACTS = (
    "title",
    "author",
    "publisher",
    "year",
    "isbn",
    "title_id",
    "receipt",
    "location_id",
    "material_type",
    "loan_type",
    "call_number",
    "expected_on",
    "claim_interval_days",
    "note",
)


def line_values(
    told: LineIn, currency: str, pointer: str
) -> tuple[dict[str, Any], list[dict[str, Any]], list[Reason]]:
    """Columns of a line, rows of its shares, and every reason why it cannot be."""
    amounts = Amounts(currency)
    price = Price(
        told.quantity,
        amounts.read(told.list_price, f"{pointer}/list_price"),
        told.discount_percent,
        amounts.read(told.additional, f"{pointer}/additional"),
        told.tax_percent,
    )
    shares = [amounts.share(share, f"{pointer}/shares/{at}") for at, share in enumerate(told.shares)]
    reasons = amounts.reasons
    bears: list[int] = [0] * len(shares)
    if price.total > LARGEST:
        text = f"A line costs at most {written(LARGEST, currency)} {currency}."
        reasons.append(Reason("amount-too-large", text, f"{pointer}/list_price", "Split it."))
    elif not reasons:
        reasons += [flaw(code, f"{pointer}/shares") for code in share_flaws(shares, price.total)]
        bears = bears if reasons else shares_of(shares, price.total)
    values = {name: getattr(told, name) for name in FACTS} | {
        "quantity": price.quantity,
        "list_price": price.list_price,
        "discount_percent": price.discount_percent,
        "additional": price.additional,
        "tax_percent": price.tax_percent,
        "total": price.total,
    }
    rows = [
        {
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
    return values, rows, reasons


async def unknown(
    connection: Connection, shares: Sequence[tuple[Mapping[str, Any], str]], standing: Standing
) -> list[Reason]:
    """Funds (that somebody may see), expense classes and fiscal years that there are not."""
    funds = {share["fund_id"] for share, _ in shares}
    classes = {share["expense_class_id"] for share, _ in shares} - {None}
    years = {share["fiscal_year_id"] for share, _ in shares} - {None}
    rows = await connection.fetch(
        "SELECT id, acquisition_unit_ids FROM fund WHERE id = ANY ($1::uuid[]) "
        "UNION ALL SELECT id, '{}' FROM expense_class WHERE id = ANY ($2::uuid[]) "
        "UNION ALL SELECT id, '{}' FROM fiscal_year WHERE id = ANY ($3::uuid[])",
        list(funds),
        list(classes),
        list(years),
    )
    known = {row["id"] for row in rows if standing.lets(Act.READ, row["acquisition_unit_ids"])}
    reasons = []
    for share, pointer in shares:
        if share["fund_id"] not in known:
            text = f"There is no fund {share['fund_id']}."
            reasons.append(Reason("fund-unknown", text, f"{pointer}/fund_id", "Name one that there is."))
        if share["expense_class_id"] is not None and share["expense_class_id"] not in known:
            text = f"There is no expense class {share['expense_class_id']}."
            reasons.append(Reason("expense-class-unknown", text, f"{pointer}/expense_class_id"))
        if share["fiscal_year_id"] is not None and share["fiscal_year_id"] not in known:
            text = f"There is no fiscal year {share['fiscal_year_id']}."
            reasons.append(Reason("fiscal-year-unknown", text, f"{pointer}/fiscal_year_id"))
    return reasons


def numbered(
    order_id: UUID, told: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of lines and shares with their ids."""
    lines, shares = [], []
    for position, (values, rows) in enumerate(told):
        line_id = uuid7()
        lines.append({"id": line_id, "order_id": order_id, "position": position, **values})
        shares += [{"order_line_id": line_id, **row} for row in rows]
    return lines, shares


def moves_money(
    before: Mapping[str, Any],
    shares_before: Sequence[Mapping[str, Any]],
    values: Mapping[str, Any],
    shares: Sequence[Mapping[str, Any]],
) -> bool:
    """Whether a line would cost anything else, or be borne by anybody else."""
    stood, told = (
        [tuple(share[name] for name in SHARE) for share in each] for each in (shares_before, shares)
    )
    return stood != told or any(values[name] != before[name] for name in PRICE)
