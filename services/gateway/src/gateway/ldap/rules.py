"""What may be asked of a directory, and whom its answer names. Decisions only."""

from collections.abc import Mapping, Sequence
from typing import Final

LONGEST_NAME: Final = 200
LONGEST_PASSWORD: Final = 1000
_SPECIAL: Final = {"\\": r"\5c", "*": r"\2a", "(": r"\28", ")": r"\29", "\0": r"\00"}


def escaped(told: str) -> str:
    """A value as it stands in a filter: whatever somebody types, it is a value and no filter (RFC 4515 §3)."""
    return "".join(_SPECIAL.get(letter, letter) for letter in told)


def search_filter(only: str, names: Sequence[str], typed: str) -> str:
    """Whoever is let in and has this name."""
    either = "".join(f"({name}={escaped(typed)})" for name in names)
    return f"(&{only}{f'(|{either})' if len(names) > 1 else either})"


def askable(typed: str, password: str) -> bool:
    """Whether a directory is asked at all.

    A simple bind without a password is an anonymous one, and succeeds (RFC 4513 §5.1.2): it would sign anybody in.
    """
    return (
        0 < len(typed.strip()) <= LONGEST_NAME
        and 0 < len(password) <= LONGEST_PASSWORD
        and typed.isprintable()
        and "\0" not in password
        and not any(0xD800 <= ord(letter) < 0xE000 for letter in typed + password)
    )


def one_value(attributes: Mapping[str, Sequence[str]], name: str) -> str | None:
    """The value of an attribute that has exactly one, its name in any case (RFC 4512 §2.5)."""
    found = [value for key, values in attributes.items() if key.lower() == name.lower() for value in values]
    return found[0] if len(found) == 1 and 0 < len(found[0]) <= LONGEST_NAME else None
