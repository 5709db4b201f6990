"""Identifiers as lists and clients write them: checked, and in one form each."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import Final

from stdnum import isbn, issn
from stdnum.exceptions import ValidationError

ISSN: Final = "issn"
ISBN: Final = "isbn"
DOI: Final = "doi"
OWN: Final = "title-id:"
"""What a provider calls its titles: a namespace of each source."""
NAMESPACE: Final = re.compile(r"[a-z][a-z0-9-]{0,29}(:[a-z0-9][a-z0-9._-]{0,59})?")
_DOI: Final = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*|info:doi/)?(10\.\d{4,9}/\S{1,300})", re.IGNORECASE
)
_PLAIN_ISSN: Final = re.compile(r"\d{4}-\d{3}[\dX]", re.ASCII)
_PLAIN_ISBN: Final = re.compile(r"97[89]\d{10}", re.ASCII)
LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Read:
    """An identifier in its one form; none where it cannot be one. A flaw may come with a value: it was mended."""

    value: str | None
    flaw: str | None = None


_VALUES: Final[Mapping[str, int]] = {sign: value for value, sign in enumerate("0123456789X")}
_OF_ISSN: Final = (8, 7, 6, 5, 0, 4, 3, 2, 1)
"""The hyphen has no weight."""
_OF_ISBN: Final = (1, 3) * 6 + (1,)


def _sums(signs: str, weights: Sequence[int], modulus: int) -> bool:
    """Whether a plain number is sound. (The library's way is ten times slower, and lists have 100 000s.)"""
    total: int = sum(map(mul, [_VALUES.get(sign, 0) for sign in signs], weights))
    return total % modulus == 0


@lru_cache(maxsize=8192)
def read_issn(told: str) -> Read:
    """`2049-3630`. Flaws: `issn-form` (mended), `issn-check-digit`, `issn-malformed`."""
    if _PLAIN_ISSN.fullmatch(told) and _sums(told, _OF_ISSN, 11):
        return Read(told)
    try:
        found = str(issn.format(issn.validate(told)))
    except ValidationError:
        tidy = re.sub(r"[\s\u2010-\u2015-]", "", told).upper()
        try:
            found = str(issn.format(issn.validate(tidy)))
        except ValidationError:
            near = re.fullmatch(r"\d{7}[\dX]", tidy, re.ASCII)
            return Read(None, "issn-check-digit" if near else "issn-malformed")
    return Read(found, None if told == found else "issn-form")


@lru_cache(maxsize=8192)
def read_isbn(told: str) -> Read:
    """Thirteen digits, whatever it was. Flaws: `isbn-check-digit`, `isbn-malformed`."""
    if _PLAIN_ISBN.fullmatch(told) and _sums(told, _OF_ISBN, 10):
        return Read(told)
    tidy = re.sub(r"[\s\u2010-\u2015-]", "", told).upper()
    try:
        return Read(str(isbn.to_isbn13(isbn.validate(tidy))))
    except ValidationError:
        near = re.fullmatch(r"(97[89])?\d{9}[\dX]", tidy, re.ASCII)
        return Read(None, "isbn-check-digit" if near else "isbn-malformed")


def read_doi(told: str) -> Read:
    """Bare and in lower case. Flaw: `doi-malformed`."""
    found = _DOI.fullmatch(told.strip())
    return Read(None, "doi-malformed") if found is None else Read(found[1].lower())


def read(namespace: str, told: str) -> Read:
    """Of any namespace; those that are not known here are kept as they are. Flaw: `identifier-malformed`."""
    if namespace == ISSN:
        return read_issn(told)
    if namespace == ISBN:
        return read_isbn(told)
    if namespace == DOI:
        return read_doi(told)
    bare = told.strip()
    if not NAMESPACE.fullmatch(namespace) or not bare or len(bare) > LONGEST:
        return Read(None, "identifier-malformed")
    return Read(bare)
