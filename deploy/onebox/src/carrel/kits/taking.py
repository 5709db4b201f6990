"""What kits do alike: rows that cannot be read are told and left, ids are there once, records get the old number."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from carrel.kits.neutral import Export, Left
from carrel.kits.reading import LONGEST_ID, Wrong
from catalog.marc.record import Field, Record

T = TypeVar("T")


def taken(
    export: Export, kind: str, rows: Iterable[Mapping[str, Any]], name: str, make: Callable[[Any], T | None]
) -> list[T]:
    """What rows come to; one that cannot be read is left, with the reason, and so is an id that comes again.

    `name`: the column of the row's id. What `make` makes nothing of needs no telling.
    """
    found: list[T] = []
    seen: set[str] = set()
    for number, row in enumerate(rows, 1):
        legacy_id = str(row.get(name) or "")
        where = legacy_id[:LONGEST_ID] or f"row {number}"
        try:
            if not legacy_id:
                raise Wrong(f"it does not say {name}")
            if len(legacy_id) > LONGEST_ID or "\0" in legacy_id:
                raise Wrong("its id is too long")
            if legacy_id in seen:
                export.left.append(
                    Left(kind, where, "legacy-id-repeated", "The id came before in this file.")
                )
                continue
            made = make(row)
        except Wrong as error:
            export.left.append(Left(kind, where, "unreadable", f"It cannot be read: {error}."))
            continue
        seen.add(legacy_id)
        if made is not None:
            found.append(made)
    return found


def leave(export: Export, kind: str, legacy_id: str, code: str, text: str) -> None:
    """A row that is read and not handed over."""
    export.left.append(Left(kind, legacy_id, code, text))


def part_from_ended_loans(export: Export) -> None:
    """A fee stays with its patron's loan while that is out; of a loan that has ended it stands by itself."""
    out = {(loan.legacy_id, loan.patron) for loan in export.loans}
    for fee in export.fees:
        if (fee.loan, fee.patron) not in out:
            fee.loan = None


def numbered(record: Record, legacy_id: str, source: str, *, without: tuple[str, ...] = ()) -> Record:
    """The record under the old system's number (001) and name (003); another number that it had becomes a 035."""
    number, agency = record.control("001"), record.control("003")
    rest = [field for field in record if field.tag not in ("001", "003", *without)]
    fields = [Field.control("001", legacy_id), Field.control("003", source), *rest]
    if number and number.strip() != legacy_id:
        told = f"({agency.strip()}){number.strip()}" if agency and agency.strip() else number.strip()
        fields.append(Field.data("035", "  ", ("a", told)))
    return Record(record.leader, fields)


def titles_of(
    export: Export, told: Iterator[tuple[int, Record | None, str]], make: Callable[[Record], T | None]
) -> Iterator[T]:
    """Titles of a file of records; what is no record, or has no id, is left with the reason."""
    for number, record, why in told:
        if record is None:
            leave(export, "title", f"record {number}", "unreadable", f"It cannot be read: {why}.")
            continue
        try:
            made = make(record)
        except Wrong as error:
            leave(export, "title", f"record {number}", "unreadable", f"It cannot be read: {error}.")
            continue
        if made is not None:
            yield made
