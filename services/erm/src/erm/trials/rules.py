"""Where may a trial go, is an answer one, and what do all of them come to? Decisions only: no clock, no database."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final


class TrialStatus(StrEnum):
    """Where a trial stands."""

    REQUESTED = "requested"
    SET_UP = "set-up"
    RUNNING = "running"
    FEEDBACK = "feedback"
    """Access has ended; people may still say what they think."""
    DECIDED = "decided"


class TrialDecision(StrEnum):
    """What came of it."""

    BUY = "buy"
    DROP = "drop"
    EXTEND = "extend"
    """It runs on, until another day."""


MOVES: Final[Mapping[TrialStatus, frozenset[TrialStatus]]] = {
    TrialStatus.REQUESTED: frozenset({TrialStatus.SET_UP}),
    TrialStatus.SET_UP: frozenset({TrialStatus.REQUESTED, TrialStatus.RUNNING}),
    TrialStatus.RUNNING: frozenset({TrialStatus.FEEDBACK}),
    TrialStatus.FEEDBACK: frozenset({TrialStatus.RUNNING}),
    TrialStatus.DECIDED: frozenset(),
}
"""Where it may go by itself; `decided` it is by a decision alone."""
DATED: Final = frozenset({TrialStatus.SET_UP, TrialStatus.RUNNING, TrialStatus.FEEDBACK})
"""Not without a first and a last day."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why it cannot be so."""

    code: str
    text: str
    pointer: str
    mend: str | None = None


def status_flaws(before: TrialStatus | None, after: TrialStatus, *, dated: bool) -> list[Flaw]:
    """Moves that there are not, and dates that are needed."""
    found = []
    ways = MOVES[before] if before is not None else frozenset(TrialStatus) - {TrialStatus.DECIDED}
    if after != before and after not in ways:
        told = ", ".join(sorted(ways)) or "nowhere by itself: enter a decision"
        text = f"From {before} it does not go to {after}." if before else f"It does not begin as {after}."
        found.append(Flaw("trial-move-unknown", text, "/status", f"It may go to: {told}."))
    if after in DATED and not dated:
        found.append(
            Flaw(
                "trial-dates-missing",
                f"What is {after} has dates.",
                "/starts_on",
                "Give starts_on and ends_on.",
            )
        )
    return found


def decision_flaws(
    before: TrialStatus, decision: TrialDecision, *, ends_on: date | None, until: date | None
) -> list[Flaw]:
    """What stands against a decision: `until` is the new last day of one that is extended."""
    found = []
    if before is TrialStatus.DECIDED:
        found.append(Flaw("trial-decided", "It is decided.", "/decision", "Enter another trial."))
    if decision is TrialDecision.EXTEND:
        if before not in (TrialStatus.RUNNING, TrialStatus.FEEDBACK):
            text = f"One that is {before} cannot be extended."
            found.append(Flaw("trial-not-running", text, "/decision", "Change its dates instead."))
        if until is None or (ends_on is not None and until <= ends_on):
            found.append(
                Flaw(
                    "extension-ends",
                    "It is extended until a later day.",
                    "/ends_on",
                    f"A day after {ends_on}.",
                )
            )
    elif until is not None:
        found.append(
            Flaw("extension-unexpected", "Only an extension has a new end.", "/ends_on", "Leave it out.")
        )
    return found


def takes_feedback(
    status: TrialStatus, *, starts_on: date | None, until: date | None, today: date
) -> Flaw | None:
    """Why nobody can say anything of it today; None: they can. `until` is the last day for it."""
    if status not in (TrialStatus.RUNNING, TrialStatus.FEEDBACK):
        return Flaw("trial-not-open", f"It is {status}.", "")
    if starts_on is not None and today < starts_on:
        return Flaw("trial-not-begun", f"It begins on {starts_on}.", "")
    if until is not None and today > until:
        return Flaw("feedback-ended", f"Its last day for this was {until}.", "")
    return None


RATINGS: Final = range(1, 6)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the form."""

    key: str
    kind: str
    """rating (1 to 5), yes-no, choice, text."""
    choices: tuple[str, ...] = ()
    required: bool = False


def answer_flaws(form: Sequence[Asked], answers: Mapping[str, Any]) -> list[Flaw]:
    """Everything that is wrong with answers."""
    by_key = {each.key: each for each in form}
    found = [
        Flaw("question-unknown", "The form has no such question.", f"/answers/{key}", "Answer what is asked.")
        for key in sorted(answers.keys() - by_key.keys())
    ]
    found += [
        Flaw("answer-missing", "This has to be answered.", f"/answers/{each.key}")
        for each in form
        if each.required and answers.get(each.key) is None
    ]
    for each in form:
        told = answers.get(each.key)
        if told is not None and (mend := _unfit(each, told)):
            found.append(Flaw("answer-unfit", "It is no answer to this.", f"/answers/{each.key}", mend))
    return found


def _unfit(asked: Asked, told: Any) -> str | None:
    whole = isinstance(told, int) and not isinstance(told, bool)
    if asked.kind == "rating":
        return None if whole and told in RATINGS else "A whole number from 1 to 5."
    if asked.kind == "yes-no":
        return None if isinstance(told, bool) else "true or false."
    if asked.kind == "choice":
        return None if told in asked.choices else f"One of: {', '.join(asked.choices)}."
    return None if isinstance(told, str) and 0 < len(told) <= 4000 else "A text of up to 4000 characters."


def counted(asked: Asked, answers: Sequence[Any]) -> dict[str, int]:
    """How often each answer was given, in the order of the form; texts are only counted."""
    told = Counter(answers)
    if asked.kind == "text":
        return {"answered": len(answers)}
    by_kind: Mapping[str, Sequence[Any]] = {"rating": RATINGS, "yes-no": (True, False)}
    ways = by_kind.get(asked.kind, asked.choices)
    names = {True: "yes", False: "no"} if asked.kind == "yes-no" else {}
    return {str(names.get(way, way)): told[way] for way in ways}


def mean(asked: Asked, answers: Sequence[Any]) -> float | None:
    """Of ratings, to two digits; None where there are none."""
    return round(sum(answers) / len(answers), 2) if asked.kind == "rating" and answers else None
