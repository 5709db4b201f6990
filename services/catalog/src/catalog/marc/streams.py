"""Bytes from anywhere: a file, an upload's chunks of any size, or a value in memory."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

CHUNK: Final = 1 << 16


class Readable(Protocol):
    """A binary file as far as we need one."""

    def read(self, size: int, /) -> bytes | None:
        """Up to so many bytes; empty at the end."""


ByteStream = bytes | bytearray | memoryview | Readable | Iterable[bytes]


def chunks_of(stream: ByteStream) -> Iterator[bytes]:
    """The stream in non-empty pieces, as they come."""
    if isinstance(stream, bytes | bytearray | memoryview):
        whole = bytes(stream)
        for start in range(0, len(whole), CHUNK):
            yield whole[start : start + CHUNK]
    elif hasattr(stream, "read"):
        while chunk := stream.read(CHUNK):
            yield bytes(chunk)
    else:
        for chunk in stream:
            if chunk:
                yield bytes(chunk)


class Feed:
    """A window on a stream: `buffer[at:]` is not yet consumed, `position` is where `at` is in the stream."""

    __slots__ = ("_chunks", "_offset", "at", "buffer", "ended")

    def __init__(self, stream: ByteStream) -> None:
        self._chunks = chunks_of(stream)
        self._offset = 0
        self.buffer = b""
        self.at = 0
        self.ended = False

    @property
    def position(self) -> int:
        """Byte offset of the first unconsumed byte."""
        return self._offset + self.at

    def more(self) -> None:
        """Double what is there (at least a chunk), so that looking for a far end stays linear."""
        rest = self.buffer[self.at :]
        wanted = max(CHUNK, len(rest))
        pieces = [rest]
        for chunk in self._chunks:
            pieces.append(chunk)
            wanted -= len(chunk)
            if wanted <= 0:
                break
        else:
            self.ended = True
        self._offset += self.at
        self.at = 0
        self.buffer = b"".join(pieces)

    def reach(self, size: int) -> None:
        """Have so many unconsumed bytes, or all that are left."""
        while len(self.buffer) - self.at < size and not self.ended:
            self.more()
