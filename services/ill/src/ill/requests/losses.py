"""Effects about what is lost, damaged, or said to have been brought back: its owner is told, and may name a price."""

from datetime import datetime

from ill.iso18626.composing import decimal
from ill.requests.case import Case
from ill.requests.effects import BORROWING, act_towards, effect, keep_offer
from ill.requests.holdings import charge


def _words(case: Case, *parts: str | None) -> str | None:
    """A note of these parts, with what staff have said, and the sum that they have named."""
    told = case.told
    sum_ = (
        f"Cost: {decimal(told.cost, told.currency)} {told.currency}" if told.cost and told.currency else None
    )
    return ". ".join(part for part in (*parts, told.note, sum_) if part) or None


@effect(BORROWING, name="say-lost")
async def say_lost(case: Case) -> None:
    """Lost, which 1.2 says as a Notification."""
    await act_towards(case, "Lost", _words(case))


@effect(BORROWING, name="say-damaged")
async def say_damaged(case: Case) -> None:
    """Notification: neither version has a word for it."""
    await act_towards(case, "Notification", _words(case, "Damaged"))


@effect(BORROWING, name="say-claimed")
async def say_claimed(case: Case) -> None:
    """Notification: nobody here has it, and whoever had it says that it was brought back."""
    when = case.told.here.get("claimed_at")
    day = f" on {when:%Y-%m-%d}" if isinstance(when, datetime) else ""
    await act_towards(
        case, "Notification", _words(case, f"Claimed returned{day}. It is being looked for here")
    )


@effect(BORROWING, name="say-found")
async def say_found(case: Case) -> None:
    """Notification: it was lost, and is here."""
    await act_towards(case, "Notification", _words(case, "Found. It will be sent back"))


@effect(BORROWING, name="charge-damage")
async def charge_damage(case: Case) -> None:
    """It is back with its owner, who wants something for how it came."""
    if case.told.cost is not None:
        await keep_offer(case)
        await charge(case, "damaged")
