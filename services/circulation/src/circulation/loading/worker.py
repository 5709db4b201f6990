"""Loads are taken up slice by slice; whoever comes next goes on behind the last committed one."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.resources import Resources
from circulation.loading.lines import Read, Wrong, read
from circulation.loading.rules import LoadState, Outcome, changes, too_many_missing
from circulation.places.documents import LoadProfileDoc
from circulation.places.library import Library
from contracts.circulation import PatronCreated, PatronUpdated
from contracts.events import Actor, Event

log = logging.getLogger(__name__)

SLICE = 200
"""Lines in one transaction."""
IDLE_SECONDS = 0.5
KEPT = timedelta(days=30)
"""How long a load, with the lines that were rejected, is kept."""
_NEXT = "SELECT id FROM patron_load WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1"
_TAKE = "SELECT pg_try_advisory_xact_lock(hashtextextended('patron-load ' || $1::uuid::text, 0))"
_LOAD = "SELECT * FROM patron_load WHERE id = $1 AND state IN ('queued', 'running')"
_LINES = "SELECT line, told FROM patron_load_line WHERE load_id = $1 AND line > $2 ORDER BY line LIMIT $3"
_PRESENT = """
SELECT id, external_id, barcode, group_code AS "group", family_name, given_name, email, language, library,
    expires_at, active, version, loaded_by
FROM patron WHERE external_id = ANY ($1::text[]) ORDER BY id FOR NO KEY UPDATE
"""
_CREATE = """
INSERT INTO patron (id, external_id, barcode, group_code, family_name, given_name, email, language, library,
    expires_at, active, loaded_by, created_at, version, guard)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14)
"""
_CHANGE = """
UPDATE patron SET barcode = $2, group_code = $3, family_name = $4, given_name = $5, email = $6, language = $7,
    library = $8, expires_at = $9, active = $10, loaded_by = $11, version = $12, guard = guard + 1
WHERE id = $1
"""
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
"""
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
    holders: dict[str, UUID] = field(default_factory=dict)
    """Who has a barcode."""
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
        barcodes = sorted({told for each in lines if (told := each.told.get("barcode")) is not None})
        for row in await connection.fetch(
            "SELECT barcode, id FROM patron WHERE barcode = ANY ($1::text[])", barcodes
        ):
            self.holders[row["barcode"]] = row["id"]

    def take(self, number: int, line: Read) -> None:
        """What one line comes to."""
        told = dict(line.told)
        if "group" in told:
            told["group"] = self.profile.groups.get(told["group"], told["group"])
        present = self.present.get(line.external_id or "")
        wrong = [*line.wrong, *self._wrong(told, present)] if not line.wrong else list(line.wrong)
        if wrong or line.external_id is None:
            reasons = [each.as_json() for each in wrong]
            self.outcomes.append((number, Outcome.REJECTED, None, None, reasons, line.external_id))
        elif present is None:
            self._create(number, line.external_id, told)
        else:
            self._change(number, line.external_id, present, told)

    def _wrong(self, told: dict[str, Any], present: dict[str, Any] | None) -> list[Wrong]:
        wrong = []
        if "group" in told and told["group"] not in self.library.groups:
            wrong.append(
                Wrong("group-unknown", "There is no such patron group, and none is mapped.", "/group")
            )
        holder = self.holders.get(told.get("barcode") or "")
        protected = present is not None and "barcode" in self.profile.library_wins
        if holder is not None and not protected and (present is None or present["id"] != holder):
            wrong.append(Wrong("identifier-taken", "This barcode is another patron's.", "/barcode"))
        if present is None:
            wrong += [
                Wrong("value-missing", f"A new patron needs {name}.", f"/{name}")
                for name in ("group", "family_name")
                if name not in told
            ]
        return wrong

    def _create(self, number: int, external_id: str, told: dict[str, Any]) -> None:
        nothing = dict.fromkeys(("barcode", "given_name", "email", "language", "library", "expires_at"))
        begun = {"id": uuid7(), "external_id": external_id, "active": True, "version": 1}
        patron: dict[str, Any] = {**nothing, **begun, **told}
        self._keep(patron, barcode_before=None)
        self.new[patron["id"]] = patron
        self.events.append(
            PatronCreated(
                version=1, occurred_at=self.now, patron_ref=patron["id"], patron_group=patron["group"]
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
        self._keep(patron, barcode_before=present["barcode"])
        self._rewrite(patron)
        self.events.append(
            PatronUpdated(
                version=patron["version"],
                occurred_at=self.now,
                patron_ref=patron["id"],
                patron_group=patron["group"],
                changed=tuple(changed),
            )
        )
        self.outcomes.append((number, Outcome.UPDATED, patron["id"], list(changed), None, external_id))

    def _rewrite(self, patron: dict[str, Any]) -> None:
        self.present[patron["external_id"]] = patron
        if patron["id"] in self.new:
            self.new[patron["id"]] = patron
        else:
            self.changed[patron["id"]] = patron

    def _keep(self, patron: dict[str, Any], *, barcode_before: str | None) -> None:
        patron["loaded_by"] = self.profile.code
        self.present[patron["external_id"]] = patron
        if patron["barcode"] != barcode_before:
            if barcode_before is not None:
                self.holders.pop(barcode_before, None)
            if patron["barcode"] is not None:
                self.holders[patron["barcode"]] = patron["id"]

    async def write(self, connection: Connection) -> None:
        """Put it down, with an event for each patron that is new or another than before."""
        names = (
            "barcode",
            "group",
            "family_name",
            "given_name",
            "email",
            "language",
            "library",
            "expires_at",
        )
        await connection.executemany(
            _CHANGE,
            [
                (
                    each["id"],
                    *(each[name] for name in names),
                    each["active"],
                    each["loaded_by"],
                    each["version"],
                )
                for _, each in sorted(self.changed.items())
            ],
        )
        await connection.executemany(
            _CREATE,
            [
                (
                    each["id"],
                    each["external_id"],
                    *(each[name] for name in names),
                    each["active"],
                    each["loaded_by"],
                    self.now,
                    each["version"],
                )
                for each in self.new.values()
            ],
        )
        await outbox.record(connection, self.events)


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
