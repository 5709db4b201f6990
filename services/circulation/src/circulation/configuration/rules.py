"""What becomes of a draft."""

from enum import StrEnum


class DraftState(StrEnum):
    """What has become of a draft."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    ACTIVATED = "activated"
    FAILED = "failed"
    """Its moment came, and it could not be put in place: the reasons are kept."""
    DISCARDED = "discarded"


OPEN = frozenset({DraftState.DRAFT, DraftState.SCHEDULED, DraftState.FAILED})
