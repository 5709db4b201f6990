"""A file comes in: cut into lines and written by the thousand, never held whole."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from starlette.requests import ClientDisconnect

from chassis.problems import Invalid, Malformed, Reason, TooLarge
from circulation.loading.lines import CSV, cut, header_of
from circulation.places.documents import LoadProfileDoc

LIMIT = 512 * 1024 * 1024
"""Bytes of a file."""
SLICE = 1000

_BEGIN = """
INSERT INTO patron_load (id, state, media_type, dry_run, profile, requested_by, created_at)
VALUES ($1, 'receiving', $2, $3, $4, $5, $6)
"""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that came in whole."""

    lines: int
    columns: list[str] | None
    digest: bytes


async def receive(
    pool: asyncpg.Pool,
    chunks: AsyncIterator[bytes],
    *,
    load_id: UUID,
    media_type: str,
    dry_run: bool,
    profile: LoadProfileDoc,
    by: str,
    now: datetime,
) -> Received:
    """Write the lines of a file; of one that cannot be taken nothing stays."""
    await pool.execute(_BEGIN, load_id, media_type, dry_run, orjson.loads(profile.model_dump_json()), by, now)
    digest, columns, number, batch = hashlib.sha256(), None, 0, []

    async def within() -> AsyncIterator[bytes]:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > LIMIT:
                raise TooLarge(f"A load may have {LIMIT} bytes here.")
            digest.update(chunk)
            yield chunk

    try:
        async for line in cut(within(), quoted=media_type == CSV):
            if media_type == CSV and columns is None:
                columns = _columns(line)
                continue
            number += 1
            batch.append((load_id, number, line))
            if len(batch) == SLICE:
                await _write(pool, batch)
                batch = []
        await _write(pool, batch)
    except ClientDisconnect as error:
        raise Malformed("The upload broke off.") from error
    if not number:
        raise Invalid(reasons=[Reason("empty-body", "There is no line.", mend="Send the file as the body.")])
    return Received(number, columns, digest.digest())


async def _write(pool: asyncpg.Pool, batch: list[tuple[UUID, int, bytes]]) -> None:
    if batch:
        async with pool.acquire() as connection:
            await connection.copy_records_to_table(
                "patron_load_line", records=batch, columns=("load_id", "line", "told")
            )


def _columns(first: bytes) -> list[str]:
    columns, wrong = header_of(first)
    if wrong:
        raise Invalid(
            "The columns are not those of patrons; nothing was taken.",
            reasons=[Reason(each.code, each.text) for each in wrong],
        )
    return columns


async def forget(pool: asyncpg.Pool, load_id: UUID) -> None:
    """Nothing stays of a file that was not taken."""
    await pool.execute("DELETE FROM patron_load WHERE id = $1", load_id)
