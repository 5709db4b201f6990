"""Appointments for which nobody came."""

from datetime import datetime

from chassis.resources import Resources
from circulation.appointments.commands import miss


async def miss_appointments(resources: Resources, now: datetime) -> None:
    """Those whose time is over, by an index that holds only open ones."""
    async with resources.pool.acquire() as connection, connection.transaction():
        await miss(connection, now=now)
