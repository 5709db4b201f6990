"""Where in the search's index a scan begins; Z39.50 begins there, too."""

from catalog.search.documents import EXACT, WORDS_ONLY
from catalog.search.folding import folded, identifier, tokens
from catalog.sru.indexes import Index


def beginning(index: Index, text: str) -> tuple[str, str]:
    """The engine's field of an index, and the text as that field holds it."""
    if index.field in EXACT:
        return f"x_{index.field}", identifier(text)
    if index.field in ("language", "format", "library", "location"):
        return f"f_{index.field}", text.strip()
    assert index.field in ("title", "author", "subject", *WORDS_ONLY)
    words = tokens(text)
    return index.field, words[0] if words else folded(text).strip()
