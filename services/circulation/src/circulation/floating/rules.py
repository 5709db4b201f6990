"""Where does an item of a floating collection stay? Decisions only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A location in its library, by their codes."""

    library: str
    location: str


@dataclass(frozen=True, slots=True)
class Floating:
    """Places between which items float: one in a library."""

    code: str
    places: Sequence[Place]

    def problems(self) -> list[str]:
        """What is wrong with it by itself."""
        libraries = [place.library for place in self.places]
        twice = sorted({library for library in libraries if libraries.count(library) > 1})
        return [f"It has several places in the library {library!r}." for library in twice]


def by_place(collections: Sequence[Floating]) -> dict[Place, Floating]:
    """Which collection a place belongs to."""
    return {place: collection for collection in collections for place in collection.places}


def overlaps(collections: Sequence[Floating]) -> list[tuple[int, Place]]:
    """Places that belong to an earlier collection already, with the number of the later one."""
    seen: set[Place] = set()
    found = []
    for number, collection in enumerate(collections):
        found += [(number, place) for place in sorted(set(collection.places)) if place in seen]
        seen |= set(collection.places)
    return found


def floats_to(
    floating: Mapping[Place, Floating], home: Place, *, desk_library: str, serves: Collection[str]
) -> Place | None:
    """Where an item that is brought back to a desk away from its home stays; None when it is to be sent home.

    The desk's own library goes first, then the others it looks after, by their codes.
    """
    collection = floating.get(home)
    if collection is None or home.library in serves:
        return None
    there = {place.library: place for place in collection.places}
    own = [desk_library] if desk_library in serves else []
    return next((there[library] for library in [*own, *sorted(serves)] if library in there), None)
