"""What the pages say, in each of their languages. Names of languages, dates and numbers come from CLDR (Babel)."""

import importlib.resources
from typing import Final

LANGUAGES: Final = {"en": "English", "de": "Deutsch", "fr": "Français"}
"""By tag, in their own words; the first is spoken to whoever asks for none of them."""


def _read() -> dict[str, dict[str, str]]:
    told: dict[str, dict[str, str]] = {name: {} for name in LANGUAGES}
    for line in (
        importlib.resources.files("catalog.pages").joinpath("words.tsv").read_text("utf-8").splitlines()
    ):
        key, *said = line.split("\t")
        for name, words in zip(LANGUAGES, said, strict=True):
            told[name][key] = words
    return told


WORDS: Final = _read()
"""By language and key: a line of `words.tsv` for each key, a column for each language."""


def word(language: str, key: str, **values: str) -> str:
    """A word or sentence; `KeyError` for one that nobody has written."""
    said = WORDS[language][key]
    return said.format(**values) if values else said


def either(language: str, key: str, otherwise: str) -> str:
    """A word, or what stands for it where the data has a value of its own."""
    return WORDS[language].get(key, otherwise)
