"""How titles and names file: word by word, numbers by their value, letters in the order of the library's language.

PostgreSQL and the engine know no local order, so each title and name is given a key whose bytes compare as it files.
A language's letters are said as Unicode's collation tailorings write them (CLDR), of which this reads a small part:

    & z < å < ä < ö      å, ä and ö are letters of their own behind z
    & ae = ä             ä files as ae does
    & h < ch             ch is one letter, behind h

What no rule names files as it is searched: without case and diacritics.
"""

import re
import struct
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Final

from catalog.search.folding import latin, words

RULES: Final[Mapping[str, str]] = {
    "cs": "& c < č & h < ch & r < ř & s < š & z < ž",
    "cy": "& c < ch & d < dd & f < ff & g < ng & l < ll & p < ph & r < rh & t < th",
    "da": "& z < æ < ø < å & ø = ö = ő & æ = ä & å = aa & y = ü",
    "de-phonebook": "& ae = ä & oe = ö & ue = ü",
    "es": "& n < ñ",
    "et": "& s < š < z < ž & w < õ < ä < ö < ü",
    "fi": "& z < å < ä < ö & ä = æ & ö = ø",
    "hr": "& c < č < ć & d < dž < đ & l < lj & n < nj & s < š & z < ž",
    "hu": "& c < cs & d < dz < dzs & g < gy & l < ly & n < ny & o < ö = ő & s < sz & t < ty & u < ü = ű & z < zs",
    "is": "& a < á & d < ð & e < é & i < í & o < ó & u < ú & y < ý & z < þ < æ < ö & ö = ø & æ = ä",
    "lt": "& c < č & s < š & z < ž & i = y",
    "lv": "& c < č & g < ģ & k < ķ & l < ļ & n < ņ & s < š & z < ž",
    "pl": "& a < ą & c < ć & e < ę & l < ł & n < ń & o < ó & s < ś & z < ź < ż",
    "ro": "& a < ă < â & i < î & s < ș = ş & t < ț = ţ",
    "sk": "& a < ä & c < č & h < ch & o < ô & s < š & z < ž",
    "sl": "& c < č & s < š & z < ž",
    "sv": "& z < å < ä < ö & ä = æ & ö = ø & y = ü",
    "tr": "& c < ç & g < ğ & h < ı & o < ö & s < ş & u < ü",
    "uk": "& г < ґ & е < є & и < і < ї",
}
"""By language (BCP 47). A Norwegian library files as a Danish one; German by default as DIN 5007-1 has it, ä as a."""
_SAME: Final = {"nb": "da", "nn": "da", "no": "da", "bs": "hr", "sr-Latn": "hr"}
MOST_LETTERS: Final = 16
"""Letters behind one another that have no place of their own in Unicode's order."""
_BEHIND: Final = tuple(chr(0x10380 + place) for place in range(MOST_LETTERS))
"""Ugaritic letters stand in a key under way for "behind the letter before": folding leaves them as they are."""
_NUMBER: Final = re.compile(r"[0-9]+")
_RULE: Final = re.compile(r"\s*([<=])\s*([^\s<=&]{1,8})\s*")
LONGEST: Final = 200
WORD: Final = 8
"""Bytes of a key in one number."""
NOTHING: Final = 2**63 - 1
"""The number of what is not there: it files last."""


class FilingProblem(ValueError):
    """Rules that cannot be read: what is wrong, in words."""


class Filing:
    """One library's order."""

    def __init__(self, told: str = "") -> None:
        """`told`: a language of `RULES`, or rules; empty: as words are searched. Raises `FilingProblem`."""
        self.told = told.strip()
        named = _SAME.get(self.told, self.told)
        rules = RULES.get(named, named)
        if rules and "&" not in rules:
            known = ", ".join(sorted({*RULES, *_SAME}))
            raise FilingProblem(f"{self.told!r} is no language with an order here ({known}), and no rules.")
        self._letters = _letters(rules)
        if rules and not self._letters:
            raise FilingProblem(f"{self.told!r} names no letter.")
        self._last = "\x7f" if all(each[0].isascii() for each in self._letters.values()) else "\U0010ffff"
        """What no letter that may follow is behind."""
        self._found = (
            re.compile("|".join(re.escape(each) for each in sorted(self._letters, key=len, reverse=True)))
            if self._letters
            else None
        )

    def key(self, text: str | None) -> str:
        """What a text files by; empty for none and for one without a word."""
        if not text:
            return ""
        if self._found is not None:
            text = unicodedata.normalize("NFC", text.casefold())
            text = self._found.sub(lambda letter: self._letters[letter[0]], text)
        told = latin(text)
        key = " ".join(told.split() if told is not None else words(text))[:LONGEST]
        if self._found is not None:
            for place, behind in enumerate(_BEHIND, 1):
                key = key.replace(behind, self._last * place)
        return key if key.replace(" ", "").isalpha() else _NUMBER.sub(_by_value, key)


def _by_value(number: re.Match[str]) -> str:
    """Digits so that 9 files before 10: how many there are stands before them."""
    digits = number[0].lstrip("0") or "0"
    return f"{min(len(digits), 9)}{digits}"


@cache
def _letters(rules: str) -> Mapping[str, str]:
    """What to file each named letter as: a letter, and how far behind it."""
    found: dict[str, str] = {}
    for rule in filter(None, map(str.strip, rules.split("&"))):
        first, *_ = re.split(r"[\s<=]", rule, maxsplit=1)
        at, base, place = len(first), first, 0
        if not first or len(first) > WORD:
            raise FilingProblem(f"{rule!r} does not say what the letters stand behind.")
        as_base = found.get(_plain(first), _plain(first))
        while at < len(rule):
            told = _RULE.match(rule, at)
            if told is None:
                raise FilingProblem(
                    f"{rule!r} cannot be read from {rule[at:]!r} on: a letter follows < or =."
                )
            if told[1] == "<":
                place += 1
                base = as_base
            if place > MOST_LETTERS:
                raise FilingProblem(f"Up to {MOST_LETTERS} letters may stand behind {first!r}.")
            found[_plain(told[2])] = base + _BEHIND[place - 1] if place else as_base
            at = told.end()
    return found


def _plain(letter: str) -> str:
    return unicodedata.normalize("NFC", letter.casefold())


def numbers(key: str, count: int) -> tuple[int, ...]:
    """A key's first `count` times 8 bytes as numbers that compare as it does; `NOTHING` for an empty one."""
    if not key:
        return (NOTHING,) * count
    width = count * WORD
    return tuple(
        each - 2**63
        for each in struct.unpack(f">{count}Q", key.encode(errors="replace")[:width].ljust(width, b"\0"))
    )
