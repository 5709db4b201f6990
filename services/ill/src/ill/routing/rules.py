"""Which route is a request's, and whom is it put to in which order? Decisions only: no clock, no database.

Of the routes that fit, the one with the heaviest criteria counts: each criterion weighs more than all that follow it
together (patron group, pickup, kind of work, service, service level). Of equal ones the later does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

CRITERIA: Final = ("patron_groups", "pickups", "kinds", "services", "levels")
"""The heaviest first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a request routes go by."""

    service: str
    kind: str
    """article, serial, chapter or book."""
    level: str | None = None
    """The service level; none counts as Normal."""
    pickup: str | None = None
    """The code of the service point where the patron fetches it."""
    patron_group: str | None = None
    """None: circulation has not told of the patron."""


@dataclass(frozen=True, slots=True)
class Route:
    """Whom requests of a kind are put to first."""

    code: str
    criteria: Mapping[str, frozenset[str]]
    """Values by the names of `CRITERIA`; one that is not there fits everything."""
    then: str
    """Who follows: directory (all others, then the last resorts), last-resorts, or end: nobody."""

    @property
    def weight(self) -> int:
        """How specific it is."""
        return sum(1 << (len(CRITERIA) - at) for at, name in enumerate(CRITERIA) if self.criteria.get(name))

    def misfits(self, wanted: Wanted) -> list[str]:
        """Every criterion by which it is not a request's, the heaviest first."""
        told = {
            "patron_groups": wanted.patron_group,
            "pickups": wanted.pickup,
            "kinds": wanted.kind,
            "services": wanted.service,
            "levels": wanted.level or "Normal",
        }
        return [name for name in CRITERIA if self.criteria.get(name) and not self._fits(name, told[name])]

    def _fits(self, name: str, told: str | None) -> bool:
        if name == "services" and told == "copy-or-loan":
            return True
        return told is not None and told.casefold() in {one.casefold() for one in self.criteria[name]}


@dataclass(frozen=True, slots=True)
class Decided:
    """A request's route, and why none of the others is."""

    route: Route | None
    passed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Code and misfits of each other one; without misfits, it fits and weighs less."""

    @property
    def then(self) -> str:
        """Who follows after whom it names."""
        return self.route.then if self.route is not None else "directory"


def decided(routes: Sequence[Route], wanted: Wanted) -> Decided:
    """The heaviest route that fits; none where none does."""
    misfits = {route.code: tuple(route.misfits(wanted)) for route in routes}
    fitting = [(route.weight, at) for at, route in enumerate(routes) if not misfits[route.code]]
    route = routes[max(fitting)[1]] if fitting else None
    return Decided(
        route, tuple((code, why) for code, why in misfits.items() if not route or code != route.code)
    )


def arranged(
    told: Decided,
    *,
    named: Sequence[UUID],
    default: UUID | None,
    directory: Sequence[tuple[UUID, bool]],
    indexed: bool,
) -> list[tuple[UUID, str]]:
    """Every partner that a request may be put to, in order, and by what it is among them.

    `named`: those of the route, as it has them. `default`: the default peer, which counts where no route fits: before
    all others, or, where an index has told who has it, after them. `directory`: all others in the order of the
    rules, and whether each is a last resort.
    """
    first = [(one, "route") for one in named] if told.route is not None else []
    peer = [(default, "default-peer")] if default is not None and told.route is None else []
    others = [(one, "directory") for one, last in directory if not last and told.then == "directory"]
    lasts = [(one, "last-resort") for one, last in directory if last and told.then != "end"]
    order = [*first, *others, *peer, *lasts] if indexed else [*first, *peer, *others, *lasts]
    if indexed and peer:  # it stands once, behind those that the index may name
        order = [(one, by) for one, by in order if one != default or by == "default-peer"]
    found: dict[UUID, str] = {}
    for one, by in order:
        found.setdefault(one, by)
    return list(found.items())
