"""Folding is quick by tables: each of its ways says what the plain definition says, letter by letter and in texts."""

import random
import unicodedata
from itertools import chain

import pytest

from catalog.search.filing import Filing
from catalog.search.folding import SPECIAL, folded, identifier, joined, latin, tokens, words

BLOCKS = (
    *((0x20, 0x7F),) * 3,
    *((0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE00), (0xE00, 0x1100)),
    *(
        (0x1100, 0x1200),
        (0x1E00, 0x2070),
        (0x2100, 0x2150),
        (0x3040, 0x3100),
        (0xAC00, 0xAD00),
        (0x4E00, 0x4F00),
    ),
    *((0xFF00, 0xFFF0), (0x1D400, 0x1D500)),
)
"""Ranges of Unicode that are drawn from: ASCII the oftenest."""
PIECES = ("c++", "C#", "f#", "＋＋", "＃", "'", "\u0301", " ", "_", "e\u0301", "ー", "١٢")


def drawn(count: int) -> list[str]:
    """Texts of letters of one or two scripts with whatever makes trouble in between."""
    chance = random.Random(7)
    found = []
    for _ in range(count):
        blocks = chance.sample(BLOCKS, 2)
        text = "".join(
            chr(chance.randrange(*chance.choice(blocks))) if chance.random() < 0.9 else chance.choice(PIECES)
            for _ in range(chance.randrange(1, 14))
        )
        found.append(text * 20 if chance.random() < 0.03 else text)
    return found


TEXTS = drawn(20_000)
LETTERS = [
    chr(place) for place in chain(range(0x3100), range(0x3100, 0x30000, 41)) if not 0xD800 <= place < 0xE000
]


def by_definition(text: str) -> str:
    """What `folded` stands for, step after step over the whole text."""
    low = text.casefold()
    if not low.isascii():
        for sign, word in (("c++", " cplusplus "), ("c#", " csharp "), ("f#", " fsharp ")):
            low = low.replace(sign, word)
    stripped = "".join(each for each in unicodedata.normalize("NFKD", low) if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", stripped.translate(SPECIAL))


@pytest.mark.parametrize("texts", [LETTERS, TEXTS], ids=["letters", "texts"])
def test_marks_go_letter_by_letter_as_they_go_from_whole_texts(texts: list[str]) -> None:
    assert [each for each in texts if folded(each) != by_definition(each)] == []


@pytest.mark.parametrize("texts", [LETTERS, TEXTS], ids=["letters", "texts"])
def test_what_is_indexed_is_the_tokens_that_are_asked_for(texts: list[str]) -> None:
    assert [each for each in texts if joined(each).split() != tokens(each)] == []


@pytest.mark.parametrize("texts", [LETTERS, TEXTS], ids=["letters", "texts"])
def test_the_quick_way_is_taken_only_where_all_becomes_ascii(texts: list[str]) -> None:
    quick = [(each, found) for each in texts if (found := latin(each)) is not None]

    assert len(quick) > len(texts) / 40
    assert [each for each, found in quick if found.split() != words(each)] == []
    assert not [
        each
        for each in texts
        if latin(each) is None and each.isascii() and "#" not in each and "++" not in each
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Müller, Ännchen -- 9 Lieder", "muller annchen 19 lieder"),
        ("Vol. 10", "vol 210"),
        ("Catch-22", "catch 222"),
        ("C++ primer", "cplusplus primer"),
        ("L'Été", "lete"),
        ("Война 2", "воина 12"),
        ("...", ""),
    ],
)
def test_a_key_is_of_words_and_of_numbers_by_their_value(text: str, key: str) -> None:
    assert Filing().key(text) == key


@pytest.mark.parametrize(
    ("text", "indexed"),
    [
        ("0-306-40615-2", "9780306406157"),
        ("080442957X", "9780804429573"),
        ("0804429570x", "0804429570x"),
        ("0000000000", "9780000000002"),
        ("99-9999999-X", "9789999999991"),
        ("978-0-306-40615-7", "9780306406157"),
        ("QA76.73 .P98", "qa7673p98"),
        ("Ä 12/3", "123"),
        ("ſ1", "s1"),
        ("", ""),
        ("--", ""),
    ],
)
def test_an_identifier_is_its_letters_and_digits_and_an_isbn_has_thirteen(text: str, indexed: str) -> None:
    assert identifier(text) == indexed
