"""Where a message of Z39.50 ends: found as its bytes come, each of them looked at once.

Lengths may be left open (X.690, 8.1.3.6), so whoever only tried to read what has come would read a message of n pieces
n times, and a stranger may choose the pieces.
"""

from contracts.z3950.ber import CONSTRUCTED, CONTEXT, NotBer

_CLASS = 0xE0
_MOST_OPEN = 200
_NEEDED = 16
"""Octets that a tag and a length have at most, here."""


class Framing:
    """Bytes in, whole messages out."""

    def __init__(self, longest: int) -> None:
        """A message may have so many bytes."""
        self._longest = longest
        self._unread = bytearray()
        self._at = 0
        """As far as has been looked."""
        self._open = 0
        """Elements around that place whose length was left open."""

    @property
    def begun(self) -> bool:
        """Whether a part of a message has come."""
        return bool(self._unread)

    def feed(self, piece: bytes) -> None:
        """Take what has come."""
        self._unread += piece

    def next(self) -> bytes | None:
        """The next whole message; None until more has come. `NotBer` for what is none, or too long."""
        if self._unread and self._unread[0] & _CLASS != CONTEXT | CONSTRUCTED:
            raise NotBer("no message of Z39.50")
        while True:
            end = self._step()
            if end is None:
                if len(self._unread) > self._longest:
                    raise NotBer("a message that is too long")
                return None
            if end > self._longest:
                raise NotBer("a message that is too long")
            if self._open == 0:
                if end > len(self._unread):
                    return None
                told = bytes(self._unread[:end])
                del self._unread[:end]
                self._at = 0
                return told
            self._at = end

    def _step(self) -> int | None:
        """Where the element at our place ends, or its head where its length is left open; None: not known yet."""
        told = self._unread
        if self._at >= len(told):
            return None
        head = bytes(told[self._at : self._at + _NEEDED])
        place = 1
        if head[0] & 0x1F == 0x1F:
            while place < len(head) and head[place] & 0x80:
                place += 1
            place += 1
            if place > 6:
                raise NotBer("a tag that is too high")
        if place >= len(head):
            return None
        length = head[place]
        place += 1
        if length == 0x80:
            if not head[0] & CONSTRUCTED:
                raise NotBer("a plain element without a length")
            self._open += 1
            if self._open > _MOST_OPEN:
                raise NotBer("elements that lie too deep in each other")
            return self._at + place
        if length > 0x80:
            octets = length & 0x7F
            if octets > 4:
                raise NotBer("a length that is too long")
            if place + octets > len(head):
                return None
            length, place = int.from_bytes(head[place : place + octets], "big"), place + octets
        if self._open and head[:2] == b"\x00\x00":
            self._open -= 1
        return self._at + place + length
