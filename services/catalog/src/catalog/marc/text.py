"""What may stand in a value, whichever format it came in."""

import re
import unicodedata
from typing import Final

REPLACEMENT: Final = "\ufffd"
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: no database or XML document takes them."""


def fit(text: str) -> str:
    """NFC, with U+FFFD for what no text may hold."""
    if text.isascii() and text.isprintable():
        return text
    return unicodedata.normalize("NFC", _UNFIT.sub(REPLACEMENT, text))


def is_unfit(text: str) -> bool:
    """Would `fit` replace something?"""
    return _UNFIT.search(text) is not None


def replaced(text: str) -> str:
    """With U+FFFD for what no text may hold, otherwise untouched."""
    return _UNFIT.sub(REPLACEMENT, text)


CONTROL_BYTES: Final = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D, 0x1B, 0x1E, 0x1F})
"""Bytes that no text holds: a database or an XML parser would choke on them."""
MULTIBYTE: Final = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
