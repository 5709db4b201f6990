"""The styles there are, by the names that CSL's repository gives them, and a citation in one of them."""

from collections.abc import Callable, Mapping
from typing import Final

from catalog.citations.csl import Csl
from catalog.citations.styles.author_date import apa, chicago_author_date, harvard, iso690
from catalog.citations.styles.by_title import chicago_notes, din1505, mla
from catalog.citations.styles.numbered import acs, ama, ieee, vancouver
from catalog.citations.styles.phrases import Phrase, marked, plain
from catalog.citations.styles.source import Source
from catalog.citations.styles.words import words_of

STYLES: Final[Mapping[str, tuple[str, Callable[[Source], Phrase]]]] = {
    "apa": ("APA", apa),
    "modern-language-association": ("MLA", mla),
    "chicago-author-date": ("Chicago (author-date)", chicago_author_date),
    "chicago-notes-bibliography": ("Chicago (notes)", chicago_notes),
    "harvard-cite-them-right": ("Harvard", harvard),
    "vancouver": ("Vancouver", vancouver),
    "ieee": ("IEEE", ieee),
    "iso690-author-date-en": ("ISO 690", iso690),
    "din-1505-2": ("DIN 1505-2", din1505),
    "american-chemical-society": ("ACS", acs),
    "american-medical-association": ("AMA", ama),
}
"""What each is called, and what makes it. A list's numbers are the list's, so none is told."""
ALIASES: Final = {
    "mla": "modern-language-association",
    "chicago": "chicago-author-date",
    "chicago-fullnote-bibliography": "chicago-notes-bibliography",
    "chicago-note-bibliography": "chicago-notes-bibliography",
    "harvard": "harvard-cite-them-right",
    "harvard1": "harvard-cite-them-right",
    "nlm-citation-sequence": "vancouver",
    "iso690": "iso690-author-date-en",
    "iso690-author-date": "iso690-author-date-en",
    "din1505": "din-1505-2",
    "acs": "american-chemical-society",
    "ama": "american-medical-association",
}
USUAL: Final = "apa"


def style_named(told: str | None) -> str | None:
    """A style's own name; the usual one where none is asked for, None where there is none of this name."""
    asked = (told or USUAL).strip().casefold()
    asked = ALIASES.get(asked, asked)
    return asked if asked in STYLES else None


def cited(item: Csl, style: str, locale: str | None = None) -> Phrase:
    """An item in a style; `style` is one of `STYLES`."""
    if locale is None and style == "din-1505-2":
        locale = "de-DE"
    return STYLES[style][1](Source(item, words_of(locale)))


def text(item: Csl, style: str, locale: str | None = None) -> str:
    """The same as plain text on one line."""
    return plain(cited(item, style, locale))


def html(item: Csl, style: str, locale: str | None = None) -> str:
    """The same as HTML within a paragraph."""
    return marked(cited(item, style, locale))


def every(item: Csl, locale: str) -> list[tuple[str, str]]:
    """What each style is called, and the item in it as HTML."""
    return [(name, html(item, style, locale)) for style, (name, _) in STYLES.items()]
