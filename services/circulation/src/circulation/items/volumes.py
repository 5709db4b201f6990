"""Which copies of a title are of the same volume, as far as their labels tell."""

import re
import unicodedata
from typing import Final

_WORD: Final = re.compile(r"\d+|[^\W\d_]+")
_SYNONYMS: Final = {
    **dict.fromkeys(("v", "vol", "vols", "volume", "volumes", "bd", "bde", "band", "bände"), "v"),
    **dict.fromkeys(("no", "nos", "nr", "num", "number", "numbers", "heft", "issue", "issues"), "no"),
    **dict.fromkeys(("pt", "pts", "part", "parts", "teil", "teile", "tl"), "pt"),
}
"""Captions that catalogers use for one another; each stands for the same level of enumeration."""


def volume_key(words: str | None) -> str | None:
    """What two labels of one volume have in common; None where the label names none.

    Letters and numbers count, in their order. Case, spaces, punctuation and leading zeros do not, and of a
    few captions it does not matter which was used (`v. 3 no. 2` is `Bd.03, Heft 2`). A chronology counts:
    `v. 3 (1999)` is not `v. 3`, and a bare `3` is not `v. 3`, since nobody can tell that it is.
    """
    plain = unicodedata.normalize("NFKC", words or "").casefold()
    parts = [
        str(found).lstrip("0") or "0" if found.isdecimal() else _SYNONYMS.get(found, found)
        for found in _WORD.findall(plain)
    ]
    return " ".join(parts) or None
