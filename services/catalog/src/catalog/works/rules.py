"""Which titles are of one work: by the address of the work, or by who made it and what it is called. Pure."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from catalog.citations.text import clean
from catalog.linked.headings import authority
from catalog.marc.record import Field, Record
from catalog.search.folding import joined

MOST_KEYS: Final = 20
MOST_CONTAINED: Final = 200
"""Works of a collection that are told of."""
_UNIFORM: Final = "amnprk"
"""What of 130 or 240 is the work's own: without language ($l), date ($f), version ($s) and form of sound ($h, $o)."""
_GENERIC: Final = """
correspondence|essays|letters|novels|plays|poems|prose|prose works|selections|selected works|short stories|speeches
works
briefe|gedichte|oeuvres|werke
"""
_COLLECTED: Final = frozenset(_GENERIC.replace("\n", "|").split("|"))
"""Titles of collections that are made anew each time: one author's "Works" are no one work."""
_CLASSES: Final = dict.fromkeys("atim", "t") | dict.fromkeys("cdj", "n")
"""By leader/06: texts, also spoken; music, also printed. Anything else shares a work with its own kind alone."""


def work_keys(record: Record) -> list[str]:
    """What this title has in common with others of its work: each key alone is enough. None: it stands for itself."""
    uniform = next((each for each in record.fields("130", "240") if not each.is_control), None)
    addressed = ([uniform] if uniform is not None else []) + _resources(record)
    addresses = [found.iri for field in addressed if (found := authority(field)) is not None]
    kind = _kind(record)
    who = _who(record)
    names = [_words(uniform, _UNIFORM)] if uniform is not None else []
    names = [each for each in names if each not in _COLLECTED]
    serial = record.leader[7:8] in ("b", "i", "s")
    if not names and who and not serial and (title := record.first("245")) is not None:
        names = [_words(title, "anp")]
    if (original := record.first("765")) is not None and not original.is_control:
        names.append(_folded(clean(original.get("s") or original.get("t"))))
    anonymous = uniform is not None and uniform.tag == "130"
    told = [f"uri:{_digest(each)}" for each in addresses]
    told += [_by_name(kind, who, name) for name in names if name and (who or anonymous)]
    return list(dict.fromkeys(told))[:MOST_KEYS]


@dataclass(frozen=True, slots=True)
class Contained:
    """A work that is part of a collection, as the collection's record names it."""

    author: str | None
    title: str
    keys: tuple[str, ...]
    """What titles of this work have as their `work_keys`."""


def contained(record: Record) -> list[Contained]:
    """The works that a record says are in it: names with titles and uniform titles (700 to 730) whose second indicator
    or $i says so. Others that it names are related, or are what it is made after."""
    kind, found = _kind(record), []
    for field in record.fields("700", "710", "711", "730"):
        if field.is_control or not (field.ind2 == "2" or _says_contains(field)):
            continue
        codes = [code for code, _ in field.subfields]
        start = "a" if field.tag == "730" else "t"
        if start not in codes:
            continue
        parts = field.subfields[codes.index(start) :]
        title = " ".join(value for code, value in parts if code in start + "mnprk")
        who = "" if field.tag == "730" else " ".join(field.all("ab" if field.tag == "710" else "a"))
        if not (shown := clean(title)):
            continue
        name = _folded(_filed(title, field.ind1) if field.tag == "730" else title)
        keys = [f"uri:{_digest(at.iri)}"] if (at := authority(field)) is not None else []
        if name and name not in _COLLECTED and (field.tag == "730" or _folded(who)):
            keys.append(_by_name(kind, _folded(clean(who)), name))
        found.append(Contained(clean(who) or None, shown, tuple(keys)))
    return list({(each.author, each.title): each for each in found}.values())[:MOST_CONTAINED]


def _says_contains(field: Field) -> bool:
    return any(
        text.strip().casefold().startswith(("contains", "container of", "enthält")) for text in field.all("i")
    )


def _kind(record: Record) -> str:
    return _CLASSES.get(record.leader[6:7], record.leader[6:7] or "-")


def _by_name(kind: str, who: str, name: str) -> str:
    return f"name:{_digest(f'{kind}|{who}|{name}')}"


def _resources(record: Record) -> list[Field]:
    """Addresses of the work in 758 (resource identifier); those that are said to be of something else are left out."""
    found = []
    for field in record.fields("758"):
        said = " ".join([*field.all("i"), *field.all("4")]).casefold()
        if not field.is_control and (not said or "work" in said or "p10231" in said):
            found.append(field)
    return found


def _who(record: Record) -> str:
    field = next((each for each in record.fields("100", "110", "111") if not each.is_control), None)
    return (
        _folded(clean(" ".join(field.all("ab" if field.tag == "110" else "a")))) if field is not None else ""
    )


def _words(field: Field, codes: str) -> str:
    """A title as it is compared: folded words, without the article that it is filed without."""
    parts = field.all(codes)
    if not parts:
        return ""
    parts[0] = _filed(parts[0], field.ind1 if field.tag == "130" else field.ind2)
    return _folded(" ".join(parts))


def _filed(text: str, skipped: str) -> str:
    """A text without the characters that an indicator counts."""
    skip = int(skipped) if skipped.isascii() and skipped.isdigit() else 0
    return text[skip:] if skip < len(text) else text


def _folded(text: str) -> str:
    return " ".join(joined(text).split())


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=12).hexdigest()


def components(members: Mapping[UUID, Sequence[str]], together: Set[str]) -> list[set[UUID]]:
    """The groups that titles fall into by their keys, the one of the eldest first.

    Keys in `together` are one: staff have said that they are of one work.
    """
    group: dict[str, set[UUID]] = {}
    loose: list[set[UUID]] = []
    for title_id in sorted(members):
        own = {title_id}
        names = {"together" if key in together else key for key in members[title_id]}
        for name in names:
            own |= group.get(name, set())
        if not names:
            loose.append(own)
            continue
        reached = names | {name for name, held in group.items() if held & own}
        for name in reached:
            group[name] = own
    found = list({id(each): each for each in group.values()}.values()) + loose
    return sorted(found, key=min)


def parted(
    members: Mapping[UUID, Sequence[str]], brought: Set[UUID], *, ours: Set[str], theirs: Set[str]
) -> tuple[set[UUID], set[UUID]]:
    """Which of a work's titles leave with a work that is taken out of it again, and which would be of both.

    They go by their keys, those that one had or that the other had when they were merged; a title of neither goes with
    those that it shares keys with, and with what brought it where it shares none.
    """
    leaving: set[UUID] = set()
    torn: set[UUID] = set()
    for group in components(members, frozenset()):
        stay = {each for each in group if ours & set(members[each])}
        go = {each for each in group if theirs & set(members[each])}
        if stay and go:
            torn |= (stay & go) or group
        elif go or (not stay and group & brought):
            leaving |= group
    return leaving, torn
