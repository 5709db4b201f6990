"""The document, as it is exported, compared and applied."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from erm.money.rules import NotAnAmount, read
from erm.wire import AmountIn, Currency


class ConfigurationDoc(BaseModel):
    """How this library buys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{0,12}$")] = "PO-"
    approval_limits: dict[Currency, AmountIn] = Field(default_factory=dict, max_length=50)
    """By the ledger's currency: what may be approved with `orders:approve` or `invoices:approve`; above it takes
    `orders:unlimited` or `invoices:unlimited`. A currency that is not named has no limit."""
    four_eyes: bool = False
    """Whoever entered an order or invoice may not approve it."""

    @model_validator(mode="after")
    def _limits_are_amounts(self) -> "ConfigurationDoc":
        for currency, told in self.approval_limits.items():
            try:
                read(told, currency)
            except NotAnAmount as wrong:
                raise ValueError(f"{currency}: {wrong}") from wrong
        return self

    def limit(self, currency: str) -> int | None:
        """Minor units; none: no limit."""
        told = self.approval_limits.get(currency)
        return None if told is None else read(told, currency)
