"""What becomes of money: charged, paid, waived, given back."""

from dataclasses import dataclass
from typing import Any

from support.stories.day import Call, Day, post


@dataclass(frozen=True, slots=True)
class Charge:
    """A fee by hand."""

    patron: str
    amount: int = 500

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        return post("/v1/fees", patron_id=day.patron(self.patron), type="damage", amount=self.amount)


@dataclass(frozen=True, slots=True)
class Settle:
    """Something done with one of the patron's fees: with all of it, or with a part."""

    patron: str
    how: str
    fee: int = 0
    amount: int | None = None

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        if (owing := day.owing(self.patron)) is None:
            return None
        fees = day.fees[owing]
        told: dict[str, Any] = (
            {} if self.amount is None or self.how == "cancellations" else {"amount": self.amount}
        )
        if self.how == "payments":
            told["method"] = "cash"
        else:
            told["comment"] = "so it was agreed"
        if self.how == "transfers":
            told["account"] = "bursar"
        return post(f"/v1/fees/{fees[self.fee % len(fees)]['id']}/{self.how}", **told)


SETTLED = ("payments", "waivers", "refunds", "transfers", "cancellations")


@dataclass(frozen=True, slots=True)
class PayAll:
    """Money for whatever is owed, the oldest first; a terminal's reference says which money it is."""

    patron: str
    amount: int | None = None
    reference: str | None = None

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        told: dict[str, Any] = {"method": "card"}
        if self.amount is not None:
            told["amount"] = self.amount
        if self.reference is not None:
            told["reference"] = self.reference
        return post(f"/v1/patrons/{day.patron(day.owing(self.patron) or self.patron)}/payments", **told)
