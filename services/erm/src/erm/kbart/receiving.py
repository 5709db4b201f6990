"""A title list comes in: as UTF-8 whatever it was, cut into parts of whole lines, never held whole."""

import codecs
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from starlette.requests import ClientDisconnect

from chassis.database import Connection
from chassis.problems import Invalid, Malformed, Reason, TooLarge
from erm.kbart.rules import Flaw, header

LIMIT: Final = 512 * 1024 * 1024
"""Bytes of a file."""
PART: Final = 256 * 1024
"""Bytes of a part, and of the longest line."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ARCHIVES: Final = {
    b"PK\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"\x1f\x8b": "compressed",
    b"%PDF": "a PDF",
}
_BEGIN: Final = """
INSERT INTO kbart_load (id, package_id, state, dry_run, file_name, findings, requested_by, created_at)
VALUES ($1, $2, 'receiving', $3, $4, '[]', $5, $6)
"""
_PART: Final = "INSERT INTO kbart_part (load_id, ordinal, first_line, content) VALUES ($1, $2, $3, $4)"


@dataclass(frozen=True, slots=True)
class Received:
    """A file that came in whole."""

    encoding: str
    columns: list[str]
    findings: list[Flaw]
    lines: int
    size: int
    digest: bytes


def encoding_of(first: bytes) -> tuple[str, int]:
    """What a file is written in by its first bytes, and how many of them are its mark; `Invalid` for no text."""
    for begins, what in _ARCHIVES.items():
        if first.startswith(begins):
            raise _refused("not-text", f"The file is {what}.", "Save the list as text with tabs, in UTF-8.")
    for mark, name in _MARKS:
        if first.startswith(mark):
            return name, len(mark)
    if first[1:2] == b"\0" and first[:1] != b"\0":
        return "utf-16-le", 0
    return ("utf-16-be", 0) if first[:1] == b"\0" and first[1:2] not in (b"\0", b"") else ("utf-8", 0)


def _refused(code: str, text: str, mend: str | None = None) -> Invalid:
    return Invalid("The file is not taken; nothing was changed.", reasons=[Reason(code, text, "", mend)])


@dataclass(slots=True)
class Lines:
    """Bytes as they come, told as whole lines in UTF-8 that end with a newline."""

    encoding: str | None = None
    _decoder: codecs.IncrementalDecoder | None = None
    _kept: bytearray = field(default_factory=bytearray)
    _return: bool = False
    """The last piece ended with a carriage return: a newline may still follow that belongs to it."""

    def take(self, piece: bytes, *, last: bool = False) -> Iterator[bytes]:
        """Parts that are full, and at the end what is left."""
        if self.encoding is None:
            self._kept += piece
            if len(self._kept) < 4 and not last:
                return
            first = bytes(self._kept)
            self._kept.clear()
            self.encoding, mark = encoding_of(first)
            if self.encoding != "utf-8":
                self._decoder = codecs.getincrementaldecoder(self.encoding)("replace")
            piece = first[mark:]
        if self._decoder is not None:
            piece = self._decoder.decode(piece, last).encode("utf-8", "replace")
        self._kept += self._unified(piece)
        if last and self._kept and not self._kept.endswith(b"\n"):
            self._kept += b"\n"
        while len(self._kept) >= PART or (last and self._kept):
            end = self._kept.rfind(b"\n", 0, PART) + 1
            if not end:
                raise _refused("line-too-long", f"A line has more than {PART} bytes.")
            yield bytes(self._kept[:end])
            del self._kept[:end]

    def _unified(self, piece: bytes) -> bytes:
        """Lines end with a newline alone, as some systems write a carriage return with it, or instead."""
        if self._return and piece:
            piece, self._return = (piece.removeprefix(b"\n"), False)
        self._return = piece.endswith(b"\r") or (self._return and not piece)
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


async def receive(
    pool: asyncpg.Pool,
    chunks: AsyncIterator[bytes],
    *,
    load_id: UUID,
    package_id: UUID,
    dry_run: bool,
    file_name: str | None,
    by: str,
    now: datetime,
) -> Received:
    """Write a file's parts; of one that cannot be taken nothing stays. `Invalid` with everything that is wrong with
    its columns.
    """
    await pool.execute(_BEGIN, load_id, package_id, dry_run, file_name, by, now)
    digest, size, reader = hashlib.sha256(), 0, Lines()
    columns: list[str] = []
    findings: list[Flaw] = []
    ordinal, line = 0, 1

    async def put(part: bytes) -> None:
        nonlocal columns, findings, ordinal, line
        if not columns:
            first, _, part = part.partition(b"\n")
            columns, findings = _columns(first)
            line = 2
        if part:
            ordinal += 1
            await pool.execute(_PART, load_id, ordinal, line, part)
            line += part.count(b"\n")

    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > LIMIT:
                raise TooLarge(f"A list may have {LIMIT} bytes here.")
            digest.update(chunk)
            for part in reader.take(chunk):
                await put(part)
        for part in reader.take(b"", last=True):
            await put(part)
    except ClientDisconnect as error:
        raise Malformed("The upload broke off.") from error
    if not size:
        raise _refused("empty-body", "The body is empty.", "Send the file as the body.")
    if not ordinal:
        raise _refused("no-rows", "There is no row under the columns.")
    return Received(reader.encoding or "utf-8", columns, findings, line - 2, size, digest.digest())


_QUEUE: Final = """
UPDATE kbart_load SET state = 'queued', encoding = $2, columns = $3, findings = $4, lines = $5, size = $6, digest = $7
WHERE id = $1
"""


async def queue(connection: Connection | asyncpg.Pool, load_id: UUID, received: Received) -> None:
    """The worker takes it up; `UniqueViolationError` while another list of the package is taken."""
    findings = [flaw.as_json() for flaw in received.findings]
    await connection.execute(
        _QUEUE,
        load_id,
        received.encoding,
        received.columns,
        findings,
        received.lines,
        received.size,
        received.digest.hex(),
    )


def _columns(first: bytes) -> tuple[list[str], list[Flaw]]:
    try:
        told = first.decode().split("\t")
    except UnicodeDecodeError:
        raise _refused("not-utf-8", "The first line is not UTF-8.", "Save the list as UTF-8.") from None
    if "\0" in first.decode() or len(told) > 500:
        raise _refused(
            "not-text", "The first line is no line of columns.", "Save the list as text with tabs."
        )
    return columns_of(told)


def columns_of(told: Sequence[str]) -> tuple[list[str], list[Flaw]]:
    """Columns as they are kept, with what is to be said of them; `Invalid` where they are not those of KBART."""
    _, flaws = header(told)
    if errors := [flaw for flaw in flaws if flaw.weight == "error"]:
        raise Invalid(
            "The columns are not those of KBART; nothing was taken.",
            reasons=[
                Reason(flaw.code, flaw.text, "", "Send KBART Phase II (NISO RP-9-2014), all 25 columns.")
                for flaw in errors
            ],
        )
    return [name.strip() for name in told], flaws


async def forget(pool: asyncpg.Pool, load_id: UUID) -> None:
    """Nothing stays of a file that was not taken."""
    await pool.execute("DELETE FROM kbart_load WHERE id = $1 AND state = 'receiving'", load_id)
