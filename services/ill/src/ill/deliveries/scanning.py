"""A file is looked through for viruses by a scanner beside us (clamd, its INSTREAM command) before it is kept."""

import asyncio
import struct
from typing import Final
from urllib.parse import urlsplit

from chassis.problems import Unavailable

PIECE: Final = 64 * 1024
SAID: Final = 1000


class Infected(Exception):
    """The scanner names what is in it."""


async def scan(address: str, content: bytes, *, seconds: float) -> None:
    """Nothing where it is clean; `Infected`, or `Unavailable` where the scanner gives no answer: then nothing is kept.

    `address` is `tcp://host:port` or `unix:///path`.
    """
    try:
        async with asyncio.timeout(seconds):
            said = await _asked(address, content)
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        raise Unavailable("Files are looked through for viruses, and the scanner does not answer.") from error
    if said.endswith(" FOUND"):
        raise Infected(said.removeprefix("stream: ").removesuffix(" FOUND"))
    if said != "stream: OK":
        raise Unavailable("Files are looked through for viruses, and the scanner could not.")


async def _asked(address: str, content: bytes) -> str:
    parts = urlsplit(address)
    if parts.scheme == "unix":
        reader, writer = await asyncio.open_unix_connection(parts.path)
    else:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(b"zINSTREAM\0")
        for start in range(0, len(content), PIECE):
            piece = content[start : start + PIECE]
            writer.write(struct.pack("!I", len(piece)) + piece)
            await writer.drain()
        writer.write(struct.pack("!I", 0))
        await writer.drain()
        return (await reader.read(SAID)).partition(b"\0")[0].decode(errors="replace").strip()
    finally:
        writer.close()
