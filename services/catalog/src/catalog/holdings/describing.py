"""Holdings get a record of their own, lose it, and are told with it. What it says of the shelf is believed."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.callnumbers.rules import scheme_of_852
from catalog.history.statements import keeping
from catalog.holdings.commands import locked, refuse_taken, tell_updated
from catalog.holdings.policy_rules import policies
from catalog.holdings.rules import as_it_stands, call_number_of, place_of
from catalog.items import commands as items
from catalog.items.commands import HoldingsUnknown, placed
from catalog.marc.record import Record
from catalog.marc.storage import pack, unpack
from chassis.json import dumped
from chassis.problems import Invalid, NotFound, Reason

HOLDINGS_KINDS: Final = "uvxy"
"""Leader/06 of a holdings record."""


class RecordUnknown(NotFound):
    """The holdings have no record of their own, or none of this version."""

    code, title = "holdings-record-unknown", "These holdings have no such record."


_PLACE = text("""
SELECT l.id FROM location l JOIN library b ON b.id = l.library_id WHERE b.code = :library AND l.code = :location
""")
_KEEP = text("""
INSERT INTO holdings_version (holdings_id, version, record, replaced_at, replaced_by)
SELECT id, version, record, :now, :by FROM holdings WHERE id = :id AND record IS NOT NULL
""")
_DESCRIBE = text(
    keeping(
        "holdings",
        """
UPDATE holdings SET version = version + 1, record = :record, policies = CAST(:policies AS jsonb),
    location_id = :location_id, call_number = :call_number, call_number_scheme = :scheme,
    shelving_key = :shelving_key, updated_at = :now
WHERE id = :id
""",
        now=":now",
        by=":by",
    )
)
_EARLIER = text("SELECT record FROM holdings_version WHERE holdings_id = :id AND version = :version")


async def _shelf_of(session: AsyncSession, record: Record, *, otherwise: UUID | None) -> UUID | None:
    """The location that 852 names; the other one where it names none."""
    library, location = place_of(record)
    if library is None or location is None:
        return otherwise
    found: UUID | None = await session.scalar(_PLACE, {"library": library, "location": location})
    if found is None:
        raise Invalid(
            reasons=[
                Reason(
                    "location-unknown",
                    f"There is no location {location[:60]} in a library {library[:60]}.",
                    "852[1]$c",
                    "Name a library's code in $b and its location's in $c, or leave one of them out.",
                )
            ]
        )
    return found


def _readable(record: Record) -> bytes:
    """As it is kept; `Invalid` for what is no holdings record, or cannot be kept."""
    if record.leader[6:7] not in tuple(HOLDINGS_KINDS):
        raise Invalid(
            reasons=[
                Reason(
                    "not-holdings",
                    f"Leader/06 {record.leader[6:7]!r} is of no holdings record.",
                    "LDR/06",
                    "Send a record of MARC 21 Holdings: u, v, x or y.",
                )
            ]
        )
    try:
        return pack(record)
    except ValueError as error:
        raise Invalid(
            reasons=[
                Reason(
                    "unstorable-value",
                    "The record holds half of a surrogate pair, which is no character.",
                    mend="Send well-formed Unicode.",
                )
            ]
        ) from error


def _told_number(record: Record) -> tuple[str | None, str | None]:
    """Call number and scheme, without what PostgreSQL's text cannot hold."""
    number, indicator = call_number_of(record)
    scheme = scheme_of_852(indicator) if indicator else None
    return (number.replace("\x00", "") if number else None), (scheme.value if scheme else None)


async def describe(
    session: AsyncSession, holdings_id: UUID, record: Record, *, expected: int, by: str, now: datetime
) -> None:
    """Give holdings a record. Its 852 says where they stand and under which number, as far as it names either."""
    packed = _readable(record)
    row = await locked(session, holdings_id, expected)
    if row.deleted_at is not None:
        raise HoldingsUnknown("These holdings are deleted.")
    number, scheme = _told_number(record)
    place = await _shelf_of(session, record, otherwise=row.location_id) or row.location_id
    shelved: str = row.call_number if number is None else number
    after = {"location_id": place, "call_number": shelved}
    scheme = row.call_number_scheme if number is None else scheme
    if row.record == packed and all(getattr(row, name) == value for name, value in after.items()):
        return
    await refuse_taken(session, row, **after)
    await session.execute(_KEEP, {"id": holdings_id, "now": now, "by": by})
    read = {"record": packed, "policies": dumped(policies(record)).decode()}
    told = after | placed(shelved, scheme) | read | {"id": holdings_id, "now": now, "by": by}
    await session.execute(_DESCRIBE, told)
    await tell_updated(session, row, location_id=place, now=now)


async def create(
    session: AsyncSession, title_id: UUID, record: Record, *, location_id: UUID | None, by: str, now: datetime
) -> UUID:
    """Add holdings by their record."""
    packed = _readable(record)
    place = await _shelf_of(session, record, otherwise=location_id)
    if place is None:
        raise Invalid(
            reasons=[
                Reason(
                    "location-missing",
                    "The record does not say where the holdings stand.",
                    "852",
                    "Add 852 with $b (library) and $c (location), or name location_id.",
                )
            ]
        )
    number, scheme = _told_number(record)
    return await items.add_holdings(
        session,
        title_id=title_id,
        location_id=place,
        call_number=number,
        call_number_scheme=scheme,
        now=now,
        record=packed,
        by=by,
    )


async def undescribe(
    session: AsyncSession, holdings_id: UUID, *, expected: int, by: str, now: datetime
) -> None:
    """Take the record away; it is kept as an earlier version."""
    row = await locked(session, holdings_id, expected)
    if row.record is None:
        raise RecordUnknown
    await session.execute(_KEEP, {"id": holdings_id, "now": now, "by": by})
    told = {"location_id": row.location_id, "call_number": row.call_number}
    where = placed(row.call_number, row.call_number_scheme)
    told |= where | {"record": None, "policies": None, "id": holdings_id, "now": now, "by": by}
    await session.execute(_DESCRIBE, told)
    await tell_updated(session, row, location_id=row.location_id, now=now)


async def earlier(session: AsyncSession, holdings_id: UUID, version: int) -> Record:
    """A record as it was."""
    packed = await session.scalar(_EARLIER, {"id": holdings_id, "version": version})
    if packed is None:
        raise RecordUnknown(f"No record of version {version} is kept.")
    return unpack(packed)


def record_of(row: Any) -> Record:
    """The holdings' record as they stand now: their own, or one made from what is known of them."""
    return as_it_stands(
        unpack(row.record) if row.record is not None else None,
        number=f"h{row.id.hex}",
        title_number=row.control_number or f"t{row.hrid}",
        library=row.home_library,
        location=row.home,
        call_number=row.call_number,
        scheme=row.call_number_scheme,
    )
