"""How a number that people read out is made, and read. No I/O."""

import re
from typing import Final, NamedTuple

PREFIX: Final = r"^[A-Za-z][A-Za-z-]{0,9}$"
"""Letters and hyphens alone, so that it is plain where the number begins."""
MOST: Final = 2**62
_READ: Final = re.compile(r"([A-Za-z][A-Za-z-]{0,9})0{0,10}([1-9][0-9]{0,17})")


class Number(NamedTuple):
    """A number as it is kept."""

    prefix: str
    hrid: int


def read(told: str) -> Number | None:
    """What somebody has typed; None where it can be nobody's number."""
    found = _READ.fullmatch(told.strip())
    return Number(found[1], int(found[2])) if found is not None else None
