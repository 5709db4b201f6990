"""What a token of PAIA auth is good for. Decisions only: no clock, no database."""

from collections.abc import Collection
from typing import Final

VERSION: Final = "1.4.0"
"""Of the specification that this was written against."""
DEFAULT: Final = (
    "read_patron",
    "read_fees",
    "read_items",
    "write_items",
    "read_notifications",
    "delete_notifications",
)
"""What a token is good for where no scope is asked for (PAIA auth, login)."""
CHANGE: Final = "change_password"
KNOWN: Final = (*DEFAULT, "update_patron", "update_patron_name", "update_patron_email", CHANGE)
WHOLE: Final = frozenset({"read_patron", "read_fees", "read_items", "write_items"})
"""With all of these a token may do what somebody may in their own account."""
LONGEST: Final = 1000


def granted(asked: str | None) -> tuple[str, ...]:
    """The scopes of a new token; what nobody here knows is not granted (RFC 6749 §3.3)."""
    if asked is None or not asked.strip():
        return DEFAULT
    wanted = set(asked.split())
    return tuple(scope for scope in KNOWN if scope in wanted)


def inside(scopes: Collection[str]) -> frozenset[str]:
    """The same for the services behind: a token for the whole account is the patron's own."""
    return frozenset(scopes) | (frozenset({"account:own"}) if set(scopes) >= WHOLE else frozenset())
