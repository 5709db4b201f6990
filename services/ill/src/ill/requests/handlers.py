"""Circulation tells what became of things that are here for a patron: nobody has to say it twice."""

from collections.abc import Sequence
from uuid import UUID

from chassis.database import Connection
from chassis.resources import Heard
from contracts.circulation import BorrowedItemTaken, LoanCreated, LoanReturned
from ill.requests.commands import happen, take_up
from ill.requests.rules import Told

ACTOR = "system:circulation"
_OURS = "SELECT id, item_id FROM request WHERE item_id = ANY ($1::uuid[])"


async def follow(connection: Connection, batch: Sequence[Heard]) -> None:
    """Lent to the patron, and brought back. Loans of anything else, nearly all of them, cost one look a batch."""
    told: list[tuple[UUID, str, Heard]] = []
    for heard in batch:
        event = heard.event
        assert isinstance(event, LoanCreated | LoanReturned)
        told.append((event.item_id, "check-out" if isinstance(event, LoanCreated) else "take-back", heard))
    rows = await connection.fetch(_OURS, [item_id for item_id, _, _ in told])
    ours = {row["item_id"]: row["id"] for row in rows}
    for item_id, what, heard in told:
        if item_id in ours:
            case = await take_up(connection, ours[item_id], actor=ACTOR, now=heard.time)
            await happen(case, what)


async def note_taken(connection: Connection, batch: Sequence[Heard]) -> None:
    """It is kept for the patron; or it is not, and staff see why."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, BorrowedItemTaken)
        if event.hold_id is None:
            told = Told(note=", ".join(event.reasons))
            case = await take_up(connection, event.request_id, actor=ACTOR, now=heard.time, told=told)
            await happen(case, "hold-not-placed")
