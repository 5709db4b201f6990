"""A server of Z39.50, played on loopback: databases of records, what it was asked, and how slow it is."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pymarc import Field, Record, Subfield

from contracts.z3950 import ber, client
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element, written


def marc(number: str, *fields: str) -> bytes:
    """A record by another hand: `852 aXX-ONE bMain` is a field with its subfields."""
    record: Any = Record(force_utf8=True)  # pymarc has no types of its own
    record.add_field(Field(tag="001", data=number))
    for told in fields:
        tag, *parts = told.split(" ")
        record.add_field(Field(tag=tag, subfields=[Subfield(code=part[0], value=part[1:]) for part in parts]))
    made: bytes = record.as_marc()
    return made


def holding(location: str, *states: bool, shelf: str | None = None) -> bytes:
    """A holding of an OPAC record, and which of its copies are in."""
    copies = [written(UNIVERSAL, 16, [written(CONTEXT, 1, bytes([state]))]) for state in states]
    shelved = [written(CONTEXT, 10, shelf.encode())] if shelf else []
    return written(
        CONTEXT, 2, [written(CONTEXT, 9, location.encode()), *shelved, written(CONTEXT, 19, copies)]
    )


def _external(syntax: str, content: bytes) -> list[bytes]:
    return [written(UNIVERSAL, 6, ber.oid(syntax)), content]


@dataclass
class Catalogue:
    """A record with its holdings, given as OPAC where that is asked for."""

    records: Sequence[tuple[bytes, Sequence[bytes]]]
    slow: float = 0
    """Seconds until it answers a search."""


@dataclass
class Played:
    """The server."""

    port: int = 0
    databases: dict[str, Catalogue] = field(default_factory=dict)
    asked: list[tuple[str, dict[int, str], str | None]] = field(default_factory=list)
    """Database, terms by attribute, and the syntax that was asked for."""

    def url(self, database: str) -> str:
        """Where a database is."""
        return f"z3950://127.0.0.1:{self.port}/{database}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One association."""
        unread, database = b"", ""
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while piece := await reader.read(65_536):
                unread += piece
                with contextlib.suppress(ber.Unfinished):
                    told, end = ber.read(unread)
                    unread = unread[end:]
                    if told.tag == 22:
                        database = self._search(told)
                        await asyncio.sleep(self.databases[database].slow)
                    writer.write(self._answer(told, database))
                    await writer.drain()
        writer.close()

    def _search(self, told: Element) -> str:
        named = told.find(18, 105)
        query = told.find(21, 1)
        assert named is not None
        assert query is not None
        terms: dict[int, str] = {}
        waiting = list(query.parts[1:])
        while waiting:
            node = waiting.pop()
            leaf = node.find(102)
            if leaf is None:
                waiting += node.parts
                continue
            use, term = leaf.find(44), leaf.find(45)
            if use is not None and term is not None:
                terms[use.parts[0].parts[1].number] = term.text
        self.asked.append((named.text, terms, None))
        return named.text

    def _answer(self, told: Element, database: str) -> bytes:
        if told.tag == 20:
            return written(CONTEXT, client.INIT_RESPONSE, [written(CONTEXT, 12, b"\xff")])
        found = self.databases[database].records
        if told.tag == 22:
            total = written(CONTEXT, 23, ber.integer(len(found)))
            return written(CONTEXT, client.SEARCH_RESPONSE, [total, written(CONTEXT, 22, b"\xff")])
        syntax, start, most = told.find(104), told.find(30), told.find(29)
        assert syntax is not None
        assert start is not None
        assert most is not None
        opac = syntax.content == ber.oid(client.OPAC)
        self.asked[-1] = (*self.asked[-1][:2], "opac" if opac else "marc21")
        first = start.number - 1
        records = [self._record(*one, opac=opac) for one in found[first : first + most.number]]
        return written(CONTEXT, client.PRESENT_RESPONSE, [written(CONTEXT, 28, records)])

    def _record(self, record: bytes, holdings: Sequence[bytes], *, opac: bool) -> bytes:
        inner = _external(client.MARC21, written(CONTEXT, 1, record))
        if opac:
            parts = [written(CONTEXT, 1, inner), written(CONTEXT, 2, list(holdings))]
            inner = _external(client.OPAC, written(CONTEXT, 0, [written(UNIVERSAL, 16, parts)]))
        named = written(CONTEXT, 1, [written(CONTEXT, 1, [written(UNIVERSAL, 8, inner)])])
        return written(UNIVERSAL, 16, [named])


@asynccontextmanager
async def played() -> AsyncIterator[Played]:
    """Listening while a test runs."""
    server = Played()
    listening = await asyncio.start_server(server.serve, "0.0.0.0", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
