"""How long reshelving takes, as the configuration has it."""

from typing import Annotated

from pydantic import Field

from circulation.places.entries import Code, Strict
from circulation.reshelving.rules import Reshelving


class ReshelvingDoc(Strict):
    """A line; the first that fits an item counts, else the `reshelving_minutes` of the desk where it came in."""

    minutes: Annotated[int, Field(ge=0, le=43_200)]
    """0: it is on its shelf at once."""
    libraries: list[Code] = Field(default_factory=list, max_length=2000)
    """Where the item is at home; left out: all."""
    locations: list[Code] = Field(default_factory=list, max_length=5000)
    material_types: list[str] = Field(default_factory=list, max_length=500)

    def as_rule(self) -> Reshelving:
        """As rules put it."""
        return Reshelving(
            self.minutes,
            frozenset(self.libraries),
            frozenset(self.locations),
            frozenset(self.material_types),
        )
