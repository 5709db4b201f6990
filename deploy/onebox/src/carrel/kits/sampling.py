"""What the samples of all systems have in common: the made library's words in each system's codes, records, tables."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from carrel.kits.made import BERLIN, MadeItem, MadeTitle
from catalog.marc.record import Field, Record

MAPPED: Final[Mapping[str, Mapping[str, str]]] = {
    "places": {
        "MAIN/ST": "main/main-stacks-1",
        "MAIN/LAW": "main/main-law",
        "SCI/ST": "science/sci-physics",
    },
    "material_types": {"book": "book", "film": "film"},
    "loan_types": {"normal": "standard", "reference": "reading-room"},
    "patron_groups": {"student": "undergraduate", "teacher": "faculty", "guest": "external"},
    "service_points": {"MAIN": "main-desk", "SCI": "science-desk"},
    "fee_types": {"late": "overdue", "damage": "damage"},
}
"""What the made library's words mean at the demo university."""
Codes = Mapping[str, Mapping[str, str]]
"""Section → the made library's word → the system's code."""
KOHA: Final[Codes] = {
    "places": {"MAIN/ST": "CPL/GEN", "MAIN/LAW": "CPL/LAW", "SCI/ST": "SPL/GEN"},
    "material_types": {"book": "BK", "film": "VM"},
    "loan_types": {"normal": "0", "reference": "2"},
    "patron_groups": {"student": "ST", "teacher": "T", "guest": "PT"},
    "service_points": {"MAIN": "CPL", "SCI": "SPL"},
    "fee_types": {"late": "OVERDUE", "damage": "MANUAL"},
}
FOLIO: Final[Codes] = {
    "places": {"MAIN/ST": "KU/CC/ML/ST", "MAIN/LAW": "KU/CC/ML/LAW", "SCI/ST": "KU/CC/SL/ST"},
    "material_types": {"book": "book", "film": "video recording"},
    "loan_types": {"normal": "Can circulate", "reference": "Reading room"},
    "patron_groups": {"student": "undergrad", "teacher": "faculty", "guest": "guest"},
    "service_points": {"MAIN": "cd1", "SCI": "cd2"},
    "fee_types": {"late": "Overdue fine", "damage": "Damage"},
}
ALMA: Final[Codes] = {
    "places": {"MAIN/ST": "MAIN/stacks", "MAIN/LAW": "MAIN/law", "SCI/ST": "SCI/stacks"},
    "material_types": {"book": "BOOK", "film": "DVD"},
    "loan_types": {"normal": "01", "reference": "09"},
    "patron_groups": {"student": "10", "teacher": "20", "guest": "30"},
    "service_points": {"MAIN": "MAIN", "SCI": "SCI"},
    "fee_types": {"late": "Overdue fine", "damage": "Damaged item fine"},
}
SIERRA: Final[Codes] = {
    "places": {"MAIN/ST": "mast", "MAIN/LAW": "malaw", "SCI/ST": "scst"},
    "material_types": {"book": "0", "film": "7"},
    "loan_types": {"normal": "-", "reference": "o"},
    "patron_groups": {"student": "1", "teacher": "2", "guest": "9"},
    "service_points": {"MAIN": "ma", "SCI": "sc"},
    "fee_types": {"late": "2", "damage": "1"},
}
CODES: Final[Mapping[str, Codes]] = {"koha": KOHA, "folio": FOLIO, "alma": ALMA, "sierra": SIERRA}
LEADER: Final = "00000nam a2200000 i 4500"


def record(title: MadeTitle, *more: Field, number: str | None = None, agency: str | None = None) -> Record:
    """A made record, with the system's own fields."""
    head = [Field.control("001", number)] if number else []
    head += [Field.control("003", agency)] if agency else []
    fixed = f"260101s{title.year}    gw            000 0 eng d"
    return Record(
        LEADER,
        [
            *head,
            Field.control("008", fixed),
            Field.data("100", "1 ", ("a", title.author)),
            Field.data("245", "10", ("a", title.title)),
            Field.data("264", " 1", ("a", "Nowhere"), ("b", "Made Press"), ("c", str(title.year))),
            *more,
        ],
    )


def field(tag: str, subfields: Iterable[tuple[str, str | None]]) -> Field:
    """A field of ours, without what is not there."""
    return Field.data(tag, "  ", *((code, value) for code, value in subfields if value))


def table(file: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], separator: str = ",") -> None:
    """A table with its heading."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=separator, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def money(cents: int) -> str:
    """As a decimal."""
    return f"{cents // 100}.{cents % 100:02}"


def place(codes: Codes, item: MadeItem) -> str:
    """Where an item stands, in the system's code."""
    return codes["places"][f"{item.library}/{item.shelf}"]


def utc(wall: datetime) -> str:
    """A wall's clock in UTC."""
    return wall.replace(tzinfo=BERLIN).astimezone(UTC).isoformat()


def until(day: date) -> datetime:
    """The last second of a day, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(0), BERLIN).astimezone(UTC) - timedelta(seconds=1)
