"""Which title is a list's row about? By identifiers, then by siblings; what is not sure is told, never guessed.

(What they are called is looked at last: `likeness.py`.)

An identifier is looked up in its medium: print and online may bear one number and stay two titles of one work.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

Medium = Literal["electronic", "print"]
LONGEST_NAME: Final = 300
_WORDS: Final = re.compile(r"[^\W_]+")


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """A title to be sorted and matched by: lower case, without diacritics and punctuation, bounded."""
    if name.isascii():
        return " ".join(_WORDS.findall(name.lower()))[:LONGEST_NAME]
    plain = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", " ".join(_WORDS.findall(bare)))[:LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier in its namespace and medium."""

    namespace: str
    value: str
    medium: Medium = "electronic"


@dataclass(frozen=True, slots=True)
class Title:
    """A title that is known, as far as matching goes."""

    id: UUID
    work_id: UUID
    kind: str
    medium: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list says that a title is known by, the surest first."""

    kind: str
    sort_name: str
    online: tuple[Name, ...] = ()
    """Number, DOI, the provider's own."""
    printed: Name | None = None


class Question(StrEnum):
    """What a match could not be sure of."""

    IDENTIFIERS_DISAGREE = "identifiers-disagree"
    """They belong to several titles; the surest was taken."""
    IDENTIFIER_SHARED = "identifier-shared"
    """They belong to a title that the list names elsewhere: this one was taken for another."""
    NAME_ALIKE = "name-alike"
    """No number tells, and a title is called almost so: this one was taken for another (`likeness`)."""


@dataclass(frozen=True, slots=True)
class Match:
    """The title a row is about; None: one that is new."""

    title: Title | None
    work_id: UUID | None
    """Of a new one: that of its sibling, where there is one."""
    fresh: tuple[Name, ...]
    """Identifiers that nobody has yet."""
    doubts: tuple[tuple[Question, UUID], ...] = ()
    """What is asked, and which other title it might be."""
    join: UUID | None = None
    """A work (of the print sibling alone) that becomes this one's."""


@dataclass(slots=True)
class Known:
    """The titles that a batch of rows may be about; grows as rows bring new ones."""

    holders: dict[Name, Title] = field(default_factory=dict)
    works: dict[UUID, list[Title]] = field(default_factory=dict)
    """Every title of a work that was looked up."""
    by_name: dict[tuple[str, str], list[Title]] = field(default_factory=dict)
    """Electronic titles by kind and folded name, for rows that have nothing else."""

    numbers: set[tuple[UUID, str]] = field(default_factory=set)
    """Which titles have a number of which namespace."""

    def add(self, title: Title, names: Iterable[Name] = ()) -> None:
        """A title, and what it is known by."""
        self.works.setdefault(title.work_id, []).append(title)
        self.give(title, names)

    def give(self, title: Title, names: Iterable[Name]) -> None:
        """What a title is known by from now on."""
        for name in names:
            self.holders.setdefault(name, title)
            self.numbers.add((title.id, name.namespace))

    def electronic(self, work_id: UUID) -> list[Title]:
        """A work's titles online."""
        return [each for each in self.works.get(work_id, ()) if each.medium == "electronic"]


def match(wanted: Wanted, known: Known, *, listed: Title | None, taken: Container[UUID]) -> Match:
    """Which title a row is about.

    `listed` is what the package had under this key before; `taken` are titles that other rows of the list are about.
    """
    held = [known.holders[name] for name in wanted.online if name in known.holders]
    sibling, hint = _sibling(wanted, known)
    if sibling is not None:
        held.append(sibling)
    if not wanted.online and wanted.printed is None:
        named = known.by_name.get((wanted.kind, wanted.sort_name), [])
        held += named if len(named) == 1 else []
    candidates = list(dict.fromkeys(([listed] if listed else []) + held))
    free = [each for each in candidates if each == listed or each.id not in taken]
    shared = [each for each in candidates if each not in free]
    fresh = tuple(name for name in wanted.online if name not in known.holders)
    found = free[0] if free else None
    doubts = [(Question.IDENTIFIERS_DISAGREE, each.id) for each in free[1:]]
    if found is None:
        doubts += [(Question.IDENTIFIER_SHARED, each.id) for each in shared]
    work_id = found.work_id if found else hint
    holder = known.holders.get(wanted.printed) if wanted.printed else None
    join = None
    if wanted.printed is not None and holder is None:
        fresh = (*fresh, wanted.printed)
    elif holder is not None and found is not None and holder.work_id != found.work_id:
        if known.electronic(holder.work_id):
            doubts += [
                (Question.IDENTIFIERS_DISAGREE, each.id)
                for each in known.electronic(holder.work_id)
                if (Question.IDENTIFIERS_DISAGREE, each.id) not in doubts and each != found
            ]
        else:
            join = holder.work_id
    return Match(found, work_id, fresh, tuple(doubts), join)


def _sibling(wanted: Wanted, known: Known) -> tuple[Title | None, UUID | None]:
    """The title online of the work that the print number, or the same number in print, belongs to; and that work.

    One that has a number of its own is another edition of the work, unless the row has none.
    """
    across = [Name(name.namespace, name.value, "print") for name in wanted.online]
    names = ([wanted.printed] if wanted.printed else []) + across
    hint = next((known.holders[name].work_id for name in names if name in known.holders), None)
    if hint is None:
        return None, None
    kinds = {name.namespace for name in wanted.online if name.namespace in ("issn", "isbn")}
    online = [
        each
        for each in known.electronic(hint)
        if each.kind == wanted.kind and not any((each.id, kind) in known.numbers for kind in kinds)
    ]
    return (online[0] if len(online) == 1 else None), hint


FOLLOWING: Final = {
    "publication_title": "name",
    "publisher_name": "publisher",
    "first_author": "first_author",
    "first_editor": "first_editor",
    "monograph_edition": "edition",
    "monograph_volume": "volume",
    "date_monograph_published_print": "published_print",
    "date_monograph_published_online": "published_online",
}
"""What a list says of a title, and what is kept of it."""


def followed(
    kept: Mapping[str, object], was: Mapping[str, str], now: Mapping[str, str]
) -> dict[str, str | None]:
    """What changes in a title whose list says something new: what it still has from that list, nothing else."""
    return {
        name: now.get(column)
        for column, name in FOLLOWING.items()
        if was.get(column) != now.get(column) and kept[name] == was.get(column)
    }
