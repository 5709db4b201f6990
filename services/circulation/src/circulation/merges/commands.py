"""Merging: titles, patrons and what hangs on them are locked in the usual order, everything moves, the old rows go.

What is keyed to a patron stands in `MOVED`; a test walks the database's catalogue and knows of every other column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.edge import InFlight
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from circulation.appointments.commands import one_at_each_point
from circulation.holds import queue
from circulation.holds.passing import pass_on
from circulation.holds.rules import HoldState
from circulation.merges.rules import (
    LISTS,
    SCALARS,
    TEXTS,
    MergeRefusal,
    OpenHold,
    differing,
    given_up,
    values_after,
)
from circulation.places.library import Library
from circulation.registration.rules import filing_name
from circulation.registration.writing import searched_words
from circulation.sessions.commands import end_sessions
from contracts.circulation import HoldCancelled, PatronGuarantorReleased, PatronMerged, PatronProxyRevoked

MOVED: Final = (
    ("loan", "patron_id"),
    ("loan", "proxy_id"),
    ("hold", "patron_id"),
    ("hold", "proxy_id"),
    ("item", "kept_for"),
    ("fee", "patron_id"),
    ("receipt", "patron_id"),
    ("patron_block", "patron_id"),
    ("lifted_block", "patron_id"),
    ("patron_proxy", "sponsor_id"),
    ("patron_proxy", "proxy_id"),
    ("patron_identifier", "patron_id"),
    ("patron_consent", "patron_id"),
    ("merged_patron", "patron_id"),
    ("card_pin", "patron_id"),
    ("desk_session", "patron_id"),
    ("patron_guarantee", "ward_id"),
    ("patron_guarantee", "guarantor_id"),
    ("pickup_appointment", "patron_id"),
    ("hold_group_member", "patron_id"),
    ("migrated_record", "record_id"),
    ("ncip_request", "patron_id"),
)
"""Every column that names a patron and is written anew."""
LEFT: Final = {
    ("patron", "id"): "the rows themselves, which go",
    ("merged_patron", "id"): "the old ids",
    (
        "patron_load_line",
        "patron_id",
    ): "what a file did, then; kept for 30 days, and the old id still leads here",
    (
        "hold_group_result",
        "patron_id",
    ): "what was tried for a member of a group, then; the old id still leads here",
    (
        "patron_edit_record",
        "patron_id",
    ): "what a bulk edit did to a registration, then; kept for 90 days, and the old id still leads here",
    ("bursar_export", "after_patron"): "a place in a walk by id, not a patron",
}
"""Those that stay as they are, and why."""
REASON: Final = "patron-merged"


class MergeRefused(Refused):
    """These registrations cannot be merged; every reason is given."""

    code, title = "merge-refused", "These registrations cannot be merged."


@dataclass(frozen=True, slots=True)
class Merging:
    """What is asked for."""

    survivor_id: UUID
    merged_ids: Sequence[UUID]
    keep: Mapping[str, UUID]
    """Of which registration a field is kept, where not of the surviving one."""
    by: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What a merged registration says otherwise than the surviving one."""

    patron_id: UUID
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of it."""

    patron_id: UUID
    version: int
    moved: dict[str, int]
    """Rows by `table.column`."""
    holds_given_up: list[UUID]
    proxies_ended: list[UUID]
    """Relations between them, or for the second time to the same person."""
    guarantors_ended: list[UUID]
    differences: list[Difference]


_OPEN = """
SELECT h.id, h.patron_id, h.title_id, h.state,
    coalesce(h.volume_key, CASE WHEN h.level = 'item' THEN h.item_id::text END) AS wanted,
    h.suspended_at IS NOT NULL AS suspended, h.position, EXISTS (
    SELECT FROM item i WHERE i.title_ids @> ARRAY[h.title_id] AND i.hold_id = h.id AND i.state = 'paged') AS kept
FROM hold h WHERE h.patron_id = ANY ($1::uuid[]) AND h.state IN ('waiting', 'in-transit', 'ready') ORDER BY h.id
"""
_PATRONS = """
SELECT p.*, p.group_code AS "group" FROM patron p WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE
"""
_KEEP = """
INSERT INTO merged_patron (id, patron_id, registration, merged_at, merged_by)
SELECT id, $2, to_jsonb(p) - '{name_key,name_words,guard}'::text[] || jsonb_build_object('identifiers', coalesce((
    SELECT jsonb_agg(jsonb_build_object('kind', kind, 'value', value, 'state', state) ORDER BY kind, value)
    FROM patron_identifier WHERE patron_id = p.id), '[]')), $3, $4
FROM patron p WHERE id = ANY ($1::uuid[])
"""
_BARE = "UPDATE patron SET barcode = NULL, external_id = NULL WHERE id = ANY ($1::uuid[])"
_NUMBER = """
INSERT INTO patron_identifier (id, patron_id, kind, value, state, since) VALUES ($1, $2, $3, $4, 'merged', $5)
"""
_SURVIVE = """
UPDATE patron SET barcode = $2, external_id = $3, group_code = $4, family_name = $5, given_name = $6,
    preferred_name = $7, sort_name = $8, name_order = $9, email = $10, language = $11, library = $12,
    birth_on = $13, expires_at = $14, active = $15, name_forms = $16, emails = $17, phones = $18, addresses = $19,
    statistics = $20, custom = $21, tags = $22, note = $23, name_key = $24,
    name_words = array_to_tsvector($25::text[]), open_loans = open_loans + $26, owed = owed + $27,
    claims = claims + $28, claims_open = claims_open + $29, loaded_by = $30, version = version + 1, guard = guard + 1
WHERE id = $1 RETURNING version
"""
_COUNTED: Final = ("open_loans", "owed", "claims", "claims_open")
_BETWEEN = """
DELETE FROM {table} WHERE {whose} = ANY ($1::uuid[]) AND {who} = ANY ($1::uuid[]) RETURNING *
"""
_TWICE = """
UPDATE {table} SET {ended}_at = $2, {ended}_by = $3, version = version + 1 WHERE id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (
            PARTITION BY CASE WHEN {whose} = ANY ($1::uuid[]) THEN $4 ELSE {whose} END,
                CASE WHEN {who} = ANY ($1::uuid[]) THEN $4 ELSE {who} END
            ORDER BY {until} DESC NULLS FIRST, id) AS place
        FROM {table}
        WHERE {ended}_at IS NULL AND ({whose} = ANY ($1::uuid[]) OR {who} = ANY ($1::uuid[]))
    ) told WHERE place > 1
) RETURNING *
"""
_WARDS = """
UPDATE patron SET wards = told.n, guard = guard + 1 FROM (
    SELECT p.id, count(g.id) AS n FROM patron p LEFT JOIN patron_guarantee g
        ON g.guarantor_id = p.id AND g.ended_at IS NULL
    WHERE p.id = $1 OR p.id = ANY ($2::uuid[]) GROUP BY p.id
) told WHERE patron.id = told.id AND patron.wards <> told.n
"""
"""Of the surviving registration, and of guarantors whose two wards turned out to be one."""
_CONSENTED = """
UPDATE patron_consent SET withdrawn_at = $2, withdrawn_by = $3 WHERE id IN (
    SELECT id FROM (
        SELECT id, given_at, row_number() OVER (PARTITION BY purpose ORDER BY given_at, id) AS place,
            purpose FROM patron_consent WHERE patron_id = ANY ($1::uuid[]) AND withdrawn_at IS NULL
    ) told WHERE place > 1 OR EXISTS (
        SELECT FROM patron_consent c
        WHERE c.patron_id = ANY ($1::uuid[]) AND c.purpose = told.purpose AND c.withdrawn_at > told.given_at)
)
"""


_FAR: Final = 1_000_000
_ASIDE = f"""
UPDATE hold SET nth = nth + {_FAR} WHERE patron_id = ANY ($1::uuid[]) AND state IN ('waiting', 'in-transit', 'ready')
"""  # noqa: S608 - our own text
_BEHIND = """
UPDATE hold SET nth = told.n FROM (
    SELECT h.id, (SELECT coalesce(max(s.nth), 0) FROM hold s WHERE s.patron_id = $1 AND s.title_id = h.title_id
        AND s.state IN ('waiting', 'in-transit', 'ready'))
        + row_number() OVER (PARTITION BY h.title_id ORDER BY h.position) AS n
    FROM hold h WHERE h.patron_id = ANY ($2::uuid[]) AND h.state IN ('waiting', 'in-transit', 'ready')
) told WHERE hold.id = told.id
"""
"""A patron's holds on one title are numbered: those that come are behind those that are there."""
_VISITS = "SELECT id FROM desk_session WHERE patron_id = ANY ($1::uuid[]) AND ended_at IS NULL ORDER BY id"
"""Visits under way of the merged registrations end: the patron stands at the desk once."""
_ASKED = """
UPDATE receipt SET asked = replace(asked::text, $2::text, $1::text)::jsonb
WHERE patron_id = CAST($1::text AS uuid) AND asked::text LIKE '%' || $2::text || '%'
"""
_ONE_PIN = """
DELETE FROM card_pin WHERE patron_id = ANY ($2::uuid[]) AND (
    EXISTS (SELECT FROM card_pin WHERE patron_id = $1)
    OR patron_id <> (SELECT patron_id FROM card_pin WHERE patron_id = ANY ($2::uuid[])
        ORDER BY array_position($2::uuid[], patron_id) LIMIT 1))
"""
"""The surviving registration's PIN stays; where it has none, that of the first that has one."""


_ONE_MEMBER = """
DELETE FROM hold_group_member m WHERE m.patron_id = ANY ($2::uuid[]) AND (
    EXISTS (SELECT FROM hold_group_member s WHERE s.group_id = m.group_id AND s.patron_id = $1)
    OR EXISTS (SELECT FROM hold_group_member o WHERE o.group_id = m.group_id AND o.patron_id = ANY ($2::uuid[])
        AND (o.added_at, o.patron_id) < (m.added_at, m.patron_id)))
"""
"""In a group one is once: as the surviving registration, else as the one that has been in it for longest."""


async def merge(connection: Connection, library: Library, asked: Merging, *, now: datetime) -> Merged:
    """Merge registrations into one, or raise with every reason not to. A caller who only looks rolls it back."""
    everybody = [asked.survivor_id, *asked.merged_ids]
    _refuse(asked)
    titles = {row["title_id"] for row in await connection.fetch(_OPEN, everybody)}
    await queue.lock_title(connection, titles)
    rows = {row["id"]: dict(row) for row in await connection.fetch(_PATRONS, everybody)}
    _all_known(asked, rows)
    holds = await connection.fetch(_OPEN, everybody)
    if not titles.issuperset(row["title_id"] for row in holds):
        raise InFlight  # a hold was placed while we waited for the patrons: its queue is not ours yet
    survivor, merged = rows[asked.survivor_id], [rows[each] for each in asked.merged_ids]
    after = values_after(survivor, merged, asked.keep)

    ended = await _give_up(connection, library, holds, now=now)
    proxies = await _end_relations(connection, _PROXIES, everybody, asked, now=now)
    guarantees = await _end_relations(connection, _GUARANTEES, everybody, asked, now=now)
    await connection.execute(_CONSENTED, everybody, now, asked.by)
    await connection.execute(_KEEP, list(asked.merged_ids), asked.survivor_id, now, asked.by)
    await connection.execute(_ASIDE, list(asked.merged_ids))
    await connection.execute(_BEHIND, asked.survivor_id, list(asked.merged_ids))
    visits = await connection.fetch(_VISITS, list(asked.merged_ids))
    await end_sessions(connection, [row["id"] for row in visits], "asked", now=now)
    await connection.execute(_ONE_PIN, asked.survivor_id, list(asked.merged_ids))
    await connection.execute(_ONE_MEMBER, asked.survivor_id, list(asked.merged_ids))
    await one_at_each_point(connection, asked.survivor_id, list(asked.merged_ids), now=now)
    moved = await _move(connection, asked)
    version = await _survive(connection, asked, survivor, merged, after, now=now)
    await connection.execute(_WARDS, asked.survivor_id, [row["guarantor_id"] for row in guarantees])
    await connection.execute("DELETE FROM patron WHERE id = ANY ($1::uuid[])", list(asked.merged_ids))

    event = PatronMerged(
        version=version,
        occurred_at=now,
        patron_ref=asked.survivor_id,
        merged_refs=tuple(asked.merged_ids),
        patron_group=after["group"],
        loans=moved["loan.patron_id"],
        holds=moved["hold.patron_id"],
        fees=moved["fee.patron_id"],
        holds_given_up=tuple(ended),
    )
    await outbox.record(connection, [event])
    told = [Difference(each["id"], fields) for each in merged if (fields := differing(survivor, each))]
    return Merged(
        asked.survivor_id,
        version,
        moved,
        ended,
        [row["id"] for row in proxies],
        [row["id"] for row in guarantees],
        told,
    )


def _refuse(asked: Merging) -> None:
    """What is wrong with the question itself."""
    reasons = [
        _reason(MergeRefusal.SELF, f"/merged/{place}")
        for place, each in enumerate(asked.merged_ids)
        if each == asked.survivor_id or each in asked.merged_ids[:place]
    ]
    reasons += [
        _reason(MergeRefusal.NOT_AMONG_THEM, f"/keep/{name}")
        for name, each in asked.keep.items()
        if each not in (asked.survivor_id, *asked.merged_ids)
    ]
    if reasons:
        raise MergeRefused(reasons=reasons)


def _all_known(asked: Merging, rows: Mapping[UUID, Any]) -> None:
    missing = [] if asked.survivor_id in rows else [_reason(MergeRefusal.UNKNOWN, "path/patron_id")]
    missing += [
        _reason(MergeRefusal.UNKNOWN, f"/merged/{place}")
        for place, each in enumerate(asked.merged_ids)
        if each not in rows
    ]
    if missing:
        raise NotFound("One of the registrations is unknown here.", reasons=missing)


def _reason(refusal: MergeRefusal, pointer: str) -> Reason:
    return Reason(refusal, TEXTS[refusal], pointer)


async def _give_up(
    connection: Connection, library: Library, rows: list[asyncpg.Record], *, now: datetime
) -> list[UUID]:
    """Of two holds on one title one ends; a copy that was kept for it goes to the next."""
    ended = [hold.id for hold in given_up(OpenHold(**dict(row)) for row in rows)]
    for hold_id in ended:
        change = queue.Change(HoldState.CANCELLED, reason=REASON)
        await queue.change(connection, hold_id, change, HoldCancelled, now=now, reason=REASON)
        await pass_on(connection, library, hold_id, now=now)
    return ended


@dataclass(frozen=True, slots=True)
class _Relation:
    """A table that says who is what to whom, and what is told when that ends."""

    table: str
    whose: str
    who: str
    ended: str
    until: str
    event: type[PatronProxyRevoked] | type[PatronGuarantorReleased]

    def statement(self, form: str) -> str:
        """For this table."""
        return form.format(
            table=self.table, whose=self.whose, who=self.who, ended=self.ended, until=self.until
        )


_PROXIES: Final = _Relation(
    "patron_proxy", "sponsor_id", "proxy_id", "revoked", "valid_to", PatronProxyRevoked
)
_GUARANTEES: Final = _Relation(
    "patron_guarantee", "ward_id", "guarantor_id", "ended", "ends_on", PatronGuarantorReleased
)


async def _end_relations(
    connection: Connection, kind: _Relation, everybody: list[UUID], asked: Merging, *, now: datetime
) -> list[asyncpg.Record]:
    """Nobody is anything to themselves, and nobody is it to somebody twice; the relations that ended."""
    gone = await connection.fetch(kind.statement(_BETWEEN), everybody)
    twice = await connection.fetch(kind.statement(_TWICE), everybody, now, asked.by, asked.survivor_id)
    in_force = [(row, row["version"] + 1) for row in gone if row[f"{kind.ended}_at"] is None]
    in_force += [(row, row["version"]) for row in twice]
    events = [
        kind.event.model_validate(
            {
                "version": version,
                "occurred_at": now,
                "relation_id": row["id"],
                kind.whose.replace("_id", "_ref"): row[kind.whose],
                kind.who.replace("_id", "_ref"): row[kind.who],
            }
        )
        for row, version in in_force
    ]
    await outbox.record(connection, events)
    return [*gone, *twice]


async def _move(connection: Connection, asked: Merging) -> dict[str, int]:
    """Every row that names a merged registration names the surviving one; how many they were."""
    moved = {}
    for table, column in MOVED:
        touched = ", guard = guard + 1" if table == "item" else ""
        done = await connection.execute(
            f"UPDATE {table} SET {column} = $1{touched} WHERE {column} = ANY ($2::uuid[])",  # noqa: S608 - ours
            asked.survivor_id,
            list(asked.merged_ids),
        )
        moved[f"{table}.{column}"] = int(done.rpartition(" ")[2])
    for each in asked.merged_ids:  # so that a terminal that repeats a payment is known by it
        await connection.execute(_ASKED, str(asked.survivor_id), str(each))
    for table in ("loan", "hold"):  # what one had borrowed for the other is their own now
        await connection.execute(
            f"UPDATE {table} SET proxy_id = NULL WHERE patron_id = $1 AND proxy_id = $1",  # noqa: S608 - ours
            asked.survivor_id,
        )
    return moved


async def _survive(
    connection: Connection,
    asked: Merging,
    survivor: Mapping[str, Any],
    merged: Sequence[Mapping[str, Any]],
    after: dict[str, Any],
    *,
    now: datetime,
) -> int:
    """Write the surviving registration: what it holds, what it counts, and the numbers that lead to it."""
    await connection.execute(_BARE, list(asked.merged_ids))
    loaded_by = next(
        (each["loaded_by"] for each in (survivor, *merged) if each["external_id"] == after["external_id"]),
        survivor["loaded_by"],
    )
    version: int = await connection.fetchval(
        _SURVIVE,
        asked.survivor_id,
        *(after[name] for name in _ORDER),
        filing_name(family=after["family_name"], given=after["given_name"], sort_name=after["sort_name"]),
        searched_words(
            after["family_name"],
            after["given_name"],
            after["preferred_name"],
            after["sort_name"],
            after["name_forms"],
        ),
        *(sum(each[name] for each in merged) for name in _COUNTED),
        loaded_by,
    )
    numbers = [
        (uuid7(), asked.survivor_id, kind, each[name], now)
        for kind, name in (("barcode", "barcode"), ("external-id", "external_id"))
        for each in (survivor, *merged)
        if each[name] is not None and each[name] != after[name]
    ]
    await connection.executemany(_NUMBER, numbers)
    return version


_ORDER: Final = (*SCALARS, *LISTS, "statistics", "custom", "tags", "note")
