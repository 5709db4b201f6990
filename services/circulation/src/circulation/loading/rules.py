"""What a campus file changes of a patron, and when it must not be believed. Decisions only."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, Literal, get_args


class LoadState(StrEnum):
    """How far a load has come."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FINISHED_WITH_ERRORS = "finished-with-errors"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """What became of a line."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


Field = Literal[
    "barcode",
    "group",
    "family_name",
    "given_name",
    "email",
    "language",
    "library",
    "expires_at",
    "active",
    "preferred_name",
    "sort_name",
    "name_order",
    "name_forms",
    "birth_on",
    "addresses",
    "emails",
    "phones",
    "identifiers",
    "statistics",
    "custom",
    "tags",
]
FIELDS: Final[tuple[str, ...]] = get_args(Field)
"""What a file may tell of a patron, besides the external id by which they are found."""
NEVER_EMPTY: Final = (
    "group",
    "family_name",
    "active",
    "name_forms",
    "addresses",
    "emails",
    "phones",
    "identifiers",
    "statistics",
    "custom",
    "tags",
)
"""Lists are emptied by an empty list."""


def changes(
    present: Mapping[str, Any], told: Mapping[str, Any], *, library_wins: Collection[str]
) -> dict[str, Any]:
    """What the file changes: what it tells, what differs, and what is not the library's to say.

    What a file leaves out stays as it is; what it says is empty is emptied.
    """
    return {
        name: told[name]
        for name in FIELDS
        if name in told and name not in library_wins and present[name] != told[name]
    }


def too_many_missing(*, missing: int, known: int, safety_percent: int) -> bool:
    """Whether so many are missing that the file is more likely to be wrong than they are to be gone."""
    return missing * 100 > known * safety_percent
