"""Words as they are indexed and asked for: the same folding on both sides.

The engine knows no language and no ICU, so it is fed tokens that are folded already: lower case without
diacritics, ligatures and special letters spelled out, Arabic and Hebrew without vowel points, digits of every
script as 0 to 9, katakana as hiragana. Scripts that write no spaces (Chinese, Japanese, Korean, Thai, Lao, Burmese,
Khmer, Tibetan) go in overlapping pairs, and the last character of a run by itself, so that any one is found.

No language is named: what Unicode says of a script is enough to search it.
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
        "ґ": "г",
        "ς": "σ",
        "ی": "ي",
        "ک": "ك",
        "װ": "וו",
        "ױ": "וי",
        "ײ": "יי",
        "׳": "",
        "״": "",
    }
    | {
        chr(zero + value): str(value)
        for zero in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x17E0)
        for value in range(10)
    }
    | {chr(katakana): chr(katakana - 0x60) for katakana in range(0x30A1, 0x30F7)}
    | dict.fromkeys(map(chr, (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0xFEFF)), "")
    | dict.fromkeys(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))), "")
)
_CJK: Final = (
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af\U00020000-\U0003ffff"
)
_UNSPACED: Final = rf"{_CJK}\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0f40-\u0fbc\u1000-\u103f\u1780-\u17d3"
_SIGNS_IN_WORDS: Final = "\u0900-\u0963\u0966-\u0dff"
"""Vowel signs of India's scripts are no letters to Unicode, and part of their words."""
_TOKEN: Final = re.compile(rf"[{_UNSPACED}]+|(?:[^\W_{_UNSPACED}]|[{_SIGNS_IN_WORDS}])+")
_RUN: Final = re.compile(rf"^[{_UNSPACED}]")
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


def words(text: str) -> list[str]:
    """The words of a text, folded, and the runs of scripts that write no spaces."""
    low = folded(text)
    if "#" in low or "++" in low:
        for sign, word in _SIGNS:
            low = low.replace(sign, word)
    return [word[:LONGEST_TOKEN] if not unspaced(word) else word for word in _TOKEN.findall(low)]


def unspaced(word: str) -> bool:
    """Whether a word is in a script that writes no spaces."""
    return not word.isascii() and _RUN.match(word) is not None


def tokens(text: str) -> list[str]:
    """The words of a text as the index holds them."""
    found: list[str] = []
    for word in words(text):
        if unspaced(word):
            found += [word[at : at + 2] for at in range(len(word))]
        else:
            found.append(word)
    return found


def asked_tokens(text: str) -> tuple[list[str], bool]:
    """The words of a text as they are asked for, and whether the last one may go on.

    A run may go on where the text ends, so its last character is not asked for by itself; a character alone is found
    wherever a pair begins with it.
    """
    found = tokens(text)
    if not found or not unspaced(found[-1]) or len(found[-1]) > 1:
        return found, False
    runs = words(text)
    return (found, True) if len(runs[-1]) == 1 else (found[:-1], False)


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
