"""Whom a request is put to, in which order."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from ill.partners.routes import NoSuchPartner
from ill.requests import commands, queries
from ill.requests.commands import NoSuchRequest
from ill.requests.seeing import (
    MayRead,
    MayWrite,
    own,
    pool_of,
)

router = new_router("/v1/ill", tag="interlibrary loan")


class RotaEntryOut(BaseModel):
    """A supplier of a request."""

    partner_id: UUID
    name: str
    symbol: str
    state: str
    """waiting, active, skipped or left."""
    reason: str | None
    request_id: str | None
    """The id it was asked under."""
    record_id: str | None
    """What the index knows it by there …"""
    call_number: str | None
    """… and where it stands."""
    named: str | None
    """As which it is asked and answers, where that is not its first symbol (`scheme:symbol`): another one of its own,
    or who supplies through it, where it is a transparent broker."""
    placed_by: str | None
    """By what it is in the rota: staff, route, default-peer, directory or last-resort; none: entered before that was
    kept."""
    asked_at: datetime | None
    left_at: datetime | None


class RoutePassedOut(BaseModel):
    """A route that does not count for the request."""

    route: str
    misfits: list[str]
    """By which of its criteria it is for others; none: it fits, and another is more specific."""


class RoutingOut(BaseModel):
    """By which route the rota was made, as routes stood when a supplier was looked for last."""

    route: str | None
    """Its code; none: no route fits."""
    then: str
    """Who is asked when none of those that it names supplies: directory, last-resorts or end."""
    passed: list[RoutePassedOut]
    unknown: list[str]
    """Symbols in it that are no partner's any more (`scheme:symbol`)."""


class RotaOut(BaseModel):
    """In the order in which they are asked; one at a time."""

    items: list[RotaEntryOut]
    routing: RoutingOut | None
    """None: there are no routes, or no supplier was looked for yet."""


class RotaIn(BaseModel):
    """Whom to ask, in this order, before anybody else."""

    model_config = ConfigDict(extra="forbid")

    partner_ids: list[UUID] = Field(min_length=1, max_length=100)


_ROTA = """
SELECT e.partner_id, p.name, p.symbol, e.state, e.reason, e.wire_id AS request_id, e.named, e.record_id, e.call_number,
    e.asked_at, e.left_at, CASE WHEN e.chosen THEN 'staff' ELSE e.placed_by END AS placed_by
FROM rota_entry e JOIN partner p ON p.id = e.partner_id WHERE e.request_id = $1 ORDER BY e.position
"""


_ORDER = """
INSERT INTO rota_entry (id, request_id, partner_id, position, state, chosen)
SELECT o.id, $2, o.partner_id, o.position, 'waiting', o.partner_id = ANY ($4::uuid[])
FROM unnest($1::uuid[], $3::uuid[]) WITH ORDINALITY AS o (id, partner_id, position)
ON CONFLICT (request_id, partner_id) DO UPDATE SET position = excluded.position,
    chosen = rota_entry.chosen OR rota_entry.partner_id = ANY ($4::uuid[]),
    state = CASE WHEN rota_entry.state = 'skipped' AND rota_entry.partner_id = ANY ($4::uuid[]) THEN 'waiting'
        ELSE rota_entry.state END
"""
"""$1 new ids, $2 request, $3 every partner in their order, $4 those asked for"""


async def _read(connection: Connection | asyncpg.Pool, row: Any) -> RotaOut:
    """The rota of a request, and how it came about."""
    entries = await connection.fetch(_ROTA, row["id"])
    return RotaOut(
        items=[RotaEntryOut(**dict(entry)) for entry in entries], routing=row["holding"].get("routing")
    )


@router.get(
    "/requests/{request_id}/rota",
    response_model=RotaOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def read_rota(request: Request, request_id: UUID, asker: MayRead) -> RotaOut:
    """Who was asked, who is, and who may be; and why somebody was skipped or left."""
    pool = pool_of(request)
    row = await own(pool, request_id, asker)
    return await _read(pool, row)


@router.put(
    "/requests/{request_id}/rota",
    response_model=RotaOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchRequest, NoSuchPartner, Stale, Invalid, PreconditionRequired
    ),
)
async def order_rota(
    request: Request, request_id: UUID, body: RotaIn, by: MayWrite, expected: IfMatch, now: Now
) -> RotaOut:
    """Put suppliers first, in an order of one's own. Those asked already keep their places; the rest follow."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        case = await commands.take_up(connection, request_id, actor=str(by.actor), now=now)
        etags.guard(expected=expected, found=case.row["version"])
        if case.row["side"] != "borrowing":
            text = "A partner's request has no rota."
            raise Invalid(reasons=[Reason("rota-of-lending", text, "path/request_id")])
        wanted = list(dict.fromkeys(body.partner_ids))
        known = {one.partner_id for one in await queries.candidates(connection, wanted)}
        if unknown := [partner_id for partner_id in wanted if partner_id not in known]:
            raise NoSuchPartner(
                reasons=[
                    Reason(
                        "partner-unknown",
                        "There is no such partner.",
                        f"/partner_ids/{wanted.index(partner_id)}",
                    )
                    for partner_id in unknown
                ]
            )
        rows = await connection.fetch(
            "SELECT id, partner_id, state FROM rota_entry WHERE request_id = $1 ORDER BY position", request_id
        )
        done = [row["partner_id"] for row in rows if row["state"] not in ("waiting", "skipped")]
        rest = [row["partner_id"] for row in rows if row["partner_id"] not in {*done, *wanted}]
        order = [*done, *(one for one in wanted if one not in done), *rest]
        await connection.execute(_ORDER, [uuid7() for _ in order], request_id, order, wanted)
        case.steps.append(("rota-ordered", case.row["state"], case.row["state"]))
        await case.write()
        return await _read(connection, case.row)
