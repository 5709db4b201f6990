"""MARCXML for answers: the same whether a record comes from the store whole or has been taken apart."""

from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.marc import slim
from catalog.marc.record import Field, Record
from catalog.marc.storage import pack, unpack
from support.marc_records import CODES, DATA_FIELDS, LEADER, RECORDS, TAGS

ODD_FIELDS = st.builds(
    lambda tag, indicators, subfields: Field.data(tag, indicators, *subfields),
    st.one_of(TAGS, st.sampled_from(["001", "00x", "9", "LKR", "a&b"])),
    st.sampled_from(["  ", "1a", "<&", "A\t"]),
    st.lists(
        st.tuples(
            st.one_of(CODES, st.sampled_from("&<é ")), st.sampled_from(["a\x02b", "c\r\nd", "<&>", ""])
        ),
        min_size=1,
        max_size=3,
    ),
)


@settings(max_examples=40)
@given(RECORDS)
def test_a_stored_record_is_written_as_it_was_before_it_was_stored(record: Record) -> None:
    assert slim.dumps(unpack(pack(record))) == slim.dumps(record)


@settings(max_examples=40)
@given(st.lists(st.one_of(ODD_FIELDS, DATA_FIELDS), min_size=1, max_size=6))
def test_what_the_schema_cannot_say_is_left_out_alike(fields: list[Field]) -> None:
    told = [Field.control("001", "a\x1eb&"), Field.data("500", "  ", ("a", "left out")), *fields]
    record = Record(LEADER, told)
    stored = unpack(pack(record))

    assert stored.texts() is not None  # nobody has taken it apart
    written = slim.dumps(stored, without=frozenset(("500",)))
    assert "left out" not in written
    assert written == slim.dumps(record, without=frozenset(("500",)))
