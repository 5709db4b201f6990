"""May an item of one library be sent to another, and what does it cost to do so? Decisions only (L25)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Transfer:
    """One line of what a library decides: whose items, what of them, whereto. What is empty fits all."""

    origins: frozenset[str] = frozenset()
    destinations: frozenset[str] = frozenset()
    material_types: frozenset[str] = frozenset()
    loan_types: frozenset[str] = frozenset()
    allowed: bool = True
    cost: int = 0
    """In whatever the library counts in: minutes of a van, cents of a courier. Only compared."""

    def fits(self, origin: str, destination: str, *, material_type: str, loan_type: str) -> bool:
        """Whether the line is about this."""
        asked = (
            (self.origins, origin),
            (self.destinations, destination),
            (self.material_types, material_type),
            (self.loan_types, loan_type),
        )
        return all(not told or value in told for told, value in asked)


FREELY: Final = Transfer()
"""Where no line fits, and within a library."""


def between(
    lines: Sequence[Transfer], origin: str, destination: str, *, material_type: str, loan_type: str
) -> Transfer:
    """The first line that fits, as rules go. What stays in its library is sent nowhere."""
    if origin == destination:
        return FREELY
    return next(
        (
            line
            for line in lines
            if line.fits(origin, destination, material_type=material_type, loan_type=loan_type)
        ),
        FREELY,
    )
