"""A Z39.50 association over TCP: a name is resolved once, and only its allowed addresses are connected to."""

import asyncio
from dataclasses import dataclass

from yarl import URL

from catalog.copycat import ber, z3950
from catalog.copycat.ber import Element, Unfinished
from catalog.copycat.documents import CopySearchIn, TargetDoc
from catalog.copycat.rules import NoAnswer
from chassis.addresses import allowed, literal
from chassis.guard import CONNECTED_SECONDS, Guard

PIECE = 65_536
AT_ONCE = 20
"""Records of one present."""


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
                told, end = ber.read(self.unread)
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


async def connected(guard: Guard, host: str, port: int, limit: int) -> Association:
    """Connect to an address that the host stands for and may be connected to."""
    address = literal(host)
    if address is not None and not allowed(address, guard.networks):
        raise NoAnswer("not asked: the address is not public")
    addresses = [address] if address is not None else await guard.addresses(host)
    async with asyncio.timeout(CONNECTED_SECONDS):
        reader, writer = await asyncio.open_connection(str(addresses[0]), port)
    return Association(reader, writer, limit)


async def called(
    target: TargetDoc, wanted: CopySearchIn, *, guard: Guard, limit: int
) -> tuple[int, z3950.Presented]:
    """How many titles were found, and the first of their records; `NoAnswer` says why there are none."""
    if wanted.cql is not None:
        raise NoAnswer("not asked: CQL is not spoken in Z39.50, search by terms")
    url = URL(target.url)
    server = await connected(guard, url.host or "", url.port or 210, limit)
    try:
        z3950.initialized(await server.ask(z3950.initialize()))
        search = z3950.search(url.path.strip("/") or "Default", wanted.terms)
        total = z3950.counted(await server.ask(search))
        found = z3950.Presented()
        most = min(total, wanted.limit)
        while (behind := len(found.records) + found.unreadable) < most:
            piece = z3950.presented(await server.ask(z3950.present(behind + 1, min(AT_ONCE, most - behind))))
            if not piece.records and not piece.unreadable:
                break
            found.records += piece.records
            found.unreadable += piece.unreadable
        return total, found
    finally:
        server.writer.close()
