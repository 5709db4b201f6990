"""What comes next for an item that came in: home, here, or to whoever waits for it."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from circulation.arrivals.rules import is_found
from circulation.floating.commands import location_of
from circulation.floating.rules import Place, floats_to
from circulation.holds import queue
from circulation.holds.rules import (
    IN_FULFILMENT,
    HoldState,
    Waiting,
    hold_to_fill,
    passed_over,
    shelf_expires_at,
)
from circulation.loans.answers import NextHoldOut, NextStepOut
from circulation.loans.facts import Seen, home_of
from circulation.loans.rules import NextStep, Step, next_step
from circulation.places.library import Desk, Library
from contracts.circulation import HoldInTransit, HoldReady, HoldRequeued

TEXTS = {
    Step.RESHELVE: "Reshelve it.",
    Step.HOLD_SHELF: "Put it on the hold shelf.",
    Step.TRANSIT: "Send it on its way.",
    Step.DELIVERY: "Send it to the patron.",
    Step.KEEP_HERE: "Keep it here: it may not be sent to its own library.",
    Step.ASIDE: "Put it aside: its state in the catalogue wants a look.",
}


AWAY = frozenset({Step.TRANSIT, Step.KEEP_HERE})
"""It is at home elsewhere."""


@dataclass(frozen=True, slots=True)
class Following:
    """What comes next for an item: the step, and the hold it fills, if any."""

    step: NextStep
    waiting: Waiting | None = None
    hold: NextHoldOut | None = None
    pickup: Desk | None = None
    found: bool = False
    """The catalogue thought it gone."""
    used: bool = False
    """Somebody used it in the house."""
    floats_to: Place | None = None
    location_id: UUID | None = None
    """That of the place it floats to."""
    passed_over: tuple[UUID, ...] = ()
    """Holds that would have come first, and that it may not be sent to."""

    @property
    def kept_for(self) -> UUID | None:
        """The patron whose hold it is."""
        return self.hold.patron_id if self.hold else None


def is_taken_for_found(seen: Seen) -> bool:
    """Whether the catalogue thinks it gone, and the library takes a scan for its being found."""
    settings = seen.library.desk_rules
    return is_found(base=seen["base"], missing=settings.missing, withdrawn=settings.withdrawn)


def _base(seen: Seen) -> str:
    """The base state that decides: what is found is active from now on."""
    return "active" if is_taken_for_found(seen) else str(seen["base"])


def _step(seen: Seen, desk: Desk, hold_id: UUID | None, pickup: UUID | None) -> NextStep:
    row = seen.row
    home = home_of(seen.library, row["library"])
    return next_step(
        base=_base(seen),
        withdrawing=row["withdrawal_id"] is not None,
        here=desk.id,
        serves_home=(row["library"] or "") in desk.serves,
        home=home.id if home else None,
        hold_id=hold_id,
        pickup=pickup,
        sendable=home is None or home.id not in _barred(seen, desk),
    )


def _barred(seen: Seen, desk: Desk) -> frozenset[UUID]:
    """The service points that it may not be sent to from here."""
    return seen.library.barred_from(desk, material_type=seen["material_type"], loan_type=seen["loan_type"])


def step_out(library: Library, step: NextStep, hold: NextHoldOut | None) -> NextStepOut:
    """As the desk is told."""
    to = library.desks.get(step.to) if step.to else None
    return NextStepOut(
        step=step.step,
        text=TEXTS[step.step],
        to_service_point_id=step.to if step.step is not Step.RESHELVE else None,
        to_service_point=to.name if to and step.step is not Step.RESHELVE else None,
        hold=hold,
    )


def homeward(seen: Seen, desk: Desk) -> Following:
    """Nobody waits for it: it goes home, or stays here where its collection floats."""
    step = _step(seen, desk, None, None)
    if step.step not in AWAY:
        return Following(step)
    home = Place(seen["library"] or "", seen["location"] or "")
    place = floats_to(seen.library.floating, home, desk_library=desk.library, serves=desk.serves)
    return Following(step if place is None else NextStep(Step.RESHELVE), floats_to=place)


async def _where_it_stays(connection: Connection, wished: Following, seen: Seen, desk: Desk) -> Following:
    """The same, as far as the catalogue has told of the place: else it is sent home."""
    if wished.floats_to is None:
        return wished
    location_id = await location_of(connection, wished.floats_to)
    if location_id is None:
        return Following(_step(seen, desk, None, None))
    return replace(wished, location_id=location_id)


async def what_follows(connection: Connection, seen: Seen, desk: Desk, *, now: datetime) -> Following:
    """Whoever is next gets the item, if anybody is: it is ready here, or goes on its way."""
    waiting, over = None, []
    if seen.library.desk_rules.fills(_base(seen)) and seen["withdrawal_id"] is None:
        waiting_there = await queue.queue_of(connection, seen["title_ids"])
        barred, volume = _barred(seen, desk), seen["volume_key"]
        waiting = hold_to_fill(seen["item_id"], waiting_there, volume=volume, barred=barred)
        over = passed_over(seen["item_id"], waiting_there, waiting, volume=volume, barred=barred)
    if waiting is None:
        stays = await _where_it_stays(connection, homeward(seen, desk), seen, desk)
        return replace(stays, passed_over=tuple(over))
    told = await connection.fetchrow(
        "SELECT h.*, p.family_name, p.given_name, p.barcode FROM hold h JOIN patron p ON p.id = h.patron_id "
        "WHERE h.id = $1",
        waiting.hold_id,
    )
    assert told is not None
    step = _step(seen, desk, waiting.hold_id, told["pickup_id"])
    pickup = seen.library.desks.get(told["pickup_id"], desk)
    until = None
    if step.step.kept:
        step = step if told["fulfilment"] == "hold-shelf" else replace(step, step=Step.DELIVERY)
        until = told["shelf_expires_at"]
        if waiting.state is not HoldState.READY:
            policy = seen.library.hold_policy(told["policy"])
            until = shelf_expires_at(policy, pickup.calendar, now=now, days=pickup.shelf_days)
    hold = NextHoldOut(
        hold_id=waiting.hold_id,
        patron_id=told["patron_id"],
        patron_name=", ".join(filter(None, [told["family_name"], told["given_name"]])),
        patron_barcode=told["barcode"],
        pickup_id=told["pickup_id"],
        pickup=pickup.name,
        shelf_expires_at=until,
        delivery_address_type=told["delivery_address_type"],
    )
    return Following(step, waiting, hold, pickup, passed_over=tuple(over))


async def write_hold(connection: Connection, seen: Seen, following: Following, *, now: datetime) -> None:
    """The hold becomes ready, or in transit; one that an item put aside was to fill waits again."""
    waiting, hold = following.waiting, following.hold
    if waiting is None or hold is None:
        if (left := await _left_behind(connection, seen)) is not None:
            await queue.change(connection, left, queue.Change(HoldState.WAITING), HoldRequeued, now=now)
    elif following.step.step.kept:
        if waiting.state is not HoldState.READY:
            until = hold.shelf_expires_at
            ready = queue.Change(HoldState.READY, seen["item_id"], ready_at=now, shelf_expires_at=until)
            await queue.change(connection, waiting.hold_id, ready, HoldReady, now=now)
    elif waiting.state is not HoldState.IN_TRANSIT:
        sent = queue.Change(HoldState.IN_TRANSIT, seen["item_id"])
        await queue.change(connection, waiting.hold_id, sent, HoldInTransit, now=now)


async def _left_behind(connection: Connection, seen: Seen) -> UUID | None:
    """The hold that this item was on its way to, or waiting for, though it can no longer fill it."""
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM hold WHERE id = $1 AND state = ANY ($2::text[])",
        seen["hold_id"],
        [state.value for state in IN_FULFILMENT],
    )
    return found
