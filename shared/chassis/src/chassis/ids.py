"""UUIDv7 (RFC 9562 §5.7): ids that sort by time, minted here so that an event can name its row early."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new id: 48 bits of Unix milliseconds, 12 of their fraction (§6.2, method 3), 62 random bits.

    Lists go by id: with the fraction, what one process makes within a millisecond keeps its order, too.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    value = (milliseconds & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | rest * 4096 // 1_000_000 << 64
    value |= 0b10 << 62 | int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def minted_at(told: UUID) -> float:
    """The Unix time inside a UUIDv7."""
    return (told.int >> 80) / 1000
