"""Wards and guarantors on the wire."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis import etags, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.asking import patron_or, whose
from circulation.guarantors.rules import TEXTS, Person, ends_on, guarantor_refusals
from circulation.places.library import Library
from circulation.places.routes import TheLibrary
from circulation.registration.details import Kind
from contracts.circulation import PatronGuarantorNamed, PatronGuarantorReleased

router = new_router("/v1/patrons/{patron_id}", tag="patrons")

MayWrite = Annotated[Principal, Depends(may("patrons:write"))]
MayRead = Annotated[Principal, Depends(patron_or("patrons:read"))]
MayShare = Annotated[Principal, Depends(patron_or("patrons:write"))]


class GuarantorRefused(Refused):
    """This person cannot answer for the patron; every reason is given."""

    code, title = "guarantor-refused", "This person cannot answer for the patron."


class GuarantorIn(BaseModel):
    """Who answers for the patron, and until when."""

    model_config = ConfigDict(extra="forbid")

    guarantor_id: UUID | None = None
    guarantor_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    kind: Kind = "parent"
    until_on: date | None = None
    """The first day on which it is over; left out: when the patron comes of age, where the birth date is known."""
    note: str | None = Field(default=None, min_length=1, max_length=1000)
    """For staff."""

    @model_validator(mode="after")
    def _names_the_guarantor_once(self) -> "GuarantorIn":
        if (self.guarantor_id is None) == (self.guarantor_barcode is None):
            raise ValueError("name the guarantor once: guarantor_id or guarantor_barcode")
        return self


class GuaranteeOut(BaseModel):
    """Who answers for whom."""

    id: UUID
    ward_id: UUID
    ward_name: str
    guarantor_id: UUID
    guarantor_name: str
    kind: str
    until_on: date | None
    ends_on: date | None
    """The first day on which it is over; null: when it is ended."""
    in_force: bool
    shared: bool
    """Whether the guarantor sees the ward's account."""
    created_at: datetime
    version: int


class GuaranteesOut(BaseModel):
    """Every relation that was not ended, oldest first."""

    items: list[GuaranteeOut]


class SharingIn(BaseModel):
    """Whether the guarantor may see the ward's account."""

    model_config = ConfigDict(extra="forbid")

    shared: bool


_RELATIONS = """
SELECT g.*, concat_ws(', ', w.family_name, w.given_name) AS ward_name,
    concat_ws(', ', p.family_name, p.given_name) AS guarantor_name
FROM patron_guarantee g JOIN patron w ON w.id = g.ward_id JOIN patron p ON p.id = g.guarantor_id
WHERE g.{side} = $1 AND g.ended_at IS NULL ORDER BY g.id LIMIT 1000
"""
_PEOPLE = """
SELECT id, barcode, active, expires_at, birth_on, EXISTS (
    SELECT FROM patron_guarantee g WHERE g.ward_id = patron.id AND g.ended_at IS NULL
      AND (g.ends_on IS NULL OR g.ends_on > $4)) AS has_guarantor, EXISTS (
    SELECT FROM patron_guarantee g WHERE g.guarantor_id = patron.id AND g.ended_at IS NULL
      AND (g.ends_on IS NULL OR g.ends_on > $4)) AS has_wards
FROM patron WHERE id = $1 OR id = $2 OR barcode = $3
"""
_SHARED = """
SELECT EXISTS (SELECT FROM patron_guarantee WHERE ward_id = $1 AND guarantor_id = $2 AND ended_at IS NULL
    AND shared_at IS NOT NULL AND (ends_on IS NULL OR ends_on > $3))
"""


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


async def sees_account(pool: asyncpg.Pool, *, guarantor_id: UUID, ward_id: UUID, now: datetime) -> bool:
    """Whether a guarantor may see a ward's account: the ward has agreed to it, and it is not over."""
    shared: bool = await pool.fetchval(_SHARED, ward_id, guarantor_id, now.date())
    return shared


def _out(row: asyncpg.Record, now: datetime) -> GuaranteeOut:
    told = {name: row[name] for name in GuaranteeOut.model_fields if name not in ("in_force", "shared")}
    in_force = row["ended_at"] is None and (row["ends_on"] is None or row["ends_on"] > now.date())
    return GuaranteeOut(**told, in_force=in_force, shared=row["shared_at"] is not None)


@router.post(
    "/guarantors",
    status_code=201,
    response_model=GuaranteeOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, GuarantorRefused, InFlight, Invalid),
)
async def name_guarantor(
    request: Request,
    patron_id: UUID,
    body: GuarantorIn,
    staff: MayWrite,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Let somebody answer for the patron: what the patron owes may stand in the guarantor's way, as their group says.

    The guarantor sees nothing of the patron's loans by that; the patron decides it (`…/sharing`).
    """
    if body.until_on is not None and body.until_on <= now.date():
        text = "It would have ended before it began."
        raise Invalid(reasons=[Reason("moment-not-ahead", text, "/until_on", "Name a later day.")])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = await _name(connection, library, patron_id, body, str(staff.actor), now)
        where = f"/v1/patrons/{patron_id}/guarantors/{told.id}"
        return 201, told, {"location": where, "etag": etags.etag(told.version)}

    return await whole(_pool(request), once, act)


async def _name(
    connection: Connection, library: Library, ward_id: UUID, body: GuarantorIn, actor: str, now: datetime
) -> GuaranteeOut:
    today, until_age = now.date(), library.registration.guarantors_until_age
    named = (ward_id, body.guarantor_id, body.guarantor_barcode)
    await connection.execute(
        "SELECT FROM patron WHERE id = $1 OR id = $2 OR barcode = $3 ORDER BY id FOR NO KEY UPDATE", *named
    )
    rows = await connection.fetch(_PEOPLE, *named, today)
    ward = next((row for row in rows if row["id"] == ward_id), None)
    by, told = (
        ("id", body.guarantor_id) if body.guarantor_id is not None else ("barcode", body.guarantor_barcode)
    )
    guarantor = next((row for row in rows if row[by] == told), None)
    if ward is None or guarantor is None:
        text, missing = "There is no such patron.", []
        if ward is None:
            missing.append(Reason("patron-unknown", text, "path/patron_id"))
        if guarantor is None:
            missing.append(Reason("guarantor-unknown", text, f"/guarantor_{by}"))
        raise NotFound("The patron or the guarantor is unknown here.", reasons=missing)
    already = await connection.fetchval(
        "SELECT true FROM patron_guarantee WHERE ward_id = $1 AND guarantor_id = $2 AND ended_at IS NULL",
        ward_id,
        guarantor["id"],
    )
    refused = guarantor_refusals(
        _person(ward, now), _person(guarantor, now), already=bool(already), until_age=until_age, today=today
    )
    if refused:
        reasons = [Reason(each, TEXTS[each][0], mend=TEXTS[each][1]) for each in refused]
        raise GuarantorRefused(reasons=reasons)
    relation_id = uuid7()
    await connection.execute(
        "INSERT INTO patron_guarantee (id, ward_id, guarantor_id, kind, until_on, ends_on, note, created_at, "
        "created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        relation_id,
        ward_id,
        guarantor["id"],
        body.kind,
        body.until_on,
        ends_on(born_on=ward["birth_on"], until_age=until_age, until_on=body.until_on),
        body.note,
        now,
        actor,
    )
    await _count(connection, guarantor["id"], 1)
    event = PatronGuarantorNamed(
        version=1, occurred_at=now, relation_id=relation_id, ward_ref=ward_id, guarantor_ref=guarantor["id"]
    )
    await outbox.record(connection, [event])
    row = await connection.fetchrow(_RELATIONS.format(side="id"), relation_id)
    assert row is not None
    return _out(row, now)


def _person(row: asyncpg.Record, now: datetime) -> Person:
    valid = row["active"] and (row["expires_at"] is None or row["expires_at"] > now)
    return Person(row["id"], valid, row["birth_on"], row["has_guarantor"], row["has_wards"])


async def _count(connection: Connection, guarantor_id: UUID, by: int) -> None:
    """How many a patron answers for: whoever answers for nobody costs the desk nothing."""
    await connection.execute(
        "UPDATE patron SET wards = wards + $2, guard = guard + 1 WHERE id = $1", guarantor_id, by
    )


@router.get(
    "/guarantors", response_model=GuaranteesOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def list_guarantors(request: Request, patron_id: str, asker: MayRead, now: Now) -> GuaranteesOut:
    """Who answers for the patron (`me`: for oneself)."""
    return await _list(request, "ward_id", whose(asker, patron_id, "patrons:read"), now)


@router.get("/wards", response_model=GuaranteesOut, responses=problems(Unauthenticated, Forbidden, NotFound))
async def list_wards(request: Request, patron_id: str, asker: MayRead, now: Now) -> GuaranteesOut:
    """For whom the patron (`me`: oneself) answers."""
    return await _list(request, "guarantor_id", whose(asker, patron_id, "patrons:read"), now)


async def _list(request: Request, side: str, patron_id: UUID, now: datetime) -> GuaranteesOut:
    rows = await _pool(request).fetch(_RELATIONS.format(side=side), patron_id)
    return GuaranteesOut(items=[_out(row, now) for row in rows])


@router.put(
    "/guarantors/{relation_id}/sharing",
    response_model=GuaranteeOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def share_account(
    request: Request, patron_id: str, relation_id: UUID, body: SharingIn, asker: MayShare, now: Now
) -> GuaranteeOut:
    """Let the guarantor see the patron's account, or no more: the patron (`me`), or staff at their word."""
    ward = whose(asker, patron_id, "patrons:write")
    pool = _pool(request)
    done = await pool.fetchval(
        "UPDATE patron_guarantee SET shared_at = CASE WHEN $3 THEN coalesce(shared_at, $4) END, "
        "  shared_by = CASE WHEN $3 THEN coalesce(shared_by, $5) END, "
        "  version = version + ((shared_at IS NOT NULL) <> $3)::int "
        "WHERE id = $1 AND ward_id = $2 AND ended_at IS NULL RETURNING true",
        relation_id,
        ward,
        body.shared,
        now,
        str(asker.actor),
    )
    row: Any = await pool.fetchrow(_RELATIONS.format(side="id"), relation_id) if done else None
    if row is None:
        raise NotFound("Nobody answers for the patron by this.")
    return _out(row, now)


@router.delete(
    "/guarantors/{relation_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def release_guarantor(
    request: Request, patron_id: UUID, relation_id: UUID, staff: MayWrite, now: Now
) -> None:
    """End it: nothing of the patron's stands in the guarantor's way from now on. Harmless when it was done before."""
    async with _pool(request).acquire() as connection, connection.transaction():
        guarantor = await connection.fetchval(
            "SELECT guarantor_id FROM patron_guarantee WHERE id = $1 AND ward_id = $2", relation_id, patron_id
        )
        if guarantor is None:
            raise NotFound("Nobody answers for the patron by this.")
        await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", guarantor)
        row = await connection.fetchrow(
            "UPDATE patron_guarantee SET ended_at = $2, ended_by = $3, shared_at = NULL, shared_by = NULL, "
            "version = version + 1 WHERE id = $1 AND ended_at IS NULL RETURNING *",
            relation_id,
            now,
            str(staff.actor),
        )
        if row is None:
            return
        await _count(connection, row["guarantor_id"], -1)
        event = PatronGuarantorReleased(
            version=row["version"],
            occurred_at=now,
            relation_id=relation_id,
            ward_ref=row["ward_id"],
            guarantor_ref=row["guarantor_id"],
        )
        await outbox.record(connection, [event])
