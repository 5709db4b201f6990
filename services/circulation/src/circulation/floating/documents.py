"""Floating collections as the configuration has them."""

from pydantic import Field

from circulation.floating.rules import Floating, Place
from circulation.places.entries import Code, Name, Strict


class PlaceDoc(Strict):
    """A location in its library."""

    library: Code
    location: Code

    def as_rule(self) -> Place:
        """As rules put it."""
        return Place(self.library, self.location)


class FloatingDoc(Strict):
    """Items of any of these places stay at the one where they are brought back; one place in a library."""

    code: Code
    name: Name
    places: list[PlaceDoc] = Field(min_length=2, max_length=500)

    def as_rule(self) -> Floating:
        """As rules put it."""
        return Floating(self.code, tuple(place.as_rule() for place in self.places))
