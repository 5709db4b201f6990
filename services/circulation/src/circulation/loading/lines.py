"""Lines of a campus file: cut from a stream, and read one by one."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from chassis.moments import Moment
from circulation.loading.rules import FIELDS, NEVER_EMPTY
from circulation.registration.details import (
    LISTS,
    Addresses,
    Emails,
    Identifiers,
    Language,
    Mail,
    NameForms,
    NameOrder,
    Phones,
    Statistics,
    as_kept,
    told_by,
)
from circulation.registration.own import Facts, Tags

JSON_LINES: Final = "application/x-ndjson"
CSV: Final = "text/csv"
MEDIA_TYPES: Final = (JSON_LINES, CSV)
LONGEST: Final = 65_536
"""Bytes of a line."""

Text = Annotated[str, StringConstraints(max_length=200, min_length=1)]


class PatronLine(BaseModel):
    """A patron, as a campus file tells: found by the external id; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    external_id: Text
    barcode: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    group: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    """The campus's word for it, or the library's code."""
    family_name: Text | None = None
    given_name: Annotated[str, StringConstraints(max_length=200)] | None = None
    preferred_name: Text | None = None
    sort_name: Annotated[str, StringConstraints(min_length=1, max_length=400)] | None = None
    name_order: NameOrder | None = None
    name_forms: NameForms | None = None
    email: Mail | None = None
    emails: Emails | None = None
    phones: Phones | None = None
    addresses: Addresses | None = None
    identifiers: Identifiers | None = None
    language: Language | None = None
    library: Annotated[str, StringConstraints(max_length=60)] | None = None
    birth_on: date | None = None
    statistics: Statistics | None = None
    """By category; null takes one away."""
    custom: Facts | None = None
    """By field; null takes one away."""
    tags: Tags | None = None
    expires_at: Moment | None = None
    active: bool | None = None


COLUMNS: Final = ("external_id", *FIELDS)
NESTED: Final = frozenset({*LISTS, "statistics", "custom", "tags"})
"""In a CSV cell they are written as JSON; an empty cell leaves them as they are."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a line: which field, which code, which words (never the line's own)."""

    code: str
    text: str
    pointer: str = ""

    def as_json(self) -> dict[str, str]:
        """As it is kept."""
        return {"code": self.code, "text": self.text, "pointer": self.pointer}


@dataclass(frozen=True, slots=True)
class Read:
    """A line that was read: whom it is about, what it tells, or all that is wrong with it."""

    external_id: str | None
    told: dict[str, Any]
    wrong: tuple[Wrong, ...] = ()


async def cut(chunks: AsyncIterator[bytes], *, quoted: bool) -> AsyncIterator[bytes]:
    """Lines without their ends, blank ones left out; in CSV a quoted field may go on over several.

    Of a line that is too long the beginning comes, one byte longer than is read.
    """
    rest, line = bytearray(), bytearray()

    def grown(piece: bytes | bytearray) -> None:
        line.extend(piece[: LONGEST + 1 - len(line)])

    def complete() -> bool:
        return not quoted or len(line) > LONGEST or line.count(b'"') % 2 == 0

    async for chunk in chunks:
        rest += chunk
        while (end := rest.find(b"\n")) >= 0:
            grown(rest[: end + 1])
            del rest[: end + 1]
            if complete():
                if bare := bytes(line).rstrip(b"\r\n"):
                    yield bare
                line.clear()
        if len(rest) > LONGEST:  # the end of a huge line is of no use, only where it is
            grown(rest)
            rest.clear()
    grown(rest)
    if bare := bytes(line).rstrip(b"\r\n"):
        yield bare


def header_of(first: bytes) -> tuple[list[str], list[Wrong]]:
    """The columns of a CSV file, and what is wrong with them."""
    try:
        names = [name.strip() for name in next(csv.reader([first.decode("utf-8-sig")]))]
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return [], [Wrong("header-unreadable", "The first line is no CSV header in UTF-8.")]
    wrong = [
        Wrong("column-unknown", f"There is no column {name[:60]!r}: {', '.join(COLUMNS)}.")
        for name in names
        if name not in COLUMNS
    ]
    if "external_id" not in names:
        wrong.append(Wrong("column-missing", "There is no column external_id."))
    if len(set(names)) < len(names):
        wrong.append(Wrong("column-repeated", "A column is there more than once."))
    return names, wrong


def read(line: bytes, *, columns: list[str] | None) -> Read:
    """Read a line of JSON, or of CSV with these columns. An empty cell empties."""
    if len(line) > LONGEST:
        return Read(None, {}, (Wrong("line-too-long", f"A line may have {LONGEST} bytes."),))
    try:
        found = _cells(line, columns) if columns is not None else orjson.loads(line)
    except (UnicodeDecodeError, csv.Error, orjson.JSONDecodeError, StopIteration):
        return Read(None, {}, (Wrong("line-unreadable", "The line cannot be read."),))
    if not isinstance(found, dict):
        text = "The line is no object." if columns is None else "The line has another number of cells."
        return Read(None, {}, (Wrong("line-unreadable", text),))
    whom = found.get("external_id")
    known = whom if isinstance(whom, str) and whom and "\0" not in whom else None
    if (b"\\u0000" in line or b"\0" in line) and _holds_nul(found):
        return Read(known, {}, (Wrong("unstorable-value", "A text holds NUL."),))
    try:
        patron = PatronLine.model_validate(found)
    except ValidationError as error:
        return Read(known, {}, tuple(_wrong(each) for each in error.errors()))
    told = as_kept(told_by(patron))
    del told["external_id"]
    bare = tuple(
        Wrong("value-missing", f"{name} cannot be empty.", f"/{name}")
        for name in NEVER_EMPTY
        if name in told and told[name] is None
    )
    return Read(patron.external_id, told, bare)


def _cells(line: bytes, columns: list[str]) -> dict[str, Any] | None:
    cells = next(csv.reader(io.StringIO(line.decode(), newline="")))
    if len(cells) != len(columns):
        return None
    return {
        name: orjson.loads(cell) if name in NESTED else cell.strip() or None
        for name, cell in zip(columns, cells, strict=True)
        if name not in NESTED or cell.strip()
    }


def _holds_nul(found: Any) -> bool:
    if isinstance(found, dict):
        return any(_holds_nul(name) or _holds_nul(value) for name, value in found.items())
    return (
        "\0" in found if isinstance(found, str) else isinstance(found, list) and any(map(_holds_nul, found))
    )


def _wrong(told: Any) -> Wrong:
    pointer = "".join(f"/{part}" for part in told["loc"])
    return Wrong(str(told["type"]).replace("_", "-"), str(told["msg"]), pointer)
