"""A patron's visit to a desk, on the wire: opened, looked at, ended with a receipt."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.loans.desk import UnknownServicePoint, desk_for
from circulation.loans.races import persistently
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import TheLibrary
from circulation.registration.aliases import alias_of
from circulation.sessions.commands import end_sessions, open_session
from circulation.sessions.receipts import Line, language_of, receipt_text

router = new_router("/v1/desk-sessions", tag="loans")

AtTheDesk = Annotated[Principal, Depends(may("loans:create"))]
Language = Annotated[
    str | None,
    Query(max_length=35, description="`en`, `de`; the patron's own where left out, else English"),
]


class SessionIn(BaseModel):
    """Who stands at the desk."""

    model_config = ConfigDict(extra="forbid")

    patron_id: UUID | None = None
    patron_barcode: str | None = Field(default=None, min_length=1, max_length=100)
    service_point_id: UUID | None = None
    """The client's own where left out."""

    @model_validator(mode="after")
    def _names_the_patron_once(self) -> "SessionIn":
        if (self.patron_id is None) == (self.patron_barcode is None):
            raise ValueError("name the patron once: patron_id or patron_barcode")
        return self


class ReceiptLineOut(BaseModel):
    """An item that went out or came in."""

    loan_id: UUID
    item_id: UUID
    item_barcode: str | None
    title: str
    due_at: datetime
    returned_at: datetime | None


class ReceiptOut(BaseModel):
    """What the visit brought, as data and as text to print; no patron's name is on it."""

    language: str
    text: str
    lent: list[ReceiptLineOut]
    returned: list[ReceiptLineOut]


class SessionOut(BaseModel):
    """A patron's visit to a desk."""

    id: UUID
    patron_id: UUID
    service_point_id: UUID
    opened_at: datetime
    ended_at: datetime | None
    how: Literal["asked", "idle"] | None
    """How it ended."""
    receipt: ReceiptOut


_SESSION = """
SELECT s.*, p.language FROM desk_session s JOIN patron p ON p.id = s.patron_id WHERE s.id = $1
"""
_LINES = """
SELECT l.id AS loan_id, l.item_id, i.barcode AS item_barcode, i.short_title AS title, l.due_at, l.returned_at,
    l.session_id IS NOT DISTINCT FROM $1 AS lent, l.return_session_id IS NOT DISTINCT FROM $1 AS returned
FROM (
    SELECT id FROM loan WHERE session_id = $1 UNION SELECT id FROM loan WHERE return_session_id = $1
) of_it JOIN loan l USING (id) JOIN item i ON i.id = l.item_id
ORDER BY l.id
"""
MAY_BE = problems(Unauthenticated, Forbidden, NotFound, InFlight, UnknownServicePoint, Invalid, NotConfigured)


async def _told(
    connection: Connection | asyncpg.Pool,
    library: Library,
    row: asyncpg.Record,
    staff: Principal,
    language: str | None,
    now: datetime,
) -> SessionOut:
    desk = library.desks.get(row["service_point_id"])
    if staff.libraries is not None and (desk is None or desk.library not in staff.libraries):
        raise Forbidden("The session is at a service point of another library.")
    lines = await connection.fetch(_LINES, row["id"])
    lent = [line for line in lines if line["lent"]]
    returned = [line for line in lines if line["returned"]]
    spoken = language_of(language, row["language"])
    text = receipt_text(
        place=desk.name if desk else "",
        at=row["ended_at"] or now,
        zone=desk.calendar.zone if desk else "UTC",
        language=spoken,
        lent=[Line(line["title"], line["item_barcode"], line["due_at"]) for line in lent],
        returned=[Line(line["title"], line["item_barcode"]) for line in returned],
    )

    def out(found: list[asyncpg.Record]) -> list[ReceiptLineOut]:
        return [
            ReceiptLineOut(**{name: line[name] for name in ReceiptLineOut.model_fields}) for line in found
        ]

    return SessionOut(
        **{name: row[name] for name in SessionOut.model_fields if name != "receipt"},
        receipt=ReceiptOut(language=spoken, text=text, lent=out(lent), returned=out(returned)),
    )


async def _row(connection: Connection | asyncpg.Pool, session_id: UUID) -> asyncpg.Record:
    row = await connection.fetchrow(_SESSION, session_id)
    if row is None:
        raise NotFound("There is no such session.")
    return row


@router.post("", status_code=201, response_model=SessionOut, responses=MAY_BE)
async def open_desk_session(
    request: Request, body: SessionIn, staff: AtTheDesk, library: TheLibrary, once: OnceRequired, now: Now
) -> Response:
    """A patron comes to the desk: what is lent to them and taken back from them here belongs together from now on.

    Whose session is open here goes on with it.
    """
    desk = desk_for(library, staff, body.service_point_id)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        patron_id = await connection.fetchval(
            "SELECT id FROM patron WHERE id = $1 OR barcode = $2", body.patron_id, body.patron_barcode
        )
        if patron_id is None and (
            alias := await alias_of(connection, patron_id=body.patron_id, barcode=body.patron_barcode)
        ):
            patron_id = None if alias.replaced else alias.patron_id
        if patron_id is None:
            pointer = "/patron_barcode" if body.patron_id is None else "/patron_id"
            raise NotFound(reasons=[Reason("patron-unknown", "There is no such patron.", pointer)])
        session_id = await open_session(connection, patron_id, desk.id, now=now)
        row = await _row(connection, session_id)
        told = await _told(connection, library, row, staff, None, now)
        return 201, told, {"location": f"/v1/desk-sessions/{session_id}"}

    return await persistently(lambda: whole(request.app.state.resources.pool, once, act))


@router.get(
    "/{session_id}",
    response_model=SessionOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid, NotConfigured),
)
async def read_desk_session(
    request: Request,
    session_id: UUID,
    staff: AtTheDesk,
    library: TheLibrary,
    now: Now,
    language: Language = None,
) -> SessionOut:
    """The session with its receipt as it stands; for 30 days after its end."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    return await _told(pool, library, await _row(pool, session_id), staff, language, now)


@router.post("/{session_id}/endings", status_code=201, response_model=SessionOut, responses=MAY_BE)
async def end_desk_session(
    request: Request,
    session_id: UUID,
    staff: AtTheDesk,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
    language: Language = None,
) -> Response:
    """The patron goes: the receipt. One that has ended stays ended, and tells its receipt again."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await _told(connection, library, await _row(connection, session_id), staff, language, now)
        await end_sessions(connection, [session_id], "asked", now=now)
        row = await _row(connection, session_id)
        return 201, await _told(connection, library, row, staff, language, now), {}

    return await persistently(lambda: whole(request.app.state.resources.pool, once, act))
