"""Acquisitions tell of licences; what is newer wins, whatever order it comes in."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.erm import LicenceChanged
from ill.licences.rules import KEPT

_KEEP = """
INSERT INTO known_licence (licence_id, name, status, starts_on, ends_on, terms, epoch, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (licence_id) DO UPDATE SET name = excluded.name, status = excluded.status, starts_on = excluded.starts_on,
    ends_on = excluded.ends_on, terms = excluded.terms, epoch = excluded.epoch, version = excluded.version
WHERE (known_licence.epoch, known_licence.version) < (excluded.epoch, excluded.version)
"""


async def know(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep what it says of interlibrary loan, for every day."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, LicenceChanged)
        licence = event.licence
        terms = [term.model_dump(mode="json") for term in licence.terms if term.term in KEPT]
        await connection.execute(
            _KEEP,
            event.licence_id,
            licence.name,
            licence.status,
            licence.starts_on,
            licence.ends_on,
            terms,
            heard.epoch,
            heard.sequence,
        )
