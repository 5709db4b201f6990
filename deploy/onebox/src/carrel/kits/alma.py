"""Alma: MARCXML by a publishing profile that adds items to the records, and tables that Analytics gives.

The profile is each library's own: which field the items stand in and what its subfields mean is told by `item_field`
in the mapping. The tables have the headings of the Analytics fields.
"""

from collections.abc import Mapping
from typing import Final

from carrel.kits.neutral import Export, Fee, Hold, Item, Left, Loan, Patron, Title
from carrel.kits.reading import TABLES, Folder, Wrong, day_end, minor, moment, needs, number, records, rows
from carrel.kits.settings import MappingDoc
from carrel.kits.taking import leave, numbered, part_from_ended_loans, taken, titles_of
from catalog.marc.record import Field, Record

FILES: Final = {
    "bibs": (".xml", ".mrc"),
    "users": TABLES,
    "loans": TABLES,
    "requests": TABLES,
    "fines": TABLES,
}
COLUMNS: Final = {
    "users": {
        "id": "Primary Identifier",
        "barcode": "Barcode",
        "last": "Last Name",
        "first": "First Name",
        "group": "User Group Code",
        "expires": "Expiry Date",
        "email": "Preferred Email",
        "status": "Status",
    },
    "loans": {
        "id": "Item Loan Id",
        "user": "Primary Identifier",
        "item": "Item Id",
        "lent": "Loan Date",
        "lent_time": "Loan Time",
        "due": "Due Date",
        "due_time": "Due Time",
        "renewals": "Renewals",
        "library": "Library Code",
        "status": "Loan Status",
    },
    "requests": {
        "id": "Request Id",
        "user": "Primary Identifier",
        "title": "MMS Id",
        "item": "Item Id",
        "placed": "Request Date",
        "placed_time": "Request Time",
        "pickup": "Pickup Location",
        "status": "Request Status",
        "place": "Place In Queue",
        "until": "Last Interest Date",
        "shelf": "On Hold Shelf Until",
    },
    "fines": {
        "id": "Fine Fee Id",
        "user": "Primary Identifier",
        "type": "Fine Fee Type",
        "charged": "Fine Fee Creation Date",
        "amount": "Original Amount",
        "remaining": "Remaining Amount",
        "currency": "Currency",
        "status": "Fine Fee Status",
        "loan": "Item Loan Id",
        "item": "Item Id",
        "note": "Fine Comment",
    },
}
"""File → our name of a column → Analytics's heading."""
NEEDED: Final = {
    "users": ("id", "last", "group"),
    "loans": ("id", "user", "item", "lent", "due", "library"),
    "requests": ("id", "user", "title", "placed", "pickup"),
    "fines": ("id", "user", "type", "charged", "amount", "remaining"),
}
ITEM_FIELD: Final = {
    "tag": "ITM",
    "id": "x",
    "barcode": "b",
    "library": "l",
    "location": "c",
    "material_type": "m",
    "policy": "p",
    "call_number": "k",
    "description": "d",
    "copy": "t",
    "note": "n",
    "status": "s",
}
DAYS: Final = ("%d/%m/%Y %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y %I:%M:%S %p")
ON_SHELF: Final = "On Hold Shelf"
OVER: Final = ("Closed", "Completed", "Cancelled", "Rejected")


def read(folder: Folder, settings: MappingDoc) -> Export:
    """Read an export."""
    files = folder.need(FILES)
    export = Export(iter(()))
    zone = settings.time_zone
    field_of = ITEM_FIELD | settings.item_field

    def table(name: str) -> list[dict[str, str]]:
        return list(rows(files[name], settings.named(name, COLUMNS[name]), needed=NEEDED[name]))

    def patron(row: Mapping[str, str]) -> Patron:
        legacy_id, family, group = needs(row, "id", "last", "group")
        return Patron(
            legacy_id,
            legacy_id,
            group,
            family,
            row["first"] or None,
            row["barcode"] or None,
            row["email"] or None,
            day_end(row["expires"], zone, DAYS) if row["expires"] else None,
            active=row["status"].casefold() not in ("inactive", "deleted"),
        )

    def loan(row: Mapping[str, str]) -> Loan | None:
        if row["status"] and row["status"] != "Active":
            return None
        legacy_id, who, item, lent, due, library = needs(row, *NEEDED["loans"])
        lent_at = moment(f"{lent} {row['lent_time']}".strip(), zone, DAYS)
        due_text = f"{due} {row['due_time']}".strip()
        due_at = moment(due_text, zone, DAYS) if row["due_time"] else day_end(due_text, zone, DAYS)
        return Loan(legacy_id, who, item, lent_at, due_at, number(row["renewals"]), library)

    def hold(row: Mapping[str, str]) -> Hold | None:
        if row["status"] in OVER:
            return None
        legacy_id, who, title, placed, pickup = needs(row, *NEEDED["requests"])
        ready = row["status"] == ON_SHELF
        if not ready and row["status"] in ("In Transit", "In Transit to Hold Shelf"):
            text = "A copy was on its way; the hold waits, and the copy is taken in by the next scan."
            export.left.append(Left("hold", legacy_id, "in-transit", text, lost=False))
        return Hold(
            legacy_id,
            who,
            title,
            number(row["place"]),
            moment(f"{placed} {row['placed_time']}".strip(), zone, DAYS),
            pickup,
            item=row["item"] or None,
            on_item=bool(row["item"]) and not ready,
            expires_at=day_end(row["until"], zone, DAYS) if row["until"] else None,
            ready=ready,
            shelf_expires_at=day_end(row["shelf"], zone, DAYS) if row["shelf"] and ready else None,
        )

    def fee(row: Mapping[str, str]) -> Fee | None:
        legacy_id, who, kind, charged, amount, left = needs(row, *NEEDED["fines"])
        currency = row["currency"] or settings.currency
        remaining = minor(left, currency)
        if remaining == 0 or row["status"] == "Closed":
            return None
        if remaining < 0:
            leave(
                export,
                "fee",
                legacy_id,
                "credit",
                "The library owes the user; pay it out, or waive something.",
            )
            return None
        return Fee(
            legacy_id,
            who,
            kind,
            minor(amount, currency),
            remaining,
            currency,
            moment(charged, zone, DAYS),
            loan=row["loan"] or None,
            item=row["item"] or None,
            note=row["note"] or None,
        )

    def title(record: Record) -> Title:
        legacy_id = (record.control("001") or "").strip()
        if not legacy_id:
            raise Wrong("it has no MMS ID in 001")
        told = Title(legacy_id, numbered(record, legacy_id, settings.source, without=(field_of["tag"],)))
        for field in record.fields(field_of["tag"]):
            if (item := _item(export, legacy_id, field, field_of)) is not None:
                told.items.append(item)
        return told

    export.patrons = taken(export, "patron", table("users"), "id", patron)
    export.loans = taken(export, "loan", table("loans"), "id", loan)
    export.holds = taken(export, "hold", table("requests"), "id", hold)
    export.fees = taken(export, "fee", table("fines"), "id", fee)
    part_from_ended_loans(export)
    export.titles = titles_of(export, records(files["bibs"]), title)
    return export


def _item(export: Export, title: str, field: Field, names: Mapping[str, str]) -> Item | None:
    def told(name: str) -> str | None:
        return (field.get(names[name]) or "").strip() or None

    legacy_id = told("id")
    if legacy_id is None:
        leave(export, "item", f"of title {title}", "unreadable", f"An item has no id in ${names['id']}.")
        return None
    if (status := told("status")) is not None and status.casefold() in ("missing", "lost", "lost_loan"):
        text = f"It was {status} in the old system; set it missing here, unless it is on loan."
        export.left.append(Left("item", legacy_id, "lost", text, lost=False))
    return Item(
        legacy_id,
        told("barcode"),
        f"{told('library') or ''}/{told('location') or ''}",
        told("material_type") or "",
        told("policy") or "",
        told("call_number"),
        told("description"),
        told("copy"),
        told("note"),
    )
