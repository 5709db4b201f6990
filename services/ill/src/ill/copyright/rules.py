"""Copies under the guidelines of the United States (CONTU): five of one journal in a calendar year. Decisions only.

The guidelines count copies that were supplied, of articles published within the five years before the request, for each
periodical and calendar year. Where nothing but years is known of an article, the year that is just within counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GUIDELINES: Final = "US-CCG"
"""Copied under the guidelines: it counts."""
LAW: Final = "US-CCL"
"""Copied under the law otherwise (older, or paid for): it does not."""


@dataclass(frozen=True, slots=True)
class Guidelines:
    """As the library has set them."""

    limit: int = 5
    years: int = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The code that the request carries, and whether it is beyond what the guidelines allow."""

    compliance: str
    beyond: bool = False


def journal_of(citation: Mapping[str, Any]) -> list[str]:
    """The numbers of the journal, print and electronic, each in one form: both are one title."""
    told = (str(citation[name]) for name in ("issn", "eissn") if citation.get(name))
    return sorted({"".join(sign for sign in number.upper() if sign.isalnum()) for number in told})


def recent(published: str | None, *, asked_in: int, years: int) -> bool:
    """Whether an article is young enough to count; one of which nobody knows the year is."""
    return published is None or not published.isdigit() or asked_in - int(published) <= years


def judged(
    citation: Mapping[str, Any], *, asked_in: int, counted: int, guidelines: Guidelines
) -> Verdict | None:
    """What the guidelines say of one more copy; None for what is in no journal that has a number."""
    if not journal_of(citation):
        return None
    if not recent(citation.get("year"), asked_in=asked_in, years=guidelines.years):
        return Verdict(LAW)
    return Verdict(GUIDELINES, beyond=counted >= guidelines.limit)
