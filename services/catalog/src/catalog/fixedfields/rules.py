"""A field of fixed length as words, and words as such a field. No I/O.

A value is a word for one code, a list of words where several characters are a code each, or a text. `not-coded`
stands for the fill character.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from catalog.fixedfields.general import COMMON, HOLDINGS, KINDS_006, LEADER, LEADER_HOLDINGS, MATERIALS
from catalog.fixedfields.physical import CATEGORIES
from catalog.specifications.rules import material

NOT_CODED: Final = "not-coded"
FILL: Final = "|"
_ALONE: Final = {"u": "unknown", "z": "other", "n": "not-applicable", "m": "mixed"}
_TEXTS: Final = {
    "date": (re.compile(r"[0-9]{6}"), "six digits: yymmdd"),
    "year": (re.compile(r"[0-9u]{4}| {4}"), "four digits, u for one that is not known, or nothing"),
    "year-month": (re.compile(r"[0-9]{4}|uuuu| {4}"), "four digits, yymm; uuuu, or nothing"),
    "country": (re.compile(r"[a-z]{2}[a-z ]| {3}"), "a code of the MARC list of countries"),
    "language": (re.compile(r"[a-z]{3}| {3}"), "a code of the MARC list of languages, or nothing"),
    "number": (re.compile(r"[0-9]+"), "digits"),
    "digit": (re.compile(r"[1-9 ]"), "a digit, or nothing"),
    "text": (re.compile(r"[ -{}~]*"), "letters and digits of ASCII"),
}


class Fault(NamedTuple):
    """What is wrong with a field or with what it is to be made of."""

    code: str
    name: str | None
    """The element; None for the field as a whole."""
    text: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Element:
    """One thing that a field says."""

    first: int
    last: int
    name: str
    kind: str
    """`code`, `codes` (a character each), or a kind of text."""
    values: Mapping[str, str]
    """What each code means; empty for a text."""

    @property
    def width(self) -> int:
        """Characters."""
        return self.last - self.first + 1

    def words(self) -> dict[str, str]:
        """Codes by their words."""
        return {word: code for code, word in self.values.items()}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a field is made."""

    tag: str
    """`LDR` for the leader."""
    material: str
    length: int
    elements: tuple[Element, ...]
    template: str
    """What stands where no element is."""
    fill: bool = True
    """Whether a position may be left uncoded (`|`)."""


def _elements(lines: str, shift: int = 0) -> Iterator[Element]:
    """From a table; lines of the same positions go on with the one before."""
    told: dict[tuple[int, int, str], list[str]] = {}
    for line in lines.strip().splitlines():
        place, name, *values = line.split()
        first, _, last = place.partition("-")
        key = int(first) + shift, int(last or first) + shift, name.replace("-", "_")
        told.setdefault(key, []).extend(values)
    for (start, end, name), values in told.items():
        if values[0].startswith("="):
            yield Element(start, end, name, values[0][1:], {})
            continue
        pairs = [each.partition("=") for each in values]
        codes = {code.replace("#", " "): word or _ALONE[code] for code, _, word in pairs}
        several = end > start and all(len(code) == 1 for code in codes)
        yield Element(start, end, name, "codes" if several else "code", codes)


@cache
def layouts() -> dict[tuple[str, str], Layout]:
    """Every field of fixed length, by tag and material (of a 007 its category)."""
    told = [
        Layout("LDR", "bibliographic", 24, tuple(_elements(LEADER)), "00000    a2200000   4500", False),
        Layout("LDR", "holdings", 24, tuple(_elements(LEADER_HOLDINGS)), "00000    a2200000   4500", False),
        Layout("008", "holdings", 32, tuple(_elements(HOLDINGS)), " " * 32),
    ]
    for name, lines in MATERIALS.items():
        whole = sorted([*_elements(COMMON), *_elements(lines)], key=lambda each: each.first)
        told.append(Layout("008", name, 40, tuple(whole), " " * 40))
        kind = _elements(f"00 form_of_material {KINDS_006[name]}")
        told.append(Layout("006", name, 18, (*kind, *_elements(lines, -17)), " " * 18))
    for code, (name, length, lines) in CATEGORIES.items():
        told.append(Layout("007", name, length, tuple(_elements(lines)), code + " " * (length - 1)))
    return {(each.tag, each.material): each for each in told}


def category(value: str) -> str | None:
    """What a 007 is of."""
    return CATEGORIES[value[0]][0] if value and value[0] in CATEGORIES else None


def kind_of_006(value: str) -> str | None:
    """What a 006 is of."""
    codes = {code.partition("=")[0]: name for name, all_ in KINDS_006.items() for code in all_.split()}
    return codes.get(value[:1])


def layout_of(tag: str, value: str, leader: str) -> Layout | None:
    """How a field of a record with this leader is made; None where nothing tells."""
    holdings = leader[6:7] in tuple("uvxy")
    if tag == "LDR":
        named: str | None = "holdings" if holdings else "bibliographic"
    elif tag == "008":
        named = "holdings" if holdings else material(leader)
    else:
        named = category(value) if tag == "007" else kind_of_006(value)
    return layouts().get((tag, named or ""))


def take_apart(layout: Layout, value: str) -> tuple[dict[str, Any], list[Fault]]:
    """What a field says, by name; and everything that is wrong with it. What cannot be read is told as it stands."""
    if len(value) != layout.length:
        words = f"There are {len(value)} characters."
        return {}, [Fault("length", None, words, f"Make it {layout.length}.")]
    told: dict[str, Any] = {}
    faults: list[Fault] = []
    for each in layout.elements:
        piece = value[each.first : each.last + 1]
        told[each.name], wrong = _read(each, piece, fill=layout.fill)
        if wrong is not None:
            faults.append(wrong)
    covered = {place for each in layout.elements for place in range(each.first, each.last + 1)}
    loose = [
        place
        for place in range(layout.length)
        if place not in covered and layout.tag != "LDR" and value[place] not in (layout.template[place], FILL)
    ]
    if loose:
        words = f"Nothing is defined at {', '.join(f'{place:02}' for place in loose)}."
        faults.append(Fault("undefined-position", None, words, "Leave it blank."))
    return told, faults


def _read(each: Element, piece: str, *, fill: bool) -> tuple[Any, Fault | None]:
    if fill and set(piece) == {FILL}:
        return NOT_CODED, None
    if each.kind == "code":
        if piece in each.values:
            return each.values[piece], None
        return piece, _unknown(each, piece)
    if each.kind == "codes":
        strange = [code for code in piece if code not in each.values and code != " "]
        told = [each.values.get(code, code) for code in piece if code != " "]
        return told, _unknown(each, strange[0]) if strange else None
    pattern, belongs = _TEXTS[each.kind]
    wrong = None if pattern.fullmatch(piece) else Fault("value", each.name, f"{piece!r} is not {belongs}.")
    return piece.rstrip(), wrong


def _unknown(each: Element, code: str) -> Fault:
    shown = ", ".join(f"{word} ({told.replace(' ', '#')})" for told, word in [*each.values.items()][:30])
    return Fault("value", each.name, f"{code!r} is no value of {each.name}.", f"Use one of {shown}.")


def put_together(
    layout: Layout, values: Mapping[str, Any], *, base: str | None = None
) -> tuple[str, list[Fault]]:
    """The field that says this, and everything that stands against it. What is not told is as in `base`, or, without
    one, left uncoded."""
    faults = [
        Fault("element-unknown", name, f"There is no {name[:60]} here.")
        for name in values
        if name not in {each.name for each in layout.elements}
    ]
    if base is not None and len(base) != layout.length:
        return "", [
            *faults,
            Fault("length", None, f"The field has {len(base)} characters, not {layout.length}."),
        ]
    out = list(base if base is not None else layout.template)
    for each in layout.elements:
        if each.name in values:
            piece, wrong = _write(each, values[each.name], fill=layout.fill)
        elif base is not None:
            continue
        else:
            piece, wrong = _default(each, fill=layout.fill)
        if wrong is not None:
            faults.append(wrong)
        else:
            out[each.first : each.last + 1] = piece
    return "".join(out), faults


def _default(each: Element, *, fill: bool) -> tuple[str, Fault | None]:
    if fill and each.kind != "date":
        return FILL * each.width, None
    if " " in each.values:
        return " " * each.width, None
    return "", Fault("value-missing", each.name, f"{each.name} must be told.")


def _write(each: Element, told: Any, *, fill: bool) -> tuple[str, Fault | None]:
    if fill and told == NOT_CODED:
        return FILL * each.width, None
    if each.kind == "codes":
        return _several(each, told)
    if not isinstance(told, str):
        return "", Fault("value", each.name, "A text belongs here.")
    if each.kind == "code":
        code = each.words().get(told, told)
        return (code, None) if code in each.values else ("", _unknown(each, told[:60]))
    pattern, belongs = _TEXTS[each.kind]
    piece = told.rjust(each.width, "0") if each.kind == "number" else told.ljust(each.width)
    if len(piece) != each.width or not pattern.fullmatch(piece):
        return "", Fault("value", each.name, f"{told[:60]!r} is not {belongs}, {each.width} characters long.")
    return piece, None


def _several(each: Element, told: Any) -> tuple[str, Fault | None]:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        return "", Fault("value", each.name, "A list of texts belongs here.")
    if len(told) > each.width:
        return "", Fault("too-many", each.name, f"{each.width} of them at most have room.")
    words = each.words()
    codes = [words[one] if one in words else str(one) for one in told]
    strange = [one for one, code in zip(told, codes, strict=True) if code not in each.values]
    if strange:
        return "", _unknown(each, strange[0][:60])
    return "".join(codes).ljust(each.width), None
