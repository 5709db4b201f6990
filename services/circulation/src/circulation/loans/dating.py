"""Acts at the desk that are dated back."""

from datetime import datetime, timedelta
from typing import Final

from chassis.principal import Principal, demand
from chassis.problems import Invalid, Reason

OLDEST: Final = timedelta(days=3650)


def backdated(asked: datetime | None, now: datetime, principal: Principal, pointer: str) -> datetime:
    """The moment meant; neither the future nor more than ten years ago."""
    if asked is None:
        return now
    demand(principal, "loans:backdate")
    if not now - OLDEST <= asked <= now:
        raise Invalid(reasons=[Reason("moment-out-of-range", "It lies ahead, or ten years back.", pointer)])
    return asked
