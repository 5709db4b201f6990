"""What MARC records say of holders, places and copies: examples, and records by another hand."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ill.lookups import marc
from support import z3950

KOHA = {
    "status": "952$q",
    "location": "952$a",
    "shelving_location": "952$c",
    "is_in": [],
    "is_out": ["*"],
    "absent": "in",
}
ITEMS = {"status": "876$j", "location": "852$b", "shelving_location": "852$c", "is_in": ["Available", "on shelf"],
    "is_out": ["*"], "absent": "unknown"}  # fmt: skip


def test_a_record_of_iso_2709_is_read() -> None:
    told = marc.read(z3950.marc("b1", "245 aRivers", "852 aXX-ONE bMain cStacks hQB", "852 aXX-TWO"))

    assert told.number == "b1"
    assert marc.call_number_of(told.fields) == "QB"
    assert marc.holders_of(told.fields, ["852$a"]) == (
        ("XX-ONE", "XX-TWO"),
        (("XX-ONE", "Main", "Stacks"), ("XX-TWO", None, None)),
    )


@pytest.mark.parametrize(
    ("mapping", "fields", "copies"),
    [
        pytest.param(ITEMS, ["852 bMain cStacks", "876 javailable"], [("Main", "Stacks", True)], id="in"),
        pytest.param(ITEMS, ["852 bMain", "876 jLost"], [("Main", None, False)], id="any other value: out"),
        pytest.param(
            ITEMS,
            ["852 bMain", "876 jLost", "876 jAvailable", "852 bRare", "876 jAVAILABLE"],
            [("Main", None, False), ("Main", None, True), ("Rare", None, True)],
            id="copies are of the place before them",
        ),
        pytest.param(
            ITEMS,
            ["852 bMain", "852 bRare", "876 p123"],
            [("Main", None, None), ("Rare", None, None)],
            id="a place without copies, a copy without a status",
        ),
        pytest.param(ITEMS, ["876 javailable"], [(None, None, True)], id="no place"),
        pytest.param(KOHA, ["952 aMain cRef", "952 aMain q2027-04-01"], [("Main", "Ref", True), ("Main", None, False)],
            id="in one field, and out if a day stands there"),
        pytest.param(KOHA | {"is_out": ["x"]}, ["952 aMain qy"], [("Main", None, None)],
            id="a value that says nothing"),
        pytest.param(KOHA | {"location": None, "shelving_location": None}, ["952 aMain"], [(None, None, True)],
            id="without a place"),
        pytest.param(ITEMS, ["245 aRivers"], [], id="no copies"),
    ],
)  # fmt: skip
def test_a_mapping_tells_which_copies_are_in(
    mapping: dict[str, Any], fields: list[str], copies: list[marc.Copy]
) -> None:
    assert list(marc.copies_of(marc.read(z3950.marc("b1", *fields)).fields, mapping)) == copies


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"x" * 30,
        b"00026nam  2200025 a 4500" + b"245xx",
        b"00050nam  2200049 a 4500" + b"2" * 3 + b"y" * 30,
    ],
)
def test_what_is_no_record_says_so(wrong: bytes) -> None:
    try:
        told = marc.read(wrong)
    except ValueError:
        return
    assert told.fields == ()


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 60))
def test_a_damaged_record_is_read_as_far_as_it_goes_or_refused(noise: bytes, at: int) -> None:
    whole = z3950.marc("b1", "852 aXX-ONE bMain", "876 javailable")
    try:
        told = marc.read(whole[:at] + noise + whole[at:])
    except ValueError:
        return
    marc.copies_of(told.fields, ITEMS)
