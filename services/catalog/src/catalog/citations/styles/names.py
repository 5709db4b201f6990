"""Names in a row, as a style wants them: turned round, with initials, with so many of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog.citations.styles.phrases import Phrase, glued, italic, said
from catalog.citations.styles.words import Words

Name = dict[str, str]
_FAMILY_FIRST: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
"""Kana, Han and Hangul: there the family name comes first and nothing stands between it and the given one."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a style tells who."""

    turned: str = "all"
    """Which names begin with the family: `all`, `first`, `none`."""
    initials: str | None = ". "
    """What stands behind an initial; None: given names are written out."""
    hyphen: bool = True
    """J.-P. for Jean-Paul, else JP."""
    comma: str = ", "
    """Between family and given name."""
    between: str = ", "
    last: str | None = "and"
    """Before the last one: a word, `&`, or None for nothing of the kind."""
    serial: str = "many"
    """When a comma stands before it: `many` (of three and more), `always`, `never`."""
    most: int = 99
    first: int = 1
    """Beyond `most` names the first so many are told."""
    et_al: str = ", "
    """What stands before "et al."."""
    slanted: bool = False
    """"et al." in italics."""
    ellipsis: bool = False
    """The last one is told as well, behind three dots."""
    upper: bool = False
    """Family names in capitals."""
    scripts: bool = False
    """A name's own script stands behind its transcription."""


def listed(names: Sequence[Name], manner: Manner, words: Words) -> Phrase:
    """All of them, or the first ones and "et al."."""
    if len(names) > manner.most:
        kept = [_one(name, manner, at) for at, name in enumerate(names[: manner.first])]
        told = manner.between.join(kept)
        if manner.ellipsis:
            return said(f"{told}{manner.between}… {_one(names[-1], manner, 1)}")
        others = words("et-al")
        return glued(told, manner.et_al, italic(others) if manner.slanted else others)
    kept = [_one(name, manner, at) for at, name in enumerate(names)]
    if len(kept) < 2 or manner.last is None:
        return said(manner.between.join(kept))
    comma = manner.serial == "always" or (manner.serial == "many" and len(kept) > 2)
    link = "&" if manner.last == "&" else words(manner.last)
    return said(manner.between.join(kept[:-1]) + (manner.between if comma else " ") + f"{link} {kept[-1]}")


def _one(name: Name, manner: Manner, at: int) -> str:
    original = f" {name['original']}" if manner.scripts and "original" in name else ""
    return _transcribed(name, manner, at) + original


def _transcribed(name: Name, manner: Manner, at: int) -> str:
    if "literal" in name:
        return name["literal"].upper() if manner.upper else name["literal"]
    family, given = name["family"], name["given"]
    if _FAMILY_FIRST.search(family):
        return family + given
    if manner.upper:
        family = family.upper()
    if manner.initials is not None:
        given = initials(given, manner.initials, hyphen=manner.hyphen)
    if manner.turned == "all" or (manner.turned == "first" and at == 0):
        return f"{family}{manner.comma}{given}"
    return f"{given} {family}"


def initials(given: str, behind: str, *, hyphen: bool) -> str:
    """`Henry David` as `H. D.`, `H.D.` or `HD`; a particle stays (`Vincent van`: `V. van`)."""
    letters: list[str] = []
    particles: list[str] = []
    for word in re.split(r"\s+|(?<=\.)(?=\w)", given):
        if not word:
            continue
        if word[:1].islower():
            particles.append(word)
            continue
        parts = [part[:1].upper() for part in word.split("-") if part[:1].isalpha()]
        dot = behind.strip()
        if parts:
            letters.append((f"{dot}-" if hyphen else "").join(parts) + dot)
    told = (" " if behind.endswith(" ") else "").join(letters)
    return " ".join(filter(None, (told, *particles)))
