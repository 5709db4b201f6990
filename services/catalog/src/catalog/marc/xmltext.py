"""Text on its way into XML: escaped, and with U+FFFD for what XML 1.0 cannot hold (§2.2)."""

import re
from typing import Final

from catalog.marc.text import REPLACEMENT

_UNWRITTEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL: Final = re.compile("[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def told(text: str) -> str:
    """Text between tags."""
    if _SPECIAL.search(text) is None:
        return text
    text = _UNWRITTEN.sub(REPLACEMENT, text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def quoted(text: str) -> str:
    """An attribute's value with its quotation marks; line ends and tabs survive (XML 1.0 §3.3.3)."""
    if text.isalnum() and text.isascii():
        return f'"{text}"'
    safe = told(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
    return f'"{safe}"'


def _attributes(attributes: dict[str, str | None]) -> str:
    return "".join([f" {name}={quoted(value)}" for name, value in attributes.items() if value])


def leaf(name: str, text: str | None, /, **attributes: str | None) -> str:
    """An element that holds text; none at all for no text."""
    if not text or not text.strip():
        return ""
    return f"<{name}{_attributes(attributes)}>{told(text)}</{name}>"


def group(name: str, /, *children: str, **attributes: str | None) -> str:
    """An element that holds elements (XML already); none at all when there are none."""
    inside = "".join(children)
    return f"<{name}{_attributes(attributes)}>{inside}</{name}>" if inside else ""
