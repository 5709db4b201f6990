"""The state model as data: read from `borrowing-3.toml` and its like, and held against the code at start.

Models have versions. A request runs by the one that it began with until it has ended, whatever the library has
installed since; new ones begin with the newest. A wrong model ends the start with one line that names every flaw, so
that no request is ever led into a state that nothing leads out of, or to an effect that nobody wrote.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

SAME: Final = "same"
FORMER: Final = "former"
ARGUMENTS: Final = frozenset(
    {
        "note",
        "reason",
        "condition",
        "cost",
        "due_at",
        "item_barcode",
        "link",
        "title_id",
        "compliance",
        "volumes",
        "made_from",
        "grounds",
        "retry_after",
        "retry_before",
        "library",
    }
)
"""What an action can be told."""


@dataclass(frozen=True, slots=True)
class Timeout:
    """What happens when nothing does."""

    after: str
    """The name of a span: `ill.requests.rules.look_at` knows them."""
    on: str


@dataclass(frozen=True, slots=True)
class State:
    """A state of a request."""

    name: str
    says: str
    end: bool = False
    before_shipping: bool = False
    timeout: Timeout | None = None
    notice: str | None = None
    """What the patron is told when a request comes to it, as a code."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a person may do."""

    name: str
    says: str
    by: frozenset[str]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Move:
    """From a state to another, and what is done on the way."""

    on: str
    to: str
    do: tuple[str, ...] = ()
    keep: bool = False
    """Remember the state that is left, to come back to it."""


@dataclass(frozen=True, slots=True)
class Model:
    """One side's states, actions and moves."""

    side: str
    start: str
    states: Mapping[str, State]
    actions: Mapping[str, Action]
    moves: Mapping[tuple[str, str], Move]
    """By state and event."""

    def move(self, state: str, on: str) -> Move | None:
        """What the event does in this state; None: nothing."""
        return self.moves.get((state, on))

    @property
    def events(self) -> frozenset[str]:
        """Every event that some state heeds."""
        return frozenset(on for _, on in self.moves)

    @property
    def effects(self) -> frozenset[str]:
        """Every effect that some move has."""
        return frozenset(effect for move in self.moves.values() for effect in move.do)


def read(text: str) -> Model:
    """A model from its text; `ValueError` when it contradicts itself before it can be read whole."""
    told = tomllib.loads(text)
    states = {
        name: State(
            name,
            about["says"],
            about.get("end", False),
            about.get("before_shipping", False),
            Timeout(**about["timeout"]) if "timeout" in about else None,
            about.get("notice"),
        )
        for name, about in told["states"].items()
    }
    actions = {
        name: Action(
            name,
            about["says"],
            frozenset(about["by"]),
            tuple(about.get("needs", ())),
            tuple(about.get("takes", ())),
        )
        for name, about in told["actions"].items()
    }
    moves: dict[tuple[str, str], Move] = {}
    for about in told["moves"]:
        move = Move(about["on"], about["to"], tuple(about.get("do", ())), about.get("keep", False))
        for state in _sources(about["from"], states):
            if (state, move.on) in moves:
                raise ValueError(f"{state} heeds {move.on} twice")
            moves[(state, move.on)] = move
    return Model(told["side"], told["start"], states, actions, moves)


def _sources(told: Any, states: Mapping[str, State]) -> list[str]:
    if told == "all":
        return list(states)
    if told == "any":
        return [name for name, state in states.items() if not state.end]
    return list(told)


def flaws(
    model: Model,
    *,
    events: frozenset[str],
    effects: frozenset[str],
    spans: frozenset[str],
    newest: bool = True,
) -> list[str]:
    """Everything that is wrong with a model, held against the events and effects that the code has.

    Only the newest has to heed every event and to use every effect: the others knew nothing of what came later.
    """
    return list(_flaws(model, events, effects, spans, newest))


def _flaws(
    model: Model, events: frozenset[str], effects: frozenset[str], spans: frozenset[str], newest: bool
) -> Iterator[str]:
    known = model.states.keys()
    if model.start not in known:
        yield f"it starts in {model.start}, which is no state"
        return
    for (state, on), move in model.moves.items():
        if state not in known:
            yield f"{on} leads from {state}, which is no state"
        if move.to not in known | {SAME, FORMER}:
            yield f"{on} leads to {move.to}, which is no state"
        if state in known and model.states[state].end and move.to != SAME:
            yield f"{on} leads on from {state}, which is an end"
    yield from (f"nobody brings about {name}" for name in sorted(model.events - events - set(model.actions)))
    wanted = events | set(model.actions) if newest else frozenset(model.actions)
    yield from (f"no state heeds {name}" for name in sorted(wanted - model.events))
    yield from (f"the code has no effect {name}" for name in sorted(model.effects - effects))
    if newest:
        yield from (f"no move has the effect {name}" for name in sorted(effects - model.effects))
    for about in model.states.values():
        if about.timeout and about.timeout.after not in spans:
            yield f"{about.name} waits for {about.timeout.after}, which is no span"
        if about.timeout and model.move(about.name, about.timeout.on) is None:
            yield f"{about.name} does not heed its own timeout {about.timeout.on}"
    for action in model.actions.values():
        yield from (
            f"{action.name} is told {name}, which is no argument"
            for name in sorted(set(action.needs + action.takes) - ARGUMENTS)
        )
    after, before = _steps(model)
    reached = _reached({model.start}, after)
    yield from (f"nothing leads to {name}" for name in known if name not in reached)
    ending = _reached({name for name, state in model.states.items() if state.end}, before)
    yield from (f"nothing leads from {name} to an end" for name in known if name not in ending)


def _steps(model: Model) -> tuple[Mapping[str, set[str]], Mapping[str, set[str]]]:
    """By state: those that can come right after it, and right before. (`former` leads to where `keep` was set.)"""
    kept = {state for (state, _), move in model.moves.items() if move.keep}
    after: dict[str, set[str]] = defaultdict(set)
    before: dict[str, set[str]] = defaultdict(set)
    for (state, _), move in model.moves.items():
        for to in kept if move.to == FORMER else {move.to} - {SAME}:
            after[state].add(to)
            before[to].add(state)
    return after, before


def _reached(starts: set[str], steps: Mapping[str, set[str]]) -> set[str]:
    """Every state that these lead to, themselves included."""
    found, at_hand = set(starts), list(starts)
    while at_hand:
        onwards = steps.get(at_hand.pop(), set()) - found
        found |= onwards
        at_hand += onwards
    return found


@cache
def versions(side: str) -> tuple[int, ...]:
    """The versions of a side's model that this release knows, oldest first."""
    names = (file.name for file in files("ill.requests").iterdir())
    found = (re.fullmatch(rf"{side}-(\d+)\.toml", name) for name in names)
    return tuple(sorted(int(match[1]) for match in found if match))


def newest(side: str) -> int:
    """The version by which new requests run."""
    return versions(side)[-1]


@cache
def model_of(side: str, version: int) -> Model:
    """The model that a request runs by."""
    return read((files("ill.requests") / f"{side}-{version}.toml").read_text(encoding="utf-8"))
