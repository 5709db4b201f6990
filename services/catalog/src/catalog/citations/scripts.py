"""What a record says of its title and names in their own script, beside the transcription (MARC 21, field 880)."""

import re
from typing import Any, Final

from catalog.citations.text import clean
from catalog.marc.record import Field, Record
from catalog.pages.languages import RIGHT_TO_LEFT, script_of

_LINKED: Final = re.compile(r"(\d{3})-(\d{2})")
_NAMES: Final = ("100", "110", "111", "700", "710", "711")
_ISOLATE: Final = "\u2068", "\u2069"
"""First strong isolate and its end (UAX 9): what follows a text from right to left is not drawn into its run."""


def scripts(record: Record) -> dict[str, Any]:
    """The title as it is printed (`title`), and names by the names that they stand beside (`names`)."""
    originals: dict[tuple[str, str], Field] = {}
    for field in record.fields("880"):
        if (found := _LINKED.match(field.get("6") or "")) and found[2] != "00":
            originals.setdefault((found[1], found[2]), field)
    if not originals:
        return {}
    told: dict[str, Any] = {}
    names: dict[str, str] = {}
    for field in record.fields("245", *_NAMES):
        found = _LINKED.match(field.get("6") or "")
        other = originals.get((field.tag, found[2])) if found else None
        if other is None or field.get("t"):
            continue
        original, shown = _said(other, field.tag), _said(field, field.tag)
        if not original or script_of(original) == "Latn" or script_of(shown) != "Latn":
            continue
        if field.tag == "245":
            told.setdefault("title", original)
        else:
            names.setdefault(shown, original)
    return told | ({"names": names} if names else {})


def _said(field: Field, tag: str) -> str:
    """A title with what follows it behind a colon, a name as citations have it; `tag` is that of the linked field."""
    if tag == "245":
        return ": ".join(filter(None, (clean(" ".join(field.all(code))) for code in "ab")))
    codes = {"110": "ab", "710": "ab", "111": "acdn", "711": "acdn"}.get(tag, "a")
    return clean(" ".join(field.all(codes)))


def apart(text: str) -> str:
    """A text as it stands within another one: isolated where it runs from right to left."""
    return f"{_ISOLATE[0]}{text}{_ISOLATE[1]}" if script_of(text) in RIGHT_TO_LEFT else text
