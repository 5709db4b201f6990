"""How long is an item on its way from the desk to its shelf? Decisions only (L47)."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reshelving:
    """One line of what a library decides: of which items, and how many minutes. What is empty fits all."""

    minutes: int
    libraries: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    material_types: frozenset[str] = frozenset()


def minutes_for(
    lines: Sequence[Reshelving],
    at_desk: int,
    *,
    library: str | None,
    location: str | None,
    material_type: str,
) -> int:
    """Of the first line that fits, as rules go; else what the desk takes for whatever comes in there."""
    for line in lines:
        asked = (
            (line.libraries, library),
            (line.locations, location),
            (line.material_types, material_type),
        )
        if all(not told or value in told for told, value in asked):
            return line.minutes
    return at_desk
