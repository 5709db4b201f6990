"""What facts that a house has decided upon may say: configured, and held against their kind. No I/O."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final, NamedTuple

LONGEST: Final = 2_000
BIGGEST: Final = 10**15
MOST_CHOSEN: Final = 50


class Kind(StrEnum):
    """What a fact is made of."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    """One of those that are listed."""
    MANY = "many"
    """Some of them."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A fact that something may have beside the usual ones."""

    code: str
    kind: Kind
    choices: tuple[str, ...] = ()
    required: bool = False


class Fault(NamedTuple):
    """Why a fact is not taken."""

    code: str
    text: str
    pointer: str


def told(
    before: Mapping[str, Any], changes: Mapping[str, Any], known: Sequence[Definition]
) -> tuple[dict[str, Any], list[Fault]]:
    """The facts after a merge patch (RFC 7396), and everything that is wrong with it. What was there before and is not
    changed is not judged anew: a choice that is offered no more stays where it was made."""
    by_code = {each.code: each for each in known}
    after, faults = dict(before), []
    for code, value in changes.items():
        pointer = f"/custom/{code.replace('~', '~0').replace('/', '~1')}"
        if (definition := by_code.get(code)) is None:
            faults.append(Fault("custom-field-unknown", f"There is no field {code[:60]!r} here.", pointer))
        elif value is None:
            after.pop(code, None)
        elif value != before.get(code):
            if (wrong := _wrong(value, definition)) is not None:
                faults.append(Fault("custom-value-wrong", wrong, pointer))
            after[code] = value
    faults += [
        Fault("custom-field-required", f"{each.code} must be told.", f"/custom/{each.code}")
        for each in known
        if each.required and each.code not in after
    ]
    return after, faults


def _wrong(value: Any, definition: Definition) -> str | None:
    """What belongs there instead."""
    match definition.kind:
        case Kind.TEXT:
            return None if _is_text(value) else f"A text of up to {LONGEST} characters belongs here."
        case Kind.NUMBER:
            return None if _is_number(value) else f"A number of up to {BIGGEST} belongs here."
        case Kind.DATE:
            return None if _is_date(value) else "A day (2026-03-01) belongs here."
        case Kind.CHOICE:
            fits = isinstance(value, str) and value in definition.choices
            return None if fits else f"One of these belongs here: {', '.join(definition.choices)}."
        case Kind.MANY:
            fits = (
                isinstance(value, list)
                and 0 < len(value) <= MOST_CHOSEN
                and all(isinstance(each, str) and each in definition.choices for each in value)
                and len(set(value)) == len(value)
            )
            return None if fits else f"A list of some of these belongs here: {', '.join(definition.choices)}."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and len(value) <= LONGEST and "\0" not in value


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) <= BIGGEST


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != 10:
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
