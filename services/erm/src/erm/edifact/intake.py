"""A file comes in: read as a whole or refused as a whole, its messages written down to be taken up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from starlette.requests import ClientDisconnect

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Invalid, Malformed, Reason, TooLarge
from erm.edifact.envelope import Interchange, Message, read_file
from erm.edifact.rules import MessageState
from erm.edifact.syntax import Flaw, Unreadable
from erm.rows import insert_many
from erm.units.standing import UNLIMITED_SCOPE

LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a file."""
_TAKE: Final = """
INSERT INTO edifact_interchange (id, direction, state, sender, sender_qualifier, recipient, recipient_qualifier,
    reference, prepared, character_set, separators, test, digest, findings, messages, file_name, created_at, created_by,
    unlimited)
VALUES ($1, 'in', 'taken', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (digest) WHERE direction = 'in' DO NOTHING RETURNING id
"""
_THERE: Final = "SELECT id FROM edifact_interchange WHERE digest = $1 AND direction = 'in'"


async def gathered(stream: AsyncIterator[bytes]) -> bytes:
    """The file; `TooLarge`."""
    told = bytearray()
    try:
        async for part in stream:
            told += part
            if len(told) > LIMIT:
                raise TooLarge(f"A file has {LIMIT} bytes at most here.")
    except ClientDisconnect as error:
        raise Malformed("The file ended before it was whole.") from error
    return bytes(told)


async def take_in(
    pool: asyncpg.Pool, content: bytes, *, file_name: str | None, by: Principal, now: datetime
) -> list[tuple[UUID, bool]]:
    """Write down the interchanges of a file; each one's id, and whether it is new: one that was here before changes
    nothing. `Invalid`, with the place of each flaw, for a file that is not whole."""
    try:
        told = await asyncio.to_thread(read_file, content)
    except Unreadable as wrong:
        raise Invalid(reasons=[_refused(flaw) for flaw in wrong.flaws]) from wrong
    async with pool.acquire() as connection, connection.transaction():
        return [await _written(connection, each, file_name=file_name, by=by, now=now) for each in told]


def _refused(flaw: Flaw) -> Reason:
    return Reason(
        flaw.code, flaw.told, None, "Nothing of the file was taken; ask its sender for a whole one."
    )


async def _written(
    connection: Connection, told: Interchange, *, file_name: str | None, by: Principal, now: datetime
) -> tuple[UUID, bool]:
    actor = str(by.actor)
    interchange_id: UUID | None = await connection.fetchval(
        _TAKE,
        uuid7(),
        told.sender,
        told.sender_qualifier,
        told.recipient,
        told.recipient_qualifier,
        told.reference,
        told.prepared,
        told.level,
        str(told.separators),
        told.test,
        told.digest,
        [Reason(flaw.code, flaw.told).as_json() for flaw in told.findings],
        len(told.messages),
        file_name,
        now,
        actor,
        by.may(UNLIMITED_SCOPE),
    )
    if interchange_id is None:
        there: UUID = await connection.fetchval(_THERE, told.digest)
        return there, False
    await insert_many(
        connection, "edifact_message", [_row(each, interchange_id, actor, now) for each in told.messages]
    )
    return interchange_id, True


def _row(message: Message, interchange_id: UUID, actor: str, now: datetime) -> dict[str, object]:
    flaws: Sequence[Flaw] = message.flaws
    return {
        "id": uuid7(),
        "interchange_id": interchange_id,
        "direction": "in",
        "reference": message.reference,
        "kind": message.kind,
        "release": message.release,
        "state": (MessageState.REJECTED if flaws else MessageState.RECEIVED).value,
        "reasons": [
            Reason(flaw.code, flaw.told, None, "Ask the vendor for a sound one.").as_json() for flaw in flaws
        ],
        "text": message.text,
        "digest": message.digest,
        "first_segment": message.first_segment,
        "first_line": message.first_line,
        "created_at": now,
        "created_by": actor,
        "done_at": now if flaws else None,
    }
