"""Records as they are kept: whatever they are, they come back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.marc.record import Field, Record
from catalog.marc.storage import pack, unpack
from support.marc_records import LEADER, RECORDS, book

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ODD_FIELDS = st.one_of(
    st.builds(Field.control, ANY_TEXT, ANY_TEXT),
    st.builds(
        Field.from_parts, ANY_TEXT, ANY_TEXT, ANY_TEXT, st.lists(st.tuples(ANY_TEXT, ANY_TEXT), max_size=4)
    ),
)


@given(RECORDS)
def test_any_record_comes_back(record: Record) -> None:
    assert unpack(pack(record)) == record


@given(ANY_TEXT, st.lists(ODD_FIELDS, max_size=5))
def test_records_that_no_format_allows_come_back_as_well(leader: str, fields: list[Field]) -> None:
    record = Record(leader, fields)

    assert unpack(pack(record)) == record


def test_length_is_no_matter() -> None:
    record = Record(LEADER, [Field.data("500", "  ", ("a", "x" * 2_000_000))])

    packed = pack(record)

    assert len(packed) < 10_000
    assert unpack(packed) == record


def test_bytes_that_were_never_packed_are_refused() -> None:
    for strange in (b"", b"nonsense", pack(book())[:-3]):
        with pytest.raises(ValueError, match="packed record"):
            unpack(strange)


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="not Unicode"):
        pack(Record(LEADER, [Field.control("001", "\ud800")]))


def test_threads_pack_and_unpack_at_once() -> None:
    records = [book(number, "x" * number) for number in range(300)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda record: unpack(pack(record)), records)) == records
