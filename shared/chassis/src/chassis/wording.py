"""What pages say, in each of their languages: a line of `words.tsv` for each key, a column for each language."""

import importlib.resources
from collections.abc import Iterable, Mapping
from typing import Final

LANGUAGES: Final = {"en": "English", "de": "Deutsch", "fr": "Français"}
"""By tag, in their own words; the first is spoken to whoever asks for none of them."""


class Wording:
    """The words of one package's pages."""

    def __init__(self, package: str) -> None:
        self.by_language: dict[str, dict[str, str]] = {name: {} for name in LANGUAGES}
        lines = importlib.resources.files(package).joinpath("words.tsv").read_text("utf-8").splitlines()
        for key, *said in (line.split("\t") for line in lines):
            for name, words in zip(LANGUAGES, said, strict=True):
                self.by_language[name][key] = words

    def word(self, language: str, key: str, values: Mapping[str, str] | None = None) -> str:
        """A word or sentence; `KeyError` for one that nobody has written."""
        said = self.by_language[language][key]
        return said.format(**values) if values else said

    def either(self, language: str, key: str, otherwise: str) -> str:
        """A word, or what stands for it where the data has a value of its own."""
        return self.by_language[language].get(key, otherwise)


def language_wanted(asked: str | None, accept: str | None, known: Iterable[str] = LANGUAGES) -> str:
    """The page's language: as asked for, else the one the browser likes best (RFC 9110 §12.5.4), else the first."""
    offers = tuple(known)
    if asked in offers and asked is not None:
        return asked
    best, liked = offers[0], 0.0
    for part in (accept or "")[:1000].split(","):
        told, _, weight = part.partition(";")
        primary = told.strip().lower().partition("-")[0]
        if primary in offers and (quality := _quality(weight)) > liked:
            best, liked = primary, quality
    return best


def _quality(parameter: str) -> float:
    told = parameter.strip().lower().removeprefix("q=")
    try:
        return min(max(float(told), 0.0), 1.0) if told else 1.0
    except ValueError:
        return 0.0
