"""Words as they are indexed and asked for: the same folding on both sides.

The engine knows no language and no ICU, so it is fed tokens that are folded already: lower case without
diacritics, ligatures and special letters spelled out, CJK in overlapping pairs, Arabic and Hebrew without
vowel points.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_SPECIAL: Final = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ı": "i",
        "ŋ": "ng",
        "ħ": "h",
        "ʼ": "",
        "ʻ": "",
        "ʾ": "",
        "ʿ": "",
        "ʹ": "",
        "ʺ": "",
        "'": "",
        "’": "",
        "‘": "",
        "ـ": "",
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ى": "ي",
        "ة": "ه",
        "ך": "כ",
        "ם": "מ",
        "ן": "נ",
        "ף": "פ",
        "ץ": "צ",
        "ё": "е",
        "ς": "σ",
    }
)
_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0002fa1f"
_TOKEN: Final = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_CJK_RUN: Final = re.compile(rf"^[{_CJK}]")
_SIGNS: Final = (("c++", " cplusplus "), ("c#", " csharp "), ("f#", " fsharp "))
LONGEST_TOKEN: Final = 100


def folded(text: str) -> str:
    """Text without case, diacritics and special letters; words are still separated as they were."""
    low = text.casefold()
    if low.isascii():
        return low.replace("'", "")
    for sign, word in _SIGNS:
        low = low.replace(sign, word)
    stripped = "".join(c for c in unicodedata.normalize("NFKD", low) if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", stripped.translate(_SPECIAL))


def tokens(text: str) -> list[str]:
    """The words of a text as the index holds them."""
    low = folded(text)
    if "#" in low or "++" in low:
        for sign, word in _SIGNS:
            low = low.replace(sign, word)
    found: list[str] = []
    for word in _TOKEN.findall(low):
        if _CJK_RUN.match(word):
            found += [word] if len(word) == 1 else [word[at : at + 2] for at in range(len(word) - 1)]
        else:
            found.append(word[:LONGEST_TOKEN])
    return found


_PLAIN: Final = {
    place: None if char == "'" else char.lower() if char.isalnum() else " "
    for place, char in enumerate(map(chr, range(128)))
}
"""ASCII as `tokens` would have it, without taking the words apart."""


def joined(text: str | None) -> str:
    """Tokens with blanks between: what the engine's whitespace tokenizer takes apart again."""
    if not text:
        return ""
    return _spelled(text) if len(text) <= LONGEST_TOKEN else _spelled_out(text)


def _spelled_out(text: str) -> str:
    if text.isascii() and "#" not in text and "++" not in text:
        words = text.translate(_PLAIN)
        if len(words) <= LONGEST_TOKEN:
            return words.strip()
        return " ".join([word[:LONGEST_TOKEN] for word in words.split()])
    return " ".join(tokens(text))


_spelled: Final = lru_cache(maxsize=20_000)(_spelled_out)
"""Names, places and subjects come again and again."""


def sort_key(text: str | None) -> str:
    """What a list is ordered by: folded words; nothing sorts last."""
    return " ".join(joined(text).split())[:200] or "\uffff"


_NOT_IN_NUMBER: Final = re.compile(r"[^0-9a-z]")


def identifier(text: str) -> str:
    """An identifier in the form it is indexed in: letters and digits alone, an ISBN with 13 digits."""
    bare = text.casefold()
    if not (bare.isascii() and bare.isalnum()):
        bare = _NOT_IN_NUMBER.sub("", bare)
    if len(bare) == 10 and bare[:9].isdigit() and (bare[9].isdigit() or bare[9] == "x"):
        body = "978" + bare[:9]
        check = (10 - sum(int(digit) * (1 if place % 2 == 0 else 3) for place, digit in enumerate(body))) % 10
        return body + str(check)
    return bare
