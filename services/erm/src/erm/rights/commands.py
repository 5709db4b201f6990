"""Perpetual rights are entered, changed, moved to another platform, and made of what an agreement let be used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import etags, outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import PerpetualRightChanged, PerpetualRightFacts
from erm.agreements.commands import LineUnknown
from erm.agreements.queries import days_of
from erm.agreements.rules import Days
from erm.coverage.rules import first_day, last_day
from erm.rights import queries
from erm.rights.rules import Held, kept
from erm.rights.wire import MadeRightOut, PerpetualRightIn, RightsFromLineIn, RightsFromLineOut
from erm.rows import change, insert, insert_many

MOST: Final = 20_000
"""Titles of one line of which rights are made at once."""
SHOWN: Final = 500


class RightUnknown(NotFound):
    """There is no such perpetual right."""

    code, title = "perpetual-right-unknown", "There is no such perpetual right."


class RightRefused(Refused):
    """Rights cannot be made of it."""

    code, title = "perpetual-right-refused", "Perpetual rights cannot be made of this."


_NAMED: Final = {
    "perpetual_right_title_id_fkey": ("title-unknown", "There is no such title.", "/title_id"),
    "perpetual_right_agreement_id_fkey": (
        "agreement-unknown",
        "There is no such agreement.",
        "/agreement_id",
    ),
    "perpetual_right_platform_id_fkey": ("platform-unknown", "There is no such platform.", "/platform_id"),
}


def _values(body: PerpetualRightIn) -> dict[str, Any]:
    return body.model_dump() | {
        "start_on": first_day(body.starts) if body.starts else None,
        "end_on": last_day(body.ends) if body.ends else None,
    }


def body_of(row: Any) -> PerpetualRightIn:
    """A row as a client would write it."""
    return PerpetualRightIn.model_validate({name: row[name] for name in PerpetualRightIn.model_fields})


def _unknown(error: asyncpg.ForeignKeyViolationError) -> Invalid:
    code, text, pointer = _NAMED.get(error.constraint_name or "", ("not-known", "It is not known.", ""))
    return Invalid(reasons=[Reason(code, text, pointer, "Name one that there is.")])


def _event(row: Any, what: str, now: datetime) -> PerpetualRightChanged:
    facts = {name: row[name] for name in PerpetualRightFacts.model_fields if name != "right_id"}
    return PerpetualRightChanged(
        version=row["version"],
        occurred_at=now,
        right_id=row["id"],
        what=what,
        right=PerpetualRightFacts(right_id=row["id"], **facts),
    )


async def _told(
    connection: Connection, right_ids: Sequence[UUID], what: str, actor: str, now: datetime
) -> None:
    rows = await queries.rights(connection, right_ids)
    await insert_many(
        connection,
        "perpetual_right_entry",
        [
            {
                "id": uuid7(),
                "right_id": row["id"],
                "what": what,
                "told": body_of(row).model_dump(mode="json"),
                "at": now,
                "actor": actor,
            }
            for row in rows
        ],
    )
    await outbox.record(connection, [_event(row, what, now) for row in rows])


async def enter(connection: Connection, body: PerpetualRightIn, *, actor: str, now: datetime) -> UUID:
    """A right by hand; its id. `Invalid` for what it names and is not there."""
    right_id = uuid7()
    try:
        await insert(connection, "perpetual_right", id=right_id, created_at=now, **_values(body))
    except asyncpg.ForeignKeyViolationError as error:
        raise _unknown(error) from error
    await _told(connection, [right_id], "entered", actor, now)
    return right_id


async def replace(
    connection: Connection,
    right_id: UUID,
    body: PerpetualRightIn,
    *,
    expected: int,
    actor: str,
    now: datetime,
) -> None:
    """Put another text in its place; what it was is kept. `RightUnknown`, `Stale`, `Invalid`."""
    found = await connection.fetchrow("SELECT * FROM perpetual_right WHERE id = $1 FOR UPDATE", right_id)
    if found is None:
        raise RightUnknown
    etags.guard(expected=expected, found=found["version"])
    try:
        await change(connection, "perpetual_right", right_id, **_values(body))
    except asyncpg.ForeignKeyViolationError as error:
        raise _unknown(error) from error
    what = "moved" if found["platform_id"] != body.platform_id else "changed"
    await _told(connection, [right_id], what, actor, now)


_MOVE: Final = """
UPDATE perpetual_right SET platform_id = $2, version = version + 1
WHERE id = ANY ($1::uuid[]) AND platform_id IS DISTINCT FROM $2 RETURNING id
"""
_LOCK: Final = "SELECT id FROM perpetual_right WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"


async def move(
    connection: Connection, right_ids: Sequence[UUID], platform_id: UUID, *, actor: str, now: datetime
) -> list[UUID]:
    """Rights are exercised on another platform from now on; those that were not there yet."""
    await connection.fetch(_LOCK, list(right_ids))
    moved = [row["id"] for row in await connection.fetch(_MOVE, list(right_ids), platform_id)]
    await _told(connection, moved, "moved", actor, now)
    return moved


async def follow(
    connection: Connection, gone: Sequence[UUID], title_id: UUID, *, actor: str, now: datetime
) -> None:
    """Titles became one: their rights are that one's."""
    rows = await connection.fetch(
        "UPDATE perpetual_right SET title_id = $2, version = version + 1 WHERE title_id = ANY ($1::uuid[]) "
        "RETURNING id",
        list(gone),
        title_id,
    )
    await _told(connection, [row["id"] for row in rows], "changed", actor, now)


@dataclass(frozen=True, slots=True)
class _Stretch:
    title_id: UUID
    title: str
    platform_id: UUID
    days: Days


async def make_from_line(
    connection: Connection,
    agreement_id: UUID,
    body: RightsFromLineIn,
    *,
    today: date,
    actor: str,
    now: datetime,
    dry_run: bool,
) -> RightsFromLineOut:
    """A right for each stretch in which a title was subscribed to by a line; what is there already is left alone.

    The agreement is locked by the caller. `LineUnknown`, `RightRefused`.
    """
    line = await connection.fetchrow("SELECT agreement_id FROM agreement_line WHERE id = $1", body.line_id)
    if line is None or line["agreement_id"] != agreement_id:
        raise LineUnknown
    periods = await connection.fetchval(
        "SELECT coalesce(jsonb_agg(jsonb_build_array(starts_on, ends_on)), '[]') FROM agreement_period "
        "WHERE agreement_id = $1",
        agreement_id,
    )
    rows = await connection.fetch(queries.HELD, body.line_id, MOST + 1)
    if len(rows) > MOST:
        text = f"The line has more than {MOST} titles."
        raise RightRefused(reasons=[Reason("too-many-titles", text, "/line_id", "Make them of its titles.")])
    found = [(row, kept(days_of(periods), _held(row), until=today)) for row in rows]
    stretches = list(
        dict.fromkeys(
            _Stretch(row["title_id"], row["name"], row["platform_id"], days)
            for row, told in found
            for days in told
        )
    )
    known = {
        (row["title_id"], row["start_on"], row["end_on"])
        for row in await connection.fetch(queries.KNOWN, agreement_id)
    }
    new = [each for each in stretches if (each.title_id, each.days.first, each.days.last) not in known]
    if not dry_run:
        await _write(connection, new, agreement_id, body, actor=actor, now=now)
    return RightsFromLineOut(
        made=len(new),
        known=len(stretches) - len(new),
        without_years=sum(1 for _, told in found if not told),
        dry_run=dry_run,
        rights=[
            MadeRightOut(
                title_id=each.title_id,
                title=each.title,
                platform_id=each.platform_id,
                start_on=each.days.first,
                end_on=each.days.last,
            )
            for each in new[:SHOWN]
        ],
    )


def _held(row: Any) -> Held:
    return Held(
        Days(row["active_from"], row["active_to"]),
        Days(row["access_start_on"], row["access_end_on"]),
        days_of(row["published"]),
    )


async def _write(
    connection: Connection,
    stretches: Sequence[_Stretch],
    agreement_id: UUID,
    body: RightsFromLineIn,
    *,
    actor: str,
    now: datetime,
) -> None:
    common = body.model_dump() | {"agreement_id": agreement_id, "created_at": now}
    rows = [
        common
        | {
            "id": uuid7(),
            "title_id": each.title_id,
            "platform_id": each.platform_id,
            "starts": each.days.first.isoformat() if each.days.first else None,
            "start_on": each.days.first,
            "ends": each.days.last.isoformat() if each.days.last else None,
            "end_on": each.days.last,
        }
        for each in stretches
    ]
    await insert_many(connection, "perpetual_right", rows)
    await _told(connection, [row["id"] for row in rows], "entered", actor, now)
