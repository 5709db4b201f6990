"""Made samples: the same small library as Koha, FOLIO, Alma and Sierra would export it, with a mapping to the demo
university's codes."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from carrel.kits import alma, sierra
from carrel.kits.made import BERLIN, ZONE, MadeLibrary, MadeTitle, library
from carrel.kits.sample_folio import folio
from carrel.kits.sampling import CODES, MAPPED, Codes, field, money, place, record, table
from catalog.marc import iso2709, marcxml
from catalog.marc.record import Field


def write_sample(kit: str, folder: Path, *, today: date | None = None) -> MadeLibrary:
    """Write one; what it was written from."""
    made = library(today or datetime.now(BERLIN).date())
    folder.mkdir(parents=True, exist_ok=True)
    WRITERS[kit](made, folder, CODES[kit])
    mapping: dict[str, Any] = {"source": kit, "zone": ZONE, "currency": "EUR", "load_profile": "campus"}
    for section, words in MAPPED.items():
        mapping[section] = {CODES[kit][section][word]: meant for word, meant in words.items()}
    (folder / "mapping.json").write_text(json.dumps(mapping, indent=2, ensure_ascii=False) + "\n")
    return made


def koha(made: MadeLibrary, folder: Path, codes: Codes) -> None:
    """MARC with 952 and 999; tables of a SQL report, parted by tabs, with NULL for nothing."""
    group, branch = codes["patron_groups"], codes["service_points"]

    def items(title: MadeTitle) -> list[Field]:
        return [
            field(
                "952",
                [
                    ("0", "0"), ("1", "0"), ("7", codes["loan_types"][item.lending]), ("9", str(1000 + item.number)),
                    ("a", place(codes, item).split("/")[0]), ("c", place(codes, item).split("/")[1]),
                    ("h", item.volume), ("o", item.call_number), ("p", item.barcode), ("t", item.copy),
                    ("y", codes["material_types"][item.kind]),
                ],
            )
            for item in title.items
        ]  # fmt: skip

    with (folder / "biblios.mrc").open("wb") as out:
        for title in made.titles:
            local = field("999", [("c", str(title.number)), ("d", str(title.number))])
            number = f"ocm{title.number:08}" if title.number % 2 else None
            out.write(iso2709.dumps(record(title, *items(title), local, number=number, agency="OCoLC")))
    table(
        folder / "borrowers.tsv",
        [
            "borrowernumber",
            "cardnumber",
            "surname",
            "firstname",
            "email",
            "categorycode",
            "dateexpiry",
            "userid",
        ],
        [
            [p.number, p.barcode, p.family, p.given, p.email, group[p.group], p.expires, p.user]
            for p in made.patrons
        ],
        "\t",
    )
    table(
        folder / "issues.tsv",
        ["issue_id", "borrowernumber", "itemnumber", "date_due", "branchcode", "issuedate", "renewals_count"],
        [
            [
                loan.number,
                loan.patron,
                1000 + loan.item,
                loan.due,
                branch[loan.library],
                loan.lent,
                loan.renewals,
            ]
            for loan in made.loans
        ],
        "\t",
    )
    table(
        folder / "reserves.tsv",
        ["reserve_id", "borrowernumber", "biblionumber", "itemnumber", "reservedate", "branchcode", "priority",
         "found", "expirationdate", "item_level_hold", "suspend", "suspend_until"],
        [
            [h.number, h.patron, h.title, 1000 + h.item if h.item else "NULL", h.placed, branch[h.library],
             0 if h.ready else h.place, "W" if h.ready else "NULL", h.until or "NULL",
             int(h.item is not None and not h.ready), 0, "NULL"]
            for h in made.holds
        ],
        "\t",
    )  # fmt: skip
    table(
        folder / "accountlines.tsv",
        ["accountlines_id", "borrowernumber", "issue_id", "itemnumber", "date", "amount", "amountoutstanding",
         "debit_type_code", "description", "status"],
        [
            [f.number, f.patron, f.loan or "NULL", 1000 + f.item if f.item else "NULL", f.charged,
             f"{money(f.amount)}0000", f"{money(f.remaining)}0000", codes["fee_types"][f.kind], "NULL",
             "RETURNED"]
            for f in made.fees
        ],
        "\t",
    )  # fmt: skip


def alma_id(kind: str, number: int) -> str:
    """A made Alma's id."""
    return f"{ {'title': 99, 'item': 23, 'loan': 17, 'request': 15, 'fine': 13}[kind] }{number:010}0201"


def alma_export(made: MadeLibrary, folder: Path, codes: Codes) -> None:
    """MARCXML with an item field, and tables of Analytics."""
    names = alma.ITEM_FIELD

    def items(title: MadeTitle) -> list[Field]:
        return [
            field(
                names["tag"],
                [
                    (names["id"], alma_id("item", item.number)),
                    (names["barcode"], item.barcode),
                    (names["library"], place(codes, item).split("/")[0]),
                    (names["location"], place(codes, item).split("/")[1]),
                    (names["material_type"], codes["material_types"][item.kind]),
                    (names["policy"], codes["loan_types"][item.lending]),
                    (names["call_number"], item.call_number),
                    (names["description"], item.volume),
                    (names["copy"], item.copy),
                ],
            )
            for item in title.items
        ]

    records = (record(t, *items(t), number=alma_id("title", t.number)) for t in made.titles)
    (folder / "bibs.xml").write_bytes(b"".join(marcxml.write(records)))
    users = {p.number: p.user for p in made.patrons}
    day = "%d/%m/%Y"
    table(
        folder / "users.csv",
        ["Primary Identifier", "Last Name", "First Name", "Barcode", "User Group Code", "Expiry Date",
         "Preferred Email", "Status"],
        [
            [p.user, p.family, p.given, p.barcode, codes["patron_groups"][p.group], p.expires.strftime(day), p.email,
             "Active"]
            for p in made.patrons
        ],
    )  # fmt: skip
    table(
        folder / "loans.csv",
        ["Item Loan Id", "Primary Identifier", "Item Id", "Loan Date", "Loan Time", "Due Date", "Due Time", "Renewals",
         "Library Code", "Loan Status"],
        [
            [alma_id("loan", loan.number), users.get(loan.patron, "nobody"), alma_id("item", loan.item),
             loan.lent.strftime(day), loan.lent.strftime("%H:%M:%S"), loan.due.strftime(day),
             loan.due.strftime("%H:%M:%S"), loan.renewals, codes["service_points"][loan.library], "Active"]
            for loan in made.loans
        ],
    )  # fmt: skip
    table(
        folder / "requests.csv",
        ["Request Id", "Primary Identifier", "MMS Id", "Item Id", "Request Date", "Pickup Location", "Request Status",
         "Place In Queue", "Last Interest Date", "On Hold Shelf Until"],
        [
            [alma_id("request", h.number), users.get(h.patron, "nobody"), alma_id("title", h.title),
             alma_id("item", h.item) if h.item else "", h.placed.strftime(day), codes["service_points"][h.library],
             alma.ON_SHELF if h.ready else "Not Started", h.place,
             h.until.strftime(day) if h.until and not h.ready else "",
             h.until.strftime(day) if h.until and h.ready else ""]
            for h in made.holds
        ],
    )  # fmt: skip
    table(
        folder / "fines.csv",
        ["Fine Fee Id", "Primary Identifier", "Fine Fee Type", "Fine Fee Creation Date", "Original Amount",
         "Remaining Amount", "Currency", "Fine Fee Status", "Item Loan Id", "Item Id", "Fine Comment"],
        [
            [alma_id("fine", f.number), users[f.patron], codes["fee_types"][f.kind], f.charged.strftime(day),
             money(f.amount), money(f.remaining), "EUR", "Active" if f.remaining else "Closed",
             alma_id("loan", f.loan) if f.loan else "", alma_id("item", f.item) if f.item else "", ""]
            for f in made.fees
        ],
    )  # fmt: skip


def sierra_id(kind: str, number: int) -> str:
    """A made Sierra's record number, with its check digit."""
    digits = str(1000000 + number)
    check = sum(int(digit) * weight for digit, weight in zip(reversed(digits), range(2, 9), strict=True)) % 11
    return f".{kind}{digits}{'x' if check == 10 else check}"


def sierra_export(made: MadeLibrary, folder: Path, codes: Codes) -> None:
    """MARC with 907 and 945, and lists."""

    def items(title: MadeTitle) -> list[Field]:
        return [
            field(
                "945",
                [
                    ("a", item.call_number), ("c", item.volume), ("g", item.copy), ("i", item.barcode),
                    ("l", codes["places"][f"{item.library}/{item.shelf}"]), ("o", codes["loan_types"][item.lending]),
                    ("p", "$0.00"), ("s", "-"), ("t", codes["material_types"][item.kind]),
                    ("y", sierra_id("i", item.number)),
                ],
            )
            for item in title.items
        ]  # fmt: skip

    with (folder / "bibs.mrc").open("wb") as out:
        for title in made.titles:
            local = field("907", [("a", sierra_id("b", title.number))])
            number = f"ocn{title.number:09}"
            out.write(iso2709.dumps(record(title, local, *items(title), number=number, agency="OCoLC")))
    columns = sierra.COLUMNS
    day = "%m-%d-%Y"

    def dated(moment: date | None, form: str = day) -> str:
        return moment.strftime(form) if moment else "  -  -  "

    table(
        folder / "patrons.csv",
        [columns["patrons"][name] for name in ("id", "name", "barcode", "type", "expires", "email", "external")],
        [
            [sierra_id("p", p.number), f"{p.family}, {p.given}", p.barcode, codes["patron_groups"][p.group],
             dated(p.expires), p.email, p.user]
            for p in made.patrons
        ],
    )  # fmt: skip
    table(
        folder / "checkouts.csv",
        [columns["checkouts"][name] for name in ("item", "patron", "lent", "due", "renewals", "location")],
        [
            [sierra_id("i", loan.item), sierra_id("p", loan.patron), dated(loan.lent, f"{day} %H:%M"),
             dated(loan.due, f"{day} %H:%M"), loan.renewals, codes["service_points"][loan.library]]
            for loan in made.loans
        ],
    )  # fmt: skip
    table(
        folder / "holds.csv",
        [columns["holds"][name] for name in
         ("id", "patron", "title", "item", "placed", "pickup", "status", "place", "until", "shelf", "frozen")],
        [
            [h.number, sierra_id("p", h.patron), sierra_id("b", h.title), sierra_id("i", h.item) if h.item else "",
             dated(h.placed), codes["service_points"][h.library], "i" if h.ready else "0", h.place,
             dated(h.until if not h.ready else None), dated(h.until if h.ready else None), "false"]
            for h in made.holds
        ],
    )  # fmt: skip
    table(
        folder / "fines.csv",
        [columns["fines"][name] for name in ("id", "patron", "item", "charged", "amount", "paid", "type", "note")],
        [
            [f.number, sierra_id("p", f.patron), sierra_id("i", f.item) if f.item else "", dated(f.charged),
             f"${money(f.amount)}", f"${money(f.amount - f.remaining)}", codes["fee_types"][f.kind], ""]
            for f in made.fees
        ],
    )  # fmt: skip


WRITERS: Final[Mapping[str, Callable[[MadeLibrary, Path, Codes], None]]] = {
    "koha": koha,
    "folio": folio,
    "alma": alma_export,
    "sierra": sierra_export,
}
