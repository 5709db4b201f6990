"""Where lists are fetched is set up; a list that is pushed comes in chunks, and is one list once all are there."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from chassis import etags
from chassis.addresses import Network, refusals
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.kbart.receiving import PART, Received, columns_of, queue
from erm.kbart.routes import under_way
from erm.kbart.statements import UNDER_WAY
from erm.packages.commands import package as read_package
from erm.rows import change, insert
from erm.sources.sealing import demanded, seal
from erm.sources.wire import ListCompletionIn, ListSessionIn, ListSourceIn

LASTS: Final = timedelta(days=1)
"""As long as what comes in may take (the timer that forgets broken-off uploads goes by it, too)."""
CHUNKS: Final = 100_000


class SourceUnknown(NotFound):
    """The package's list is not fetched from anywhere."""

    code, title = "list-source-unknown", "The package's list is not fetched from anywhere."


class SessionUnknown(NotFound):
    """There is no such session; after a day it is forgotten."""

    code, title = "load-session-unknown", "There is no such session of a list."


class SessionRefused(Refused):
    """Chunks are missing, or differ from those that were sent."""

    code, title = "load-session-refused", "This cannot be done with the session."


async def source(connection: Connection | asyncpg.Pool, package_id: UUID, *, lock: bool = False) -> Any:
    """Where a package's list is fetched; `SourceUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM list_source WHERE package_id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        package_id,
    )
    if row is None:
        raise SourceUnknown
    return row


async def put_source(
    connection: Connection,
    package_id: UUID,
    body: ListSourceIn,
    *,
    expected: int | None,
    networks: Sequence[Network],
    sealing_key: SecretStr | None,
    now: datetime,
) -> None:
    """Set up or replace where a package's list is fetched; it is asked at once. `Invalid`, `NotSealable`, `Stale`."""
    await read_package(connection, package_id, lock=True)
    if reasons := [Reason(one.code, one.text, "/url", one.mend) for one in refusals(body.url, networks)]:
        raise Invalid(reasons=reasons)
    if body.key is not None:
        sealing_key = demanded(sealing_key, "/key")
    found = await connection.fetchrow("SELECT * FROM list_source WHERE package_id = $1", package_id)
    etags.guard(expected=expected or 0, found=found["version"] if found else 0)
    source_id = found["id"] if found else uuid7()
    sealed = found["sealed"] if found and body.key_name is not None else None
    if body.key is not None and sealing_key is not None:
        sealed = seal(sealing_key, source_id, body.key.get_secret_value())
    elif found and found["sealed"] is not None and found["url"] != body.url and body.key_name is not None:
        text = "The key was given for another address."
        raise Invalid(
            reasons=[Reason("key-needed", text, "/key", "Send the key again with the new address.")]
        )
    told = body.model_dump(exclude={"key"}) | {
        "sealed": sealed,
        "next_at": now if body.active else None,
        "failures": 0,
        "etag": None,
        "modified": None,
        "digest": None,
    }
    if found:
        await change(connection, "list_source", source_id, **told)
    else:
        await insert(connection, "list_source", id=source_id, package_id=package_id, created_at=now, **told)


# --- lists in chunks ---

SESSION: Final = """
SELECT * FROM kbart_load WHERE id = $1 AND state = 'receiving' AND columns <> '{}' FOR UPDATE
"""
"""A file that comes in whole has its columns only when it is there."""
_KNOWN: Final = "SELECT digest FROM list_chunk WHERE load_id = $1 AND ordinal = $2"
_TOGETHER: Final = """
INSERT INTO kbart_part (load_id, ordinal, first_line, content)
SELECT load_id, ordinal, 2 + (sum(lines) OVER (ORDER BY ordinal) - lines)::int, content FROM list_chunk
WHERE load_id = $1 ORDER BY ordinal
"""


async def open_session(
    connection: Connection, package_id: UUID, body: ListSessionIn, *, by: str, now: datetime
) -> UUID:
    """A list that is to come in chunks: the id of its load. `Invalid` where its columns are not those of KBART."""
    package = await read_package(connection, package_id)
    if not package["sync"] and not body.dry_run:
        text = "The package follows no list."
        raise SessionRefused(reasons=[Reason("not-followed", text, mend="Set `sync` of the package.")])
    columns, findings = columns_of(body.columns)
    load_id = uuid7()
    await insert(
        connection,
        "kbart_load",
        id=load_id,
        package_id=package_id,
        state="receiving",
        dry_run=body.dry_run,
        file_name=body.file_name,
        columns=columns,
        findings=[flaw.as_json() for flaw in findings],
        requested_by=by,
        created_at=now,
    )
    return load_id


def _wrong(ordinal: int, content: bytes) -> list[Reason]:
    """What is wrong with a chunk as a whole; what is wrong with its rows is told of them by the load."""
    reasons = []
    if not 1 <= ordinal <= CHUNKS:
        reasons.append(Reason("chunk-number", f"Chunks are counted from 1 to {CHUNKS}.", "path/ordinal"))
    if not content.strip():
        reasons.append(Reason("empty-body", "There is no row in it.", "", "Send whole lines."))
    if len(content) > PART:
        text = f"It has {len(content)} bytes; {PART} are taken at once."
        reasons.append(Reason("chunk-too-large", text, "", "Send it in two."))
    try:
        content.decode()
    except UnicodeDecodeError as error:
        text = f"Byte {error.start + 1} is not UTF-8."
        reasons.append(Reason("not-utf-8", text, "", "Cut the list between lines, and send UTF-8."))
    return reasons


async def take_chunk(
    connection: Connection, load_id: UUID, ordinal: int, content: bytes, *, now: datetime
) -> list[Reason]:
    """Keep a chunk: whole lines without the columns. The same again changes nothing.

    Why it was not taken is kept with the session, and returned. `SessionUnknown`.
    """
    if await connection.fetchrow(SESSION, load_id) is None:
        raise SessionUnknown
    digest = hashlib.sha256(content).digest()
    reasons = _wrong(ordinal, content)
    known = await connection.fetchval(_KNOWN, load_id, ordinal) if not reasons else None
    if known is not None and known != digest:
        text = "Another chunk of this number is there."
        reasons = [Reason("chunk-differs", text, "path/ordinal", "Send it under a number of its own.")]
    if reasons:
        await insert(
            connection,
            "list_chunk_error",
            id=uuid7(),
            load_id=load_id,
            ordinal=min(max(ordinal, 0), 2**31 - 1),
            reasons=[{"code": one.code, "text": one.text} for one in reasons],
            at=now,
        )
        return reasons
    if known is None:
        lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n") + b"\n"
        await insert(
            connection,
            "list_chunk",
            load_id=load_id,
            ordinal=ordinal,
            lines=lines.count(b"\n"),
            digest=digest,
            content=lines,
            received_at=now,
        )
    return []


async def complete(connection: Connection, load_id: UUID, body: ListCompletionIn) -> None:
    """All chunks are there: they are one list, and it is taken up.

    `SessionUnknown`, `SessionRefused`, `LoadRefused` while another list of the package is.
    """
    session = await connection.fetchrow(SESSION, load_id)
    if session is None:
        raise SessionUnknown
    rows = await connection.fetch(
        "SELECT ordinal, lines, length(content) AS size, digest FROM list_chunk WHERE load_id = $1 ORDER BY ordinal",
        load_id,
    )
    there = {row["ordinal"] for row in rows}
    wanted = set(range(1, body.chunks + 1))
    reasons = []
    if missing := sorted(wanted - there):
        told = ", ".join(map(str, missing[:20])) + (" …" if len(missing) > 20 else "")
        reasons.append(Reason("chunks-missing", f"Not there: {told}.", "/chunks", "Send them."))
    if over := sorted(there - wanted):
        text = f"There are more: {over[0]} is the first of them."
        reasons.append(Reason("chunks-left-over", text, "/chunks", "Say how many there are."))
    if reasons:
        raise SessionRefused(reasons=reasons)
    if not session["dry_run"] and (other := await connection.fetchval(UNDER_WAY, session["package_id"])):
        raise under_way(other)
    digest = hashlib.sha256(b"".join(bytes(row["digest"]) for row in rows)).digest()
    await connection.execute(_TOGETHER, load_id)
    await connection.execute("DELETE FROM list_chunk WHERE load_id = $1", load_id)
    lines, size = sum(row["lines"] for row in rows), sum(row["size"] for row in rows)
    _, findings = columns_of(session["columns"])
    received = Received("utf-8", list(session["columns"]), findings, lines, size, digest)
    try:
        await queue(connection, load_id, received)
    except asyncpg.UniqueViolationError as error:
        raise under_way() from error
