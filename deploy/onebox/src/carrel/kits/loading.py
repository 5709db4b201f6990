"""A prepared export is handed over: titles and items by an import, patrons by a load, the rest slice by slice.

Every step may be done again: what is here already stays as it is. So whoever was stopped, wherever that was, begins
anew or goes on, and comes to the same end.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from carrel.kits import facts
from carrel.kits.neutral import Fee, Hold, Left, Loan, Patron
from carrel.kits.preparing import MEDIA_TYPE, Prepared, import_profile
from carrel.kits.settings import MappingDoc
from carrel.kits.state import State, write_lines
from catalog.profiles.documents import ProfileDoc

ENDED: Final = ("finished", "finished-with-errors", "failed", "cancelled")
SLICE: Final = 500
LOOKED_UP: Final = 1000
PATIENCE: Final = 240
"""How often it is looked again, without anything new, whether circulation has heard of the items by now."""
PAUSE: Final = 0.5
NOT_YET: Final = frozenset({"item-unknown", "title-unknown"})
T = TypeVar("T")


class Door(Protocol):
    """The way to an installation, by URL (`carrel.client.Client`)."""

    def get(self, path: str, *, patience: float = 0.0, **params: Any) -> Any:
        """The JSON at a path."""

    def post(self, path: str, told: Any) -> Any:
        """The JSON answer to a POST."""

    def put(self, path: str, told: Any, *, if_match: str | None = None, **params: Any) -> Any:
        """The JSON answer to a PUT."""

    def send_file(self, path: str, file: Path, media_type: str, **params: Any) -> Any:
        """Stream a file; the JSON answer."""


class Broken(Exception):
    """A job of the installation did not come to its end."""


@dataclass
class Loading:
    """One hand-over under way."""

    door: Door
    prepared: Prepared
    settings: MappingDoc
    state: State
    say: Callable[[str], None]
    pause: Callable[[float], None]
    title_ids: dict[str, str] = field(default_factory=dict)
    item_ids: dict[str, str] = field(default_factory=dict)
    unloaded: list[Left] = field(default_factory=list)
    """Rows whose item or title is not here."""

    def path(self, kind: str, *more: str) -> str:
        """Where the system's records of a kind are."""
        return "/".join([f"/v1/migrations/{self.settings.source}/{kind}s", *more])

    def everything(self) -> None:
        """In the order in which each needs those before it."""
        self.titles()
        self.look_up()
        self.patrons()
        self.slices("patron", [self.named(row) for row in self.prepared.patrons])
        self.slices("loan", list(filter(None, map(self.loan, self.prepared.loans))))
        self.slices("hold", list(filter(None, map(self.hold, self.prepared.holds))))
        self.slices("fee", [self.fee(row) for row in self.prepared.fees])

    def titles(self) -> None:
        """Titles with their holdings and items, by an import profile of the migration's own."""
        code = f"migration-{self.settings.source}"[:40]
        if self.state.import_id is None:
            self.profile(code)
            job = self.door.send_file("/v1/imports", self.prepared.titles_file, MEDIA_TYPE, profile=code)
            self.state.import_id = job["id"]
            self.state.keep()
        job = self.ended(f"/v1/imports/{self.state.import_id}")
        counts = ", ".join(f"{count} {name}" for name, count in job["counts"].items() if count)
        self.say(f"titles: {counts or 'none'}; items: {_told(job['items'])}")

    def profile(self, code: str) -> None:
        """Write the import profile, unless it is as it must be."""
        wanted = ProfileDoc.model_validate(import_profile(self.settings))
        present = {each.pop("code"): each for each in self.door.get("/v1/import-profiles")["items"]}.get(code)
        version = present.pop("version") if present is not None else 0
        if present is None or ProfileDoc.model_validate(present) != wanted:
            told = wanted.model_dump(mode="json", by_alias=True)
            self.door.put(f"/v1/import-profiles/{code}", told, if_match=f'"{version}"')

    def patrons(self) -> None:
        """Patrons, by a load of the configured profile."""
        if not self.prepared.patrons:
            return
        if self.state.load_id is None:
            file = self.state.file.with_name("patrons.ndjson")
            write_lines(file, (json.dumps(line) for line in map(self.patron, self.prepared.patrons)))
            profile = self.settings.load_profile
            job = self.door.send_file("/v1/patron-loads", file, "application/x-ndjson", profile=profile)
            self.state.load_id = job["id"]
            self.state.keep()
        job = self.ended(f"/v1/patron-loads/{self.state.load_id}")
        self.say(f"patrons: {_told(job['counts'])}")

    def ended(self, path: str) -> Any:
        """A job when it has ended."""
        while (job := self.door.get(path, patience=30.0))["state"] not in ENDED:
            self.pause(PAUSE)
        if job["state"] in ("failed", "cancelled"):
            self.state.import_id = self.state.load_id = None
            self.state.keep()
            raise Broken(f"{path} ended {job['state']}: {job.get('error') or 'nobody says why'}.")
        return job

    def look_up(self) -> None:
        """What items and titles are here that the rest is about."""
        prepared = self.prepared
        items = [
            *(loan.item for loan in prepared.loans),
            *(hold.item for hold in prepared.holds if hold.item),
            *(fee.item for fee in prepared.fees if fee.item),
        ]
        self.item_ids = self.ids("item", items)
        self.title_ids = self.ids("title", [hold.title for hold in prepared.holds])

    def ids(self, kind: str, legacy_ids: Iterable[str]) -> dict[str, str]:
        """Ids here, by legacy id."""
        found: dict[str, str] = {}
        for part in parts(dict.fromkeys(legacy_ids), LOOKED_UP):
            told = self.door.post(self.path(kind, "lookups"), {"legacy_ids": part})
            found |= {each["legacy_id"]: each["id"] for each in told["items"]}
        return found

    def slices(self, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Hand rows over, a slice in a transaction; those that circulation could not know yet, again."""
        done = self.state.slices.get(kind, 0)
        for number, part in enumerate(parts(rows, SLICE)):
            if number >= done:
                self.door.post(self.path(kind), {"rows": part})
                self.state.slices[kind] = number + 1
                self.state.keep()
        by_id = {row["legacy_id"]: row for row in rows}
        waiting, silence = self.not_yet(kind, by_id), 0
        while waiting and silence < PATIENCE:
            self.pause(PAUSE)
            for part in parts(waiting, SLICE):
                self.door.post(self.path(kind), {"rows": part})
            left = self.not_yet(kind, by_id)
            silence = silence + 1 if len(left) == len(waiting) else 0
            waiting = left
        told = self.door.get(self.path(kind, "sum"))
        self.say(f"{kind}s: {_told({'here': told['count'], 'refused': told['refused']})}")

    def not_yet(self, kind: str, rows: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Rows that were refused for nothing but what circulation is still to hear."""
        return [
            rows[each["legacy_id"]]
            for each in self.pages(kind, refused="true")
            if each["legacy_id"] in rows and NOT_YET.issuperset(reason["code"] for reason in each["reasons"])
        ]

    def pages(self, kind: str, **params: Any) -> Iterator[Any]:
        """A list to its end."""
        cursor = None
        while True:
            page = self.door.get(self.path(kind), limit=1000, cursor=cursor, **params)
            yield from page["items"]
            if (cursor := page["next_cursor"]) is None:
                return

    def patron(self, row: Patron) -> dict[str, Any]:
        """A line of the load; what the old system does not say is left out."""
        told = {
            "external_id": row.external_id,
            "group": self.settings.meant("patron_groups", row.group),
            "family_name": row.family_name,
            "given_name": row.given_name,
            "barcode": row.barcode,
            "email": row.email,
            "expires_at": facts.told(row.expires_at),
            "active": row.active,
        }
        return {name: value for name, value in told.items() if value is not None}

    def named(self, row: Patron) -> dict[str, Any]:
        """A patron for the map of legacy ids."""
        return {"legacy_id": row.legacy_id, "external_id": row.external_id}

    def loan(self, row: Loan) -> dict[str, Any] | None:
        """A loan; None where its item is not here."""
        if row.item not in self.item_ids:
            self.without("loan", row.legacy_id, "item-not-loaded", f"Item {row.item} is not here.")
            return None
        return {
            "legacy_id": row.legacy_id,
            "patron": row.patron,
            "item_id": self.item_ids[row.item],
            "lent_at": facts.told(row.lent_at),
            "due_at": facts.told(row.due_at),
            "renewals": row.renewals,
            "service_point": self.settings.meant("service_points", row.service_point),
        }

    def hold(self, row: Hold) -> dict[str, Any] | None:
        """A hold; None where its title is not here."""
        if row.title not in self.title_ids:
            self.without("hold", row.legacy_id, "title-not-loaded", f"Title {row.title} is not here.")
            return None
        item = self.item_ids.get(row.item or "") if row.on_item or row.ready else None
        return {
            "legacy_id": row.legacy_id,
            "patron": row.patron,
            "title_id": self.title_ids[row.title],
            "item_id": item,
            "on_item": row.on_item,
            "place": row.place,
            "placed_at": facts.told(row.placed_at),
            "expires_at": facts.told(row.expires_at),
            "pickup": self.settings.meant("service_points", row.pickup),
            "ready": row.ready,
            "shelf_expires_at": facts.told(row.shelf_expires_at),
            "suspended": row.suspended,
            "suspended_until": facts.told(row.suspended_until),
        }

    def fee(self, row: Fee) -> dict[str, Any]:
        """A fee; an item that is not here is not named."""
        return {
            "legacy_id": row.legacy_id,
            "patron": row.patron,
            "loan": row.loan,
            "item_id": self.item_ids.get(row.item or ""),
            "type": self.settings.meant("fee_types", row.type),
            "amount": row.amount,
            "remaining": row.remaining,
            "currency": row.currency,
            "charged_at": facts.told(row.charged_at),
            "note": row.note[:1000] if row.note else None,
        }

    def without(self, kind: str, legacy_id: str, code: str, text: str) -> None:
        """A row that cannot be handed over."""
        self.unloaded.append(Left(kind, legacy_id, code, text))


def parts(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """So many at a time."""
    rest = iter(rows)
    while part := list(islice(rest, size)):
        yield part


def _told(counts: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
