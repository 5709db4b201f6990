"""Somebody who speaks Z39.50 with the catalogue under test, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from catalog.z3950.listening import Listener
from contracts.z3950 import ber, client
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element, written
from contracts.z3950.framing import Framing
from support.harness import Harness


@asynccontextmanager
async def listening(catalog: Harness) -> AsyncIterator[Listener]:
    """The port, on loopback, while a test runs."""
    listener = Listener(catalog.resources)
    await listener.open()
    try:
        yield listener
    finally:
        await listener.close()


@dataclass
class Line:
    """One association, as the other side has it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    framing: Framing = field(default_factory=lambda: Framing(10_000_000))

    @classmethod
    async def to(cls, port: int, *, init: bytes | None = None, here: str = "127.0.0.1") -> Self:
        """Connect, from an address of this machine, and begin."""
        line = cls(*await asyncio.open_connection("127.0.0.1", port, local_addr=(here, 0)))
        client.initialized(await line.ask(init or client.initialize()))
        return line

    async def ask(self, told: bytes) -> Element:
        """The answer to a message."""
        self.writer.write(told)
        found = await self.heard()
        assert found is not None, "they have hung up"
        return found

    async def heard(self) -> Element | None:
        """What is said next; None when they have hung up."""
        async with asyncio.timeout(10):
            while (told := self.framing.next()) is None:
                piece = await self.reader.read(65_536)
                if not piece:
                    return None
                self.framing.feed(piece)
        return ber.read(told)[0]

    async def found(self, *attributes: int, term: str, name: str = "default") -> Element:
        """The answer to a search by a use attribute, and whatever else."""
        return await self.ask(search(term, *attributes, name=name))

    async def hang_up(self) -> None:
        """Go without a word."""
        self.writer.close()


def leaf(term: str, *attributes: int) -> bytes:
    """A term by use, relation … in the order of their types; 0: none."""
    told = [
        written(
            UNIVERSAL,
            16,
            [written(CONTEXT, 120, ber.integer(kind)), written(CONTEXT, 121, ber.integer(value))],
        )
        for kind, value in enumerate(attributes, 1)
        if value
    ]
    operand = written(CONTEXT, 102, [written(CONTEXT, 44, told), written(CONTEXT, 45, term.encode())])
    return written(CONTEXT, 0, [operand])


def named(name: str) -> bytes:
    """A result set in a query."""
    return written(CONTEXT, 0, [written(CONTEXT, 31, name.encode())])


def both(one: bytes, other: bytes) -> bytes:
    """Two parts of a query, joined by `and`."""
    return written(CONTEXT, 1, [one, other, written(CONTEXT, 46, [written(CONTEXT, 0, b"")])])


def search(
    term: str,
    *attributes: int,
    name: str = "default",
    root: bytes | None = None,
    replace: bool = True,
    small: int = 0,
    medium: int = 0,
    large: int = 1,
    database: str = "catalog",
    syntax: str | None = None,
) -> bytes:
    """A search."""
    numbers = [
        written(CONTEXT, 13 + place, ber.integer(each)) for place, each in enumerate((small, large, medium))
    ]
    tree = root if root is not None else leaf(term, *attributes)
    query = written(CONTEXT, 1, [written(UNIVERSAL, 6, ber.oid(client.BIB1)), tree])
    preferred = [written(CONTEXT, 104, ber.oid(syntax))] if syntax else []
    return written(
        CONTEXT,
        22,
        [
            *numbers,
            written(CONTEXT, 16, ber.boolean(replace)),
            written(CONTEXT, 17, name.encode()),
            written(CONTEXT, 18, [written(CONTEXT, 105, database.encode())]),
            *preferred,
            written(CONTEXT, 21, [query]),
        ],
    )


def present(
    start: int, number: int, *, name: str = "default", syntax: str = client.MARC21, elements: str = "F"
) -> bytes:
    """A present."""
    return written(
        CONTEXT,
        24,
        [
            written(CONTEXT, 31, name.encode()),
            written(CONTEXT, 30, ber.integer(start)),
            written(CONTEXT, 29, ber.integer(number)),
            written(CONTEXT, 19, [written(CONTEXT, 0, elements.encode())]),
            written(CONTEXT, 104, ber.oid(syntax)),
        ],
    )


def scan(
    term: str,
    *attributes: int,
    number: int = 3,
    position: int | None = None,
    step: int | None = None,
    database: str = "catalog",
) -> bytes:
    """A piece of an index."""
    operand, _ = ber.read(leaf(term, *attributes))
    told = [written(CONTEXT, 3, [written(CONTEXT, 105, database.encode())]), ber.again(operand.parts[0])]
    for tag, value in ((5, step), (6, number), (7, position)):
        told += [] if value is None else [written(CONTEXT, tag, ber.integer(value))]
    return written(CONTEXT, 35, told)


def delete(*names: str) -> bytes:
    """Result sets are not wanted any more."""
    listed = [written(CONTEXT, 31, name.encode()) for name in names]
    return written(
        CONTEXT, 26, [written(CONTEXT, 32, b"\x00" if names else b"\x01"), written(UNIVERSAL, 16, listed)]
    )


def sort(*names: str, output: str, by: int, down: bool = False) -> bytes:
    """Result sets put in order by a use attribute."""
    attribute = written(
        UNIVERSAL, 16, [written(CONTEXT, 120, b"\x01"), written(CONTEXT, 121, ber.integer(by))]
    )
    attributes = [written(UNIVERSAL, 6, ber.oid(client.BIB1)), written(CONTEXT, 44, [attribute])]
    key = [
        written(CONTEXT, 1, [written(CONTEXT, 2, attributes)]),
        written(CONTEXT, 1, ber.integer(int(down))),
        written(CONTEXT, 2, b"\x01"),
    ]
    return written(
        CONTEXT,
        43,
        [
            written(CONTEXT, 3, [written(UNIVERSAL, 27, name.encode()) for name in names]),
            written(CONTEXT, 4, output.encode()),
            written(CONTEXT, 5, [written(UNIVERSAL, 16, key)]),
        ],
    )


def number(told: Element, *path: int) -> int:
    """A number in an answer."""
    found = told.find(*path)
    assert found is not None, path
    return found.number


def diagnostic(told: Element) -> int:
    """The number of the diagnostic in an answer's place, wherever this kind of answer has it."""
    paths = {23: (130,), 25: (130,), 36: (7, 2), 44: (5,)}
    held = told.find(*paths[told.tag])
    assert held is not None, told
    parts: Sequence[Element] = held.parts if told.tag in (23, 25) else held.parts[0].parts
    return parts[1].number
