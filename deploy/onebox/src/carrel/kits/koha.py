"""Koha: MARC with items in 952 and the biblionumber in 999 $c; tables as SQL reports give them, by their names."""

from collections.abc import Mapping
from typing import Final

from carrel.kits.neutral import Export, Fee, Hold, Item, Left, Loan, Patron, Title
from carrel.kits.reading import TABLES, Folder, Wrong, day_end, minor, moment, needs, number, records, rows
from carrel.kits.settings import MappingDoc
from carrel.kits.taking import leave, numbered, part_from_ended_loans, taken, titles_of
from catalog.marc.record import Field, Record

FILES: Final = {
    "biblios": (".mrc", ".marc", ".xml"),
    "borrowers": TABLES,
    "issues": TABLES,
    "reserves": TABLES,
    "accountlines": TABLES,
}
COLUMNS: Final = {
    "borrowers": (
        "borrowernumber", "cardnumber", "surname", "firstname", "email", "categorycode", "dateexpiry", "userid",
    ),
    "issues": (
        "issue_id", "borrowernumber", "itemnumber", "date_due", "branchcode", "issuedate", "renewals_count",
        "renewals",
    ),
    "reserves": (
        "reserve_id", "borrowernumber", "biblionumber", "itemnumber", "reservedate", "branchcode", "priority",
        "found", "expirationdate", "item_level_hold", "suspend", "suspend_until",
    ),
    "accountlines": (
        "accountlines_id", "borrowernumber", "issue_id", "itemnumber", "date", "amount", "amountoutstanding",
        "debit_type_code", "description", "status",
    ),
}  # fmt: skip
OPTIONAL: Final = frozenset(
    {"email", "userid", "renewals_count", "renewals", "expirationdate", "item_level_hold", "suspend",
     "suspend_until", "issue_id", "description", "status"}
)  # fmt: skip
"""Columns of newer or older Kohas alone, or that a report may leave out."""
ACCRUING: Final = "UNRETURNED"
"""Of a fine that grows as long as the loan is out."""


def read(folder: Folder, settings: MappingDoc) -> Export:
    """Read an export."""
    files = folder.need(FILES)

    def table(name: str) -> list[dict[str, str]]:
        told = settings.named(name, {column: column for column in COLUMNS[name]})
        key = COLUMNS[name][0]
        needed = [column for column in COLUMNS[name] if column == key or column not in OPTIONAL]
        return list(rows(files[name], told, needed=needed))

    export = Export(iter(()))
    zone, currency = settings.time_zone, settings.currency

    def patron(row: Mapping[str, str]) -> Patron:
        legacy_id, family, group = needs(row, "borrowernumber", "surname", "categorycode")
        return Patron(
            legacy_id,
            row["userid"] or row["cardnumber"] or f"{settings.source}-{legacy_id}",
            group,
            family,
            row["firstname"] or None,
            row["cardnumber"] or None,
            row["email"] or None,
            day_end(row["dateexpiry"], zone) if row["dateexpiry"] else None,
        )

    def loan(row: Mapping[str, str]) -> Loan:
        told = needs(row, "issue_id", "borrowernumber", "itemnumber", "issuedate", "date_due", "branchcode")
        legacy_id, who, item, lent, due, branch = told
        renewals = number(row["renewals_count"] or row["renewals"])
        return Loan(legacy_id, who, item, moment(lent, zone), moment(due, zone), renewals, branch)

    def hold(row: Mapping[str, str]) -> Hold:
        told = needs(row, "reserve_id", "borrowernumber", "biblionumber", "reservedate", "branchcode")
        legacy_id, who, title, placed, branch = told
        ready = row["found"] == "W"
        if row["found"] in ("T", "P"):
            text = "A copy was on its way; the hold waits, and the copy is taken in by the next scan."
            export.left.append(Left("hold", legacy_id, "in-transit", text, lost=False))
        return Hold(
            legacy_id,
            who,
            title,
            number(row["priority"]),
            moment(placed, zone),
            branch,
            item=row["itemnumber"] or None,
            on_item=row["item_level_hold"] == "1",
            expires_at=day_end(row["expirationdate"], zone) if row["expirationdate"] and not ready else None,
            ready=ready,
            shelf_expires_at=day_end(row["expirationdate"], zone)
            if row["expirationdate"] and ready
            else None,
            suspended=row["suspend"] == "1",
            suspended_until=moment(row["suspend_until"], zone) if row["suspend_until"] else None,
        )

    def fee(row: Mapping[str, str]) -> Fee | None:
        told = needs(
            row, "accountlines_id", "borrowernumber", "amount", "amountoutstanding", "date", "debit_type_code"
        )
        legacy_id, who, amount, outstanding, charged, kind = told
        remaining = minor(outstanding, currency)
        if remaining == 0:
            return None
        if remaining < 0:
            leave(
                export,
                "fee",
                legacy_id,
                "credit",
                "The library owes the patron; pay it out, or waive something.",
            )
            return None
        if row["status"] == ACCRUING:
            text = "The fine grows while the item is out; it is charged here when that comes back."
            leave(export, "fee", legacy_id, "accruing", text)
            return None
        return Fee(
            legacy_id,
            who,
            kind,
            minor(amount, currency),
            remaining,
            currency,
            moment(charged, zone),
            item=row["itemnumber"] or None,
            loan=row["issue_id"] or None,
            note=row["description"] or None,
        )

    def title(record: Record) -> Title:
        legacy_id = (record.get("999", "c") or "").strip()
        if not legacy_id:
            raise Wrong("it has no biblionumber in 999 $c")
        told = Title(legacy_id, numbered(record, legacy_id, settings.source, without=("952", "999")))
        for field in record.fields("952"):
            if (item := _item(export, legacy_id, field)) is not None:
                told.items.append(item)
        return told

    export.patrons = taken(export, "patron", table("borrowers"), "borrowernumber", patron)
    export.loans = taken(export, "loan", table("issues"), "issue_id", loan)
    export.holds = taken(export, "hold", table("reserves"), "reserve_id", hold)
    export.fees = taken(export, "fee", table("accountlines"), "accountlines_id", fee)
    part_from_ended_loans(export)
    export.titles = titles_of(export, records(files["biblios"]), title)
    return export


def _item(export: Export, title: str, field: Field) -> Item | None:
    """A 952: $9 is the itemnumber, $a the home library, $c the shelving location, $y the type, $7 if not for loan."""

    def told(code: str) -> str | None:
        return (field.get(code) or "").strip() or None

    legacy_id = told("9")
    if legacy_id is None:
        leave(export, "item", f"of title {title}", "unreadable", "An item has no itemnumber in 952 $9.")
        return None
    if (told("0") or "0") != "0":
        leave(export, "item", legacy_id, "withdrawn", "It was withdrawn in the old system.")
        return None
    if (lost := told("1") or "0") != "0":
        text = f"It was lost in the old system ({lost}); set it missing here, unless it is on loan."
        export.left.append(Left("item", legacy_id, "lost", text, lost=False))
    return Item(
        legacy_id,
        told("p"),
        f"{told('a') or ''}/{told('c') or ''}",
        told("y") or "",
        told("7") or "0",
        told("o"),
        told("h"),
        told("t"),
        " ".join(filter(None, [told("z"), told("x")])) or None,
        told("v"),
    )
