"""Records and fields as code meets them."""

import pytest

from catalog.marc import iso2709
from catalog.marc.record import Field, Record
from support.marc_records import LEADER, book


def test_a_field_is_asked_for_by_code() -> None:
    field = Field.data("650", " 0", ("a", "Cats"), ("x", "Anatomy"), ("x", "Atlases"))

    assert field.get("a") == "Cats"
    assert field.get("z") is None
    assert field.all("x") == ["Anatomy", "Atlases"]
    assert field.all("xa") == ["Cats", "Anatomy", "Atlases"]
    assert (field.ind1, field.ind2, field.indicators) == (" ", "0", " 0")


def test_a_control_field_has_a_value_and_nothing_else() -> None:
    field = Field.control("001", "b1")

    assert field.is_control
    assert (field.value, field.subfields, field.indicators) == ("b1", (), "")
    assert field.get("a") is None


def test_a_field_that_was_read_and_one_that_was_made_are_equal_before_and_after_they_are_taken_apart() -> (
    None
):
    made = book()
    read = iso2709.loads(iso2709.dumps(made)).record
    assert read is not None

    read_title, made_title = read.first("245"), made.first("245")

    assert read_title is not None
    assert made_title is not None
    assert read_title.get("c") == "Jane Austen."
    assert read_title == made_title
    assert hash(read_title) == hash(made_title)
    assert read_title.subfields == made_title.subfields
    assert read.fields() == made.fields()


def test_a_record_is_asked_for_fields_by_tag() -> None:
    record = book()

    assert record.control("001") == "b1"
    assert record.control("003") is None
    assert record.control("245") is None
    assert [field.tag for field in record.fields("245", "100")] == ["100", "245"]
    assert len(record.fields()) == len(record) == 7
    assert record.get("245", "c") == "Jane Austen."
    assert record.first("999") is None


def test_fields_are_added_in_their_place_and_taken_away_on_a_new_record() -> None:
    record = book()

    longer = record.having(Field.data("500", "  ", ("a", "A note.")), Field.control("000", "x"))

    tags = [field.tag for field in longer]
    assert tags == ["000", "001", "008", "020", "100", "245", "260", "500", "650"]
    assert len(record) == 7
    assert [field.tag for field in longer.without("000", "500")] == [field.tag for field in record]


def test_two_indicators_are_two_characters() -> None:
    with pytest.raises(ValueError, match="two indicators"):
        Field.data("245", "1", ("a", "Title"))


def test_an_odd_field_is_held_as_it_is() -> None:
    field = Field.from_parts("é", "", "12", [("", "no code"), ("ab", "two")])

    assert (field.ind1, field.ind2) == ("", "12")
    assert field.subfields == (("", "no code"), ("ab", "two"))
    assert Record(LEADER, [field]).fields() == [field]
