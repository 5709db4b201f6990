"""A record as it is kept: its fields in order, without ISO 2709's limits on length, compressed.

Real records pass 99 999 bytes, and strangers' files hold tags and indicators that no directory could say.
"""

import threading
from typing import Any, Final, Literal

import orjson
import zstandard

from catalog.marc.record import Field, Record

LEVEL: Final = 3
_local = threading.local()


def pack(record: Record) -> bytes:
    """The record as compressed bytes: a JSON list of leader, tags, and what each field holds.

    `ValueError` for text that is not Unicode (half a surrogate pair); no reader lets one through.
    """
    told: list[object] = [record.leader]
    if (unmade := record.texts()) is not None:
        for tag, text, kind in zip(*unmade, strict=True):
            told += (tag, ("d" if kind is None else "c") + text)
    else:
        for field in record:
            told += (field.tag, _told(field))
    try:
        return _compressor().compress(orjson.dumps(told))
    except TypeError as error:
        raise ValueError("a record with text that is not Unicode cannot be kept") from error


def unpack(packed: bytes) -> Record:
    """The record again; `ValueError` when the bytes were never packed here."""
    try:
        leader, *parts = orjson.loads(_decompressor().decompress(packed))
        tags, told = parts[::2], parts[1::2]
        if len(tags) == len(told) and set(map(type, told)) == {str}:
            kinds: list[Literal[False] | None] = [False if each[0] == "c" else None for each in told]
            return Record.unmade(leader, tags, [each[1:] for each in told], kinds)
        return Record(leader, [_field(tag, each) for tag, each in zip(tags, told, strict=True)])
    except (zstandard.ZstdError, ValueError, TypeError, IndexError) as error:
        raise ValueError("these bytes hold no packed record") from error


def _told(field: Field) -> object:
    """A field's text behind a letter for its kind; a field that no such text can say, in pieces."""
    if field.is_control:
        return "c" + field.value
    if field.is_plain:
        return "d" + field.text()
    return [field.ind1, field.ind2, field.subfields]


def _field(tag: str, told: str | list[Any]) -> Field:
    if isinstance(told, list):
        ind1, ind2, subfields = told
        return Field.from_parts(tag, ind1, ind2, [(code, value) for code, value in subfields])
    return Field(tag, told[1:], False if told[0] == "c" else None)


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
