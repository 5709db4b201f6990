"""Loads are taken up slice by slice; whoever comes next goes on behind the last committed one."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.resources import Resources
from circulation.loading.lines import Read, Wrong, read
from circulation.loading.rules import FIELDS, LoadState, Outcome, changes, too_many_missing
from circulation.places.documents import LoadProfileDoc
from circulation.places.library import Library
from circulation.registration.details import with_statistics
from circulation.registration.rules import Span, birthday, filing_name, wrongs
from circulation.registration.writing import OWN, own_after, own_told, searched_words
from contracts.circulation import PatronCreated, PatronUpdated
from contracts.events import Actor, Event

log = logging.getLogger(__name__)

SLICE = 200
"""Lines in one transaction."""
IDLE_SECONDS = 0.5
KEPT = timedelta(days=30)
"""How long a load, with the lines that were rejected, is kept."""
MERGED: Final = Wrong(
    "patron-merged", "This external id was merged into another patron's; nothing was changed."
)
_NEXT = "SELECT id FROM patron_load WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1"
_TAKE = "SELECT pg_try_advisory_xact_lock(hashtextextended('patron-load ' || $1::uuid::text, 0))"
_LOAD = "SELECT * FROM patron_load WHERE id = $1 AND state IN ('queued', 'running')"
_LINES = "SELECT line, told FROM patron_load_line WHERE load_id = $1 AND line > $2 ORDER BY line LIMIT $3"
COLUMNS: Final = (*(name for name in FIELDS if name != "identifiers"), "loaded_by", "version")
"""Of the patron's row, in the order in which they are written."""
EMPTY: Final[dict[str, Any]] = dict.fromkeys(COLUMNS) | {
    "active": True,
    "name_forms": [],
    "addresses": [],
    "emails": [],
    "phones": [],
    "identifiers": [],
    "statistics": {},
    "custom": {},
    "tags": [],
    "version": 1,
}
_STORED = ["group_code" if name == "group" else name for name in COLUMNS]
_PRESENT = f"""
SELECT id, external_id, group_code AS "group", {", ".join(name for name in COLUMNS if name != "group")},
    coalesce((SELECT jsonb_agg(jsonb_build_object('kind', kind, 'value', value) ORDER BY kind COLLATE "C",
        value COLLATE "C") FROM patron_identifier WHERE patron_id = patron.id AND state = 'current'), '[]'
    ) AS identifiers
FROM patron WHERE external_id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - our own text
_MERGED = """
SELECT value, patron_id FROM patron_identifier WHERE kind = 'external-id' AND value = ANY ($1::text[])
"""
_HOLDERS = """
SELECT 'barcode' AS kind, barcode AS value, id FROM patron WHERE barcode = ANY ($1::text[])
UNION ALL
SELECT i.kind, i.value, i.patron_id FROM unnest($2::text[], $3::text[]) AS told (kind, value)
JOIN patron_identifier i ON i.kind = told.kind AND i.value = told.value
"""
_CREATE = f"""
INSERT INTO patron (id, external_id, created_at, name_key, name_words, {", ".join(_STORED)}, guard)
VALUES ($1, $2, $3, $4, array_to_tsvector($5::text[]), {", ".join(f"${n}" for n in range(6, 6 + len(_STORED)))}, 1)
"""  # noqa: S608 - our own text
_CHANGE = f"""
UPDATE patron SET name_key = $2, name_words = array_to_tsvector($3::text[]), guard = guard + 1,
    {", ".join(f"{name} = ${n}" for n, name in enumerate(_STORED, 4))}
WHERE id = $1
"""  # noqa: S608 - our own text
_DROP_NUMBERS = "DELETE FROM patron_identifier WHERE patron_id = $1 AND state = 'current'"
_NUMBER = """
INSERT INTO patron_identifier (id, patron_id, kind, value, state, since) VALUES ($1, $2, $3, $4, $5, $6)
"""
_COMES_OF_AGE = """
UPDATE patron_guarantee SET ends_on = least(until_on, $2::date), version = version + 1
WHERE ward_id = $1 AND ended_at IS NULL AND ends_on IS DISTINCT FROM least(until_on, $2::date)
"""
_FORMER = _NUMBER + "ON CONFLICT (kind, value) DO NOTHING"
_SNATCHED = """
SELECT EXISTS (SELECT FROM unnest($1::uuid[], $2::text[]) AS told (me, barcode)
    JOIN patron_identifier i ON i.kind = 'barcode' AND i.value = told.barcode AND i.patron_id <> told.me)
"""
_REGAINED = "DELETE FROM patron_identifier WHERE patron_id = $1 AND kind = 'barcode' AND value = $2"
_OUTCOME = """
UPDATE patron_load_line SET outcome = $3, patron_id = $4, changed = $5, reasons = $6, external_id = $7,
    told = CASE WHEN $3 = 'rejected' THEN told END
WHERE load_id = $1 AND line = $2
"""
_PROGRESS = """
UPDATE patron_load SET state = 'running', started_at = coalesce(started_at, $2), done = $3,
    created = created + $4, updated = updated + $5, unchanged = unchanged + $6, rejected = rejected + $7,
    version = version + 1
WHERE id = $1
"""
_END = """
UPDATE patron_load SET state = $2, error = $3, finished_at = $4, deactivated = deactivated + $5,
    started_at = coalesce(started_at, $4), version = version + 1
WHERE id = $1
"""
_MISSING = """
FROM patron p WHERE p.loaded_by = $1 AND p.active AND p.external_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM patron_load_line l WHERE l.load_id = $2 AND l.external_id = p.external_id)
    AND NOT EXISTS (
    SELECT FROM patron_identifier i JOIN patron_load_line l ON l.load_id = $2 AND l.external_id = i.value
    WHERE i.patron_id = p.id AND i.kind = 'external-id')
"""
"""Whoever the file tells of by an id that was merged into theirs is not missing."""
_COUNT = f"""
SELECT count(*) AS known, (SELECT count(*) {_MISSING}) AS missing,
    EXISTS (SELECT FROM patron_load_line WHERE load_id = $2 AND external_id IS NULL) AS nameless
FROM patron WHERE loaded_by = $1 AND active
"""  # noqa: S608 - our own text
_DEACTIVATE = f"""
UPDATE patron SET active = false, version = version + 1, guard = guard + 1
WHERE id IN (SELECT p.id {_MISSING} ORDER BY p.id LIMIT $3 FOR NO KEY UPDATE OF p)
RETURNING id, group_code, version
"""  # noqa: S608 - our own text


async def take_up_loads(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: slice after slice until told to stop."""
    while not stop.is_set():
        try:
            worked = await work_once(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # or somebody was faster
            log.warning("a load of patrons waits", extra={"error": type(error).__name__})
            worked = False
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def work_once(resources: Resources) -> bool:
    """One slice of the oldest load that nobody else is at; whether there was one."""
    load_id = await resources.pool.fetchval(_NEXT)
    if load_id is None:
        return False
    library = await resources.own["shelf"].fresh()
    async with resources.pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval(_TAKE, load_id):
            return False
        load = await connection.fetchrow(
            _LOAD, load_id
        )  # looked at under the lock: what it was before is past
        if load is None:
            return True
        kind, _, ref = load["requested_by"].partition(":")
        token = outbox.origin.set(resources.origin(Actor(kind, ref)))
        try:
            await _go_on(connection, library, load, now=resources.clock())
        finally:
            outbox.origin.reset(token)
    return True


async def _go_on(connection: Connection, library: Library, load: asyncpg.Record, *, now: datetime) -> None:
    if load["cancelling"]:
        await connection.execute(
            "UPDATE patron_load_line SET told = NULL WHERE load_id = $1 AND line > $2",
            load["id"],
            load["done"],
        )
        await connection.execute(_END, load["id"], LoadState.CANCELLED, None, now, 0)
        return
    profile = LoadProfileDoc.model_validate(load["profile"])
    lines = await connection.fetch(_LINES, load["id"], load["done"], SLICE)
    if not lines:
        await _end(connection, load, profile, now=now)
        return
    found = [(line["line"], read(bytes(line["told"]), columns=load["columns"])) for line in lines]
    slice_ = Slice(library, profile, now)
    await slice_.look(connection, [each for _, each in found])
    for number, each in found:
        slice_.take(number, each)
    if not load["dry_run"]:
        await slice_.write(connection)
    await connection.executemany(_OUTCOME, [(load["id"], *each) for each in slice_.outcomes])
    tally = [sum(1 for each in slice_.outcomes if each[1] == outcome) for outcome in Outcome]
    await connection.execute(_PROGRESS, load["id"], now, lines[-1]["line"], *tally)


@dataclass
class Slice:
    """Some lines, and what they come to."""

    library: Library
    profile: LoadProfileDoc
    now: datetime
    present: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By external id, as they will be after the lines so far."""
    holders: dict[tuple[str, str], UUID] = field(default_factory=dict)
    """Who has a number, by kind and value; who had a barcode, too."""
    merged: dict[str, UUID] = field(default_factory=dict)
    """Whom external ids belong to that were merged into another's."""
    former: dict[tuple[UUID, str], bool] = field(default_factory=dict)
    """Barcodes given up (true) or taken up again."""
    born: set[UUID] = field(default_factory=set)
    """Patrons whose birth date is another than before."""
    numbered: set[UUID] = field(default_factory=set)
    """Patrons whose identifiers are others than before."""
    new: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    changed: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    outcomes: list[tuple[int, str, UUID | None, list[str] | None, Any, str | None]] = field(
        default_factory=list
    )

    async def look(self, connection: Connection, lines: Sequence[Read]) -> None:
        """Lock the patrons that the lines are about."""
        about = sorted({each.external_id for each in lines if each.external_id is not None})
        for row in await connection.fetch(_PRESENT, about):
            self.present[row["external_id"]] = dict(row)
        if unknown := sorted(set(about) - self.present.keys()):
            self.merged = {row["value"]: row["patron_id"] for row in await connection.fetch(_MERGED, unknown)}
        numbers = sorted({number for each in lines for number in _numbers(each.told)})
        barcodes = [value for kind, value in numbers if kind == "barcode"]
        kinds, values = [kind for kind, _ in numbers], [value for _, value in numbers]
        for row in await connection.fetch(_HOLDERS, barcodes, kinds, values):
            self.holders[row["kind"], row["value"]] = row["id"]

    def take(self, number: int, line: Read) -> None:
        """What one line comes to."""
        told = dict(line.told)
        if "group" in told:
            told["group"] = self.profile.groups.get(told["group"], told["group"])
        present = self.present.get(line.external_id or "")
        if (elsewhere := self.merged.get(line.external_id or "")) is not None:
            self.outcomes.append(
                (number, Outcome.UNCHANGED, elsewhere, None, [MERGED.as_json()], line.external_id)
            )
            return
        if "statistics" in told and told["statistics"] is not None:
            told["statistics"] = with_statistics(present["statistics"] if present else {}, told["statistics"])
        for name in OWN if present else ():  # what is the library's to say is not judged either
            if name in self.profile.library_wins:
                told.pop(name, None)
        own, faults = own_after(self.library, present or EMPTY, told, demand=False)
        told |= own
        wrong = list(line.wrong) or [
            *self._wrong(told, present),
            *(Wrong(each.code, each.text, each.pointer or "") for each in faults),
        ]
        if wrong or line.external_id is None:
            reasons = [each.as_json() for each in wrong]
            self.outcomes.append((number, Outcome.REJECTED, None, None, reasons, line.external_id))
            return
        if told.get("identifiers"):
            told["identifiers"] = sorted(told["identifiers"], key=lambda each: (each["kind"], each["value"]))
        if present is None:
            self._create(number, line.external_id, told)
        else:
            self._change(number, line.external_id, present, told)

    def _wrong(self, told: dict[str, Any], present: dict[str, Any] | None) -> list[Wrong]:
        wrong = []
        if "group" in told and told["group"] not in self.library.groups:
            wrong.append(
                Wrong("group-unknown", "There is no such patron group, and none is mapped.", "/group")
            )
        wins = self.profile.library_wins if present is not None else ()
        for (kind, value), pointer in _numbers(told).items():
            holder = self.holders.get((kind, value))
            own = present is not None and present["id"] == holder
            if holder is not None and not own and pointer.split("/")[1] not in wins:
                text = f"This {'barcode' if kind == 'barcode' else 'identifier'} is another patron's."
                wrong.append(Wrong("identifier-taken", text, pointer))
        wrong += [
            Wrong(each.code, each.text, each.pointer)
            for each in wrongs(
                self.library.registration.allowed(self.library.groups.keys()),
                today=self.now.date(),
                birth_on=told.get("birth_on"),
                statistics=told.get("statistics"),
                addresses=[
                    Span(day(each["valid_from"]), day(each["valid_to"]))
                    for each in told.get("addresses") or ()
                ],
                identifiers=[(each["kind"], each["value"]) for each in told.get("identifiers") or ()],
            )
        ]
        if present is None:
            wrong += [
                Wrong("value-missing", f"A new patron needs {name}.", f"/{name}")
                for name in ("group", "family_name")
                if name not in told
            ]
        return wrong

    def _create(self, number: int, external_id: str, told: dict[str, Any]) -> None:
        patron: dict[str, Any] = EMPTY | {"id": uuid7(), "external_id": external_id} | told
        self._keep(patron, before=EMPTY)
        self.new[patron["id"]] = patron
        self.events.append(
            PatronCreated(
                version=1,
                occurred_at=self.now,
                patron_ref=patron["id"],
                patron_group=patron["group"],
                **own_told(self.library, patron["custom"], patron["tags"], [n for n in OWN if patron[n]]),
            )
        )
        self.outcomes.append((number, Outcome.CREATED, patron["id"], None, None, external_id))

    def _change(self, number: int, external_id: str, present: dict[str, Any], told: dict[str, Any]) -> None:
        changed = changes(present, {"active": True} | told, library_wins=self.profile.library_wins)
        if not changed:
            if present["loaded_by"] != self.profile.code:
                self._rewrite(present | {"loaded_by": self.profile.code})
            self.outcomes.append((number, Outcome.UNCHANGED, present["id"], None, None, external_id))
            return
        patron = present | changed | {"version": present["version"] + 1}
        self._keep(patron, before=present)
        self._rewrite(patron)
        self.events.append(
            PatronUpdated(
                version=patron["version"],
                occurred_at=self.now,
                patron_ref=patron["id"],
                patron_group=patron["group"],
                changed=tuple(changed),
                active=patron["active"] if "active" in changed else None,
                **own_told(self.library, patron["custom"], patron["tags"], changed),
            )
        )
        self.outcomes.append((number, Outcome.UPDATED, patron["id"], list(changed), None, external_id))

    def _rewrite(self, patron: dict[str, Any]) -> None:
        self.present[patron["external_id"]] = patron
        if patron["id"] in self.new:
            self.new[patron["id"]] = patron
        else:
            self.changed[patron["id"]] = patron

    def _keep(self, patron: dict[str, Any], *, before: dict[str, Any]) -> None:
        patron["loaded_by"] = self.profile.code
        self.present[patron["external_id"]] = patron
        me, old, new = patron["id"], before["barcode"], patron["barcode"]
        if new != old:
            if old is not None:
                self.former[me, old] = True
            if new is not None:
                self.former[me, new] = False
                self.holders["barcode", new] = me
        if patron["birth_on"] != before["birth_on"]:
            self.born.add(me)
        if patron["identifiers"] != before["identifiers"]:
            self.numbered.add(me)
            for each in patron["identifiers"]:
                self.holders[each["kind"], each["value"]] = me

    async def write(self, connection: Connection) -> None:
        """Put it down, with an event for each patron that is new or another than before."""
        await connection.executemany(
            _CHANGE, [(id_, *_named(each), *_values(each)) for id_, each in sorted(self.changed.items())]
        )
        await connection.executemany(
            _CREATE,
            [
                (each["id"], each["external_id"], self.now, *_named(each), *_values(each))
                for each in self.new.values()
            ],
        )
        written = self.changed | self.new
        until_age = self.library.registration.guarantors_until_age
        await connection.executemany(
            _COMES_OF_AGE,
            [
                (id_, birthday(born, until_age) if born is not None and until_age is not None else None)
                for id_ in sorted(self.born & self.changed.keys())
                for born in (self.changed[id_]["birth_on"],)
            ],
        )
        await connection.executemany(_DROP_NUMBERS, [(each,) for each in sorted(self.numbered)])
        numbers = [
            (uuid7(), me, each["kind"], each["value"], "current", self.now)
            for me in sorted(self.numbered)
            for each in written[me]["identifiers"]
        ]
        cards = [
            (uuid7(), me, "barcode", barcode, "replaced", self.now)
            for (me, barcode), gone in self.former.items()
            if gone
        ]
        await connection.executemany(_NUMBER, numbers)
        await connection.executemany(_FORMER, cards)
        back = [number for number, gone in self.former.items() if not gone]
        await connection.executemany(_REGAINED, back)
        if await connection.fetchval(_SNATCHED, [me for me, _ in back], [barcode for _, barcode in back]):
            raise asyncpg.UniqueViolationError("a card was given up while its number was given out")
        await outbox.record(connection, self.events)


def _numbers(told: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Every number that a line tells, and where."""
    found = {("barcode", told["barcode"]): "/barcode"} if told.get("barcode") is not None else {}
    for place, each in enumerate(told.get("identifiers") or ()):
        found.setdefault((each["kind"], each["value"]), f"/identifiers/{place}")
    return found


def _named(patron: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What a patron files under, and the words that find them."""
    names = (patron["family_name"], patron["given_name"], patron["preferred_name"], patron["sort_name"])
    filed = filing_name(family=names[0], given=names[1], sort_name=names[3])
    return filed, searched_words(*names, patron["name_forms"])


def _values(patron: Mapping[str, Any]) -> list[Any]:
    return [patron[name] for name in COLUMNS]


def day(told: str | None) -> date | None:
    """A day of an address."""
    return date.fromisoformat(told) if told else None


async def _end(
    connection: Connection, load: asyncpg.Record, profile: LoadProfileDoc, *, now: datetime
) -> None:
    """All lines are done: whoever is missing is deactivated, a slice at a time, where that was asked for."""
    state = LoadState.FINISHED_WITH_ERRORS if load["rejected"] else LoadState.FINISHED
    error, gone = load["error"], 0
    if profile.deactivate_missing:
        counts = await connection.fetchrow(_COUNT, profile.code, load["id"])
        assert counts is not None
        known = counts["known"] + load["deactivated"]
        missing = counts["missing"] + load["deactivated"]
        if counts["nameless"]:
            error = "Nobody was deactivated: lines without a readable external_id may be anybody's."
        elif too_many_missing(missing=missing, known=known, safety_percent=profile.safety_percent):
            error = (
                f"Nobody was deactivated: {missing} of {known} are missing, more than the "
                f"{profile.safety_percent} percent that the profile allows."
            )
        elif load["dry_run"]:
            gone = counts["missing"]
        elif counts["missing"]:
            await _deactivate(connection, load, profile, now=now)
            return
    if error is not None:
        state = LoadState.FINISHED_WITH_ERRORS
    await connection.execute(_END, load["id"], state, error, now, gone)


async def _deactivate(
    connection: Connection, load: asyncpg.Record, profile: LoadProfileDoc, *, now: datetime
) -> None:
    rows = await connection.fetch(_DEACTIVATE, profile.code, load["id"], SLICE)
    await outbox.record(
        connection,
        [
            PatronUpdated(
                version=row["version"],
                occurred_at=now,
                patron_ref=row["id"],
                patron_group=row["group_code"],
                changed=("active",),
                active=False,
            )
            for row in rows
        ],
    )
    await connection.execute(
        "UPDATE patron_load SET deactivated = deactivated + $2, version = version + 1 WHERE id = $1",
        load["id"],
        len(rows),
    )


async def forget_loads(resources: Resources, now: datetime) -> None:
    """Old loads go, and uploads that broke off, with every word of their lines."""
    await resources.pool.execute(
        "DELETE FROM patron_load WHERE created_at < $1 AND state NOT IN ('queued', 'running') "
        "OR created_at < $2 AND state = 'receiving'",
        now - KEPT,
        now - timedelta(days=1),
    )
