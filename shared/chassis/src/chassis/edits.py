"""What becomes of each of many things that somebody changes at once, whatever they are. No I/O.

An edit is previewed, then applied, then perhaps taken back; what came of each of its things is told by the same words
in every service, so that one program reads them all. Which states an edit goes through, and what it changes, is a
service's own.
"""

from enum import StrEnum
from typing import Final

LONGEST_TOLD: Final = 500
"""Characters of a reason, or of a value that is shown."""


class Outcome(StrEnum):
    """What is to become of a thing, or became of it."""

    WAITING = "waiting"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    CANNOT = "cannot"
    EDITED = "edited"
    CHANGED_MEANWHILE = "changed-meanwhile"
    """Somebody has changed it since the preview: it was left alone."""
    REFUSED = "refused"
    """A rule that the preview had not met stood against it."""
    RESTORED = "restored"
    CONFLICT = "conflict"
    """Somebody has changed it since the edit: it was not taken back."""


ERRORS: Final = (Outcome.CANNOT, Outcome.CHANGED_MEANWHILE, Outcome.REFUSED, Outcome.CONFLICT)
CHANGES: Final = (Outcome.CHANGE, Outcome.EDITED, Outcome.RESTORED)


def reason(code: str, text: str) -> dict[str, str]:
    """Why not, within bounds."""
    return {"code": code, "text": text[:LONGEST_TOLD]}
