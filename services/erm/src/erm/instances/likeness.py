"""How alike are two titles by what they are called? Pure, as rules are: a measure, and what speaks for and against it.

Names are compared without their subtitle, edition, medium and article. What tells titles apart that are called almost
the same (numbers, single letters, editions, volumes) has to agree.
"""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from uuid import UUID

from erm.instances.rules import Name, Title, folded

ASKED: Final = 3
"""Candidates that staff are told of one title, the likeliest first."""
_MEDIA: Final = re.compile(
    r"[(\[]\s*(?:online|print|electronic(?: resource)?|e-?journal|e-?book|internet|elektronische ressource)\s*[)\]]",
    re.IGNORECASE,
)
_BRACKETS: Final = re.compile(r"[(\[]([^()\[\]]*)[)\]]")
_SUBTITLE: Final = re.compile(r"\s*[:;]\s+|\s+[=/:;–—-]\s+")
_ORDINALS: Final = {
    name: str(at)
    for at, name in enumerate(
        ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"], 1
    )
}
_EDITION: Final = re.compile(
    r"[,.;:(\[\s-]*\b(?:(\d{1,3})(?:st|nd|rd|th|e|\.)?|(" + "|".join(_ORDINALS) + r"))\s+"
    r"(?:(?:revised|rev\.?|updated|enlarged|international)\s+)?(?:ed\.|edn\.?|edition|éd\.|édition|auflage|aufl\.?)"
    r"[)\]]?",
    re.IGNORECASE,
)
_ARTICLES: Final = frozenset(
    ["the", "a", "an", "der", "die", "das", "le", "la", "les", "l", "el", "los", "las", "il", "lo", "gli"]
)
_AND: Final = frozenset(["and", "und", "et"])
_ROMAN: Final = {
    name: str(at)
    for at, name in enumerate(
        ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii", "xiii", "xiv", "xv"], 1
    )
}
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ,.']*")
_FIRST_NUMBER: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Naming:
    """A title's name, taken apart."""

    core: str
    """Folded, without subtitle, edition, medium, a leading article, and `and`; what is looked for."""
    rest: str
    """Subtitle and what stood in brackets, folded."""
    marks: frozenset[str]
    """Numbers and single letters in it: of `Physical Review A` and `B` they are all that differs."""
    edition: str | None
    """That the name tells, as a number."""


@lru_cache(maxsize=4096)
def naming(name: str) -> Naming:
    """A name as it is compared; one that is nothing but a subtitle is its own core."""
    edition = None
    if found := _EDITION.search(name):
        edition = found[1] or _ORDINALS[found[2].lower()]
        name = f"{name[: found.start()]} {name[found.end() :]}"
    name = _MEDIA.sub(" ", name)
    aside = " ".join(_BRACKETS.findall(name))
    name = _BRACKETS.sub(" ", name)
    head, *tail = _SUBTITLE.split(name.strip(), maxsplit=1)
    core = _core(folded(head))
    if not core:
        core, tail = _core(folded(f"{name} {aside}")), []
    rest = folded(" ".join([*tail, aside]))
    last = core.rpartition(" ")[2]
    marks = {
        _ROMAN.get(word, word)
        for word in f"{core} {rest}".split()
        if word.isdigit() or word in _ROMAN or (len(word) == 1 and (word == last or word not in _ARTICLES))
    }
    return Naming(core, rest, frozenset(marks), edition)


def core_of(name: str) -> str:
    """What a name is looked for by when there is nothing else."""
    if _PLAIN.fullmatch(name) and "ed" not in (low := name.lower()) and "aufl" not in low:
        return _core(folded(name)) or folded(name)
    return naming(name).core


def _core(told: str) -> str:
    words = told.split()
    if len(words) > 1 and words[0] in _ARTICLES:
        del words[0]
    return " ".join(word for word in words if word not in _AND)


class Why(StrEnum):
    """What speaks for two titles being one, or against it. Codes never change."""

    SAME_NAME = "same-name"
    SIMILAR_NAME = "similar-name"
    SAME_PUBLISHER = "same-publisher"
    SAME_AUTHOR = "same-author"
    SUBTITLE_MISSING = "subtitle-missing"
    SUBTITLE_DIFFERS = "subtitle-differs"
    AUTHOR_DIFFERS = "author-differs"
    PUBLISHER_DIFFERS = "publisher-differs"
    EDITION_UNTOLD = "edition-untold"


TEXTS: Final = {
    Why.SAME_NAME: "They are called the same but for article, edition and subtitle.",
    Why.SIMILAR_NAME: "They are called almost the same.",
    Why.SAME_PUBLISHER: "They have the same publisher.",
    Why.SAME_AUTHOR: "They have the same first author.",
    Why.SUBTITLE_MISSING: "One of them is told without a subtitle.",
    Why.SUBTITLE_DIFFERS: "They have different subtitles.",
    Why.AUTHOR_DIFFERS: "They have different first authors.",
    Why.PUBLISHER_DIFFERS: "They have different publishers.",
    Why.EDITION_UNTOLD: "One of them tells which edition it is, the other does not.",
}
AGAINST: Final = frozenset({Why.SUBTITLE_DIFFERS, Why.AUTHOR_DIFFERS, Why.EDITION_UNTOLD})
"""With one of these nobody but staff takes two titles for one."""


@dataclass(frozen=True, slots=True)
class Called:
    """What a title is called, and by whom it is."""

    name: str
    publisher: str | None = None
    author: str | None = None
    edition: str | None = None
    volume: str | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two titles are, and why."""

    score: int
    """Percent."""
    why: tuple[Why, ...]

    @property
    def sure(self) -> bool:
        """Nothing speaks against it."""
        return not AGAINST.intersection(self.why)


def similarity(one: str, other: str) -> float:
    """Trigrams that two folded names have in common, of all that they have: 0 to 1."""
    if one == other:
        return 1.0
    mine, theirs = _trigrams(one), _trigrams(other)
    both = len(mine & theirs)
    return both / (len(mine) + len(theirs) - both) if both else 0.0


@lru_cache(maxsize=4096)
def _trigrams(told: str) -> frozenset[str]:
    """Of each word, two blanks before it and one behind: its beginning weighs more."""
    padded = (f"  {word} " for word in told.split())
    return frozenset(word[at : at + 3] for word in padded for at in range(len(word) - 2))


def alike(one: Called, other: Called) -> Likeness | None:
    """How alike two titles of one kind are; None: something tells them apart, whatever they are called."""
    mine, theirs = naming(one.name), naming(other.name)
    if mine.marks != theirs.marks or _apart(one.volume, other.volume):
        return None
    editions = _edition(one, mine), _edition(other, theirs)
    if _apart(*editions):
        return None
    score = similarity(mine.core, theirs.core)
    why = [Why.SAME_NAME if mine.core == theirs.core else Why.SIMILAR_NAME]
    if mine.rest and theirs.rest:
        of_rest = similarity(mine.rest, theirs.rest)
        score = 0.8 * score + 0.2 * of_rest
        why += [Why.SUBTITLE_DIFFERS] if of_rest < 0.5 else []
    elif mine.rest or theirs.rest:
        score -= 0.02
        why.append(Why.SUBTITLE_MISSING)
    if editions[0] != editions[1] and set(editions) != {None, "1"}:
        why.append(Why.EDITION_UNTOLD)
    if one.author and other.author:
        same = similarity(folded(one.author), folded(other.author)) >= 0.5
        score -= 0.0 if same else 0.1
        why.append(Why.SAME_AUTHOR if same else Why.AUTHOR_DIFFERS)
    if one.publisher and other.publisher:
        same = similarity(folded(one.publisher), folded(other.publisher)) >= 0.5
        why.append(Why.SAME_PUBLISHER if same else Why.PUBLISHER_DIFFERS)
    return Likeness(max(0, int(score * 100)), tuple(why))


def _edition(told: Called, name: Naming) -> str | None:
    """As a number, where one is told; `Second` is 2."""
    if told.edition is None:
        return name.edition
    if found := _FIRST_NUMBER.search(told.edition):
        return found[0]
    words = folded(told.edition).split()
    return next((_ORDINALS[word] for word in words if word in _ORDINALS), " ".join(words) or None)


def _apart(one: str | None, other: str | None) -> bool:
    """Both are told, and differ."""
    return bool(one and other and folded(one) != folded(other))


@dataclass(frozen=True, slots=True)
class Other:
    """A title of the knowledge base whose name is near."""

    title: Title
    called: Called
    numbered: frozenset[tuple[str, str]]
    """Media and namespaces in which it, or its sibling in print, is known by something."""


@dataclass(frozen=True, slots=True)
class Limits:
    """From which likeness on, in percent, something is done about it."""

    ask_from: int | None = 80
    """Staff are asked; None: nobody looks at names."""
    take_from: int | None = None
    """It is taken for the title; None: never."""


@dataclass(frozen=True, slots=True)
class ByName:
    """What a name comes to."""

    title: Title | None = None
    """The only one that is like enough to be taken for it."""
    likeness: Likeness | None = None
    candidates: tuple[tuple[UUID, Likeness], ...] = ()
    """Else those that staff are asked about, the likeliest first."""


def by_name(
    called: Called,
    kind: str,
    names: Iterable[Name],
    others: Sequence[Other],
    *,
    taken: Container[UUID],
    limits: Limits,
) -> ByName:
    """Which title a row may be about of whose `names` nobody has heard.

    A title that has a number where the row has another is none of them: their numbers contradict each other. So is one
    that another row of the list is about (`taken`).
    """
    if limits.ask_from is None:
        return ByName()
    mine = {(name.medium, name.namespace) for name in names}
    found = []
    for other in others:
        if other.title.kind != kind or other.title.id in taken or mine & other.numbered:
            continue
        likeness = alike(called, other.called)
        if likeness is not None and likeness.score >= limits.ask_from:
            found.append((other.title, likeness))
    found.sort(key=lambda pair: (-pair[1].score, not pair[1].sure, str(pair[0].id)))
    if limits.take_from is not None:
        near = [pair for pair in found if pair[1].score >= limits.take_from]
        if len(near) == 1 and near[0][1].sure:
            return ByName(*near[0])
    return ByName(candidates=tuple((title.id, likeness) for title, likeness in found[:ASKED]))
