"""What a request asks of other services, and remembers until they answer.

Questions are numbered in one row per request, so that they are taken in that order, and a late answer is told from the
one that is waited for.
"""

from typing import Any

from ill.requests.case import Case


def next_number(case: Case) -> int:
    """The number of the next question."""
    case.row["asked"] += 1
    asked: int = case.row["asked"]
    return asked


def remember(case: Case, **told: Any) -> None:
    """Keep it with what is known of what is wanted; None: forget it."""
    kept = case.row["holding"] | told
    case.row["holding"] = {name: value for name, value in kept.items() if value is not None}
