"""Barcodes of 14 digits: 2 for patrons or 3 for items, four of the library, eight counted, a check digit."""

from typing import Final

LIBRARIES: Final = {"main": "0101", "science": "0102", "porto": "0201"}
INSTITUTION: Final = "0100"


def check_digit(digits: str) -> str:
    """Luhn's (mod 10), as Codabar labels in libraries have it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def item_barcode(library: str, count: int) -> str:
    """The count-th item of a library."""
    body = f"3{LIBRARIES[library]}{count:08d}"
    return body + check_digit(body)


def patron_barcode(count: int) -> str:
    """The count-th patron."""
    body = f"2{INSTITUTION}{count:08d}"
    return body + check_digit(body)
