"""Sierra: MARC with the record number in 907 $a and items in 945, as data exchange gives it; tables from Create Lists.

Record numbers keep their check digit or lack it: what is after the digits that count is the same in all files of one
export, or `columns` names another column. A location code is a library and a place in one.
"""

import re
from collections.abc import Mapping
from typing import Final

from carrel.kits.neutral import Export, Fee, Hold, Item, Left, Loan, Patron, Title
from carrel.kits.reading import TABLES, Folder, Wrong, day_end, minor, moment, needs, number, records, rows
from carrel.kits.settings import MappingDoc
from carrel.kits.taking import leave, numbered, part_from_ended_loans, taken, titles_of
from catalog.marc.record import Field, Record

FILES: Final = {
    "bibs": (".mrc", ".out", ".xml"),
    "patrons": TABLES,
    "checkouts": TABLES,
    "holds": TABLES,
    "fines": TABLES,
}
COLUMNS: Final = {
    "patrons": {
        "id": "RECORD #(PATRON)",
        "name": "PATRN NAME",
        "barcode": "P BARCODE",
        "type": "P TYPE",
        "expires": "EXP DATE",
        "email": "EMAIL ADDR",
        "external": "UNIV ID",
    },
    "checkouts": {
        "item": "RECORD #(ITEM)",
        "patron": "RECORD #(PATRON)",
        "lent": "OUT DATE",
        "due": "DUE DATE",
        "renewals": "# RENEWALS",
        "location": "OUT LOC",
    },
    "holds": {
        "id": "HOLD ID",
        "patron": "RECORD #(PATRON)",
        "title": "RECORD #(BIBLIO)",
        "item": "RECORD #(ITEM)",
        "placed": "DATE PLACED",
        "pickup": "PICKUP AT",
        "status": "STATUS",
        "place": "PRIORITY",
        "until": "NOT NEEDED AFTER",
        "shelf": "PICKUP BY",
        "frozen": "FROZEN",
    },
    "fines": {
        "id": "INVOICE",
        "patron": "RECORD #(PATRON)",
        "item": "RECORD #(ITEM)",
        "charged": "ASSESSED DATE",
        "amount": "TOTAL CHARGES",
        "paid": "PAID AMOUNT",
        "type": "CHARGE TYPE",
        "note": "FINE COMMENT",
    },
}
NEEDED: Final = {
    "patrons": ("id", "name", "type"),
    "checkouts": ("item", "patron", "lent", "due", "location"),
    "holds": ("id", "patron", "title", "placed", "pickup"),
    "fines": ("id", "patron", "charged", "amount", "type"),
}
DAYS: Final = (
    "%m-%d-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M",
    "%m-%d-%Y %I:%M%p",
    "%m-%d-%Y",
    "%m-%d-%y %H:%M",
    "%m-%d-%y",
)
BLANK: Final = re.compile(r"^\s*-*\s*-\s*-*\s*$")
"""A date that is none: `  -  -  `."""
ON_SHELF: Final = frozenset({"b", "i", "j"})
"""Hold status: ready for pickup (of a title, an item, a volume); `0` is waiting, `t` in transit."""
MISSING: Final = frozenset({"m", "n", "$", "z"})
"""Item status: missing, billed, lost and paid, claimed returned."""
WITHDRAWN: Final = "w"


def read(folder: Folder, settings: MappingDoc) -> Export:
    """Read an export."""
    files = folder.need(FILES)
    export = Export(iter(()))
    zone, currency = settings.time_zone, settings.currency

    def table(name: str) -> list[dict[str, str]]:
        told = rows(files[name], settings.named(name, COLUMNS[name]), needed=NEEDED[name])
        return [{key: "" if BLANK.match(value) else value for key, value in row.items()} for row in told]

    def patron(row: Mapping[str, str]) -> Patron:
        legacy_id, name, kind = needs(row, *NEEDED["patrons"])
        family, _, given = name.partition(",")
        return Patron(
            legacy_id,
            row["external"] or f"{settings.source}-{legacy_id}",
            kind,
            family.strip(),
            given.strip() or None,
            row["barcode"] or None,
            row["email"] or None,
            day_end(row["expires"], zone, DAYS) if row["expires"] else None,
        )

    def loan(row: Mapping[str, str]) -> Loan:
        item, who, lent, due, location = needs(row, *NEEDED["checkouts"])
        lent_at, due_at = moment(lent, zone, DAYS), day_end(due, zone, DAYS)
        return Loan(item, who, item, lent_at, due_at, number(row["renewals"]), location)

    def hold(row: Mapping[str, str]) -> Hold:
        legacy_id, who, title, placed, pickup = needs(row, *NEEDED["holds"])
        ready = row["status"] in ON_SHELF
        if row["status"] == "t":
            text = "A copy was on its way; the hold waits, and the copy is taken in by the next scan."
            export.left.append(Left("hold", legacy_id, "in-transit", text, lost=False))
        return Hold(
            legacy_id,
            who,
            title,
            number(row["place"]),
            moment(placed, zone, DAYS),
            pickup,
            item=row["item"] or None,
            on_item=bool(row["item"]) and not ready,
            expires_at=day_end(row["until"], zone, DAYS) if row["until"] else None,
            ready=ready,
            shelf_expires_at=day_end(row["shelf"], zone, DAYS) if row["shelf"] and ready else None,
            suspended=row["frozen"].casefold() in ("t", "true", "y", "yes", "1"),
        )

    def fee(row: Mapping[str, str]) -> Fee | None:
        legacy_id, who, charged, total, kind = needs(row, *NEEDED["fines"])
        amount = minor(total, currency)
        remaining = amount - (minor(row["paid"], currency) if row["paid"] else 0)
        if remaining <= 0:
            return None
        item = row["item"] or None
        note = row["note"] or None
        return Fee(
            legacy_id, who, kind, amount, remaining, currency, moment(charged, zone, DAYS), item, item, note
        )

    def title(record: Record) -> Title:
        legacy_id = (record.get("907", "a") or "").strip()
        if not legacy_id:
            raise Wrong("it has no record number in 907 $a")
        told = Title(
            legacy_id, numbered(record, legacy_id, settings.source, without=("907", "902", "945", "998"))
        )
        for field in record.fields("945"):
            if (item := _item(export, legacy_id, field)) is not None:
                told.items.append(item)
        return told

    export.patrons = taken(export, "patron", table("patrons"), "id", patron)
    export.loans = taken(export, "loan", table("checkouts"), "item", loan)
    export.holds = taken(export, "hold", table("holds"), "id", hold)
    export.fees = taken(export, "fee", table("fines"), "id", fee)
    part_from_ended_loans(export)
    export.titles = titles_of(export, records(files["bibs"]), title)
    return export


def _item(export: Export, title: str, field: Field) -> Item | None:
    """A 945: $y is the record number, $l the location, $t the type, $s the status; the call number in $a, $k."""

    def told(code: str) -> str | None:
        return (field.get(code) or "").strip() or None

    legacy_id = told("y")
    if legacy_id is None:
        leave(export, "item", f"of title {title}", "unreadable", "An item has no record number in 945 $y.")
        return None
    if told("s") == WITHDRAWN:
        leave(export, "item", legacy_id, "withdrawn", "It was withdrawn in the old system.")
        return None
    if (status := told("s")) in MISSING:
        text = f"It was not to be found in the old system (status {status}); set it missing here, unless it is on loan."
        export.left.append(Left("item", legacy_id, "lost", text, lost=False))
    price = told("p")
    return Item(
        legacy_id,
        told("i"),
        told("l") or "/",
        told("t") or "",
        told("o") or "-",
        " ".join(filter(None, [told("a"), told("k")])) or None,
        told("c"),
        told("g"),
        told("n"),
        price.lstrip("$") if price and price.lstrip("$").strip("0.") else None,
    )
