"""The one door to circulation: ours is told by an event, a host by an act (`hosts`). Both answer in the same words.

Which of them it is, follows from the place: a patron's pickup, or the desk from which things go out to partners. What
was begun with one is ended with it, whatever is configured meanwhile.
"""

from typing import Final
from uuid import UUID

from chassis import outbox
from contracts.events import Event
from contracts.ill import (
    BorrowedItemArrived,
    HoldWantedHere,
    ItemWanted,
    PartnerLoanWanted,
    PatronSought,
)
from ill.hosts.queueing import host_for, queue
from ill.requests.case import Case
from ill.requests.questions import remember

_BEGINS: Final = (BorrowedItemArrived, HoldWantedHere, PatronSought)
"""Asked of whoever serves the place now."""
_BEGINS_FOR_PARTNER: Final = (ItemWanted, PartnerLoanWanted)
"""The same, unless another is at it."""


async def tell(case: Case, event: Event) -> None:
    """Tell circulation of a request, in the transaction of what it follows from."""
    if isinstance(event, _BEGINS):
        host = await host_for(case.connection, case.row["pickup"])
    elif isinstance(event, _BEGINS_FOR_PARTNER):
        host = await host_of_lending(case)
    else:
        host = _at_it(case)
    if not isinstance(event, PatronSought):
        remember(case, host=str(host) if host is not None else None)
    if host is None:
        await outbox.record(case.connection, [event])
    else:
        await queue(case.connection, host, event, case.row, case.now)


async def host_of_lending(case: Case) -> UUID | None:
    """The host that lends to partners; None: our own circulation does, or has it in hand already."""
    if (host := _at_it(case)) is not None:
        return host
    if case.row["hold_id"] is not None or case.row["loan_id"] is not None:
        return None
    return await host_for(case.connection, case.doc.lending.desk)


def _at_it(case: Case) -> UUID | None:
    told = case.row["holding"].get("host")
    return UUID(told) if told is not None else None
