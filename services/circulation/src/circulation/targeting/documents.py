"""How a library chooses among copies, as its configuration has it."""

from typing import Annotated

from pydantic import Field

from circulation.places.entries import Code, Strict
from circulation.targeting.rules import CopyChoice, First

Weight = Annotated[int, Field(ge=-1000, le=1000)]


class WeightsDoc(Strict):
    """The heavier a copy's location (else its library), the sooner it is fetched; what is not named weighs 0."""

    locations: dict[Code, Weight] = Field(default_factory=dict, max_length=5000)
    libraries: dict[Code, Weight] = Field(default_factory=dict, max_length=2000)


class CopyChoiceDoc(Strict):
    """Which of several copies on their shelves is fetched for a hold."""

    first: First = First.DISTANCE
    """Whether the nearest copy goes first, the heaviest, or the one that costs least to send (`transfers`)."""
    weights: WeightsDoc = Field(default_factory=WeightsDoc)
    open_within_days: Annotated[int, Field(ge=0, le=30)] | None = None
    """Copies of libraries that do not open within so many days come after others; 0: today; left out: no matter."""
    retarget_after_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """Open days of the copy's library after which another copy is fetched; left out: it is waited for."""
    avoid_previous: bool = True
    """Whether a copy that was looked for in vain is fetched again only when there is no other."""

    def as_rule(self) -> CopyChoice:
        """As rules put it."""
        return CopyChoice(
            self.first,
            dict(self.weights.locations),
            dict(self.weights.libraries),
            self.open_within_days,
            self.retarget_after_days,
            self.avoid_previous,
        )
