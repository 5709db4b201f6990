"""XML from outside: read strictly, or not at all.

A message may hold no comment, processing instruction, CDATA section or document type anywhere: each of them has
let two readers see two different texts (the truncated NameID), or a third one fetch a file.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from typing import Final

from lxml import etree

from gateway.saml.rules import Code, MessageRefused

Element = etree._Element

MESSAGE_LIMIT: Final = 256 * 1024
"""Bytes of a message as it arrives, and of what it unfolds to."""
METADATA_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of a metadata document: eduGAIN's aggregate has some forty million."""
DEEPEST: Final = 40
"""Levels of a message; a signed response with a scoped attribute has eight."""
_DECLARATION = re.compile(
    rb"^<\?xml\s+version=[\"']1\.0[\"'](\s+encoding=[\"']([A-Za-z0-9._-]+)[\"'])?[^<>]*\?>"
)
_IDS = ("ID", "Id", "id", "{http://www.w3.org/XML/1998/namespace}id")


def from_base64(text: str) -> bytes:
    """The bytes of a POST binding's field; white space is allowed, anything else is not."""
    if len(text) > MESSAGE_LIMIT:
        raise MessageRefused(Code.TOO_LARGE)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise MessageRefused(Code.UNREADABLE, "not base64") from None


def inflated(text: str) -> bytes:
    """The bytes of a redirect binding's parameter (RFC 1951 in base64), bounded on the way."""
    packed = from_base64(text)
    stream = zlib.decompressobj(-15)
    try:
        plain = stream.decompress(packed, MESSAGE_LIMIT + 1)
    except zlib.error:
        raise MessageRefused(Code.UNREADABLE, "not deflated") from None
    if len(plain) > MESSAGE_LIMIT:
        raise MessageRefused(Code.TOO_LARGE)
    if not stream.eof:
        raise MessageRefused(Code.UNREADABLE, "deflated and cut short")
    return plain


def deflated(xml: bytes) -> str:
    """A message as a redirect binding's parameter, before it is percent-encoded."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(xml) + packer.flush()).decode()


def message(data: bytes) -> Element:
    """The root of a protocol message, or of an assertion."""
    if len(data) > MESSAGE_LIMIT:
        raise MessageRefused(Code.TOO_LARGE)
    data = _utf8(data)
    if b"<!" in data or b"<?" in data[2:]:
        raise MessageRefused(Code.FORBIDDEN_MARKUP)
    root = _parsed(data)
    seen: set[str] = set()
    for element, depth in _walk(root):
        if depth > DEEPEST:
            raise MessageRefused(Code.UNREADABLE, "nested too deeply")
        for name in _IDS:
            if (told := element.get(name)) is not None:
                if told in seen:
                    raise MessageRefused(Code.DUPLICATE_ID)
                seen.add(told)
    return root


def metadata(data: bytes) -> Element:
    """The root of a metadata document; comments are usual there, a document type is not."""
    if len(data) > METADATA_LIMIT:
        raise MessageRefused(Code.TOO_LARGE)
    data = _utf8(data)
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise MessageRefused(Code.FORBIDDEN_MARKUP)
    return _parsed(data)


def _utf8(data: bytes) -> bytes:
    """UTF-8 without its mark and declaration: no reader has to guess, and none can be misled."""
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        data.decode()
    except UnicodeDecodeError:
        raise MessageRefused(Code.UNREADABLE, "not UTF-8") from None
    if data.startswith(b"<?xml"):
        told = _DECLARATION.match(data)
        if told is None or (told[2] or b"utf-8").lower() != b"utf-8":
            raise MessageRefused(Code.UNREADABLE, "not declared as XML 1.0 in UTF-8")
        data = data[told.end() :].lstrip()
    return data


def _parsed(data: bytes) -> Element:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise MessageRefused(Code.UNREADABLE, "not well-formed") from None


def _walk(root: Element) -> Iterable[tuple[Element, int]]:
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        yield element, depth
        waiting += [(child, depth + 1) for child in element]


def text(element: Element | None) -> str:
    """All of an element's own text, whatever comments stand in it."""
    return "" if element is None else str(element.xpath("string()")).strip()


def written(element: Element) -> bytes:
    """An element as bytes; prefixes and order stay, since a signature may lie on them."""
    return etree.tostring(element, encoding="utf-8", with_tail=False)
