"""Lines of agreements on the wire: what may be used, what it costs, and what became of it."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from erm.agreements import commands, queries
from erm.agreements.commands import AgreementRefused, AgreementUnknown, LineUnknown
from erm.agreements.routes import MayRead, MayWrite
from erm.agreements.rules import standing
from erm.agreements.wire import CostOut, CoverageIn, CoverageOut, EntryOut, LineIn, LineOut, OrderedOut
from erm.configuration.queries import in_force
from erm.money.rules import written
from erm.orders.queries import units_of_line
from erm.rows import page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, held

router = new_router("/v1", tag="agreements")


def line_out(row: Any, today: date) -> LineOut:
    """A line on the wire."""
    told = dict(row)
    orders = [OrderedOut(**one, total=written(one["minor"], one["currency"])) for one in told.pop("orders")]
    sums: dict[str, int] = {}
    for one in row["orders"]:
        if not one["cancelled"]:
            sums[one["currency"]] = sums.get(one["currency"], 0) + one["minor"]
    reasons = standing(queries.facts(row), today)
    told |= {
        "resource_id": told["package_id"] or told["item_id"] or told["platform_title_id"],
        "coverage": [
            CoverageIn(**{name: one[name] for name in CoverageIn.model_fields}) for one in row["coverage"]
        ],
        "order_line_ids": [one.order_line_id for one in orders],
        "usable_today": not reasons,
        "reasons": [str(reason) for reason in reasons],
        "knowledge_base_coverage": [
            CoverageOut(**{name: one.get(name) for name in CoverageOut.model_fields}) for one in row["listed"]
        ],
        "orders": orders,
        "cost": [CostOut(currency=name, total=Decimal(written(sums[name], name))) for name in sorted(sums)],
    }
    return LineOut(**{name: told[name] for name in LineOut.model_fields})


async def _one(connection: Any, line_id: UUID, today: date, seen: Standing) -> LineOut:
    rows = await queries.lines(connection, [line_id], seen)
    if not rows:
        raise LineUnknown
    return line_out(rows[0], today)


@router.post(
    "/agreements/{agreement_id}/lines",
    status_code=201,
    response_model=LineOut,
    responses=problems(Unauthenticated, Forbidden, AgreementUnknown, AgreementRefused, InFlight, Invalid),
)
async def add_agreement_line(
    request: Request, agreement_id: UUID, body: LineIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Add to what an agreement lets be used."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        seen = await held(connection, by)
        agreement = await commands.locked(connection, agreement_id)
        line_id = await commands.add_line(
            connection, agreement, body, actor=str(by.actor), now=now, standing=seen
        )
        told = await _one(connection, line_id, (await in_force(connection)).today(now), seen)
        return 201, told, {"location": f"/v1/agreement-lines/{line_id}", "etag": etags.etag(1)}

    return await whole(pool_of(request), once, act)


@router.get(
    "/agreement-lines",
    response_model=cursors.Page[LineOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_agreement_lines(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    now: Now,
    agreement_id: UUID | None = None,
    package_id: UUID | None = None,
    package_item_id: UUID | None = None,
    platform_title_id: UUID | None = None,
    order_line_id: Annotated[UUID | None, Query(description="Those that it was ordered for")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> cursors.Page[LineOut]:
    """Lines, newest first: of an agreement, of a resource, of an order line."""
    wanted = {
        "agreement_id =": agreement_id,
        "package_id =": package_id,
        "item_id =": package_item_id,
        "platform_title_id =": platform_title_id,
        "order_line_id =": order_line_id,
    }
    source = "SELECT id FROM agreement_line"
    pool = pool_of(request)
    if order_line_id is not None:
        source += " JOIN agreement_line_order ON line_id = id"
        if not seen.lets(Act.READ, await units_of_line(pool, order_line_id)):
            return cursors.Page(items=[])
    rows, more = await page(request, response, source, wanted, cursor=cursor, limit=limit)
    today = (await in_force(pool)).today(now)
    found = await queries.lines(pool, [row["id"] for row in rows], seen)
    return cursors.Page(items=[line_out(row, today) for row in found], next_cursor=more)


@router.get(
    "/agreement-lines/{line_id}",
    response_model=LineOut,
    responses=problems(Unauthenticated, Forbidden, LineUnknown),
)
async def get_agreement_line(
    request: Request, response: Response, line_id: UUID, _: MayRead, seen: Seen, now: Now
) -> LineOut:
    """One line. Of what was ordered for it, it names and sums what whoever asks may see."""
    pool = pool_of(request)
    told = await _one(pool, line_id, (await in_force(pool)).today(now), seen)
    etags.tag(response, told.version)
    return told


@router.put(
    "/agreement-lines/{line_id}",
    response_model=LineOut,
    responses=problems(
        Unauthenticated, Forbidden, LineUnknown, AgreementRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def change_agreement_line(
    request: Request,
    response: Response,
    line_id: UUID,
    body: LineIn,
    by: MayWrite,
    expected: IfMatch,
    now: Now,
) -> LineOut:
    """Replace what is told of a line, except what it is of."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        seen = await held(connection, by)
        agreement_id = await connection.fetchval(
            "SELECT agreement_id FROM agreement_line WHERE id = $1", line_id
        )
        if agreement_id is None:
            raise LineUnknown
        agreement = await commands.locked(connection, agreement_id)
        before = await connection.fetchrow("SELECT * FROM agreement_line WHERE id = $1", line_id)
        assert before is not None
        etags.guard(expected=expected, found=before["version"])
        await commands.change_line(
            connection, agreement, dict(before), body, actor=str(by.actor), now=now, standing=seen
        )
        told = await _one(connection, line_id, (await in_force(connection)).today(now), seen)
    etags.tag(response, told.version)
    return told


_HISTORY = """
SELECT e.id, e.at, e.actor, e.what, e.line_id, e.line, coalesce(p.name, t.name, l.description, l.reference) AS name
FROM entitlement_entry e
JOIN agreement_line l ON l.id = e.line_id
LEFT JOIN package p ON p.id = l.package_id
LEFT JOIN package_item i ON i.id = l.item_id
LEFT JOIN platform_title pt ON pt.id = coalesce(l.platform_title_id, i.platform_title_id)
LEFT JOIN title_instance t ON t.id = pt.title_id
"""


@router.get(
    "/agreements/{agreement_id}/history",
    response_model=cursors.Page[EntryOut],
    responses=problems(Unauthenticated, Forbidden, AgreementUnknown, Invalid),
)
async def list_entitlement_history(
    request: Request,
    response: Response,
    agreement_id: UUID,
    _: MayRead,
    line_id: UUID | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[EntryOut]:
    """What became of an agreement's lines, newest first; written once, and never changed."""
    pool = pool_of(request)
    if await pool.fetchval("SELECT true FROM agreement WHERE id = $1", agreement_id) is None:
        raise AgreementUnknown
    wanted = {"e.agreement_id =": agreement_id, "e.line_id =": line_id}
    rows, more = await page(request, response, _HISTORY, wanted, cursor=cursor, limit=limit, by="e.id")
    items = [
        EntryOut(
            **{name: row[name] for name in ("at", "actor", "what", "line_id", "name")},
            **{name: row["line"][name] for name in ("active_from", "active_to", "suppressed")},
        )
        for row in rows
    ]
    return cursors.Page(items=items, next_cursor=more)
