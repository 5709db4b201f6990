"""Barcodes as bars: Code 39 (ISO/IEC 16388) and Code 128 (ISO/IEC 15417).

A code is told as widths in modules, a bar and a space in turn, from the first bar to the last, without quiet zones.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

QUIET: Final = 10
"""Modules that stay white before and behind."""
WIDE: Final = 3
"""Modules of a wide element of Code 39; a narrow one has one."""


class Symbology(StrEnum):
    """What bars are drawn by."""

    CODE_39 = "code-39"
    CODE_39_CHECKED = "code-39-mod-43"
    """With a check character, which the reader must expect."""
    CODE_128 = "code-128"


class Unsayable(ValueError):
    """The symbology has no bars for some of these characters."""


_VALUES_39: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
_TENS: Final = ("wnnnw", "nwnnw", "wwnnn", "nnwnw", "wnwnn", "nwwnn", "nnnww", "wnnwn", "nwnwn", "nnwwn")
"""Bars of 1 to 9 and 0; each group of ten characters has the same ones."""
_GROUPS: Final = ("1234567890", "ABCDEFGHIJ", "KLMNOPQRST", "UVWXYZ-. *")
_SPACES: Final = ("nwnn", "nnwn", "nnnw", "wnnn")
"""The spaces of each group."""
_SIGNS: Final = {"$": "wwwn", "/": "wwnw", "+": "wnww", "%": "nwww"}
"""All their bars are narrow."""


def _elements_39(char: str) -> str:
    if (spaces := _SIGNS.get(char)) is not None:
        bars = "nnnnn"
    else:
        group = next(number for number, each in enumerate(_GROUPS) if char in each)
        bars, spaces = _TENS[_GROUPS[group].index(char)], _SPACES[group]
    return "".join(bar + space for bar, space in zip(bars, f"{spaces} ", strict=True)).strip()


def code_39(text: str, *, checked: bool = False) -> list[int]:
    """Code 39: digits, capitals, and -. $/+% alone."""
    if not text or any(char not in _VALUES_39 for char in text):
        raise Unsayable("Code 39 has digits, capital letters, and - . $ / + % and blanks.")
    check = _VALUES_39[sum(map(_VALUES_39.index, text)) % 43] if checked else ""
    widths: list[int] = []
    for char in f"*{text}{check}*":
        widths += [1] if widths else []
        widths += [WIDE if element == "w" else 1 for element in _elements_39(char)]
    return widths


_TABLE: Final = (
    "212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 122132 122231 113222 "
    "123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 321221 312212 322112 322211 212123 212321 "
    "232121 111323 131123 131321 112313 132113 132311 211313 231113 231311 112133 112331 132131 113123 113321 133121 "
    "313121 211331 231131 213113 213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 "
    "111422 121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 241112 134111 "
    "111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 412121 111143 111341 131141 114113 "
    "114311 411113 411311 113141 114131 311141 411131 211412 211214 211232"
)
"""Three bars and three spaces for each value, in modules."""
PATTERNS: Final = tuple(_TABLE.split(" "))
_STOP: Final = "2331112"
_START_B, _START_C, _TO_C, _TO_B = 104, 105, 99, 100


def code_128(text: str) -> list[int]:
    """Code 128: any printable character of ASCII; runs of digits take half the room (set C)."""
    if not text or any(not " " <= char <= "~" for char in text):
        raise Unsayable("Code 128 has the printable characters of ASCII.")
    values = list(_values_128(text))
    check = (values[0] + sum(place * value for place, value in enumerate(values[1:], 1))) % 103
    drawn = "".join(PATTERNS[value] for value in (*values, check))
    return [int(width) for width in drawn + _STOP]


def _values_128(text: str) -> Iterator[int]:
    """Start, characters and changes of set (ISO/IEC 15417, annex E): pairs of digits by set C where that is shorter."""
    at, in_c = 0, False
    while at < len(text):
        digits = at
        while digits < len(text) and "0" <= text[digits] <= "9":
            digits += 1
        run = digits - at
        whole = at == 0 and digits == len(text) and run == 2
        worth = whole or run >= (4 if at == 0 or digits == len(text) else 6)
        if in_c or worth:
            if run % 2 and not in_c:  # an odd one goes before, by set B
                if at == 0:
                    yield _START_B
                yield ord(text[at]) - 32
                at += 1
                yield _TO_C
            elif not in_c:
                yield _START_C if at == 0 else _TO_C
            in_c = True
            while digits - at >= 2:
                yield int(text[at : at + 2])
                at += 2
            if at < len(text):
                yield _TO_B
                in_c = False
            continue
        if at == 0:
            yield _START_B
        end = max(digits, at + 1)
        for char in text[at:end]:
            yield ord(char) - 32
        at = end


def widths(text: str, symbology: Symbology) -> list[int]:
    """A text's bars and spaces; `Unsayable` where it has none."""
    if symbology is Symbology.CODE_128:
        return code_128(text)
    return code_39(text, checked=symbology is Symbology.CODE_39_CHECKED)
