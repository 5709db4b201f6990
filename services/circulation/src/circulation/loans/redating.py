"""Staff set a loan's due time by hand (L43)."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import etags, outbox
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from circulation.autorenewal.rules import looks_at
from circulation.fees import reminder_blocks
from circulation.holds.tables import FILLED_BY
from circulation.loans import statements
from circulation.loans.answers import LoanOut
from circulation.loans.desk import loan_facts, loan_fields, look
from circulation.loans.facts import Seen
from circulation.loans.races import persistently
from circulation.loans.rules import DUE_CHANGE_TEXTS, due_change_refusals, recall_stands
from circulation.loans.unhurried import lock
from circulation.places.library import NotConfigured, Shelf
from circulation.places.routes import TheShelf
from contracts.circulation import LoanDueDateChanged

router = new_router(tag="loans")


class DueDateRefused(Refused):
    """The due time cannot be changed so; every reason is given."""

    code, title = "due-date-refused", "The due time of this loan cannot be changed so."


class LoanChange(BaseModel):
    """When the loan is to be due, and why."""

    model_config = ConfigDict(extra="forbid")

    due_at: Moment
    reason: str = Field(min_length=1, max_length=1000)
    """Kept with the loan, for staff."""


_RECALLS = f"""
SELECT count(*) FROM hold h JOIN item i ON i.id = $2
WHERE h.kind = 'recall' AND h.state IN ('waiting', 'in-transit', 'ready') AND h.title_id = ANY ($1::uuid[])
  AND {FILLED_BY}
"""  # noqa: S608 - our own text
_LOAN = """
UPDATE loan SET due_at = $2, recalled_at = CASE WHEN $3 THEN recalled_at END, due_comment = $4, lost_check_at = NULL,
    auto_at = $5, version = version + 1
WHERE id = $1 RETURNING version, recalled_at
"""


@router.patch(
    "/v1/loans/{loan_id}",
    response_model=LoanOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NotFound,
        DueDateRefused,
        InFlight,
        Stale,
        PreconditionRequired,
        Invalid,
        NotConfigured,
    ),
)
async def change_due_date(
    request: Request,
    loan_id: UUID,
    body: LoanChange,
    staff: Annotated[Principal, Depends(may("loans:redate"))],
    expected: IfMatch,
    shelf: TheShelf,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Set the due time of an open loan, earlier or later, but ahead of now; it counts as no renewal.

    A fine that has accrued is counted from the new due time. That the loan was recalled is forgotten, unless the
    one who recalled it waits still. Nothing is changed on what is claimed returned or lost.
    """
    pool = request.app.state.resources.pool

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        loan = await redate(
            connection, shelf, once, loan_id, body.due_at, body.reason, staff, expected=expected, now=now
        )
        return 200, loan, {"etag": etags.etag(loan.version)}

    return await persistently(lambda: whole(pool, once, act))


async def redate(
    connection: Connection,
    shelf: Shelf,
    once: OnceRequired,
    loan_id: UUID,
    due_at: datetime,
    comment: str,
    staff: Principal,
    *,
    expected: int,
    now: datetime,
    why: str = "manual",
) -> LoanOut:
    """Set it, or raise with every reason not to; `why` is told with the event."""

    async def seen_now() -> Seen:
        asked = (loan_id, None, once.principal, once.key, now)
        return await look(connection, shelf, statements.LOOK_RENEWAL, *asked)

    seen = await seen_now()
    if seen["open_loan_id"] is None or seen["item_id"] is None:
        raise NotFound("There is no such loan.")
    await lock(connection, seen)
    seen = await seen_now()
    desk = seen.library.desks.get(seen["lent_from"])
    if staff.libraries is not None and (desk is None or desk.library not in staff.libraries):
        raise Forbidden("The item was lent at a service point of another library.")
    etags.guard(expected=expected, found=seen["loan_version"])
    if refusals := due_change_refusals(
        state=seen["state"], ended=seen["returned_at"] is not None, due_at=due_at, now=now
    ):
        raise DueDateRefused(reasons=[Reason(code, *DUE_CHANGE_TEXTS[code]) for code in refusals])
    if due_at == seen["due_at"]:
        return LoanOut(**loan_fields(seen))
    stands = recall_stands(
        recalled=seen["recalled_at"] is not None,
        recalls_open=await connection.fetchval(_RECALLS, seen["title_ids"], seen["item_id"]),
    )
    policy = seen.library.rules.loan.get(seen["policy"])
    calendar = seen.library.calendar_at(seen["lent_from"], seen["due_zone"])
    auto_at = looks_at(policy.automatic if policy else None, calendar, due_at=due_at, now=now)
    loan = await connection.fetchrow(_LOAN, loan_id, due_at, stands, comment, auto_at)
    assert loan is not None
    await connection.execute(
        "UPDATE item SET due_at = $2, guard = guard + 1 WHERE id = $1", seen["item_id"], due_at
    )
    event = LoanDueDateChanged(
        version=loan["version"],
        occurred_at=now,
        loan_id=loan_id,
        item_id=seen["item_id"],
        loan=loan_facts(seen, due_at=due_at),
        previous_due_at=seen["due_at"],
        reason=why,
        availability=seen.availability(state=seen["state"], lendable=False, due_at=due_at, now=now),
    )
    await outbox.record(connection, [event])
    await reminder_blocks.lift(connection, [loan_id], now=now)
    return LoanOut(
        **loan_fields(seen)
        | {"due_at": due_at, "version": loan["version"], "recalled_at": loan["recalled_at"]}
    )
