"""English titles with capitals, as several styles want them. Titles in other languages stay as they are."""

import re
from typing import Final

_WORDS: Final = """
a about above across after against along among amongst an and around as at before behind below beneath
beside between beyond but by despite down during except for from in inside into like near nor of off on onto or
out over per since so than the through throughout till to toward towards under until up upon v vs via with within
without yet
"""
_SMALL: Final = frozenset(_WORDS.split())
_WORD: Final = re.compile(r"[^\s\-–—/]+")
_OPENING: Final = " \"“‘'(["


def titled(text: str) -> str:
    """Each word with a capital but articles, conjunctions and prepositions that neither begin nor end it.

    A word that has a capital of its own, anywhere, is left alone.
    """
    words = list(_WORD.finditer(text))

    def cased(found: re.Match[str]) -> str:
        word = found[0]
        before = text[max(0, found.start() - 8) : found.start()].rstrip(_OPENING)
        begins = not before or before[-1] in ":?!.—–"
        last = found.start() == words[-1].start()
        bare = word.strip("\"“”‘’'().,;:!?[]")
        if bare.casefold() in _SMALL and not begins and not last:
            return word.replace(bare, bare.lower(), 1) if bare[1:] == bare[1:].lower() else word
        if word != word.lower():
            return word
        at = next((place for place, letter in enumerate(word) if letter.isalnum()), 0)
        return word[:at] + word[at : at + 1].upper() + word[at + 1 :]

    return _WORD.sub(cased, text)
