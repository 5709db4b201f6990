"""Sponsors and proxies on the wire."""

from datetime import datetime
from typing import Annotated
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
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.asking import patron_or, whose
from circulation.proxies.queries import Named
from circulation.proxies.rules import TEXTS, ProxyRefusal
from contracts.circulation import PatronProxyGranted, PatronProxyRevoked

router = new_router("/v1/patrons/{patron_id}", tag="patrons")

MayWrite = Annotated[Principal, Depends(may("patrons:write"))]
MayRead = Annotated[Principal, Depends(patron_or("patrons:read"))]
MayRevoke = Annotated[Principal, Depends(patron_or("patrons:write"))]


class ProxyRefused(Refused):
    """This person cannot be made the patron's proxy; every reason is given."""

    code, title = "proxy-refused", "This person cannot be made the patron's proxy."


class ProxyIn(BaseModel):
    """Who may borrow for the patron, and for how long."""

    model_config = ConfigDict(extra="forbid")

    proxy_id: UUID | None = None
    proxy_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    valid_from: Moment | None = None
    """At once where left out."""
    valid_to: Moment | None = None
    """Until it is revoked where left out."""
    note: str | None = Field(default=None, min_length=1, max_length=1000)
    """For staff."""

    @model_validator(mode="after")
    def _names_the_proxy_once(self) -> "ProxyIn":
        if (self.proxy_id is None) == (self.proxy_barcode is None):
            raise ValueError("name the proxy once: proxy_id or proxy_barcode")
        return self


class ProxyOut(BaseModel):
    """Who may borrow for whom."""

    id: UUID
    sponsor_id: UUID
    sponsor_name: str
    proxy_id: UUID
    proxy_name: str
    valid_from: datetime | None
    valid_to: datetime | None
    created_at: datetime
    version: int


class ProxiesOut(BaseModel):
    """Every relation that was not revoked, oldest first."""

    items: list[ProxyOut]


_RELATIONS = """
SELECT r.*, concat_ws(', ', s.family_name, s.given_name) AS sponsor_name,
    concat_ws(', ', p.family_name, p.given_name) AS proxy_name
FROM patron_proxy r JOIN patron s ON s.id = r.sponsor_id JOIN patron p ON p.id = r.proxy_id
WHERE r.{side} = $1 AND r.revoked_at IS NULL ORDER BY r.id LIMIT 1000
"""


def _out(row: asyncpg.Record) -> ProxyOut:
    return ProxyOut(**{name: row[name] for name in ProxyOut.model_fields})


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


@router.post(
    "/proxies",
    status_code=201,
    response_model=ProxyOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, ProxyRefused, InFlight, Invalid),
)
async def grant_proxy(
    request: Request, patron_id: UUID, body: ProxyIn, staff: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Let somebody borrow and place holds for the patron, who answers for it as for their own."""
    if body.valid_to is not None and body.valid_to <= max(body.valid_from or now, now):
        text = "It would have ended before it began."
        raise Invalid(reasons=[Reason("moment-not-ahead", text, "/valid_to", "Name a later moment.")])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = await _grant(connection, patron_id, body, str(staff.actor), now)
        where = f"/v1/patrons/{patron_id}/proxies/{told.id}"
        return 201, told, {"location": where, "etag": etags.etag(told.version)}

    return await whole(_pool(request), once, act)


async def _grant(
    connection: Connection, sponsor_id: UUID, body: ProxyIn, actor: str, now: datetime
) -> ProxyOut:
    known = await connection.fetch(
        "SELECT id, barcode FROM patron WHERE id = $1 OR id = $2 OR barcode = $3 "
        "ORDER BY id FOR NO KEY UPDATE",
        sponsor_id,
        body.proxy_id,
        body.proxy_barcode,
    )
    named = "id" if body.proxy_id is not None else "barcode"
    proxy_id = next((row["id"] for row in known if row[named] == (body.proxy_id or body.proxy_barcode)), None)
    missing = []
    if sponsor_id not in {row["id"] for row in known}:
        missing.append(Reason("patron-unknown", "There is no such patron.", "path/patron_id"))
    if proxy_id is None:
        pointer = Named(body.proxy_id, body.proxy_barcode).pointer
        missing.append(Reason("proxy-unknown", "There is no such patron.", pointer))
    if missing:
        raise NotFound("The patron or the proxy is unknown here.", reasons=missing)
    if proxy_id == sponsor_id:
        text, mend = TEXTS[ProxyRefusal.SELF]
        raise ProxyRefused(reasons=[Reason(ProxyRefusal.SELF, text, mend=mend)])
    relation_id = await connection.fetchval(
        "INSERT INTO patron_proxy (id, sponsor_id, proxy_id, valid_from, valid_to, note, created_at, created_by) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id",
        uuid7(),
        sponsor_id,
        proxy_id,
        body.valid_from,
        body.valid_to,
        body.note,
        now,
        actor,
    )
    if relation_id is None:
        text, mend = "This person is the patron's proxy already.", "Revoke that first, to grant it anew."
        raise ProxyRefused(reasons=[Reason("proxy-granted-already", text, mend=mend)])
    await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", sponsor_id)
    event = PatronProxyGranted(
        version=1,
        occurred_at=now,
        relation_id=relation_id,
        sponsor_ref=sponsor_id,
        proxy_ref=proxy_id,
        valid_from=body.valid_from,
        valid_to=body.valid_to,
    )
    await outbox.record(connection, [event])
    row = await connection.fetchrow(_RELATIONS.format(side="id"), relation_id)
    assert row is not None
    return _out(row)


@router.get("/proxies", response_model=ProxiesOut, responses=problems(Unauthenticated, Forbidden, NotFound))
async def list_proxies(request: Request, patron_id: str, asker: MayRead) -> ProxiesOut:
    """Who may borrow for the patron (`me`: for oneself)."""
    patron = whose(asker, patron_id, "patrons:read")
    return ProxiesOut(
        items=[_out(row) for row in await _pool(request).fetch(_RELATIONS.format(side="sponsor_id"), patron)]
    )


@router.get("/sponsors", response_model=ProxiesOut, responses=problems(Unauthenticated, Forbidden, NotFound))
async def list_sponsors(request: Request, patron_id: str, asker: MayRead) -> ProxiesOut:
    """For whom the patron (`me`: oneself) may borrow."""
    patron = whose(asker, patron_id, "patrons:read")
    return ProxiesOut(
        items=[_out(row) for row in await _pool(request).fetch(_RELATIONS.format(side="proxy_id"), patron)]
    )


@router.delete(
    "/proxies/{relation_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def revoke_proxy(
    request: Request, patron_id: str, relation_id: UUID, asker: MayRevoke, now: Now
) -> None:
    """Take it back; the patron may, too. What was borrowed stays borrowed. Harmless when it was done before."""
    sponsor = whose(asker, patron_id, "patrons:write")
    async with _pool(request).acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", sponsor)
        row = await connection.fetchrow(
            "SELECT * FROM patron_proxy WHERE id = $1 AND sponsor_id = $2 FOR NO KEY UPDATE",
            relation_id,
            sponsor,
        )
        if row is None:
            raise NotFound("There is no such proxy of this patron.")
        if row["revoked_at"] is not None:
            return
        await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", sponsor)
        await connection.execute(
            "UPDATE patron_proxy SET revoked_at = $2, revoked_by = $3, version = version + 1 WHERE id = $1",
            relation_id,
            now,
            str(asker.actor),
        )
        event = PatronProxyRevoked(
            version=row["version"] + 1,
            occurred_at=now,
            relation_id=relation_id,
            sponsor_ref=sponsor,
            proxy_ref=row["proxy_id"],
        )
        await outbox.record(connection, [event])
