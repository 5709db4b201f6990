"""What several desks of acquisitions say on the wire in the same way: amounts, codes, shares, overrides."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from chassis.problems import Reason
from erm.money.rules import CURRENCIES, WRITTEN, NotAnAmount, Share, read, written


def _text(told: Any) -> Any:
    if isinstance(told, int | float) and not isinstance(told, bool):
        raise ValueError('an amount is sent as a text like "12.50", so that no digit is lost on the way')
    return told


def _known(told: str) -> str:
    if told not in CURRENCIES:
        raise ValueError("there is no such currency in ISO 4217")
    return told


AmountIn = Annotated[
    str,
    BeforeValidator(_text),
    Field(pattern=WRITTEN, max_length=60, examples=["12.50"], description="Exact"),
]
"""In the currency's own units, as a text: `"12.50"`."""
AmountOut = Annotated[str, Field(examples=["12.50"])]
"""In the currency's own units, with all of its digits."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$"), AfterValidator(_known)]
Code = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
Word = Annotated[str, Field(min_length=1, max_length=300, pattern=r"\S")]
Note = Annotated[str, Field(min_length=1, max_length=2000)]
Percent = Annotated[Decimal, Field(gt=0, le=100, max_digits=9, decimal_places=6)]
Rate = Annotated[Decimal, Field(gt=0, lt=10**9, max_digits=19, decimal_places=10)]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(9999, 12, 31))]
UnitIds = Annotated[list[UUID], Field(max_length=20)]
"""The acquisition units that a record belongs to; none: it is open to whoever has the scope."""
Limit = Annotated[int, Query(ge=1, le=500)]
LONGEST: Final = 500
"""Lines of an order or invoice."""


class Strict(BaseModel):
    """A body that says only what is known here."""

    model_config = ConfigDict(extra="forbid")


class ShareIn(Strict):
    """What one fund bears: a percentage, or a fixed amount."""

    fund_id: UUID
    expense_class_id: UUID | None = None
    fiscal_year_id: UUID | None = None
    """Whose money it is, where a line is paid for several years at once; none: of the year that is meant."""
    percent: Percent | None = None
    """Of what the fixed amounts leave; exact, with up to six digits after the point."""
    amount: AmountIn | None = None


class ShareOut(BaseModel):
    """What one fund bears."""

    fund_id: UUID
    expense_class_id: UUID | None
    fiscal_year_id: UUID | None
    """Whose money it is; none: of the year that is meant."""
    percent: Decimal | None
    amount: AmountOut | None
    """As it was fixed; none where a percentage was given."""
    bears: AmountOut
    """In the currency of the order or invoice; all of a line's sum to its total."""


class Override(Strict):
    """Go beyond a budget's limit, on one's own authority."""

    limits: Annotated[list[str], Field(min_length=1, max_length=2)]
    """`encumbrance-limit` (scope overrides:encumbrances), `expenditure-limit` (overrides:expenditures)."""
    comment: Note
    """Why; it is kept with the transactions."""


class Amounts:
    """Reads amounts of one currency and gathers everything that is wrong with them."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.reasons: list[Reason] = []

    def read(self, told: str, pointer: str, *, negative: bool = False) -> int:
        """Minor units; nothing where it is wrong, which is kept among the reasons."""
        try:
            minor = read(told, self.currency)
        except NotAnAmount as wrong:
            self.reasons.append(Reason(wrong.code, wrong.text, pointer, "Send what the currency can hold."))
            return 0
        if minor < 0 and not negative:
            self.reasons.append(Reason("amount-negative", "It cannot be negative.", pointer))
            return 0
        return minor

    def share(self, told: ShareIn, pointer: str, *, negative: bool = False) -> Share:
        """What a share says."""
        amount = (
            None if told.amount is None else self.read(told.amount, f"{pointer}/amount", negative=negative)
        )
        return Share(told.percent, amount)


FLAWS: Final = {
    "shares-missing": "No fund bears it.",
    "share-needs-one-measure": "A share is either a percentage or an amount.",
    "share-not-positive": "A percentage is more than nothing.",
    "shares-of-nothing-are-mixed": "A line of 0 cannot be shared out by percentages and amounts at once.",
    "share-against-the-line": "A share has the sign of its line.",
    "shares-not-whole": "The shares do not sum to the whole.",
}


def flaw(code: str, pointer: str) -> Reason:
    """A flaw of shares in words."""
    return Reason(code, FLAWS[code], pointer, "Let percentages sum to 100, amounts to the line's total.")


def money(minor: int, currency: str) -> str:
    """An amount as it is told."""
    return written(minor, currency)
