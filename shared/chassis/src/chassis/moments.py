"""Moments that a client may name and the database keeps as they are.

asyncpg reads the ends of Python's calendar as PostgreSQL's infinities, which have no zone; and a calendar
that is asked for the day before the year 1 has none.
"""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime

EARLIEST: Final = datetime(1000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def _kept(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError("a moment lies between the years 1000 and 9999, in UTC")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_kept)]
