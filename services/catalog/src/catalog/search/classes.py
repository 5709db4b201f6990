"""Classification numbers among whole headings (`catalog.search.headings`): they file as shelves stand.

What a shelving key (`catalog.callnumbers.rules`) is compared by, character by character, is spelled in the forty
letters of headings' terms so that the order stays: digits and capitals stand for themselves, what stands below a digit
is a blank and one more letter, what stands between `9` and `A` goes behind every `9` with a digit or capital behind it,
and the rest behind every letter.
"""

import re
from typing import Final, TypeGuard, get_args
from typing import Literal as OneOf

from catalog.callnumbers.rules import Scheme, shelving_key

Class = OneOf["lc", "dewey", "nlm", "sudoc"]
CLASSES: Final[tuple[Class, ...]] = get_args(Class)
_BEGINNING: Final = {
    "lc": re.compile(r"[A-Z]{1,3}"),
    "nlm": re.compile(r"[A-Z]{1,2}"),
    "dewey": re.compile(r"[0-9]{1,2}"),
}
"""A main class, or how a number begins: it stands before all that it is the beginning of."""
_BELOW_DIGITS: Final = {chr(code): f" {code - 0x20:x}" for code in range(0x20, 0x30)}
_BELOW_LETTERS: Final = {chr(code): f"9{{{code:x}" for code in range(0x3A, 0x41)}
_PLAIN: Final = {each: each.lower() for each in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_LETTERS: Final = _BELOW_DIGITS | _BELOW_LETTERS | _PLAIN


def is_class(kind: str) -> TypeGuard[Class]:
    """Whether headings of this kind are classification numbers."""
    return kind in CLASSES


def key(kind: Class, number: str) -> str:
    """Where a number of this classification stands among its like, as a text that compares so; nothing for nothing."""
    told = " ".join(number.upper().split())
    beginning = _BEGINNING.get(kind)
    if beginning is not None and beginning.fullmatch(told):
        return told
    return (shelving_key(told, Scheme(kind)) or "").partition(" ")[2]


def spelled(text: str) -> str:
    """The same in headings' letters, in the same order."""
    return "".join([_LETTERS.get(each) or "{" + each.encode(errors="replace").hex() for each in text])
