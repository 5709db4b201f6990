"""In which order things stand on a shelf, as far as circulation can tell from the words on the spine.

The catalogue owns shelving keys; a list of things to fetch only has to follow the shelves. Letters and whole
numbers alternate and compare as such (`QA 76` before `QA 760`); what follows a point is a decimal, as in
Dewey numbers and in Library of Congress cutters, the second of which has no point of its own (`513.25`
before `513.5`, `.A12` before `.A2`, `.O4 H42` before `.O4 H5`); nothing before something.
"""

import re
from typing import Final

_PART: Final = re.compile(r"\.?\d+|[^\W\d_]+", re.UNICODE)
_CUTTER: Final = re.compile(r"\.\s*(?=[^\W\d_])")

ShelfKey = tuple[tuple[int, str], ...]


def shelf_key(call_number: str | None) -> ShelfKey:
    """A sort key; an item without a call number stands first."""
    words = _CUTTER.sub(" .", (call_number or "").casefold())
    parts: list[tuple[int, str]] = []
    cutters, ended = False, -1
    for found in _PART.finditer(words):
        part, start = found.group(), found.start()
        if part[0].isalpha():
            cutters = cutters or words[start - 1 : start] == "."
            parts.append((2, part))
        elif part[0] == "." or (cutters and start == ended):
            parts.append((0, part.lstrip(".")))
        else:
            whole = part.lstrip("0")
            parts.append((1, f"{len(whole):04}{whole}"))
        ended = found.end()
    return tuple(parts)
