"""Exports to the bursar on the wire: asked for, watched, fetched as JSON or CSV."""

import csv
import io
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from chassis.sheets import tame
from circulation.fees.rules import Money
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary

router = new_router("/v1/bursar-exports", tag="bursar exports")

MayTransfer = Annotated[Principal, Depends(may("fees:transfer"))]
Codes = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=60)]], Field(min_length=1, max_length=200)
]


class ExportRefused(Refused):
    """The export cannot be begun or cancelled."""

    code, title = "export-refused", "This export cannot be begun or cancelled."


class ExportIn(BaseModel):
    """To which account, and which open fees; what is left out does not matter."""

    model_config = ConfigDict(extra="forbid")

    account: str = Field(min_length=1, max_length=60)
    older_than_days: int = Field(default=0, ge=0, le=3650)
    kinds: Codes | None = None
    owners: Codes | None = None
    patron_groups: Codes | None = None
    least_total: int = Field(default=0, ge=0, le=10**12)
    """Patrons of whom less than this (minor units) would be handed over are left alone."""


class ExportOut(BaseModel):
    """An export: how far it is, what it came to."""

    id: UUID
    account: str
    criteria: dict[str, Any]
    state: Literal["queued", "running", "done", "cancelled"]
    patrons: int
    lines: int
    amount: int
    """Handed over less given back, minor units."""
    currency: str
    created_at: datetime
    created_by: str
    ended_at: datetime | None


@router.post(
    "",
    status_code=202,
    response_model=ExportOut,
    responses=problems(Unauthenticated, Forbidden, ExportRefused, InFlight, Invalid, NotConfigured),
)
async def begin_export(
    request: Request, body: ExportIn, staff: MayTransfer, library: TheLibrary, once: OnceRequired, now: Now
) -> Response:
    """Hand over to the bursar all open fees that meet the criteria; each goes once."""
    if body.account not in library.bursar_accounts:
        mend = "Name one of the configuration's bursar_accounts."
        raise Invalid(
            reasons=[Reason("account-unknown", f"There is no account {body.account!r}.", "/account", mend)]
        )

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await connection.fetchrow(
            "INSERT INTO bursar_export (id, account, criteria, state, currency, created_at, created_by) "
            "VALUES ($1, $2, $3, 'queued', $4, $5, $6) "
            "ON CONFLICT (account) WHERE state IN ('queued', 'running') DO NOTHING RETURNING *",
            uuid7(),
            body.account,
            body.model_dump(exclude={"account"}),
            library.currency,
            now,
            str(staff.actor),
        )
        if row is None:
            text, mend = "An export to this account is under way.", "Wait for it to end, or cancel it."
            raise ExportRefused(reasons=[Reason("export-under-way", text, "/account", mend)])
        return 202, ExportOut(**dict(row)), {"location": f"/v1/bursar-exports/{row['id']}"}

    return await whole(request.app.state.resources.pool, once, act)


@router.post(
    "/{export_id}/cancellations",
    status_code=201,
    response_model=ExportOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, ExportRefused, InFlight),
)
async def cancel_export(
    request: Request, export_id: UUID, _: MayTransfer, once: OnceRequired, now: Now
) -> Response:
    """Stop an export; what it has handed over already stays handed over."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        if (
            await connection.fetchval("SELECT id FROM bursar_export WHERE id = $1 FOR UPDATE", export_id)
            is None
        ):
            raise NotFound("There is no such export.")
        row = await connection.fetchrow(
            "UPDATE bursar_export SET state = 'cancelled', ended_at = $2 "
            "WHERE id = $1 AND state IN ('queued', 'running') RETURNING *",
            export_id,
            now,
        )
        if row is None:
            raise ExportRefused(reasons=[Reason("export-ended", "It has ended.", None, "Fetch its lines.")])
        return 201, ExportOut(**dict(row)), {}

    return await whole(request.app.state.resources.pool, once, act)


@router.get(
    "/{export_id}", response_model=ExportOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def get_export(request: Request, export_id: UUID, _: MayTransfer) -> ExportOut:
    """How far an export is."""
    row = await request.app.state.resources.pool.fetchrow(
        "SELECT * FROM bursar_export WHERE id = $1", export_id
    )
    if row is None:
        raise NotFound("There is no such export.")
    return ExportOut(**dict(row))


class LineOut(BaseModel):
    """A fee handed over, or (negative) to be given back."""

    id: UUID
    fee_id: UUID
    patron_id: UUID
    external_id: str | None
    """By which the campus knows the patron."""
    kind: str
    owner: str | None
    amount: int
    currency: str
    charged_at: datetime
    at: datetime


_LINES = """
SELECT a.id, a.fee_id, f.patron_id, p.external_id, f.kind, f.owner,
    CASE a.act WHEN 'credit' THEN -a.amount ELSE a.amount END AS amount, a.currency, f.charged_at, a.at
FROM fee_action a JOIN fee f ON f.id = a.fee_id LEFT JOIN patron p ON p.id = f.patron_id
WHERE a.export_id = $1 AND ($2::uuid IS NULL OR a.id > $2) ORDER BY a.id LIMIT $3
"""
HEAD = ("id", "external_id", "kind", "owner", "amount", "currency", "charged_at", "at", "fee_id", "patron_id")


@router.get(
    "/{export_id}/lines",
    response_model=cursors.Page[LineOut],
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_lines(
    request: Request,
    response: Response,
    export_id: UUID,
    _: MayTransfer,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
) -> Any:
    """What was handed over, a page at a time; as CSV with decimals in the currency's own units."""
    pool = request.app.state.resources.pool
    if await pool.fetchval("SELECT id FROM bursar_export WHERE id = $1", export_id) is None:
        raise NotFound("There is no such export.")
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await pool.fetch(_LINES, export_id, after, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    lines = [LineOut(**dict(row)) for row in rows[:limit]]
    if form == "json":
        return cursors.Page(items=lines, next_cursor=more)
    return Response(_csv(lines), media_type="text/csv; charset=utf-8", headers=dict(response.headers))


def _csv(lines: list[LineOut]) -> str:
    """RFC 4180; no cell begins like a formula, which a spreadsheet would reckon."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for line in lines:
        told = line.model_dump(mode="json") | {"amount": Money(line.amount, line.currency).decimal}
        writer.writerow(
            [tame(told[name]) if name in ("external_id", "kind", "owner") else told[name] for name in HEAD]
        )
    return out.getvalue()
