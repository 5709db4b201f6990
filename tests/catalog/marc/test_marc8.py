"""MARC-8, after the Library of Congress's specification."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.marc import marc8
from support.marc_records import TEXTS


@pytest.mark.parametrize(
    ("coded", "text"),
    [
        (b"", ""),
        (b"plain", "plain"),
        (b"caf\xe2e", "café"),
        (b"\xe8u\xe8O", "üÖ"),
        (b"e\xe3\xe2e", "ee\u0302\u0301"),
        (b"\xb2re", "øre"),
        (b"\xa1\xe2od\xb1z", "Łódłz"),
        (b"\xebi\xeca", "i\ufe20a\ufe21"),
        (b"\xe2\xbc", "ớ"),
        (b"\x88The \x89Title", "\x98The \x9cTitle"),
        (b"H\x1bb2\x1bsO", "H₂O"),
        (b"x\x1bp2\x1bs + y", "x² + y"),
        (b"\x1bga\x1bs-rays", "α-rays"),
        (b"\x1b(NlNSTK\x1b(B.", "Лнстк."),
        (b"\x1b)Q\x1b(N[\x1b(B", "ш"),
        (b"\x1b)N\xcc\x1b)!E\xe2e", "лé"),
        (b"\x1b(2`\x1b(B", "א"),
        (b"\x1b(3G\x1b(B", "ا"),
        (b"\x1b$1!0!\x1b(B", "一"),
        (b"\x1b$,1!0!!0!\x1bs a", "一一 a"),
        (b"5 &#x20AC; or &#x1D11E;", "5 € or 𝄞"),
        (b"\xe2&#x03B1;", "ά"),
        (b"&#x26;#x20AC;", "&#x20AC;"),
        (b"&#xD800; &#x41; &#xZZ;", "&#xD800; &#x41; &#xZZ;"),
    ],
)
def test_marc8_reads_as_unicode(coded: bytes, text: str) -> None:
    assert marc8.decode(coded) == (unicodedata.normalize("NFC", text), 0)


@pytest.mark.parametrize(
    "coded",
    [
        b"caf\xe2",  # a mark, and no letter
        b"\xff",
        b"\x80",
        b"a\x1b",  # an escape into nothing
        b"a\x1b(\x7f",
        b"\x1b$1!0",  # two thirds of a character
        b"\x1b$1\x7e\x7e\x7e\x1b(B",
        b"\x1b(N\xff\x1b(B",
    ],
)
def test_bytes_without_meaning_are_counted_and_shown(coded: bytes) -> None:
    text, bad = marc8.decode(coded)

    assert bad > 0
    assert "\ufffd" in text


@pytest.mark.parametrize(
    ("text", "coded"),
    [
        ("plain", b"plain"),
        ("café", b"caf\xe2e"),
        ("Łódź", b"\xa1\xe2od\xe2z"),
        ("Жук.", b"\x1b(Nv\x55K\x1b(B."),
        ("一", b"\x1b$1!0!\x1b(B"),
        ("H₂O", b"H\x1bb2\x1b(BO"),
        ("€", b"\xc8"),
        ("𝄞", b"&#x1D11E;"),
        ("&#x20AC;", b"&#x26;#x20AC;"),
    ],
)
def test_unicode_is_written_as_marc8(text: str, coded: bytes) -> None:
    assert marc8.encode(text) == coded


@given(TEXTS)
def test_all_text_survives_marc8(text: str) -> None:
    assert marc8.decode(marc8.encode(text)) == (text, 0)


@given(st.binary(max_size=60))
def test_any_bytes_read_as_something(coded: bytes) -> None:
    text, _ = marc8.decode(coded)

    assert unicodedata.is_normalized("NFC", text)
    assert all(not 0x80 <= ord(char) < 0x98 for char in text)


@given(st.binary(max_size=60).filter(lambda coded: b"\x1b" not in coded and b"&#x" not in coded))
def test_the_quick_way_and_the_careful_way_agree(coded: bytes) -> None:
    quick, bad_quick = marc8.decode_plain(coded)
    careful, bad_careful = marc8._decode_escaped(coded)

    assert (bad_quick > 0) == (bad_careful > 0)
    if not bad_quick:
        assert unicodedata.normalize("NFC", quick) == unicodedata.normalize("NFC", careful)
