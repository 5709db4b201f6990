"""Whole headings as the index holds them, in the order in which they file (`catalog.search.filing`).

A term says first of what kind the heading is, then what it files by, then how it is written:

    srome history TAB Rome -- History

Of the letters that a heading files by, all but a to z, digits and blanks are spelled out (`{` and their bytes as
hexadecimal digits), so that whoever walks along the terms knows what may come next: one of forty letters, of which the
end is the first, and behind `SPREAD` of them more of a long key (`-`). One heading in `APART`, chosen by what it is,
leaves a landmark: by landmarks a walk knows how many headings are about where. Classification numbers are headings,
too, each classification a kind of its own; they file by their places on the shelf (`catalog.search.classes`).
"""

from functools import lru_cache
from typing import Final, get_args
from typing import Literal as OneOf
from zlib import crc32

from catalog.search import classes
from catalog.search.classes import is_class
from catalog.search.filing import Filing

Kind = OneOf["title", "author", "subject", "series", "genre", "lc", "dewey", "nlm", "sudoc"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FIELD: Final = "heading"
CODES: Final[dict[Kind, str]] = {
    "title": "t", "author": "a", "subject": "s", "series": "r", "genre": "g", "lc": "l", "dewey": "d", "nlm": "n",
    "sudoc": "u",
}  # fmt: skip
SEARCHED: Final[dict[str, Kind]] = {
    f"{kind}_{'class' if is_class(kind) else 'heading'}": kind for kind in KINDS
}
"""Fields of a query that find the titles of one heading."""
FIELDS: Final = {kind: field for field, kind in SEARCHED.items()}
END: Final = "\t"
MORE: Final = "-"
NEXT: Final = (END, " ", MORE, *"0123456789abcdefghijklmnopqrstuvwxyz{")
"""What may follow in a term, in order."""
LANDMARK: Final = "~"
SPREAD: Final = 48
APART: Final = 64
LONGEST_KEY: Final = 100
LONGEST: Final = 300
"""Characters of a heading that are kept; what is longer ends in an ellipsis."""
MOST_SKIPPED: Final = 9
"""Characters that a heading may file without: an article (MARC 21, nonfiling characters)."""

Told = tuple[str, str, int]
"""A kind, a heading, and how many of its characters it files without."""


def written(text: str) -> str:
    """A heading as it is told: on one line, and cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def skipped(text: str, filed: str | None) -> int:
    """How many characters a heading files without, where it files by the end of itself."""
    if not filed or filed == text or not text.endswith(filed):
        return 0
    return len(text) - len(filed)


def place(kind: Kind, text: str, filing: Filing) -> str:
    """Where headings stand that file as this text, or behind it."""
    if is_class(kind):
        return CODES[kind] + _classed(kind, text)
    return CODES[kind] + _spelled(keyed(filing, text))


def _classed(kind: classes.Class, number: str) -> str:
    key = classes.key(kind, number)
    first, rest = classes.spelled(key[:SPREAD]), key[SPREAD:LONGEST_KEY]
    return f"{first}{MORE}{rest}" if rest else first


def _spelled(key: str) -> str:
    first, rest = key[:SPREAD], key[SPREAD:LONGEST_KEY]
    if not first.isascii() or "\x7f" in first:
        first = "".join(
            [each if each in _PLAIN else "{" + each.encode(errors="replace").hex() for each in first]
        )
    return f"{first}{MORE}{rest}" if rest else first


_PLAIN: Final = frozenset(" 0123456789abcdefghijklmnopqrstuvwxyz")


@lru_cache(maxsize=500)
def keyed(filing: Filing, text: str) -> str:
    """What a text files by. A title is asked for twice in a moment: for lists, and for its heading."""
    return filing.key(text)


def term(kind: Kind, text: str, filing: Filing, skip: int = 0) -> str:
    """A heading's term. `text` is as `written` has it."""
    return place(kind, text[skip:] or text, filing) + END + text


def landmark(told: str) -> str | None:
    """The landmark that a term leaves, if it leaves one."""
    if crc32(told.encode(errors="replace")) % APART:
        return None
    return LANDMARK + told.partition(END)[0].partition(MORE)[0]


def indexed(kind: Kind, told: str, filing: Filing) -> tuple[str, ...]:
    """A heading's term, and its landmark where it leaves one. `told` may have behind a tab how many characters it files
    without."""
    line, _, skip = told.partition("\t")
    made = term(kind, line, filing, int(skip) if skip else 0)
    mark = landmark(made)
    return (made,) if mark is None else (made, mark)


remembered: Final = lru_cache(maxsize=20_000)(indexed)
"""Names and subjects come again and again."""


def terms(kind: Kind, text: str, filing: Filing) -> list[str]:
    """The terms that a heading may have: nobody who names it says how many characters it files without."""
    line = written(text)
    if is_class(kind):
        return [term(kind, line, filing)]
    return list({term(kind, line, filing, skip) for skip in range(MOST_SKIPPED + 1)})


def heading_of(told: str) -> str:
    """The heading of a term."""
    return told.partition(END)[2]


def query(kind: Kind, text: str) -> str:
    """The search (docs/search-query.md) that finds the titles of a heading, as it is told."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{FIELDS[kind]}:"{quoted}"'
