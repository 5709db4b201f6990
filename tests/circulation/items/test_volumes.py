"""Which labels are of the same volume."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.items.volumes import volume_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v.3", "Vol. 3"),
        ("v. 3 no. 2", "Bd.03, Heft 2"),
        ("Band 12", "BD 12"),
        ("v.1 (1999)", "vol 1 1999"),
        ("Teil A", "part a"),
        ("no.007", "Nr. 7"),
        ("ⅴ. １２", "v 12"),
    ],
    ids=str,
)
def test_labels_of_one_volume_may_be_written_differently(one: str, other: str) -> None:
    assert volume_key(one) == volume_key(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("v.1", "v.2"),
        ("v.1", "v.11"),
        ("v.1 no.1", "v.11"),
        ("v.1", "pt.1"),
        # Nobody can tell that these are the same.
        ("v.3", "3"),
        ("v.3", "v.3 (1999)"),
        ("v.4", "v.IV"),
    ],
    ids=str,
)
def test_what_may_be_another_volume_is_one(one: str, other: str) -> None:
    assert volume_key(one) != volume_key(other)


@pytest.mark.parametrize("label", [None, "", "  ", "–", "[ ]"], ids=repr)
def test_a_label_without_letters_and_numbers_names_no_volume(label: str | None) -> None:
    assert volume_key(label) is None


@given(st.text(max_size=40))
def test_a_volume_is_named_by_its_own_key(label: str) -> None:
    key = volume_key(label)

    assert volume_key(key) == key
