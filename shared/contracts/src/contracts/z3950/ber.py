"""BER as Z39.50 needs it (ITU-T X.690): definite lengths written, any read. Nothing in it knows what a record is."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

UNIVERSAL, CONTEXT = 0x00, 0x80
CONSTRUCTED: Final = 0x20
DEEPEST: Final = 32
"""Elements within each other, unless whoever reads has a reason for more."""
MOST: Final = 50_000
"""Elements of one message: what is of more takes time that others wait for."""


class NotBer(ValueError):
    """Bytes that are no BER."""


class Unfinished(NotBer):
    """The bytes end before the element does."""


@dataclass(frozen=True, slots=True)
class Element:
    """A tag with its class, and what it holds: bytes, or elements."""

    kind: int
    """Class bits of the identifier (X.690, 8.1.2.2)."""
    tag: int
    content: bytes = b""
    parts: tuple["Element", ...] = ()
    constructed: bool = False

    def find(self, *path: int) -> "Element | None":
        """The first context element along these tags."""
        here: Element | None = self
        for tag in path:
            if here is None:
                return None
            here = next((part for part in here.parts if part.kind == CONTEXT and part.tag == tag), None)
        return here

    @property
    def number(self) -> int:
        """As an integer."""
        return int.from_bytes(self.content, "big", signed=True)

    @property
    def text(self) -> str:
        """As text; a string that was sent in pieces is joined."""
        return b"".join(each.content for each in leaves(self)).decode("utf-8", "replace")


def leaves(element: Element) -> Iterator[Element]:
    """What holds bytes in it, in order."""
    if not element.constructed:
        yield element
    for part in element.parts:
        yield from leaves(part)


def written(kind: int, tag: int, content: bytes | Sequence[bytes]) -> bytes:
    """An element; with several contents a constructed one."""
    constructed = 0 if isinstance(content, bytes) else CONSTRUCTED
    body = content if isinstance(content, bytes) else b"".join(content)
    first = kind | constructed
    head = bytes([first | tag]) if tag < 31 else bytes([first | 31]) + _base128(tag)
    return head + _length(len(body)) + body


def integer(value: int) -> bytes:
    """An integer's content octets."""
    return value.to_bytes((value.bit_length() // 8) + 1, "big", signed=True)


def boolean(value: bool) -> bytes:
    """A truth value's content octets."""
    return b"\xff" if value else b"\x00"


def oid(dotted: str) -> bytes:
    """An object identifier's content octets."""
    first, second, *rest = map(int, dotted.split("."))
    return b"".join(map(_base128, [first * 40 + second, *rest]))


def dotted(content: bytes) -> str:
    """An object identifier as it is written; what is none comes out as one that nobody has."""
    numbers, value = [], 0
    for octet in content[:64]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(value)
            value = 0
    if not numbers:
        return ""
    first = min(numbers[0] // 40, 2)
    return ".".join(map(str, [first, numbers[0] - first * 40, *numbers[1:]]))


def bits(places: Collection[int]) -> bytes:
    """A bit string's content octets, in which the bits at these places are set (the first one is 0)."""
    count = max(places, default=-1) + 1
    octets = bytearray((count + 7) // 8)
    for place in places:
        octets[place // 8] |= 0x80 >> place % 8
    return bytes([-count % 8]) + bytes(octets)


def places(content: bytes) -> frozenset[int]:
    """Which bits of a bit string are set; of the first 64."""
    return frozenset(
        place for place in range(min(len(content) - 1, 8) * 8) if content[1 + place // 8] & 0x80 >> place % 8
    )


def again(element: Element) -> bytes:
    """An element that was read, written."""
    content = [again(part) for part in element.parts] if element.constructed else element.content
    return written(element.kind, element.tag, content)


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))


def _length(length: int) -> bytes:
    if length < 0x80:
        return bytes([length])
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def read(told: bytes, at: int = 0, *, deepest: int = DEEPEST) -> tuple[Element, int]:
    """The element that begins there, and where the next one does; `Unfinished` when more bytes are needed."""
    return _read(told, at, deepest, [MOST])


def _read(told: bytes, at: int, depth: int, left: list[int]) -> tuple[Element, int]:
    left[0] -= 1
    if depth < 0:
        raise NotBer("elements that lie too deep in each other")
    if left[0] < 0:
        raise NotBer("too many elements")
    first, at = _octet(told, at)
    tag = first & 0x1F
    if tag == 0x1F:
        tag = 0
        while True:
            more, at = _octet(told, at)
            tag = tag << 7 | more & 0x7F
            if tag > 0xFFFF:
                raise NotBer("a tag that is too high")
            if not more & 0x80:
                break
    kind, constructed = first & 0xC0, bool(first & CONSTRUCTED)
    length, at = _octet(told, at)
    if length == 0x80:
        if not constructed:
            raise NotBer("a plain element without a length")
        parts, at = _until_end(told, at, depth, left)
        return Element(kind, tag, b"", parts, constructed=True), at
    if length > 0x80:
        octets = length & 0x7F
        if octets > 4:
            raise NotBer("a length that is too long")
        if at + octets > len(told):
            raise Unfinished
        length, at = int.from_bytes(told[at : at + octets], "big"), at + octets
    end = at + length
    if end > len(told):
        raise Unfinished
    if not constructed:
        return Element(kind, tag, told[at:end]), end
    within, place = told[at:end], 0
    found = []
    while place < len(within):
        try:
            part, place = _read(within, place, depth - 1, left)
        except Unfinished as error:
            raise NotBer("an element that is longer than the one around it") from error
        found.append(part)
    return Element(kind, tag, b"", tuple(found), constructed=True), end


def _until_end(told: bytes, at: int, depth: int, left: list[int]) -> tuple[tuple[Element, ...], int]:
    """The parts of an element of indefinite length (X.690, 8.1.3.6)."""
    found: list[Element] = []
    while True:
        part, at = _read(told, at, depth - 1, left)
        if (part.kind, part.tag, part.content, part.constructed) == (UNIVERSAL, 0, b"", False):
            return tuple(found), at
        found.append(part)


def _octet(told: bytes, at: int) -> tuple[int, int]:
    if at >= len(told):
        raise Unfinished
    return told[at], at + 1
