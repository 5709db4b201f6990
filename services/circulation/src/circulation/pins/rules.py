"""Which PINs are taken, and how many guesses there are. Decisions only: no clock, no database."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final


@dataclass(frozen=True, slots=True)
class PinPolicy:
    """What the library asks of a PIN."""

    min_length: int = 4
    max_length: int = 12
    digits_only: bool = True
    guesses: int = 5
    """Wrong ones in a row, over all doors together, before the PIN is locked."""
    lock: timedelta | None = timedelta(minutes=30)
    """For how long; None: until staff unlock it."""


STEPS: Final = frozenset({-1, 0, 1})
"""From one digit to the next in PINs that are guessed first: 4321, 1111, 1234."""


def pin_wrongs(pin: str, policy: PinPolicy) -> list[tuple[str, str]]:
    """Everything that is wrong with a new PIN: codes and words, never the PIN's own."""
    applies = {
        ("pin-too-short", f"A PIN has {policy.min_length} characters at least."): len(pin)
        < policy.min_length,
        ("pin-too-long", f"A PIN has {policy.max_length} characters at most."): len(pin) > policy.max_length,
        ("pin-not-digits", "A PIN is made of digits."): policy.digits_only
        and not (pin.isascii() and pin.isdigit()),
        ("pin-too-simple", "A row of the same or of neighbouring characters is guessed first."): _simple(pin),
    }
    return [reason for reason, holds in applies.items() if holds]


def _simple(pin: str) -> bool:
    steps = {ord(after) - ord(before) for before, after in pairwise(pin)}
    return len(steps) <= 1 and steps <= STEPS
