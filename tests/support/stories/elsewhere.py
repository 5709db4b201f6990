"""What comes from elsewhere: the catalogue, the clock, a burst pipe, a hand that asks again."""

from dataclasses import dataclass

from support.stories.day import Act, Call, Day, post
from support.stories.library import LIMITS


@dataclass(frozen=True, slots=True)
class Close:
    """A desk is closed for some days, from tomorrow on."""

    desk: str
    days: int = 2

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        told = {"from": day.later(1), "until": day.later(1 + self.days), "reason": "a burst pipe"}
        return post("/v1/service-points/closings", service_point_ids=[day.desk(self.desk)], **told)


@dataclass(frozen=True, slots=True)
class Undo:
    """The last closing is taken back."""

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        path = f"/v1/service-points/closings/{day.closing}/undoings"
        return Call("POST", path, None) if day.closing else None


@dataclass(frozen=True, slots=True)
class Decide:
    """The library decides on other limits, while desks work."""

    limits: str

    def call(self, day: Day) -> Call | None:
        """The write that it comes to."""
        day.limits_changed = True
        return Call("PUT", "/v1/configuration/circulation", LIMITS[self.limits])


@dataclass(frozen=True, slots=True)
class Twice:
    """The same write by two hands at the same moment, with one key."""

    act: Act


@dataclass(frozen=True, slots=True)
class Again:
    """A write from before is sent once more."""

    which: int


@dataclass(frozen=True, slots=True)
class Tell:
    """The catalogue changes an item's base state, as far as it goes by the rules between the two."""

    item: str
    base: str


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The catalogue would like to let an item go, and does, once circulation has cleared that."""

    item: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A timer's moment has come."""

    timer: str


Anything = Act | Twice | Again | Tell | Withdraw | Tick
