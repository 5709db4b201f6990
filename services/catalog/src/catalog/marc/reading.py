"""One door for records in any of the formats, by media type or by their first bytes."""

from collections.abc import Callable, Iterator
from typing import Final

from catalog.marc import described, iso2709, marcjson, marcxml
from catalog.marc.framing import MAX_RECORD
from catalog.marc.problems import Mode, Read
from catalog.marc.streams import ByteStream

MARC: Final = "application/marc"
MARCXML: Final = "application/marcxml+xml"
MARC_JSON: Final = "application/marc+json"
XML: Final = "application/xml"
"""MODS, Dublin Core or MARCXML, as the document's namespaces say."""
MODS: Final = "application/mods+xml"
METS: Final = "application/mets+xml"
"""Read for the MODS in it, else for the Dublin Core."""

_READERS: Final[dict[str, Callable[..., Iterator[Read]]]] = {
    MARC: iso2709.read,
    MARCXML: marcxml.read,
    MARC_JSON: marcjson.read,
}
MEDIA_TYPES: Final = tuple(_READERS)
"""Formats that hold MARC records, whole in and whole out."""
_DESCRIBED: Final = dict.fromkeys((XML, MODS, METS), described.read)
IMPORTED: Final = (*MEDIA_TYPES, *_DESCRIBED)
"""Those, and formats of other descriptions, which are read as MARC as far as that goes."""


class UnknownFormat(ValueError):
    """A media type that holds no MARC records."""


def read(
    stream: ByteStream, media_type: str, mode: Mode = "lenient", *, max_record: int = MAX_RECORD
) -> Iterator[Read]:
    """Records as they come, by the reader for this media type (its parameters do not matter)."""
    kind = media_type.partition(";")[0].strip().lower()
    reader = _READERS.get(kind) or _DESCRIBED.get(kind)
    if reader is None:
        raise UnknownFormat(f"{media_type!r} is none of {', '.join(IMPORTED)}.")
    return reader(stream, mode, max_record=max_record)


def sniff(beginning: bytes) -> str | None:
    """The media type that a file's first bytes (some hundred) speak for; None if they speak for none."""
    bare = beginning.lstrip(b"\xef\xbb\xbf\r\n\t \x00\x1a")
    if bare.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return MARCXML
    if bare.startswith((b"{", b"[")):
        return MARC_JSON
    if bare[:5].isdigit() or b"\x1e" in beginning or b"\x1d" in beginning:
        return MARC
    return None
