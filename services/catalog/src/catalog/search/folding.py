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
from operator import mul
from typing import Final

SPECIAL: Final = str.maketrans(
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
LETTERS_KEPT: Final = 30_000
"""Of so many letters, in the order of their coming, it is remembered what becomes of them: some megabytes."""


def _without_marks(text: str) -> str:
    """Compatibility forms as what they stand for, without diacritics, special letters spelled out; still decomposed."""
    return "".join(
        [each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each)]
    ).translate(SPECIAL)


class _Letters(dict[int, str]):
    """Letters that were met, and what becomes of them. That can be said of each by itself: what depends on its
    neighbours is the order of marks, which go, and how what is left is composed, which comes after."""

    def __missing__(self, place: int) -> str:
        found = _without_marks(chr(place))
        if len(self) < LETTERS_KEPT:
            self[place] = found
        return found


_FOLDED: Final = _Letters()


def folded(text: str) -> str:
    """Text without case, diacritics and special letters; words are still separated as they were."""
    low = text.casefold()
    if low.isascii():
        return low.replace("'", "")
    if "#" in low or "++" in low:
        for sign, word in _SIGNS:
            low = low.replace(sign, word)
    return unicodedata.normalize("NFC", low.translate(_FOLDED))


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


_PLAIN: Final = bytes(ord(char.lower()) if char.isalnum() else 32 for char in map(chr, range(128))) + bytes(
    128
)
"""ASCII as `tokens` would have it, without taking the words apart."""
_BESIDE: Final = "\x80"
"""Stands for a letter that does not become ASCII."""


class _Spelled(dict[int, str]):
    """The same of other letters that were met, where `tokens` has ASCII for them."""

    def __missing__(self, place: int) -> str:
        found = folded(chr(place))
        if not found.isascii() or not {"#", "+"}.isdisjoint(found):
            found = _BESIDE
        else:
            found = "".join([each if each.isalnum() else " " for each in found])
        if len(self) < LETTERS_KEPT:
            self[place] = found
        return found


_SPELLED: Final = _Spelled({ord("'"): "", ord("#"): " ", ord("+"): " "})


def joined(text: str | None) -> str:
    """Tokens with blanks between: what the engine's whitespace tokenizer takes apart again."""
    if not text:
        return ""
    return spelled(text) if text.isascii() or len(text) > LONGEST_TOKEN else _remembered(text)


def spelled(text: str) -> str:
    """The same without remembering it."""
    found = latin(text)
    return found if found is not None else " ".join(tokens(text))


def latin(text: str) -> str | None:
    """The same where all of it becomes ASCII, in a fifth of the time; None elsewhere, and for signs such as `c++`."""
    if "#" in text or "++" in text:
        return None
    if text.isascii():
        found = text.encode().translate(_PLAIN, b"'").decode()
    else:
        found = text.translate(_SPELLED)
        if not found.isascii():
            return None
    if len(found) <= LONGEST_TOKEN:
        return found.strip()
    return " ".join([word[:LONGEST_TOKEN] for word in found.split()])


_remembered: Final = lru_cache(maxsize=20_000)(spelled)
"""Names, places and subjects come again and again. To remember ASCII would take longer than to spell it."""


_NOT_IN_NUMBER: Final = re.compile(r"[^0-9a-z]")
_NO_LETTERS: Final = bytes(place for place in range(128) if not chr(place).isalnum())
_WEIGHTS: Final = (3, 1, 3, 1, 3, 1, 3, 1, 3)
_OF_978: Final = 9 + 3 * 7 + 8
"""What stands before an ISBN of ten digits adds to the sum that its last digit makes divisible by ten."""


def identifier(text: str) -> str:
    """An identifier in the form it is indexed in: letters and digits alone, an ISBN with 13 digits."""
    bare = text.casefold()
    if not bare.isascii():
        bare = _NOT_IN_NUMBER.sub("", bare)
    elif not bare.isalnum():
        bare = bare.encode().translate(None, _NO_LETTERS).decode()
    if len(bare) == 10 and (bare.isdigit() or (bare[9] == "x" and bare[:9].isdigit())):
        counted = _OF_978 + sum(map(mul, map(int, bare[:9]), _WEIGHTS))
        return f"978{bare[:9]}{-counted % 10}"
    return bare
