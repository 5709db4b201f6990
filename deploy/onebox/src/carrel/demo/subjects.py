"""Subject headings out of the sheets' short form: `Rome -- History -- Empire, 30 B.C.-476 A.D.`"""

import re
from typing import Final

from carrel.demo.names import heading
from catalog.marc.record import Field

FORMS: Final = frozenset(
    {
        "Anecdotes",
        "Biography",
        "Drama",
        "Early works to 1800",
        "Fiction",
        "Maps",
        "Personal narratives",
        "Poetry",
        "Scores",
        "Scores and parts",
        "Textbooks",
        "Vocal scores with piano",
    }
)
"""Subdivisions of form ($v)."""
PLACES: Final = frozenset(
    {
        "Africa",
        "Algeria",
        "Andes Region",
        "Brazil",
        "China",
        "Egypt",
        "England",
        "Europe",
        "Europe, Eastern",
        "France",
        "Germany",
        "Germany (East)",
        "Great Britain",
        "India",
        "Italy",
        "Japan",
        "Jerusalem",
        "London",
        "Maryland",
        "Massachusetts",
        "Portugal",
        "Rome",
        "Russia",
        "Soviet Union",
        "United States",
        "Wales",
    }
)
"""Subdivisions of place ($z), where the heading is a topic."""
_PERIOD: Final = re.compile(r"\d|century")


def subject(text: str) -> Field:
    """600, 650 or 651 by the heading's mark."""
    mark, rest = (text[0], text[1:]) if text[0] in "@&" else ("", text)
    first, *divisions = rest.split(" -- ")
    if mark == "&":
        who = heading(first)
        tag, indicators, parts = "600", "10" if who.surname_first else "00", who.subfields()
    else:
        tag, indicators, parts = ("651" if mark else "650"), " 0", [("a", first)]
    parts += [(_code(division, topical=not mark), division) for division in divisions]
    code, last = parts[-1]
    if last[-1] not in ".-)?!":
        parts[-1] = (code, last + ".")
    return Field.data(tag, indicators, *parts)


def _code(division: str, *, topical: bool) -> str:
    if division in FORMS:
        return "v"
    if _PERIOD.search(division):
        return "y"
    return "z" if topical and division in PLACES else "x"
