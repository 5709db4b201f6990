"""Files of an export: tables of rows, JSON in lines or whole, MARC; and the values in them.

A file's name without its ending says what it is (`borrowers.csv`, `borrowers.tsv`, `borrowers.txt` are one), and so
does its first line which separator it has. What is missing is told all at once.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from catalog.marc import iso2709, marcxml
from catalog.marc.record import Record
from contracts.currencies import EXPONENTS

TABLES: Final = (".csv", ".tsv", ".txt")
LONGEST_CELL: Final = 1 << 20
LONGEST_ID: Final = 200
EARLIEST: Final = 1000
LATEST: Final = 9998
MOST: Final = 1_000_000_000
"""Minor units of one amount."""
NOTHING: Final = frozenset({"", "NULL", "\\N"})


class Unreadable(Exception):
    """The export cannot be read as it is; every reason at once."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n".join(reasons))
        self.reasons = list(reasons)


class Wrong(ValueError):
    """A value of a row is not what it must be."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the files of an export lie."""

    path: Path

    def found(self, name: str, endings: Sequence[str]) -> Path | None:
        """The file of that name with one of these endings."""
        for ending in endings:
            if (file := self.path / f"{name}{ending}").is_file():
                return file
        return None

    def need(self, wanted: Mapping[str, Sequence[str]]) -> dict[str, Path]:
        """Files by name; raises with all that are missing."""
        found = {name: self.found(name, endings) for name, endings in wanted.items()}
        if missing := [name for name, file in found.items() if file is None]:
            raise Unreadable(
                [f"There is no {name}{' or '.join(wanted[name])} in {self.path}." for name in missing]
            )
        return {name: file for name, file in found.items() if file is not None}


def rows(file: Path, columns: Mapping[str, str], *, needed: Sequence[str]) -> Iterator[dict[str, str]]:
    """Rows of a table under our names: `columns` has the file's word for each; every one that is needed is there."""
    csv.field_size_limit(LONGEST_CELL)
    with file.open(encoding="utf-8-sig", newline="") as stream:
        head = stream.readline()
        separator = max("\t,;|", key=head.count)
        names = [name.strip() for name in next(_reader([head], separator), [])]
        at = {ours: names.index(theirs) if theirs in names else -1 for ours, theirs in columns.items()}
        if missing := [columns[name] for name in needed if at[name] < 0]:
            raise Unreadable([f"{file.name} has no column {name!r}." for name in missing])
        for cells in _reader(stream, separator):
            if cells:
                yield {
                    ours: cells[place].strip()
                    if 0 <= place < len(cells) and cells[place].strip() not in NOTHING
                    else ""
                    for ours, place in at.items()
                }


def _reader(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """In tables with tabs a quotation mark is one; elsewhere it encloses a cell."""
    if separator == "\t":
        return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=separator)


def objects(file: Path, within: str) -> Iterator[dict[str, Any]]:
    """Objects of a file: one to a line, or a list, or a list `within` an object."""
    with file.open(encoding="utf-8-sig") as stream:
        first = stream.readline()
        try:
            alone = json.loads(first) if first.strip() else None
        except ValueError:
            alone = None
        if isinstance(alone, dict) and within not in alone:
            yield alone
            for number, line in enumerate(stream, 2):
                if line.strip():
                    yield _object(line, f"Line {number} of {file.name}")
            return
        stream.seek(0)
        try:
            told = json.load(stream)
        except ValueError as error:
            raise Unreadable([f"{file.name} is no JSON: {error}."]) from None
    found = told.get(within) if isinstance(told, dict) else told
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Unreadable([f"{file.name} has no list of objects, and none named {within!r}."])
    yield from found


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError as error:
        raise Unreadable([f"{where} is no JSON: {error}."]) from None
    if not isinstance(told, dict):
        raise Unreadable([f"{where} is no object."])
    return told


def records(file: Path) -> Iterator[tuple[int, Record | None, str]]:
    """MARC records with their number, in ISO 2709 or MARCXML; None with the reason for what is none."""
    read = marcxml.read if file.suffix.lower() == ".xml" else iso2709.read
    with file.open("rb") as stream:
        for number, found in enumerate(read(stream), 1):
            why = "; ".join(problem.message for problem in found.problems) if found.record is None else ""
            yield number, found.record, why


def needs(row: Mapping[str, str], *names: str) -> list[str]:
    """The row's values; `Wrong` with all that are missing."""
    if missing := [name for name in names if not row[name]]:
        raise Wrong(f"it does not say {', '.join(missing)}")
    return [row[name] for name in names]


def moment(text: str, zone: ZoneInfo, forms: Sequence[str] = ()) -> datetime:
    """A moment, in its own zone where it tells one, else in the library's; a day alone is its beginning.

    An hour that the clocks skip in spring is taken as one later; of one that comes twice in autumn the first counts.
    """
    found = _read(text.strip(), zone, forms)
    if found is None or not EARLIEST <= found.year <= LATEST:
        raise Wrong(f"{text[:40]!r} is no moment")
    return found.astimezone(UTC)


def _read(text: str, zone: ZoneInfo, forms: Sequence[str]) -> datetime | None:
    for form in forms:
        with suppress(ValueError):
            return datetime.strptime(text, form).replace(tzinfo=zone)
    with suppress(ValueError):
        found = datetime.fromisoformat(text.replace("+0000", "+00:00") if text.endswith("+0000") else text)
        return found if found.tzinfo else found.replace(tzinfo=zone)
    return None


def day_end(text: str, zone: ZoneInfo, forms: Sequence[str] = ()) -> datetime:
    """Until when something counts that is told as a day: its last second; a moment is what it is."""
    found = moment(text, zone, forms).astimezone(zone)
    if found.time() != time(0):
        return found.astimezone(UTC)
    return datetime.combine(found.date() + timedelta(days=1), time(0), zone).astimezone(UTC) - timedelta(
        seconds=1
    )


def day(text: str) -> date:
    """A day."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise Wrong(f"{text!r} is no day") from None


def minor(text: str, currency: str) -> int:
    """An amount in minor units: `12.50`, `$12.50`, `12,50`, `1,250.00`; `Wrong` where the currency has fewer places.

    The last point or comma parts the whole from the rest, unless three figures follow a comma that stands alone.
    """
    told = text.strip().strip("$€£ ")
    if told.rfind(",") > told.rfind(".") and not ("." not in told and len(told) - told.rfind(",") == 4):
        told = told.replace(".", "").replace(",", ".")
    try:
        amount = Decimal(told.replace(",", ""))
    except InvalidOperation:
        raise Wrong(f"{text!r} is no amount") from None
    scaled = amount.scaleb(EXPONENTS.get(currency, 2))
    if not scaled.is_finite() or abs(scaled) > MOST or scaled != scaled.to_integral_value():
        raise Wrong(f"{text!r} is no amount of {currency}")
    return int(scaled)


def number(text: str, usual: int = 0) -> int:
    """A whole number; the usual one where none is told."""
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) <= 4):
        raise Wrong(f"{text[:20]!r} is no number, or too large a one")
    return int(text)
