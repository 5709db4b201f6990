"""Use in the library on the wire: kept at the desk between two uses, handed out again, what a desk keeps."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from chassis import cursors, etags, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, Once, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.inlibrary.rules import (
    HELD,
    IN_USE,
    TEXTS,
    Refusal,
    handing_out_refusals,
    held_until,
    keeping_refusals,
)
from circulation.loans import statements
from circulation.loans.answers import LoanOut
from circulation.loans.desk import UnknownServicePoint, desk_for, loan_facts, loan_fields, look
from circulation.loans.facts import Seen
from circulation.loans.races import persistently
from circulation.loans.unhurried import lock
from circulation.places.library import Desk, NotConfigured, Shelf
from circulation.places.routes import TheLibrary, TheShelf
from contracts.circulation import LoanKeptAtDesk, LoanUsedAgain

router = new_router(tag="loans")

MayLend = Annotated[Principal, Depends(may("loans:create"))]


class UseRefused(Refused):
    """The item is neither kept at the desk nor handed out; every reason is given."""

    code, title = "use-in-library-refused", "This is not done with this loan."


class DeskIn(BaseModel):
    """Where it happens; at the client's own service point where left out."""

    model_config = ConfigDict(extra="forbid")

    service_point_id: UUID | None = None


class KeptOut(BaseModel):
    """An item that a desk keeps for a patron's next use."""

    loan_id: UUID
    item_id: UUID
    item_barcode: str | None
    title: str
    call_number: str | None
    patron_id: UUID | None
    held_until: datetime
    over: bool
    """Whether its time is over: it is checked in, and goes back to its shelf."""


MAY_BE = problems(
    Unauthenticated, Forbidden, NotFound, UseRefused, InFlight, UnknownServicePoint, Invalid, NotConfigured
)


@router.post("/v1/loans/{loan_id}/keepings", status_code=201, response_model=LoanOut, responses=MAY_BE)
async def keep_at_desk(
    request: Request,
    loan_id: UUID,
    staff: MayLend,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    body: DeskIn | None = None,
) -> Response:
    """Keep an item that is used in the library at the desk, for the patron's next use on the same loan."""
    asked = body or DeskIn()

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        seen, desk = await _locked(connection, shelf, loan_id, asked, staff, once, now)
        _refuse(keeping_refusals(seen["in_library"], **_state(seen)))
        policy = seen.library.rules.loan.get(seen["policy"])
        until = held_until(policy, desk.calendar, due_at=seen["due_at"], now=now)
        return 201, *await _write(connection, seen, desk, HELD, until, now)

    return await persistently(lambda: whole(request.app.state.resources.pool, once, act))


@router.post("/v1/loans/{loan_id}/pickups", status_code=201, response_model=LoanOut, responses=MAY_BE)
async def hand_out_again(
    request: Request,
    loan_id: UUID,
    staff: MayLend,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
    body: DeskIn | None = None,
) -> Response:
    """Hand an item out again that the desk kept for the patron; the loan and its due time stay as they are."""
    asked = body or DeskIn()

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        seen, desk = await _locked(connection, shelf, loan_id, asked, staff, once, now)
        until = seen["held_until"]
        _refuse(handing_out_refusals(seen["in_library"], **_state(seen), held_until=until, now=now))
        return 201, *await _write(connection, seen, desk, IN_USE, None, now)

    return await persistently(lambda: whole(request.app.state.resources.pool, once, act))


_KEPT = """
SELECT l.id AS loan_id, l.item_id, i.barcode AS item_barcode, i.short_title AS title, i.call_number, l.patron_id,
    l.held_until
FROM loan l JOIN item i ON i.id = l.item_id
WHERE l.in_library = 'held' AND l.returned_at IS NULL AND l.held_at = $1 AND (l.held_until, l.id) > ($2, $3)
ORDER BY l.held_until, l.id LIMIT $4
"""
NOBODY = UUID(int=0)
SINCE_EVER = datetime(1000, 1, 1, tzinfo=UTC)


@router.get(
    "/v1/service-points/{service_point_id}/kept-for-use",
    response_model=cursors.Page[KeptOut],
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid, NotConfigured),
)
async def list_kept(
    request: Request,
    response: Response,
    service_point_id: UUID,
    staff: Annotated[Principal, Depends(may("loans:read"))],
    library: TheLibrary,
    now: Now,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[KeptOut]:
    """What the desk keeps between two uses; whatever has been there longest over its time comes first."""
    desk = library.desks.get(service_point_id)
    if desk is None:
        raise NotFound("There is no such service point.")
    if staff.libraries is not None and desk.library not in staff.libraries:
        raise Forbidden(f"You do not work for the library {desk.library}.")
    at, after = _place_in(cursor) if cursor else (SINCE_EVER, NOBODY)
    pool: asyncpg.Pool = request.app.state.resources.pool
    rows = await pool.fetch(_KEPT, service_point_id, at, after, limit + 1)
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = cursors.encode(last["held_until"].isoformat(), str(last["loan_id"]))
    cursors.link_next(request, response, more)
    items = [KeptOut(**dict(row), over=row["held_until"] <= now) for row in rows[:limit]]
    return cursors.Page(items=items, next_cursor=more)


def _place_in(cursor: str) -> tuple[datetime, UUID]:
    told, loan_id = cursors.decode(cursor, parts=2)
    try:
        at = datetime.fromisoformat(str(told))
        if at.tzinfo is None:
            raise ValueError
        return at, UUID(str(loan_id))
    except ValueError:
        raise cursors.wrong_cursor() from None


async def _locked(
    connection: Connection,
    shelf: Shelf,
    loan_id: UUID,
    asked: DeskIn,
    staff: Principal,
    once: Once,
    now: datetime,
) -> tuple[Seen, Desk]:
    """The loan and everything about it, held from now on; and the service point."""

    async def seen_now() -> Seen:
        named = (loan_id, None, once.principal, once.key, now)
        return await look(connection, shelf, statements.LOOK_RENEWAL, *named)

    seen = await seen_now()
    if seen["open_loan_id"] is None or seen["item_id"] is None:
        raise NotFound("There is no such loan.")
    desk = desk_for(seen.library, staff, asked.service_point_id)
    await lock(connection, seen)
    return await seen_now(), desk


def _state(seen: Seen) -> dict[str, bool]:
    return {
        "ended": seen["returned_at"] is not None,
        "claimed": seen["claimed_at"] is not None,
        "lost": seen["lost_at"] is not None,
    }


def _refuse(refusals: list[Refusal]) -> None:
    if refusals:
        reasons = [Reason(each, TEXTS[each][0], mend=TEXTS[each][1]) for each in refusals]
        raise UseRefused(reasons=reasons)


async def _write(
    connection: Connection, seen: Seen, desk: Desk, use: str, until: datetime | None, now: datetime
) -> tuple[LoanOut, dict[str, str]]:
    version = seen["loan_version"] + 1
    await connection.execute(
        "UPDATE loan SET in_library = $2, held_at = $3, held_until = $4, version = $5 WHERE id = $1",
        seen["open_loan_id"],
        use,
        desk.id if use == HELD else None,
        until,
        version,
    )
    await connection.execute(
        "UPDATE item SET last_seen_at = $2, last_seen_by = $3, guard = guard + 1 WHERE id = $1",
        seen["item_id"],
        now,
        desk.id,
    )
    common: dict[str, Any] = {
        "version": version,
        "occurred_at": now,
        "loan_id": seen["open_loan_id"],
        "item_id": seen["item_id"],
        "loan": loan_facts(seen, in_library=use),
        "service_point_id": desk.id,
    }
    event = LoanUsedAgain(**common) if until is None else LoanKeptAtDesk(**common, held_until=until)
    await outbox.record(connection, [event])
    told = LoanOut(**loan_fields(seen) | {"version": version, "in_library": use, "held_until": until})
    return told, {"etag": etags.etag(version), "location": f"/v1/loans/{told.id}"}
