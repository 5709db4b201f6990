"""Limits and costs of transfers as the configuration has them."""

from typing import Annotated

from pydantic import Field

from circulation.places.entries import Code, Strict
from circulation.transfers.rules import Transfer


class TransferDoc(Strict):
    """A line of limits and costs; the first that fits counts, where none fits everything is sent for nothing."""

    origins: list[Code] = Field(default_factory=list, max_length=2000)
    """Libraries that send; left out: all."""
    destinations: list[Code] = Field(default_factory=list, max_length=2000)
    """Libraries of the service points that it is sent to; left out: all."""
    material_types: list[str] = Field(default_factory=list, max_length=500)
    loan_types: list[str] = Field(default_factory=list, max_length=500)
    allowed: bool = True
    cost: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """What sending it costs, in a unit of the library's own; of several copies the cheaper is fetched."""
    note: str | None = Field(default=None, max_length=500)

    def as_rule(self) -> Transfer:
        """As rules put it."""
        return Transfer(
            frozenset(self.origins),
            frozenset(self.destinations),
            frozenset(self.material_types),
            frozenset(self.loan_types),
            self.allowed,
            self.cost,
        )
