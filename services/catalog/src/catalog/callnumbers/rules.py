"""The order of a shelf: a call number becomes a key that compares character by character as the numbers are shelved.

Nothing comes before something, everywhere: parts are divided by characters below every digit and letter. A key
begins with its scheme, since shelves of two schemes are two shelves.

- Library of Congress and NLM: class letters, a whole class number with its decimals, then cutters (a letter and a
  decimal fraction), dates and volumes.
- Dewey: a number with decimals (prime marks and slashes only show where it may be cut), then as above.
- Superintendent of Documents: numbers are whole numbers everywhere; behind the colon years come before letters and
  letters before numbers (GPO Classification Manual, filing arrangement). A year before 2000 may lack its first 1.
- Anything else: words, and whole numbers within them.
"""

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

LONGEST: Final = 400
"""Characters of a key that are kept; an index entry must stay well below 2 700 bytes."""


class Scheme(StrEnum):
    """What a call number is made by."""

    LC = "lc"
    DEWEY = "dewey"
    NLM = "nlm"
    SUDOC = "sudoc"
    LOCAL = "local"


_SUDOC: Final = re.compile(r"[A-Z]{1,4}\s*[0-9]{1,4}\.(?:[A-Z]{1,4}\s*)?[0-9]+[^:]{0,40}:")
_DEWEY: Final = re.compile(r"([0-9]{3})((?:\.[0-9][0-9/']*)?)(?![0-9.])(.*)", re.DOTALL)
_NLM: Final = re.compile(r"(?:W[A-Z]?|Q[S-Z])\s*[0-9]{1,4}(?![0-9])")
_LC: Final = re.compile(
    r"(?:[A-HJ-NP-VZ][A-Z]?|DAW|DJK|K[A-Z]{2})\s*[0-9]{1,4}(?![0-9])(?:\.[0-9]+)?(?:\s*$|\s*\.?\s*[A-Z][0-9]|\s)"
)
"""Three letters only stand where the outlines of class D and K have them: `DVD 9` is no class."""
_CLASSED: Final = re.compile(r"([A-Z]{1,3})\s*([0-9]{1,4})(?![0-9])(?:\.([0-9]+))?(.*)", re.DOTALL)
_PART: Final = re.compile(r"([A-Z])([0-9]+)([A-Z]*)(?![A-Z0-9])|([0-9]+)|([^\W\d_]+)")
_SUDOC_PART: Final = re.compile(r"([A-Z]+)|([0-9]+)|([:./-])|([^\s])")
_WORD: Final = re.compile(r"([0-9]+)|([^\W\d_]+)")
_MARC_SOURCES: Final = {"0": Scheme.LC, "1": Scheme.DEWEY, "2": Scheme.NLM, "3": Scheme.SUDOC}


def scheme_of_852(indicator: str) -> Scheme | None:
    """The scheme by the first indicator of MARC 21 Holdings 852; None where it does not tell."""
    return _MARC_SOURCES.get(indicator)


def guessed(number: str) -> Scheme:
    """The scheme that a call number looks like."""
    return _guessed(_plain(number))


def _guessed(told: str) -> Scheme:
    if _SUDOC.match(told):
        return Scheme.SUDOC
    if _DEWEY.fullmatch(told):
        return Scheme.DEWEY
    if _NLM.match(told):
        return Scheme.NLM
    return Scheme.LC if _LC.match(told) else Scheme.LOCAL


def shelving_key(number: str, scheme: Scheme | None = None) -> str | None:
    """Where it stands; None when there is nothing to go by. A number that its scheme cannot read is shelved as local
    within that scheme, behind those that it can."""
    told = _plain(number)
    if not told:
        return None
    chosen = scheme or _guessed(told)
    key = _KEYS[chosen](told)
    return f"{chosen.value} {key}"[:LONGEST]


def place_before(scheme: Scheme, beginning: str) -> str:
    """The place on a scheme's shelf where numbers that begin so start; an empty one is the shelf's beginning."""
    return (
        (shelving_key(beginning, scheme) or f"{scheme.value} ") if beginning.strip() else f"{scheme.value} "
    )


def shelf_end(scheme: Scheme) -> str:
    """What is behind every key of the scheme."""
    return f"{scheme.value}!"


def _plain(number: str) -> str:
    """In capitals, without diacritics, blanks narrowed, no control characters."""
    if number.isascii() and number.isprintable():  # as nearly all are; an import has one for each shelf
        return " ".join(number.upper().split())
    apart = unicodedata.normalize("NFKD", number.upper())
    kept = "".join(
        " " if unicodedata.category(each).startswith(("C", "Z")) else each
        for each in apart
        if not unicodedata.combining(each)
    )
    return " ".join(kept.split())


def _classed(told: str) -> str:
    found = _CLASSED.fullmatch(told)
    if found is None:
        return "~" + _local(told)
    letters, whole, decimals, rest = found.groups()
    head = f"{letters} {int(whole):04d}" + (f".{decimals}" if decimals else "")
    return " ".join([head, *_parts(rest)])


def _dewey(told: str) -> str:
    found = _DEWEY.fullmatch(told)
    if found is None:
        return "~" + _local(told)
    whole, decimals, rest = found.groups()
    return " ".join([whole + re.sub("[/']", "", decimals).rstrip("."), *_parts(rest)])


def _parts(text: str) -> Iterator[str]:
    """Cutters as decimal fractions, with their work letters; dates and volumes as whole numbers; words."""
    for letter, fraction, work, whole, word in _PART.findall(text):
        if letter:
            yield letter + fraction + (f"!{work}" if work else "")
        elif whole:
            yield _whole(whole)
        else:
            yield word


def _sudoc(told: str) -> str:
    stem, colon, book = told.partition(":")
    out = [_sudoc_parts(stem, years=False)]
    if colon:
        out += ["!", _sudoc_parts(book, years=True)]
    return "".join(out)


def _sudoc_parts(text: str, *, years: bool) -> str:
    """Letters before numbers, years before both; marks between them stay and stand below all of these."""
    out: list[str] = []
    for letters, number, mark, other in _SUDOC_PART.findall(text):
        if letters:
            out.append("1" + letters)
        elif number:
            year = _year(number) if years else None
            out.append(f"0{year}" if year else "2" + _whole(number))
        elif mark:
            out.append(mark)
        else:
            out.append("3" + other)
    return "".join(out)


def _year(number: str) -> str | None:
    if len(number) == 3 and number[0] in "89":
        return "1" + number
    return number if len(number) == 4 and number[:2] in ("17", "18", "19", "20") else None


def _local(told: str) -> str:
    return " ".join(_whole(number) if number else word for number, word in _WORD.findall(told)) or told


def _whole(digits: str) -> str:
    """A whole number so that text compares as numbers do: its length, then its digits."""
    bare = digits.lstrip("0") or "0"
    return f"{min(len(bare), 99):02d}{bare}"


_KEYS: Final = {
    Scheme.LC: _classed,
    Scheme.NLM: _classed,
    Scheme.DEWEY: _dewey,
    Scheme.SUDOC: _sudoc,
    Scheme.LOCAL: _local,
}
