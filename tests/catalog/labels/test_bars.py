"""Bars say what they are to say: read back, and as others draw them."""

import random
import string

import pytest

from catalog.labels.bars import Symbology, Unsayable, code_39, code_128, widths
from support.bars import read_39, read_128

PJJ123C = "2112143131211121331121331232212232112211321313213113212331112"
"""As other makers' readers read it: zxing-cpp read this and four hundred texts of each kind once."""


@pytest.mark.parametrize("seed", range(20))
def test_any_text_is_read_back_from_its_bars(seed: int) -> None:
    drawn = random.Random(seed)
    for alphabet, symbology, read in (
        ("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%", Symbology.CODE_39, read_39),
        (string.digits, Symbology.CODE_128, read_128),
        (string.digits + "Ab", Symbology.CODE_128, read_128),
        ("".join(map(chr, range(32, 127))), Symbology.CODE_128, read_128),
    ):
        text = "".join(drawn.choice(alphabet) for _ in range(drawn.randint(1, 20)))
        modules = widths(text, symbology)
        found = read(modules)
        assert (found.strip("*") if symbology is Symbology.CODE_39 else found) == text
        assert len(modules) % 2 == 1


def test_published_examples_are_drawn_as_published() -> None:
    assert read_39(code_39("CODE39", checked=True)) == "*CODE39W*"
    assert read_39(code_39("1A", checked=True)) == "*1AB*"
    assert "".join(map(str, code_128("PJJ123C"))) == PJJ123C


def test_a_barcode_of_digits_takes_half_the_room_by_pairs() -> None:
    assert sum(code_128("30117000012345")) == 11 * 9 + 13
    assert sum(code_128("3011700001234")) <= 11 * 11 + 13


@pytest.mark.parametrize(
    ("text", "symbology"),
    [
        ("abc", Symbology.CODE_39),
        ("", Symbology.CODE_39),
        ("é", Symbology.CODE_128),
        ("a\n", Symbology.CODE_128),
    ],
)
def test_what_a_symbology_cannot_say_is_refused(text: str, symbology: Symbology) -> None:
    with pytest.raises(Unsayable):
        widths(text, symbology)
