"""The words that a citation adds, in the languages of the pages."""

import re
from dataclasses import dataclass
from typing import Final

from catalog.citations.styles.phrases import Phrase, glued

_LANGUAGES: Final = ("en", "de", "fr")
_ROWS: Final = """
and|and|und|et
et-al|et al.|u. a.|et al.
no-date|n.d.|o. J.|s. d.
no-date-long|no date|ohne Datum|sans date
ed.|ed.|Hrsg.|éd.
eds.|eds.|Hrsg.|éd.
editor|editor|Herausgeber|éditeur
editors|editors|Herausgeber|éditeurs
trans.|trans.|Übers.|trad.
translator|translator|Übersetzer|traducteur
translators|translators|Übersetzer|traducteurs
translated-by|translated by|übersetzt von|traduit par
edited-by|edited by|herausgegeben von|édité par
directed-by|directed by|unter der Regie von|réalisé par
director|director|Regisseur|réalisateur
dir.|dir.|Reg.|réal.
in|in|in|in
available-at|available at|verfügbar unter|disponible sur
available-from|available from|verfügbar unter|disponible sur
available|available|verfügbar unter|disponible sur
online|online|online|en ligne
internet|Internet|Internet|Internet
vol.|vol.|Bd.|vol.
no.|no.|Nr.|no
p.|p.|S.|p.
pp.|pp.|S.|p.
map|map|Karte|carte
musical_score|musical score|Noten|partition
motion_picture|film|Film|film
song|audio recording|Tonaufnahme|enregistrement sonore
graphic|picture|Bild|image
software|computer software|Software|logiciel
"""
"""Key, English, German, French."""
_TABLE: Final = {
    language: {row.split("|")[0]: row.split("|")[place] for row in _ROWS.split("\n") if row}
    for place, language in enumerate(_LANGUAGES, 1)
}
_QUOTES: Final = {"en-US": "“”", "en-GB": "‘’", "de-DE": "„“", "fr-FR": ("« ", " »")}
LOCALES: Final = tuple(_QUOTES)
"""The languages in which a citation is to be had; the first where none is asked for."""
_EDITION: Final = re.compile(
    r"\[?(\d{1,3})(?:st|nd|rd|th|d|e|ème|a|ª|\.)?[\s.-]*"
    r"(?:ed(?:\.|n\.?|ition|itio|\. )?|Aufl(?:\.|age)|éd(?:\.|ition)|ed(?:\.|izione|ición))\]?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Words:
    """A locale's words."""

    locale: str

    def __call__(self, key: str) -> str:
        return _TABLE[self.locale[:2]][key]

    def edition(self, told: str | None) -> str | None:
        """An edition that only has a number in the locale's words; any other statement as the record has it."""
        found = _EDITION.fullmatch((told or "").strip())
        if told is None or (found is None and not (told.isascii() and told.isdigit())):
            return told
        number = int(found[1] if found else told)
        if self.locale.startswith("de"):
            return f"{number}. Aufl."
        if self.locale.startswith("fr"):
            return f"{number}{'re' if number == 1 else 'e'} éd."
        tail = (
            {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number % 100 not in (11, 12, 13) else "th"
        )
        return f"{number}{tail} ed."

    def quoted(self, phrase: Phrase, mark: str = "") -> Phrase:
        """In quotation marks; a mark behind it stands within where American typesetters put it."""
        before, behind = _QUOTES[self.locale]
        ends = phrase[-1].text[-1:] if phrase else ""
        kept = "" if ends in "?!." and mark in (".", ",") and ends else mark
        if self.locale == "en-US" and kept in (".", ","):
            return glued(before, phrase, kept, behind)
        return glued(before, phrase, behind, kept)


def words_of(locale: str | None) -> Words:
    """Those of the locale, or of its language (`de-AT`: `de-DE`); English where nothing fits."""
    asked = (locale or "").strip().replace("_", "-").casefold()
    for each in LOCALES:
        if each.casefold() == asked:
            return Words(each)
    language = asked.partition("-")[0]
    return Words(next((each for each in LOCALES if each[:2] == language), LOCALES[0]))
