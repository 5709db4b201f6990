"""Shelves in order, after real call numbers."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.callnumbers.rules import Scheme, guessed, place_before, shelf_end, shelving_key

SHELVES = {
    Scheme.LC: (
        "A1",
        "AB5 .C6",
        "B3318.A7 D4 1998",
        "BX9 .A1",
        "HF5415.13 .K6 2000",
        "PN1 .A5",
        "PN2 .A5",
        "PN2.5 .A5",
        "PN10 .A5",
        "PN1992.8 .S4 R9",
        "PN1992.8 .S4 R95",
        "PN1992.8 .S42 A1",
        "PS3048 .A1",
        "PS3048 .A1 1854",
        "PS3048 .A1 1971",
        "PS3048 .A1 1971 v.2",
        "PS3048 .A1 1971 v.10",
        "PS3048 .A1 B3",
        "PS3048 .A15",
        "PS3048 .A2a",
        "PS3048 .A23",
        "PS3048.5 .A1",
        "Q1 .S3",
        "QA76 .B2",
        "QA76.73.J38 S58",
        "QA76.73.P98 B4",
        "QA76.9 .D3 C67 2004",
        "QA760 .A1",
        "Z7164.L1 U5",
    ),
    Scheme.DEWEY: (
        "001.42 K39",
        "025 C3",
        "025.4 C3",
        "025.431 D5",
        "025.5 A1",
        "025.5 A1 v.2",
        "025.5 A1 v.10",
        "025.50973 A1",
        "364.1523 C17i",
        "364.1523 C172",
        "813.54 H3",
        "813.54 H37",
        "813.6",
    ),
    Scheme.NLM: (
        "QS 4 G7",
        "QS 17 A2",
        "QV 55 A1",
        "QZ 200 C2 1999",
        "W 1 AM4",
        "W 61 B5",
        "WB 18 A1",
        "WG 120 H43",
        "WG 120 H435",
        "WG 1200 A1",
    ),
    Scheme.SUDOC: (
        "A 1.9:2",
        "A 1.10:1",
        "A 1.35:993",
        "A 1.35:2001",
        "A 1.35:R 42",
        "A 1.35:R 42/2",
        "A 1.35:R 42/10",
        "A 1.35:91-44",
        "A 1.35:600/998-103",
        "A 1.35/2:R 42",
        "A 1.350:1",
        "AE 2.106:1",
        "C 3.186:P 2",
        "Y 4.J 89/1:S 1",
        "Y 4.J 89/2:S 1",
    ),
    Scheme.LOCAL: (
        "Äpfel 2",
        "Apfel 10",
        "DVD 9",
        "DVD 9 a",
        "DVD 80",
        "DVD 1000",
        "Magazin III/2",
        "Magazin IV/1",
    ),
}


@pytest.mark.parametrize("scheme", SHELVES, ids=str)
def test_a_shelf_stands_in_order(scheme: Scheme) -> None:
    shelf = list(SHELVES[scheme])
    mixed = random.Random(7).sample(shelf, len(shelf))

    assert sorted(mixed, key=lambda number: shelving_key(number, scheme) or "") == shelf
    assert len({shelving_key(number, scheme) for number in shelf}) == len(shelf)


@pytest.mark.parametrize("scheme", SHELVES, ids=str)
def test_a_number_tells_its_scheme(scheme: Scheme) -> None:
    assert {guessed(number) for number in SHELVES[scheme]} == {scheme}


@pytest.mark.parametrize(
    ("number", "scheme"),
    [
        ("QA76.73.P98", Scheme.LC),
        ("QA76", Scheme.LC),
        ("qa76.9 d3", Scheme.LC),
        ("WG120", Scheme.NLM),
        ("025.4/31", Scheme.DEWEY),
        ("0254", Scheme.LOCAL),
        ("025.4.3", Scheme.LOCAL),
        ("FIC King", Scheme.LOCAL),
        ("XQ 12", Scheme.LOCAL),
        ("QA", Scheme.LOCAL),
        ("Y 4.EC 7:S.HRG.110-6", Scheme.SUDOC),
        ("", Scheme.LOCAL),
    ],
    ids=str,
)
def test_odd_numbers_tell_theirs(number: str, scheme: Scheme) -> None:
    assert guessed(number) is scheme


@pytest.mark.parametrize(
    ("one", "other", "scheme"),
    [
        ("QA76.9.D3 C67", "qa 76.9 .D3 C67", Scheme.LC),
        ("025.4/31 D5", "025.431  D5", Scheme.DEWEY),
        ("WG 120 H43", "WG120.H43", Scheme.NLM),
        ("A1.35:R 42/2", "A 1.35:R42/2", Scheme.SUDOC),
        ("Äpfel 02", "apfel 2", Scheme.LOCAL),
    ],
    ids=str,
)
def test_the_same_number_written_otherwise_has_the_same_place(one: str, other: str, scheme: Scheme) -> None:
    assert shelving_key(one, scheme) == shelving_key(other, scheme)


def test_what_a_scheme_cannot_read_stands_behind_what_it_can() -> None:
    assert (shelving_key("In process", Scheme.LC) or "") > (shelving_key("ZZ9999 .Z9", Scheme.LC) or "")
    assert shelving_key(" \x00\t", Scheme.LC) is None


@given(st.text(max_size=60), st.sampled_from(list(Scheme)))
@settings(max_examples=150)
def test_any_text_has_a_place_within_its_scheme(number: str, scheme: Scheme) -> None:
    key = shelving_key(number, scheme)

    assert key is None or place_before(scheme, "") <= key < shelf_end(scheme)
    assert key is None or ("\x00" not in key and len(key) <= 400)
