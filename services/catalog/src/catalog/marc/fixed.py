"""008 of a record that was not described in MARC: what is not known is left uncoded (`|`)."""

import re
from typing import Final

_YEAR: Final = re.compile(r"(?<![0-9])([0-9u]{4})(?![0-9u])")


def coded_year(text: str) -> str:
    """The first year in a date's words, `u` for digits that are not known; empty for none."""
    found = _YEAR.search(text)
    return found[1] if found else ""


def fixed_data(
    *,
    created: str = "",
    kind: str = "",
    first: str = "",
    last: str = "",
    country: str = "",
    language: str = "",
) -> str:
    """The forty characters: date entered on file (yymmdd), type of date, two dates, country, language."""
    kind = kind or ("s" if first else "|")
    dates = f"{first or '||||':4.4}{last or ('    ' if first else '||||'):4.4}"
    return (
        f"{created or '||||||':6.6}{kind:1.1}{dates}{country or '|||':3.3}{'|' * 17}{language or '|||':3.3}||"
    )
