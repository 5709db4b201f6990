"""What is held: from pairs of caption and enumeration (853/863 …) by ANSI/NISO Z39.71, or as written (866 …).

A pattern (853–855) names the levels of enumeration and chronology; what is held of it (863–865) has a value for each,
and the same number before the point of $8. Pieces that follow each other become a range; a gap is shown by a comma, a
break that is none (`$w n`) by a semicolon. A level is left out of a range's end where the whole of the level above it
is held.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from catalog.marc.record import Field, Record

Kind = Literal["basic", "supplement", "index"]
KINDS: Final[tuple[tuple[Kind, str, str, str], ...]] = (
    ("basic", "853", "863", "866"),
    ("supplement", "854", "864", "867"),
    ("index", "855", "865", "868"),
)
ENUMERATION: Final = "abcdef"
ALTERNATIVE: Final = "gh"
CHRONOLOGY: Final = "ijkl"
MONTHS: Final = (
    "Jan.", "Feb.", "Mar.", "Apr.", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec.",
)  # fmt: skip
SEASONS: Final = {"21": "Spring", "22": "Summer", "23": "Autumn", "24": "Winter"}
_WHOLE: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Statement:
    """What is held, in one line."""

    kind: Kind
    text: str
    notes: tuple[str, ...] = ()
    """For the public ($z)."""
    written: bool = False
    """Somebody has written it so; otherwise it was made from captions and numbers."""


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pattern."""

    code: str
    caption: str
    units: int | None = None
    """How many of them make one of the level above."""
    restarts: bool = False


@dataclass(slots=True)
class Pattern:
    """Captions in order."""

    enumeration: list[Level] = field(default_factory=list)
    alternative: list[Level] = field(default_factory=list)
    chronology: list[Level] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Piece:
    """A value for each level; of a combined piece (3/4) as it is written."""

    numbers: tuple[str, ...]
    alternative: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """From one piece to another; `after` is the break behind it."""

    first: Piece
    last: Piece | None
    """None: up to now."""
    after: str = ""


def statements(record: Record) -> list[Statement]:
    """What a holdings record says is held, in the order of the format; as written before as reckoned."""
    told: list[Statement] = []
    for kind, patterns, pairs, texts in KINDS:
        written = [_written(kind, each) for each in record.fields(texts)]
        told += [statement for _, statement in written if statement.text]
        replaced = {link for link, _ in written if link not in ("", "0")}
        by_link = {_link(each)[0]: _pattern(each) for each in record.fields(patterns)}
        held: dict[str, list[Field]] = {}
        for each in record.fields(pairs):
            held.setdefault(_link(each)[0], []).append(each)
        for link, fields in held.items():
            if link in replaced:
                continue
            text = summary(by_link.get(link, Pattern()), fields)
            notes = tuple(dict.fromkeys(note for each in fields for note in each.all("z")))
            if text:
                told.append(Statement(kind, text, notes))
    return told


def _written(kind: Kind, each: Field) -> tuple[str, Statement]:
    text = " ".join(value.strip() for value in each.all("a") if value.strip())
    return _link(each)[0], Statement(kind, text, tuple(each.all("z")), written=True)


def _link(each: Field) -> tuple[str, int]:
    """The two halves of $8: which pattern, and which in order."""
    link, _, order = (each.get("8") or "").partition(".")
    digits = order.partition("\\")[0]
    return link.strip(), int(digits) if digits.isdigit() and digits.isascii() and len(digits) < 10 else 0


def _pattern(each: Field) -> Pattern:
    """$u and $v tell of the level of enumeration before them."""
    pattern = Pattern()
    levels: list[Level] | None = None
    for code, value in each.subfields:
        if code in ENUMERATION or code in ALTERNATIVE:
            levels = pattern.enumeration if code in ENUMERATION else pattern.alternative
            levels.append(Level(code, value.strip()))
        elif code in CHRONOLOGY:
            pattern.chronology.append(Level(code, value.strip()))
        elif code in "uv" and levels:
            last = levels[-1]
            units, restarts = last.units, last.restarts
            if code == "u":
                units = int(value) if _WHOLE.fullmatch(value.strip()) else None
            else:
                restarts = value.strip() == "r"
            levels[-1] = Level(last.code, last.caption, units, restarts)
    return pattern


def summary(pattern: Pattern, fields: Sequence[Field]) -> str:
    """One line for everything that is held by one pattern."""
    runs: list[Run] = []
    for each in sorted(fields, key=lambda one: _link(one)[1]):
        run = _run(each)
        if run is None:
            continue
        before = runs[-1] if runs else None
        if (
            before is not None
            and not before.after
            and before.last is not None
            and follows(pattern, before.last, run.first)
        ):
            runs[-1] = Run(before.first, run.last, run.after)
        else:
            runs.append(run)
    out = ""
    for place, run in enumerate(runs):
        mark = "; " if runs[place - 1].after == "n" else ", "
        out += (mark if place else "") + _range(pattern, run)
    return out


def _run(each: Field) -> Run | None:
    """A field's values; with a hyphen, the first and the last of a range."""
    first = {code: value.strip() for code, value in each.subfields if value.strip()}
    last = dict(first)
    open_end = ranges = False
    for code in (*ENUMERATION, *ALTERNATIVE, *CHRONOLOGY):
        begin, hyphen, end = first.get(code, "").partition("-")
        if hyphen:
            ranges, open_end = True, open_end or not end.strip()
            first[code], last[code] = begin.strip(), end.strip()
    start = _piece(first)
    if not any((*start.numbers, *start.dates, *start.alternative)):
        return None
    mark = (each.get("w") or "").strip()
    end_piece = None if open_end else _piece(last) if ranges else start
    return Run(start, end_piece, mark if mark in ("g", "n") else "")


def named(pattern: Field | None, held: Field) -> tuple[str | None, str | None]:
    """Enumeration and chronology of what one field holds (863 to 865), in the captions of its pattern (853 to 855)."""
    run = _run(held)
    if run is None:
        return None, None
    told = _pattern(pattern) if pattern is not None else Pattern()
    last = run.last if run.last is not None else Piece(())  # it goes on
    pieces = (run.first,) if run.first == last else (run.first, last)
    return (
        _spanned([_numbers(told, piece) for piece in pieces]),
        _spanned([":".join(_named(told.chronology, piece.dates)) for piece in pieces]),
    )


def _spanned(told: Sequence[str]) -> str | None:
    return "-".join(dict.fromkeys(told)) if any(told) else None


def _numbers(pattern: Pattern, piece: Piece) -> str:
    numbers = ":".join(_named(pattern.enumeration, piece.numbers))
    other = ":".join(_named(pattern.alternative, piece.alternative))
    return "=".join(filter(None, (numbers, other)))


def _piece(values: dict[str, str]) -> Piece:
    return Piece(*(tuple(_trimmed(values, codes)) for codes in (ENUMERATION, ALTERNATIVE, CHRONOLOGY)))


def _trimmed(values: dict[str, str], codes: str) -> list[str]:
    told = [values.get(code, "") for code in codes]
    while told and not told[-1]:
        told.pop()
    return told


def follows(pattern: Pattern, one: Piece, other: Piece) -> bool:
    """Whether nothing can lie between the two: the first level that differs goes up by one, and those below it begin
    anew (or go on counting, where they do)."""
    before, after = _ends(one.numbers), _starts(other.numbers)
    if before is None or after is None or len(before) != len(after):
        return False
    place = next(
        (n for n, (left, right) in enumerate(zip(before, after, strict=True)) if left != right), None
    )
    if place is None or after[place] != before[place] + 1:
        return False
    for below in range(place + 1, len(before)):
        level = pattern.enumeration[below] if below < len(pattern.enumeration) else None
        if level is not None and not level.restarts:
            if after[below] != before[below] + 1:
                return False
        elif after[below] != 1 or (level and level.units and before[below] != level.units):
            return False
    return True


def _ends(numbers: Sequence[str]) -> tuple[int, ...] | None:
    return _counted([each.rpartition("/")[2] for each in numbers])


def _starts(numbers: Sequence[str]) -> tuple[int, ...] | None:
    return _counted([each.partition("/")[0] for each in numbers])


def _counted(numbers: Sequence[str]) -> tuple[int, ...] | None:
    if not numbers or not all(_WHOLE.fullmatch(each) for each in numbers):
        return None
    return tuple(int(each) for each in numbers)


def _range(pattern: Pattern, run: Run) -> str:
    if run.last is None:
        return shown(pattern, run.first) + "-"
    if run.first == run.last:
        return shown(pattern, run.first)
    first, last = _whole(pattern, run.first, run.last)
    one, other = shown(pattern, first), shown(pattern, last)
    return one if one == other else f"{one}-{other}"


def _whole(pattern: Pattern, first: Piece, last: Piece) -> tuple[Piece, Piece]:
    """Without the lowest level where the whole of the one above is held at that end of the range."""
    begin, end = _starts(first.numbers), _ends(last.numbers)
    depth = len(first.numbers)
    if begin is None or end is None or depth < 2 or len(end) != depth or len(pattern.enumeration) < depth:
        return first, last
    level = pattern.enumeration[depth - 1]
    if not level.restarts or not level.units:
        return first, last
    beyond = begin[:-1] != end[:-1]
    full_end = end[-1] == level.units and (beyond or begin[-1] == 1)
    full_start = begin[-1] == 1 and (beyond or end[-1] == level.units)
    return (
        _higher(first) if full_start else first,
        _higher(last) if full_end else last,
    )


def _higher(piece: Piece) -> Piece:
    return Piece(piece.numbers[:-1], piece.alternative, piece.dates[:1])


def shown(pattern: Pattern, piece: Piece) -> str:
    """A piece as it is written: v.5:no.12=no.118(2025:Dec.)."""
    dates = ":".join(_named(pattern.chronology, piece.dates))
    told = _numbers(pattern, piece)
    return (f"{told}({dates})" if told else dates) if dates else told


def _named(levels: Sequence[Level], values: Sequence[str]) -> Iterator[str]:
    for place, value in enumerate(values):
        if value:
            yield _captioned(levels[place].caption if place < len(levels) else "", value)


def _captioned(caption: str, value: str) -> str:
    """A caption in parentheses is not shown; one that begins with a plus sign takes an ordinal before it."""
    if caption.startswith("("):
        return "/".join(_date(caption, each) for each in value.split("/"))
    if caption.startswith("+"):
        return f"{_ordinal(value)} {caption[1:].strip()}"
    return caption + value


def _date(caption: str, value: str) -> str:
    if value in SEASONS:
        return SEASONS[value]
    if caption == "(month)" and value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= 12:
        return MONTHS[int(value) - 1]
    return value


def _ordinal(value: str) -> str:
    if not _WHOLE.fullmatch(value):
        return value
    if value[-2:] in ("11", "12", "13"):
        return f"{value}th"
    return value + {"1": "st", "2": "nd", "3": "rd"}.get(value[-1], "th")


def call_number_of(record: Record) -> tuple[str | None, str | None]:
    """The call number of the first 852 that has one, prefix and suffix with it, and the first indicator."""
    for each in record.fields("852"):
        parts = [value.strip() for value in each.all("hijklm") if value.strip()]
        if parts:
            prefix = [value.strip() for value in each.all("k") if value.strip()]
            rest = [value.strip() for value in each.all("hijlm") if value.strip()]
            return " ".join([*prefix, *rest])[:500], each.ind1
    return None, None


def place_of(record: Record) -> tuple[str | None, str | None]:
    """Library and location as the first 852 names them ($b, $c)."""
    first = record.first("852")
    if first is None:
        return None, None
    library, location = ((first.get(code) or "").strip() or None for code in "bc")
    return library, location


NEW_LEADER: Final = "00000nu  a2200000un 4500"
_INDICATORS: Final = {"lc": "0", "dewey": "1", "nlm": "2", "sudoc": "3", "local": "8"}


def as_it_stands(
    record: Record | None,
    *,
    number: str,
    title_number: str,
    library: str,
    location: str,
    call_number: str | None,
    scheme: str | None,
) -> Record:
    """The record with the title that it belongs to (004), and where that stands now (852): untouched where it says so
    already. None: a record of just that."""
    if record is None:
        told = [
            Field.control("001", number),
            Field.control("004", title_number),
            _shelved(None, library, location, call_number, scheme),
        ]
        return Record(NEW_LEADER, told)
    if record.control("004") not in (None, title_number):
        record = record.without("004").having(Field.control("004", title_number))
    place, told_number = place_of(record), call_number_of(record)[0]
    if (place == (library, location) or None in place) and told_number in (None, call_number):
        return record
    fields = list(record)
    first = next((n for n, each in enumerate(fields) if each.tag == "852"), None)
    if first is None:
        return record.having(_shelved(None, library, location, call_number, scheme))
    fields[first] = _shelved(fields[first], library, location, call_number, scheme)
    return Record(record.leader, fields)


def _shelved(
    before: Field | None, library: str, location: str, call_number: str | None, scheme: str | None
) -> Field:
    """An 852 with this place and number; whatever else it said stays."""
    kept = [(code, value) for code, value in before.subfields if code not in "bchijklm"] if before else []
    number = [("h", call_number)] if call_number else []
    same = before is not None and call_number_of(Record(NEW_LEADER, [before]))[0] == call_number
    if before is not None and same:
        number = [(code, value) for code, value in before.subfields if code in "hijklm"]
    ind1 = before.ind1 if before is not None and same else _INDICATORS.get(scheme or "", " ")
    ind2 = before.ind2 if before is not None else " "
    ahead = [(code, value) for code, value in kept if code in "a8"]
    behind = [(code, value) for code, value in kept if code not in "a8"]
    return Field.data("852", ind1 + ind2, *ahead, ("b", library), ("c", location), *number, *behind)
