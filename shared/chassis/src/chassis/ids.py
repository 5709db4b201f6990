"""UUIDv7 (RFC 9562 §5.7): ids that sort by time, minted here so that an event can name its row early."""

import os
import struct
import time
from collections.abc import Iterator
from uuid import UUID

from asyncpg.pgproto import pgproto

_AHEAD = 512
"""Random numbers asked of the kernel at once: a call for each is most of what an id costs, and lets go of the
interpreter in the middle of a statement."""
_ahead: Iterator[int] = iter(())


def uuid7() -> UUID:
    """A new id: 48 bits of Unix milliseconds, 12 of their fraction (§6.2, method 3), 62 random bits.

    Lists go by id: with the fraction, what one process makes within a millisecond keeps its order, too.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | rest * 4096 // 1_000_000 << 64
    value |= 0b10 << 62 | _random() & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def uuid7s(count: int) -> list[UUID]:
    """New ids of one moment, in order: for rows that are written a thousand at once.

    They are of the database client's own kind, which costs a quarter of the other to make, and to send.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    begin = milliseconds << 16 | 0x7 << 12 | rest * 4096 // 1_000_000
    head = begin.to_bytes(8, "big")
    told = sorted(struct.unpack(f">{count}Q", os.urandom(8 * count)))
    return [pgproto.UUID(head + (0b10 << 62 | each >> 2).to_bytes(8, "big")) for each in told]


def uuid7s_ahead(count: int = 64) -> Iterator[UUID]:
    """New ids without end, in order, so many minted at once: for rows of which nobody knows how many will be."""
    while True:
        yield from uuid7s(count)


def random_hex(words: int) -> str:
    """So many times 64 random bits, as lower-case hexadecimal digits."""
    return "".join(f"{_random():016x}" for _ in range(words))


def _random() -> int:
    """64 bits from the kernel, each given out once, whatever threads there are."""
    global _ahead
    if (found := next(_ahead, None)) is None:
        first, *rest = struct.unpack(f"{_AHEAD}Q", os.urandom(8 * _AHEAD))
        _ahead, found = iter(rest), first
    return found


def _forget() -> None:
    """A child process must not give out what its parent will."""
    global _ahead
    _ahead = iter(())


os.register_at_fork(after_in_child=_forget)


def minted_at(told: UUID) -> float:
    """The Unix time inside a UUIDv7."""
    return (told.int >> 80) / 1000
