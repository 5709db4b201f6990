"""Several titles cited as one list: in the order and with the marks that the style gives them. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from catalog.citations.csl import Csl, named
from catalog.citations.styles.offered import STYLES, cited
from catalog.citations.styles.phrases import Phrase, glued
from catalog.citations.styles.source import Source
from catalog.citations.styles.words import words_of

NUMBERED: Final = {
    "vancouver": "{}. ",
    "american-medical-association": "{}. ",
    "ieee": "[{}] ",
    "american-chemical-society": "({}) ",
}
"""How these write a number; their lists are in the order in which titles were cited."""
LETTERED: Final = frozenset(
    {"apa", "chicago-author-date", "harvard-cite-them-right", "iso690-author-date-en"}
)
"""Texts refer to these by name and year, so that a letter tells apart what would look alike."""
Key = tuple[str, ...]


def listed(
    items: Sequence[Csl], style: str, locale: str | None, *, filed: Callable[[str], str]
) -> list[Phrase]:
    """Each item's citation; `style` is one of `STYLES`, `filed` gives words a key that sorts as the library files."""
    assert style in STYLES
    if (form := NUMBERED.get(style)) is not None:
        return [
            glued(form.format(number), cited(each, style, locale)) for number, each in enumerate(items, 1)
        ]
    keys = [(_key(each, style, filed), each) for each in items]
    keys.sort(key=lambda pair: pair[0])
    told = _lettered([each for _, each in keys]) if style in LETTERED else [each for _, each in keys]
    return [cited(each, style, locale) for each in told]


def _key(item: Csl, style: str, filed: Callable[[str], str]) -> Key:
    """By who stands first, then by year where the style tells that next, then by title; what nobody has made files by
    its title among the names."""
    source = Source(item, words_of(None))
    names = [filed(named(each)) for each in source.heads[0]]
    title = filed(str(item["title"]))
    who = "\0".join(names) if names else title
    return (who, f"{source.year:>6}", title) if style in LETTERED else (who, title, f"{source.year:>6}")


def _lettered(items: Sequence[Csl]) -> list[Csl]:
    """With a, b, c … behind the year where names and year are those of a neighbour, too."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, item in enumerate(items):
        source = Source(item, words_of(None))
        names = [named(each) for each in source.heads[0]]
        if source.year and names:
            groups.setdefault((*names, source.year), []).append(place)
    told = list(items)
    for places in groups.values():
        if len(places) > 1:
            for number, place in enumerate(places):
                told[place] = told[place] | {"year-suffix": _letter(number)}
    return told


def _letter(number: int) -> str:
    """a to z, then aa, ab …"""
    more, last = divmod(number, 26)
    return (_letter(more - 1) if more else "") + chr(ord("a") + last)
