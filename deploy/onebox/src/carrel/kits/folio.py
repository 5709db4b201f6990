"""FOLIO: inventory, source records, users and circulation as its APIs give them, in lines or in whole documents.

Reference ids (locations, types, groups, service points) are told by their codes where their own files lie beside; else
the mapping names the ids themselves.
"""

import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from carrel.kits.neutral import Export, Fee, Hold, Item, Left, Loan, Patron, Title
from carrel.kits.reading import Folder, Wrong, minor, moment, number, objects
from carrel.kits.settings import MappingDoc
from carrel.kits.taking import leave, numbered, part_from_ended_loans, taken
from catalog.marc import marcjson
from catalog.marc.record import Field, Record

JSON: Final = (".json", ".jsonl", ".ndjson")
FILES: Final = {
    "instances": "instances",
    "srs": "sourceRecords",
    "holdings": "holdingsRecords",
    "items": "items",
    "users": "users",
    "loans": "loans",
    "requests": "requests",
    "accounts": "accounts",
}
"""File → the list within a whole document."""
REFERENCES: Final = {
    "locations": ("locations", "code"),
    "material-types": ("mtypes", "name"),
    "loan-types": ("loantypes", "name"),
    "groups": ("usergroups", "group"),
    "service-points": ("servicepoints", "code"),
}
"""File → the list within it, and what is told of each."""
WAITING: Final = "Open - Not yet filled"
ON_SHELF: Final = "Open - Awaiting pickup"
LEADER: Final = "00000nam a2200000 i 4500"


def _needs(row: Mapping[str, Any], *names: str) -> list[str]:
    if missing := [name for name in names if not row.get(name)]:
        raise Wrong(f"it does not say {', '.join(missing)}")
    return [str(row[name]) for name in names]


class _Reading:
    """One export under way."""

    def __init__(self, folder: Folder, settings: MappingDoc) -> None:
        self.settings = settings
        self.files = folder.need(dict.fromkeys(FILES, JSON))
        self.export = Export(iter(()))
        self.codes: dict[str, dict[str, str]] = {}
        for name, (within, told) in REFERENCES.items():
            file = folder.found(name, JSON)
            rows = objects(file, within) if file is not None else ()
            self.codes[name] = {str(row.get("id")): str(row.get(told)) for row in rows}

    def code(self, kind: str, reference: Any) -> str:
        """The code of a reference id, else the id."""
        told = str(reference or "")
        return self.codes[kind].get(told, told)

    def rows(self, name: str) -> Iterator[dict[str, Any]]:
        """A file's objects."""
        return objects(self.files[name], FILES[name])

    def patron(self, row: Mapping[str, Any]) -> Patron:
        """A user."""
        zone = self.settings.time_zone
        personal = row.get("personal") or {}
        legacy_id, group = _needs(row, "id", "patronGroup")
        (family,) = _needs(personal, "lastName")
        expires = row.get("expirationDate")
        return Patron(
            legacy_id,
            row.get("externalSystemId") or row.get("username") or f"{self.settings.source}-{legacy_id}",
            self.code("groups", group),
            family,
            personal.get("firstName") or None,
            row.get("barcode") or None,
            personal.get("email") or None,
            moment(str(expires), zone) if expires else None,
            active=row.get("active", True) is not False,
        )

    def loan(self, row: Mapping[str, Any]) -> Loan | None:
        """A loan that is open."""
        if (row.get("status") or {}).get("name") != "Open":
            return None
        zone = self.settings.time_zone
        told = _needs(row, "id", "userId", "itemId", "loanDate", "dueDate", "checkoutServicePointId")
        legacy_id, who, item, lent, due, point = told
        renewals = number(str(row.get("renewalCount") or ""))
        place = self.code("service-points", point)
        return Loan(legacy_id, who, item, moment(lent, zone), moment(due, zone), renewals, place)

    def hold(self, row: Mapping[str, Any]) -> Hold | None:
        """A request that is open."""
        status = str(row.get("status") or "")
        if not status.startswith("Open"):
            return None
        zone = self.settings.time_zone
        told = _needs(row, "id", "requesterId", "instanceId", "requestDate", "pickupServicePointId")
        legacy_id, who, title, placed, point = told
        if status not in (WAITING, ON_SHELF):
            text = f"It was {status!r}; the hold waits, and the copy is taken in by the next scan."
            self.export.left.append(Left("hold", legacy_id, "in-transit", text, lost=False))
        ready = status == ON_SHELF
        until, shelf = row.get("requestExpirationDate"), row.get("holdShelfExpirationDate")
        return Hold(
            legacy_id,
            who,
            title,
            number(str(row.get("position") or "")),
            moment(placed, zone),
            self.code("service-points", point),
            item=row.get("itemId") or None,
            on_item=row.get("requestLevel", "Item") == "Item",
            expires_at=moment(str(until), zone) if until else None,
            ready=ready,
            shelf_expires_at=moment(str(shelf), zone) if shelf and ready else None,
        )

    def fee(self, row: Mapping[str, Any]) -> Fee | None:
        """An account with something left to pay."""
        currency = self.settings.currency
        legacy_id, who, kind = _needs(row, "id", "userId", "feeFineType")
        if (row.get("status") or {}).get("name") == "Closed" or not row.get("remaining"):
            return None
        amount, remaining = (minor(str(row.get(name)), currency) for name in ("amount", "remaining"))
        charged = (row.get("metadata") or {}).get("createdDate") or row.get("dateCreated")
        if not charged:
            raise Wrong("it does not say metadata.createdDate")
        return Fee(
            legacy_id,
            who,
            kind,
            amount,
            remaining,
            currency,
            moment(str(charged), self.settings.time_zone),
            loan=_told(row.get("loanId")),
            item=_told(row.get("itemId")),
        )

    def items(self) -> dict[str, list[Item]]:
        """Items by instance, through their holdings."""
        holdings = {str(row.get("id")): row for row in self.rows("holdings")}
        by_title: dict[str, list[Item]] = defaultdict(list)

        def item(row: Mapping[str, Any]) -> None:
            legacy_id, holding, material = _needs(row, "id", "holdingsRecordId", "materialTypeId")
            of = holdings.get(holding)
            if of is None:
                leave(
                    self.export, "item", legacy_id, "holdings-unknown", "Its holdings are not in the export."
                )
                return
            status = str((row.get("status") or {}).get("name") or "")
            if status == "Withdrawn":
                leave(self.export, "item", legacy_id, "withdrawn", "It was withdrawn in the old system.")
                return
            if status in ("Missing", "Long missing", "Lost and paid", "Unknown"):
                text = f"It was {status!r} in the old system; set it missing here."
                self.export.left.append(Left("item", legacy_id, "lost", text, lost=False))
            location = (
                row.get("effectiveLocationId")
                or row.get("permanentLocationId")
                or of.get("permanentLocationId")
            )
            loan_type = row.get("temporaryLoanTypeId") or row.get("permanentLoanTypeId")
            by_title[str(of.get("instanceId"))].append(
                Item(
                    legacy_id,
                    _told(row.get("barcode")),
                    self.code("locations", location) or "/",
                    self.code("material-types", material),
                    self.code("loan-types", loan_type),
                    _told(row.get("itemLevelCallNumber")) or _told(of.get("callNumber")),
                    _told(row.get("volume")) or _told(row.get("enumeration")),
                    _told(row.get("copyNumber")),
                )
            )

        taken(self.export, "item", self.rows("items"), "id", item)
        return by_title

    def titles(self) -> Iterator[Title]:
        """Source records with their items; an instance without one is described by what it says itself."""
        items, described = self.items(), set[str]()
        for row in self.rows("srs"):
            instance = str((row.get("externalIdsHolder") or {}).get("instanceId") or "")
            if not instance or row.get("state", "ACTUAL") != "ACTUAL" or instance in described:
                continue
            record = _record((row.get("parsedRecord") or {}).get("content"))
            if record is not None:
                described.add(instance)
                yield self.title(instance, record, items)
        for row in self.rows("instances"):
            legacy_id = str(row.get("id") or "")
            if not legacy_id:
                leave(self.export, "title", "an instance", "unreadable", "It has no id.")
            elif legacy_id not in described:
                yield self.title(legacy_id, _brief(row), items)
        for instance, left in items.items():
            for item in left:
                text = f"Its instance {instance} is not in the export."
                leave(self.export, "item", item.legacy_id, "title-unknown", text)

    def title(self, legacy_id: str, record: Record, items: dict[str, list[Item]]) -> Title:
        """A title with its items, which are no longer looked for."""
        told = numbered(record, legacy_id, self.settings.source, without=("999",))
        return Title(legacy_id, told, items.pop(legacy_id, []))


def _told(value: Any) -> str | None:
    return str(value).strip() or None if value is not None else None


def _record(content: Any) -> Record | None:
    """A source record, which is MARC-in-JSON."""
    if content is None:
        return None
    text = content if isinstance(content, str) else json.dumps(content)
    found = next(iter(marcjson.read(io.BytesIO(text.encode()))), None)
    return found.record if found is not None else None


def _brief(row: Mapping[str, Any]) -> Record:
    fields = [Field.control("001", str(row.get("hrid") or row["id"]))]
    for place, each in enumerate(row.get("contributors") or ()):
        fields.append(Field.data("700" if place else "100", "1 ", ("a", str(each.get("name") or ""))))
    fields.append(Field.data("245", "00", ("a", str(row.get("title") or "[no title]"))))
    return Record(LEADER, fields)


def read(folder: Folder, settings: MappingDoc) -> Export:
    """Read an export."""
    reading = _Reading(folder, settings)
    export = reading.export
    export.patrons = taken(export, "patron", reading.rows("users"), "id", reading.patron)
    export.loans = taken(export, "loan", reading.rows("loans"), "id", reading.loan)
    export.holds = taken(export, "hold", reading.rows("requests"), "id", reading.hold)
    export.fees = taken(export, "fee", reading.rows("accounts"), "id", reading.fee)
    part_from_ended_loans(export)
    export.titles = reading.titles()
    return export
