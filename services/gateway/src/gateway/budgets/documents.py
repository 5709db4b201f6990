"""The budgets, as a document that librarians change while everything runs."""

import ipaddress
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _network(told: str) -> str:
    return str(ipaddress.ip_network(told, strict=False))


Network = Annotated[str, AfterValidator(_network)]
PerMinute = Annotated[int, Field(ge=0, le=10_000_000)]


class Strict(BaseModel):
    """Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class NetworksDoc(Strict):
    """Networks with a budget of their own."""

    name: str = Field(min_length=1, max_length=200)
    networks: list[Network] = Field(min_length=1, max_length=500)
    per_minute: PerMinute = 0
    """For each address in it; 0: it is shut out, where it says no more than who asks."""


class BudgetsDoc(Strict):
    """Requests a minute; 0: not counted. Staff and kiosks are not counted, and keep places that nobody else takes."""

    machine: PerMinute = 6000
    """Of each program; one may have a budget of its own (`per_minute` of the client)."""
    patron: PerMinute = 600
    """Of each person."""
    stranger: PerMinute = 300
    """Of each public address (of each /64 network of IPv6) that does not say who asks."""
    proof_of_work: bool = True
    """Whether strangers whose budget is spent may get another by letting their machine work for it."""
    networks: list[NetworksDoc] = Field(default_factory=list, max_length=200)
    """Strangers from here have another budget: harvesters that are welcome, reading rooms, and bots that are not."""


def of(told: Any) -> BudgetsDoc:
    """A stored document."""
    return BudgetsDoc.model_validate(told)


class Networks:
    """Finds the budget of an address."""

    def __init__(self, told: Iterable[NetworksDoc]) -> None:
        self._known = [
            (ipaddress.ip_network(network), each.per_minute) for each in told for network in each.networks
        ]

    def find(self, address: str | None) -> int | None:
        """The budget of the narrowest network that holds the address; None for none."""
        if not self._known:
            return None
        try:
            asked = ipaddress.ip_address(address or "")
        except ValueError:
            return None
        found = [
            (network.prefixlen, per_minute)
            for network, per_minute in self._known
            if network.version == asked.version and asked in network
        ]
        return max(found)[1] if found else None
