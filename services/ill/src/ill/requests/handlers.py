"""The catalogue and circulation tell what became of things that go between libraries: nobody has to say it twice.

Loans and holds of anything else are nearly all that is heard. They are sifted out by one look at an index a batch, and
nothing is written of them (`Sifted`).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import TitlesFound
from contracts.circulation import (
    BorrowedItemTaken,
    HoldCancelled,
    HoldEvent,
    HoldExpired,
    HoldRequeued,
    ItemClaimedReturned,
    ItemClaimResolved,
    ItemDeclaredLost,
    LoanAgedToLost,
    LoanCreated,
    LoanRecalled,
    LoanRenewed,
    LoanReturned,
    PartnerActRefused,
    PartnerItemKept,
    PartnerLoanMade,
    PatronLookedAt,
)
from contracts.erm import AccessFound
from contracts.events import Event
from ill.requests.case import Case
from ill.requests.commands import happen, take_up
from ill.requests.rules import Told

CIRCULATION = "system:circulation"
CATALOG = "system:catalog"
ACQUISITIONS = "system:erm"
LoanEvent = (
    LoanCreated
    | LoanReturned
    | LoanRenewed
    | LoanRecalled
    | ItemClaimedReturned
    | ItemClaimResolved
    | ItemDeclaredLost
    | LoanAgedToLost
)
_BY_ITEM = """
SELECT r.id, r.item_id, r.side, p.patron_id AS partners_patron FROM request r LEFT JOIN partner p ON p.id = r.partner_id
WHERE r.item_id = ANY ($1::uuid[]) AND NOT r.ended
"""
_BY_HOLD = "SELECT id, hold_id FROM request WHERE hold_id = ANY ($1::uuid[])"


async def of_ours(connection: Connection, batch: Sequence[Heard]) -> Collection[Any]:
    """Loans of what is here for a patron, or kept for a partner or lent to one."""
    items = [_loan(heard).item_id for heard in batch]
    ours = {row["item_id"] for row in await connection.fetch(_BY_ITEM, items)}
    return [heard.id for heard in batch if _loan(heard).item_id in ours]


def _loan(heard: Heard) -> LoanEvent:
    event = heard.event
    assert isinstance(event, LoanEvent)
    return event


async def follow(connection: Connection, batch: Sequence[Heard]) -> None:
    """Lent, renewed, recalled, brought back, lost, or said to have been brought back."""
    for heard in batch:
        event = _loan(heard)
        row = await connection.fetchrow(_BY_ITEM, [event.item_id])
        if row is None:
            continue
        told = Told(here={"due_at": event.loan.due_at})
        case = await take_up(connection, row["id"], actor=CIRCULATION, now=heard.time, told=told)
        if row["side"] == "borrowing":
            await _follow_borrowed(case, event)
        else:
            await _follow_lent(case, event, row["partners_patron"])


async def _follow_borrowed(case: Case, event: LoanEvent) -> None:
    if isinstance(event, ItemClaimedReturned):
        case.told = Told(here={"claimed_at": event.claimed_at})
    elif isinstance(event, ItemClaimResolved):
        case.told = Told(note=event.resolution)
    what = _BORROWED.get(type(event))
    if what is not None:
        await happen(case, what)


_BORROWED: Mapping[type[Event], str] = {
    LoanCreated: "check-out",
    LoanReturned: "take-back",
    LoanRenewed: "renewed-here",
    ItemClaimedReturned: "claimed-here",
    ItemClaimResolved: "claim-resolved-here",
    ItemDeclaredLost: "lost-here",
    LoanAgedToLost: "lost-here",
}
"""What a loan of something from elsewhere brings about."""


async def _follow_lent(case: Case, event: LoanEvent, partner: UUID | None) -> None:
    """Only what is lent to the partner is about its request."""
    loan = event.loan
    if isinstance(event, LoanCreated) and loan.patron_ref == partner:
        here = {"loan_id": loan.loan_id, "item_id": loan.item_id, "barcode": None, "due_at": loan.due_at}
        case.told = Told(here=here)
        await happen(case, "lent-here")
    elif isinstance(event, LoanReturned) and loan.loan_id == case.row["loan_id"]:
        await happen(case, "came-back")
    elif isinstance(event, LoanRecalled) and loan.loan_id == case.row["loan_id"]:
        case.told = Told(due_at=loan.due_at)
        await happen(case, "recalled-here")


def _hold(heard: Heard) -> HoldEvent:
    event = heard.event
    assert isinstance(event, HoldCancelled | HoldExpired | HoldRequeued)
    return event


async def of_our_holds(connection: Connection, batch: Sequence[Heard]) -> Collection[Any]:
    """Holds by which something is kept for a partner."""
    rows = await connection.fetch(_BY_HOLD, [_hold(heard).hold_id for heard in batch])
    ours = {row["hold_id"] for row in rows}
    return [heard.id for heard in batch if _hold(heard).hold_id in ours]


async def note_hold(connection: Connection, batch: Sequence[Heard]) -> None:
    """What was kept for a partner is kept no more: withdrawn, lent to somebody else, or waited for in vain."""
    for heard in batch:
        event = _hold(heard)
        row = await connection.fetchrow(_BY_HOLD, [event.hold_id])
        if row is not None:
            told = Told(note=str(getattr(event, "reason", "")) or None)
            case = await take_up(connection, row["id"], actor=CIRCULATION, now=heard.time, told=told)
            await happen(case, "reservation-lost")


async def note_taken(connection: Connection, batch: Sequence[Heard]) -> None:
    """It is kept for the patron; or it is not, and staff see why."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, BorrowedItemTaken)
        if event.hold_id is None:
            told = Told(note=", ".join(event.reasons))
            case = await take_up(connection, event.request_id, actor=CIRCULATION, now=heard.time, told=told)
            await happen(case, "hold-not-placed")


async def note_patron(connection: Connection, batch: Sequence[Heard]) -> None:
    """Circulation tells how a patron stands who asks for something."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronLookedAt)
        told = Told(here={"known": event.known, "stops": list(event.reasons)})
        case = await take_up(connection, event.request_id, actor=CIRCULATION, now=heard.time, told=told)
        if case.row["holding"].get("patron") == event.asked:
            await happen(case, "patron-looked-at")


async def note_titles(connection: Connection, batch: Sequence[Heard]) -> None:
    """The catalogue tells which title of ours a partner's request may be about."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, TitlesFound)
        here = event.model_dump(mode="json", include={"titles", "certain"})
        case = await take_up(
            connection, event.request_id, actor=CATALOG, now=heard.time, told=Told(here=here)
        )
        if case.row["holding"].get("sought") == event.asked:
            await happen(case, "titles-found")


async def note_access(connection: Connection, batch: Sequence[Heard]) -> None:
    """Acquisitions tell where our readers have it online, and by which licences."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, AccessFound)
        here = event.model_dump(mode="json", include={"known", "targets", "refused"})
        case = await take_up(
            connection, event.request_id, actor=ACQUISITIONS, now=heard.time, told=Told(here=here)
        )
        if case.row["access"].get("asked") == event.asked:
            await happen(case, "access-found")


async def note_kept(connection: Connection, batch: Sequence[Heard]) -> None:
    """A copy is kept for a partner, or none."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PartnerItemKept)
        told = Told(note=", ".join(event.reasons) or None, here=event.model_dump())
        case = await take_up(connection, event.request_id, actor=CIRCULATION, now=heard.time, told=told)
        if case.row["holding"].get("wanted") != event.asked:
            continue
        if case.row["side"] == "borrowing":
            await happen(case, "hold-refused-here" if event.hold_id is None else "hold-placed-here")
        else:
            await happen(case, "item-not-kept" if event.item_id is None else "item-kept")


async def note_lent(connection: Connection, batch: Sequence[Heard]) -> None:
    """It is lent to the partner, or why not."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PartnerLoanMade)
        told = Told(note=", ".join(event.reasons) or None, here=event.model_dump())
        case = await take_up(connection, event.request_id, actor=CIRCULATION, now=heard.time, told=told)
        if case.row["holding"].get("lending") != event.asked:
            continue
        await happen(case, "check-out-refused" if event.loan_id is None else "checked-out")


_REFUSED = {"move-date": "date-not-moved", "charge": "not-charged"}


async def note_refused(connection: Connection, batch: Sequence[Heard]) -> None:
    """A loan stays as it was, against what was asked: staff look."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PartnerActRefused)
        told = Told(note=", ".join(event.reasons) or None)
        case = await take_up(connection, event.request_id, actor=CIRCULATION, now=heard.time, told=told)
        await happen(case, _REFUSED.get(event.act, "not-taken-back"))
