"""What a bulk edit of patrons is: its states and bounds, and what becomes of one patron's facts. No I/O.

Facts are compared one by one under flat names (`group`, `custom.hall`, `tags.alumni`), so that an edit is taken back by
fact: what a campus file changes of a patron meanwhile stands in nobody's way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from chassis.edits import LONGEST_TOLD, Outcome

MOST_EDITED: Final = 200_000
"""Patrons of one edit."""
MOST_OPEN: Final = 20
"""Edits of one asker that are worked on at a time."""
MOST_TOLD: Final = 50_000
"""Ids and barcodes in one call."""
MOST_UNKNOWN_KEPT: Final = 1000
"""Of those that are not here, so many are told by name; all are counted."""
SLICE: Final = 200
"""Patrons from one commit to the next."""
KEPT: Final = timedelta(days=90)
"""An edit can be read and taken back so long after its end."""
LONGEST_NOTE: Final = 10_000
SCALARS: Final = ("group", "library", "expires_at", "active", "note")
LATEST: Final = datetime(9990, 1, 1, tzinfo=UTC)


class State(StrEnum):
    """Where an edit stands."""

    PREVIEWING = "previewing"
    PREVIEWED = "previewed"
    APPLYING = "applying"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class Step(StrEnum):
    """What somebody may wish of an edit."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    UNDO = "undo"


FROM: Final[Mapping[Step, frozenset[State]]] = {
    Step.CONFIRM: frozenset({State.PREVIEWED}),
    Step.CANCEL: frozenset({State.PREVIEWING, State.PREVIEWED, State.APPLYING}),
    Step.UNDO: frozenset({State.FINISHED, State.CANCELLED, State.FAILED, State.UNDONE}),
}


SEEN: Final[Mapping[State, Outcome]] = {
    State.PREVIEWING: Outcome.WAITING,
    State.APPLYING: Outcome.CHANGE,
    State.UNDOING: Outcome.EDITED,
}
"""Which patrons a step sees to."""
ENDS: Final[Mapping[State, State]] = {
    State.PREVIEWING: State.PREVIEWED,
    State.APPLYING: State.FINISHED,
    State.UNDOING: State.UNDONE,
}
Flat = dict[str, Any]


@dataclass(slots=True)
class Verdict:
    """What becomes of one patron."""

    outcome: Outcome
    reasons: list[dict[str, str]] = field(default_factory=list)
    before: Flat = field(default_factory=dict)
    """Facts that change, as they are; null for what is not there."""
    after: Flat = field(default_factory=dict)
    """The same, as they are to be."""
    block: bool = False
    """A block is set."""
    lifted: Sequence[Any] = ()
    """Blocks that are lifted, by their ids."""
    differences: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class NoteEdit:
    """What becomes of staff's note."""

    how: str
    """`set`, `append`, `prepend`, `replace`."""
    text: str
    find: str = ""

    def of(self, note: str | None) -> str | None:
        """The note as it is to be; None for one that is empty."""
        if self.how == "set":
            return self.text.strip() or None
        if self.how == "replace":
            told = (note or "").replace(self.find, self.text)
        else:
            parts = (note, self.text) if self.how == "append" else (self.text, note)
            told = "\n".join(part for part in parts if part)
        return told.strip() or None


def flat(row: Mapping[str, Any]) -> Flat:
    """A patron's facts by flat names; a moment as text in UTC."""
    told: Flat = {name: _written(row[name]) for name in SCALARS if row[name] is not None}
    for name in ("custom", "statistics"):
        told |= {f"{name}.{code}": value for code, value in row[name].items()}
    return told | {f"tags.{tag}": True for tag in row["tags"]}


def _written(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def raised(row: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """The row with these flat facts in the place of its own; null takes one away."""
    after: dict[str, Any] = {name: row[name] for name in SCALARS}
    after |= {"custom": dict(row["custom"]), "statistics": dict(row["statistics"]), "tags": list(row["tags"])}
    for name, value in told.items():
        part, _, code = name.partition(".")
        if part == "tags":
            after["tags"] = [tag for tag in after["tags"] if tag != code] + ([code] if value else [])
        elif code and value is None:
            after[part].pop(code, None)
        elif code:
            after[part][code] = value
        elif part == "expires_at" and value is not None:
            after[part] = datetime.fromisoformat(value)
        else:
            after[part] = value
    return after


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Flat, Flat]:
    """Facts that differ, as they are and as they are to be."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def told_as(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Differences as somebody reads them."""
    return [{"field": name, "before": _shown(before[name]), "after": _shown(after[name])} for name in after]


def _shown(value: Any) -> Any:
    return value[:LONGEST_TOLD] if isinstance(value, str) else value


def later(expires_at: datetime | None, days: int) -> datetime | None:
    """The end of a card, so many days later; a card without an end stays so."""
    if expires_at is None:
        return None
    return (
        expires_at + timedelta(days=days)
        if LATEST - expires_at > timedelta(days=days)
        else max(LATEST, expires_at)
    )


def touched(now_is: Mapping[str, Any], left_as: Mapping[str, Any]) -> list[str]:
    """Facts that somebody has changed since the edit left them."""
    return [name for name, value in left_as.items() if now_is.get(name) != value]
