"""Lines as they are told on the wire, read into rows: everything that is wrong with them is told at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Reason
from erm.money.rules import LARGEST, share_flaws, shares_of, written
from erm.orders.rules import Place, Price, quantity_flaws
from erm.rows import insert_many
from erm.units.rules import Act, Standing
from erm.wire import AmountIn, Amounts, Day, Note, Percent, ShareIn, Strict, Word, flaw

Quantity = Annotated[int, Field(ge=1, le=100_000)]
TypeCode = Annotated[str, Field(min_length=1, max_length=60)]
Discount = Annotated[Percent, Field(description="Of list price and quantity")]


class LinePlaceIn(Strict):
    """How many of a line's copies are for a location."""

    location_id: UUID
    physical: Annotated[int, Field(ge=0, le=100_000)] = 0
    electronic: Annotated[int, Field(ge=0, le=100_000)] = 0


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
    """Where all copies go; needed for items, unless there are `locations`: then it is one of them, or left out."""
    locations: list[LinePlaceIn] = Field(default_factory=list, max_length=100)
    """Where copies go, each location once; they sum to the line's quantities."""
    material_type: TypeCode = "unspecified"
    loan_type: TypeCode = "standard"
    call_number: Word | None = None
    quantity: Quantity = 1
    """All copies; left out: what the locations sum to."""
    electronic: Annotated[int, Field(ge=0, le=100_000)] = 0
    """How many of them are electronic; left out: what the locations sum to."""
    list_price: AmountIn
    """For one copy."""
    discount_percent: Discount | None = None
    discount_amount: AmountIn = "0"
    """Off the whole line, instead of a percentage."""
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
        if self.receipt == "items" and self.location_id is None and not self.locations:
            raise ValueError("items need a location_id; or choose another receipt")
        return self

    @property
    def copies(self) -> tuple[int, int]:
        """All of them, and the electronic ones of them: as they are told, else as the locations sum up."""
        quantity, electronic = self.quantity, self.electronic
        if self.locations and "electronic" not in self.model_fields_set:
            electronic = sum(each.electronic for each in self.locations)
        if self.locations and "quantity" not in self.model_fields_set:
            quantity = sum(each.physical + each.electronic for each in self.locations)
        return quantity, electronic


@dataclass(frozen=True, slots=True)
class Entered:
    """A line as rows: its columns, its shares, and its locations where they are kept one by one."""

    values: dict[str, Any]
    shares: list[dict[str, Any]]
    places: list[dict[str, Any]]

    @property
    def locations(self) -> list[UUID]:
        """Where its copies go; none: nowhere that is told."""
        if self.places:
            return [each["location_id"] for each in self.places]
        return [self.values["location_id"]] if self.values["location_id"] else []


PRICE = (
    "quantity",
    "list_price",
    "discount_percent",
    "discount_amount",
    "additional",
    "tax_percent",
    "total",
)
SHARE = ("fund_id", "expense_class_id", "fiscal_year_id", "percent", "amount", "bears")
FACTS = (
    "title",
    "author",
    "publisher",
    "year",
    "isbn",
    "title_id",
    "receipt",
    "material_type",
    "loan_type",
    "call_number",
    "expected_on",
    "claim_interval_days",
    "note",
)


_FLAWS = {
    "electronic-above-quantity": ("More copies are electronic than there are.", "/electronic"),
    "location-twice": ("The location is named twice.", "/locations/{}/location_id"),
    "location-of-nothing": ("Nothing is for this location.", "/locations/{}"),
    "physical-not-of-locations": (
        "{physical} printed copies, and {placed_physical} for locations.",
        "/locations",
    ),
    "electronic-not-of-locations": (
        "{electronic} electronic copies, and {placed_electronic} for locations.",
        "/locations",
    ),
}
_MENDS = {
    "location-twice": "Name each location once.",
    "location-of-nothing": "Say how many are for it, or leave it out.",
}


def _place_reasons(told: LineIn, places: Sequence[Place], pointer: str) -> list[Reason]:
    """Every reason why the line's copies and those of its locations do not agree."""
    quantity, electronic = told.copies
    words = {
        "physical": quantity - electronic,
        "electronic": electronic,
        "placed_physical": sum(place.physical for place in places),
        "placed_electronic": sum(place.electronic for place in places),
    }
    reasons = []
    for code, at in quantity_flaws(quantity, electronic, places):
        text, where = _FLAWS[code]
        mend = _MENDS.get(code, "Let the locations sum to quantity and electronic, or leave these out.")
        reasons.append(Reason(code, text.format(**words), f"{pointer}{where.format(at)}", mend))
    if places and told.location_id not in (None, *(place.location_id for place in places)):
        text, mend = "The location is not one of `locations`.", "Leave it out, or say how many are for it."
        reasons.append(Reason("location-not-of-locations", text, f"{pointer}/location_id", mend))
    return reasons


def _first(told: LineIn, places: Sequence[Place]) -> UUID | None:
    """Where copies go if nothing else is said: to the first location that gets printed ones, else to the first."""
    if not places:
        return told.location_id
    return next((place for place in places if place.physical), places[0]).location_id


def _kept(told: LineIn, places: Sequence[Place]) -> list[dict[str, Any]]:
    """Rows of locations; none where the line says it all: one location, and nothing electronic."""
    quantity, electronic = told.copies
    if not places and electronic and told.location_id is not None:
        places = [Place(told.location_id, quantity - electronic, electronic)]
    if len(places) == 1 and not electronic:
        return []
    return [
        {
            "position": at,
            "location_id": place.location_id,
            "physical": place.physical,
            "electronic": place.electronic,
        }
        for at, place in enumerate(places)
    ]


def line_values(told: LineIn, currency: str, pointer: str) -> tuple[Entered, list[Reason]]:
    """A line as rows, and every reason why it cannot be."""
    amounts = Amounts(currency)
    quantity, electronic = told.copies
    price = Price(
        quantity,
        amounts.read(told.list_price, f"{pointer}/list_price"),
        told.discount_percent,
        amounts.read(told.additional, f"{pointer}/additional"),
        told.tax_percent,
        amounts.read(told.discount_amount, f"{pointer}/discount_amount"),
    )
    shares = [amounts.share(share, f"{pointer}/shares/{at}") for at, share in enumerate(told.shares)]
    reasons = amounts.reasons
    if price.discount_amount and price.discount_percent is not None:
        text, mend = "A discount is a percentage or an amount.", "Leave one of them out."
        reasons.append(Reason("discount-twice", text, f"{pointer}/discount_amount", mend))
    if price.discount_amount > price.gross:
        text = f"The copies cost {written(price.gross, currency)} {currency} before it."
        reasons.append(Reason("discount-above-price", text, f"{pointer}/discount_amount", "Take less off."))
    bears: list[int] = [0] * len(shares)
    if price.total > LARGEST:
        text = f"A line costs at most {written(LARGEST, currency)} {currency}."
        reasons.append(Reason("amount-too-large", text, f"{pointer}/list_price", "Split it."))
    elif not reasons:
        reasons += [flaw(code, f"{pointer}/shares") for code in share_flaws(shares, price.total)]
        bears = bears if reasons else shares_of(shares, price.total)
    places = [Place(each.location_id, each.physical, each.electronic) for each in told.locations]
    reasons += _place_reasons(told, places, pointer)
    values = {name: getattr(told, name) for name in FACTS} | {
        "location_id": _first(told, places),
        "quantity": price.quantity,
        "electronic": electronic,
        "list_price": price.list_price,
        "discount_percent": price.discount_percent,
        "discount_amount": price.discount_amount,
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
    return Entered(values, rows, _kept(told, places)), reasons


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


async def write_lines(connection: Connection, order_id: UUID, told: Sequence[Entered]) -> list[UUID]:
    """Write the lines of an order; their ids."""
    ids = [uuid7() for _ in told]
    named = list(zip(ids, told, strict=True))
    await insert_many(
        connection,
        "order_line",
        [
            {"id": id_, "order_id": order_id, "position": at, **its.values}
            for at, (id_, its) in enumerate(named)
        ],
    )
    for line_id, its in named:
        await write_parts(connection, line_id, its)
    return ids


async def write_parts(connection: Connection, line_id: UUID, told: Entered) -> None:
    """Write a line's shares and locations."""
    for table, rows in (("order_line_share", told.shares), ("order_line_location", told.places)):
        await insert_many(connection, table, [{"order_line_id": line_id, **row} for row in rows])


async def remove_parts(connection: Connection, line_ids: Sequence[UUID]) -> None:
    """Take away the shares and locations of lines, before others are written."""
    for table in ("order_line_share", "order_line_location"):
        await connection.execute(
            f"DELETE FROM {table} WHERE order_line_id = ANY ($1::uuid[])",  # noqa: S608 - our own names
            list(line_ids),
        )


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
