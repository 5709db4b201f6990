"""What a bulk edit is: its states and bounds, and what becomes of an item or of holdings. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from catalog.bulkedits.own_rules import OwnEdit
from catalog.bulkedits.own_rules import differences as own_differences
from catalog.callnumbers.rules import Scheme, shelving_key
from catalog.items.rules import FACTS, contradictions, ended, endless, state_refusal
from chassis.custom import Definition, Fault
from chassis.edits import LONGEST_TOLD, Outcome, reason

MOST_EDITED: Final = 500_000
"""Records of one edit."""
MOST_OPEN: Final = 20
"""Edits of one asker that wait or are worked on at a time."""
SLICE: Final = 500
"""Records from one commit to the next."""
HOLDINGS_SLICE: Final = 100
"""Holdings from one commit to the next: all their items come along."""
TURN: Final = 10
"""Slices of one edit before the next one has its turn."""
SMALL: Final = 200
"""Records of an edit that the quick lane takes: what somebody sits before and waits for."""
KEPT: Final = timedelta(days=90)
"""An edit can be read and taken back so long after its end."""
LONGEST_NOTE: Final = 500
MOST_TOLD: Final = 50
"""Differences and reasons that are kept of one record."""


class State(StrEnum):
    """Where an edit stands."""

    PREVIEWING = "previewing"
    PREVIEWED = "previewed"
    APPLYING = "applying"
    FINISHED = "finished"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"


class Step(StrEnum):
    """What somebody may wish of an edit."""

    CONFIRM = "confirm"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    UNDO = "undo"


WORKING: Final = frozenset({State.PREVIEWING, State.APPLYING, State.UNDOING})
FROM: Final[Mapping[Step, frozenset[State]]] = {
    Step.CONFIRM: frozenset({State.PREVIEWED}),
    Step.PAUSE: WORKING,
    Step.RESUME: frozenset({State.PAUSED}),
    Step.CANCEL: frozenset({State.PREVIEWING, State.PREVIEWED, State.APPLYING, State.PAUSED}),
    Step.UNDO: frozenset({State.FINISHED, State.CANCELLED, State.UNDONE}),
}


@dataclass(slots=True)
class Verdict:
    """What becomes of one record."""

    outcome: Outcome
    differences: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[dict[str, str]] = field(default_factory=list)
    before: dict[str, Any] = field(default_factory=dict)
    """Facts that change, as they are."""
    after: dict[str, Any] = field(default_factory=dict)
    """The same, as they are to be."""


ITEM_FACTS: Final = FACTS
OWN_ITEM_FACTS: Final = (*FACTS, "custom")
"""The same with what is the library's own, for edits that change that."""
HOLDINGS_FACTS: Final = (
    "location_id", "temporary_location_id", "temporary_location_ends_at", "call_number", "call_number_scheme",
    "shelving_key", "suppressed", "statistical_codes",
)  # fmt: skip
DIGITISED_FACTS: Final = (*HOLDINGS_FACTS, "digitisation_policy")
"""The same with what was not known to earlier releases, for edits that change that."""
HIDDEN_FACTS: Final = frozenset({"shelving_key"})
"""Follow from others, and are not shown as differences."""


@dataclass(frozen=True, slots=True)
class NoteEdit:
    """What becomes of an item's note."""

    how: str
    """`append`, `prepend`, `replace`."""
    text: str
    find: str = ""

    def of(self, note: str | None) -> str | None:
        """The note as it is to be; None for one that is empty."""
        if self.how == "replace":
            told = (note or "").replace(self.find, self.text)
        else:
            parts = (note, self.text) if self.how == "append" else (self.text, note)
            told = " ".join(part for part in parts if part)
        return told.strip() or None


def item_verdict(
    row: Mapping[str, Any],
    told: Mapping[str, Any],
    note: NoteEdit | None,
    own: OwnEdit | None = None,
    known: Sequence[Definition] = (),
) -> Verdict:
    """As strict as a change of this item alone would be; `known` are the library's own fields of items."""
    facts = OWN_ITEM_FACTS if own else ITEM_FACTS
    after = {name: row[name] for name in facts} | dict(told) | ended(row, told)
    faults: list[Fault] = []
    if own:
        told_, faults = own.of({**row, **after}, known)
        after |= told_
    if note is not None:
        after["note"] = note.of(after["note"])
    reasons = []
    if (refusal := state_refusal(before=row["base_state"], after=after["base_state"])) is not None:
        words = f"The item is {row['base_state']} and cannot be {after['base_state']}."
        reasons.append(reason(refusal, words))
    if len(after["note"] or "") > LONGEST_NOTE:
        reasons.append(reason("note-too-long", f"A note has up to {LONGEST_NOTE} characters."))
    reasons += [reason(each.code, each.text) for each in contradictions(after)]
    reasons += [reason(each.code, each.text) for each in faults]
    return _verdict(row, after, facts, reasons)


def holdings_verdict(
    row: Mapping[str, Any], told: Mapping[str, Any], taken: set[tuple[Any, Any, str]]
) -> Verdict:
    """The same of holdings; `taken` has places where their title has holdings, and is given the new one."""
    facts = DIGITISED_FACTS if "digitisation_policy" in told else HOLDINGS_FACTS
    after = {name: row[name] for name in facts} | dict(told) | ended(row, told)
    after["call_number"] = after["call_number"] or ""
    reasons = [reason(each.code, each.text) for each in endless(after)]
    if row["deleted_at"] is not None:
        reasons.append(reason("holdings-deleted", "These holdings are deleted."))
    place = (row["title_id"], after["location_id"], after["call_number"])
    if place != (row["title_id"], row["location_id"], row["call_number"]):
        if place in taken:
            reasons.append(reason("holdings-taken", "The title has holdings there under this call number."))
        elif not reasons:
            taken.add(place)
    return _verdict(row, after, facts, reasons)


def _verdict(
    row: Mapping[str, Any], after: dict[str, Any], facts: tuple[str, ...], reasons: list[dict[str, str]]
) -> Verdict:
    scheme = Scheme(after["call_number_scheme"]) if after["call_number_scheme"] is not None else None
    numbered = ("call_number", "call_number_scheme")
    if any(after[name] != row[name] for name in numbered):
        after["shelving_key"] = shelving_key(after["call_number"] or "", scheme)
    changed = [name for name in facts if after[name] != row[name]]
    if not changed:
        return Verdict(Outcome.UNCHANGED)
    if reasons:
        return Verdict(Outcome.CANNOT, reasons=reasons)
    differences = [
        {"field": name, "before": shown_fact(row[name]), "after": shown_fact(after[name])}
        for name in changed
        if name not in HIDDEN_FACTS and name != "custom"
    ]
    if "custom" in changed:
        differences += [
            each | {"before": shown_fact(each["before"]), "after": shown_fact(each["after"])}
            for each in own_differences(row["custom"], after["custom"])
        ]
    before = {name: row[name] for name in changed}
    return Verdict(Outcome.CHANGE, differences, [], before, {name: after[name] for name in changed})


def shown_fact(value: Any) -> Any:
    """A fact as it is told, within bounds."""
    if isinstance(value, list):
        return ", ".join(value)[:LONGEST_TOLD]
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:LONGEST_TOLD]
