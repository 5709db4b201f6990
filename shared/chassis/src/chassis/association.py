"""A Z39.50 association over TCP: a name is resolved once, and only its allowed addresses are connected to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from yarl import URL

from chassis.addresses import allowed, literal, parsed
from chassis.guard import CONNECTED_SECONDS, Guard
from contracts.z3950 import ber, client
from contracts.z3950.ber import Element, Unfinished
from contracts.z3950.client import NoAnswer, Presented

PIECE: Final = 65_536
READ_APART: Final = 16_384
"""Bytes from which on they are read in a thread, so that nobody else waits for it."""
AT_ONCE: Final = 20
"""Records of one present."""


def is_z3950(url: str) -> bool:
    """Whether a server at this address speaks Z39.50: `z3950://host:210/DATABASE`."""
    return url.lower().startswith("z3950://")


def judged(url: str) -> str:
    """The address as the guard judges one: a Z39.50 host by the rules for hosts, whatever its port."""
    told = parsed(url) if is_z3950(url) else None
    return str(URL.build(scheme="https", host=told.host or "")) if told is not None else url


@dataclass(slots=True)
class Association:
    """One server, asked one thing after another."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    limit: int
    """Bytes of all of its answers together."""
    unread: bytes = b""

    async def ask(self, apdu: bytes) -> Element:
        """The answer to one request."""
        self.writer.write(apdu)
        await self.writer.drain()
        while True:
            try:
                told, end = await self._read()
            except Unfinished:
                piece = await self.reader.read(PIECE)
                self.limit -= len(piece)
                if not piece:
                    raise NoAnswer("the server has hung up") from None
                if self.limit < 0:
                    raise NoAnswer("an answer that is too long") from None
                self.unread += piece
            else:
                self.unread = self.unread[end:]
                return told

    async def _read(self) -> tuple[Element, int]:
        if len(self.unread) < READ_APART:
            return ber.read(self.unread)
        return await asyncio.to_thread(ber.read, self.unread)

    async def records(self, most: int, syntax: str) -> Presented:
        """The first of what a search has found, a few at a time, until there are so many or no more come."""
        found = Presented()
        while (behind := len(found.records) + len(found.opac) + found.unreadable) < most:
            wanted = client.present(behind + 1, min(AT_ONCE, most - behind), syntax)
            piece = client.presented(await self.ask(wanted))
            if not piece.records and not piece.opac and not piece.unreadable:
                break
            found.records += piece.records
            found.opac += piece.opac
            found.unreadable += piece.unreadable
        return found


@asynccontextmanager
async def associated(guard: Guard, host: str, port: int, limit: int) -> AsyncIterator[Association]:
    """A server that takes us, at an address that the host stands for and that may be connected to.

    `NoAnswer` says why there is none; `OSError` and `TimeoutError` are the network's.
    """
    address = literal(host)
    if address is not None and not allowed(address, guard.networks):
        raise NoAnswer("not asked: the address is not public")
    addresses = [address] if address is not None else await guard.addresses(host)
    async with asyncio.timeout(CONNECTED_SECONDS):
        reader, writer = await asyncio.open_connection(str(addresses[0]), port)
    server = Association(reader, writer, limit)
    try:
        client.initialized(await server.ask(client.initialize()))
        yield server
    finally:
        writer.close()
