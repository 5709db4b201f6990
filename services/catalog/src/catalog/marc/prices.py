"""Prices as records write them: `EUR 24,90`, `$1,250.00`, `24.90`. Minor units, no floating point."""

import re
from typing import Final

from contracts.currencies import EXPONENTS

SYMBOLS: Final = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "US$": "USD"}
_PRICE: Final = re.compile(
    r"(?P<before>[A-Z]{3}|US\$|[€$£¥])?\s*(?P<figures>[0-9][0-9.,' ]*)\s*(?P<after>[A-Z]{3}|[€$£¥])?"
)
_PLAIN: Final = re.compile(
    r"(?P<units>[0-9]{1,12}|[0-9]{1,3}(?:[.,' ][0-9]{3})+)(?:[.,](?P<parts>[0-9]{1,4}))?"
)
MOST: Final = 10**12


def price_of(text: str, *, currency: str) -> tuple[int, str] | None:
    """A price in minor units with its currency, that of the library where none is named; None: nobody can tell.

    The last point or comma parts the minor units off where as many figures follow it as the currency has (or one
    less); three figures after it are thousands, unless the currency has three places.
    """
    found = _PRICE.fullmatch(text.strip().rstrip(".;, "))
    if found is None or (found["before"] and found["after"]):
        return None
    named = found["before"] or found["after"]
    code = SYMBOLS.get(named, named) if named else currency
    places = EXPONENTS.get(code, 2)
    minor = _minor(found["figures"].strip(), places)
    return None if minor is None or minor > MOST else (minor, code)


def _minor(figures: str, places: int) -> int | None:
    told = _PLAIN.fullmatch(figures)
    if told is None or (told["parts"] and figures[told.end("units")] in told["units"]):
        return None
    units, parts = told["units"], told["parts"] or ""
    if len(parts) == 3 and places != 3 and not units.startswith("0"):
        units, parts = units + parts, ""
    if len(parts) > places:
        return None
    whole = "".join(filter(str.isdigit, units))
    return int(whole + parts.ljust(places, "0"))
