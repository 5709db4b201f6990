"""A record as it is kept: its fields in order, without ISO 2709's limits on length, compressed.

Real records pass 99 999 bytes, and strangers' files hold tags and indicators that no directory could say.
"""

import threading
from typing import Final

import orjson
import zstandard

from catalog.marc.record import Field, Record

LEVEL: Final = 3
_local = threading.local()


def pack(record: Record) -> bytes:
    """The record as compressed bytes: a JSON list of leader, tags, and each field's own text."""
    told = [record.leader]
    for field in record:
        told.append(field.tag)
        told.append("c" + field.value if field.is_control else "d" + field.text())
    return _compressor().compress(orjson.dumps(told))


def unpack(packed: bytes) -> Record:
    """The record again; `ValueError` when the bytes were never packed here."""
    try:
        leader, *parts = orjson.loads(_decompressor().decompress(packed))
    except (zstandard.ZstdError, orjson.JSONDecodeError, ValueError) as error:
        raise ValueError("these bytes hold no packed record") from error
    fields = []
    for tag, text in zip(parts[::2], parts[1::2], strict=True):
        fields.append(Field(tag, text[1:], False) if text[0] == "c" else _data(tag, text[1:]))
    return Record(leader, fields)


def _data(tag: str, text: str) -> Field:
    if len(text) >= 3 and text[2] == "\x1f" and "\x1f" not in text[:2]:
        return Field(tag, text, None)
    indicators, *subfields = text.split("\x1f")
    return Field.from_parts(
        tag, indicators[:1], indicators[1:], [(piece[:1], piece[1:]) for piece in subfields]
    )


def _compressor() -> zstandard.ZstdCompressor:
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=LEVEL)
    found: zstandard.ZstdCompressor = _local.compressor
    return found


def _decompressor() -> zstandard.ZstdDecompressor:
    if not hasattr(_local, "decompressor"):
        _local.decompressor = zstandard.ZstdDecompressor()
    found: zstandard.ZstdDecompressor = _local.decompressor
    return found
