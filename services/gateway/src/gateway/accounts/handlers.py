"""Circulation makes registrations of one person one: whoever signs in as one of them is the surviving patron."""

from collections.abc import Sequence
from typing import Final

from chassis.database import Connection
from chassis.resources import Heard
from contracts.circulation import PatronMerged

_FOLLOW: Final = (
    "UPDATE account SET patron_id = $2, version = version + 1 WHERE patron_id = ANY ($1::uuid[])",
    "UPDATE person SET patron_id = $2 WHERE patron_id = ANY ($1::uuid[])",
    "UPDATE patron_token SET patron_id = $2 WHERE patron_id = ANY ($1::uuid[])",
    "UPDATE browser_session SET patron_id = $2 WHERE patron_id = ANY ($1::uuid[])",
    "UPDATE lti_visit SET patron_id = $2 WHERE patron_id = ANY ($1::uuid[])",
)


async def follow(connection: Connection, batch: Sequence[Heard]) -> None:
    """Accounts, persons and browsers name the patron that survives.

    A token given out before names the old one until it ends, and who hears of a second merge before the first
    stays with the one in between: services know for good where an old reference leads.
    """
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronMerged)
        for statement in _FOLLOW:
            await connection.execute(statement, list(event.merged_refs), event.patron_ref)
