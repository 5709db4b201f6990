"""MARC told as Dublin Core."""

import pytest
from hypothesis import given
from lxml import etree

from catalog.marc import iso2709
from catalog.marc.crosswalk import ELEMENTS, dublin_core, dumps
from catalog.marc.record import Field, Record
from support.marc_records import LEADER, RECORDS, book
from support.shared_data import shared_data

FIXED = "960519s1993    stk           000 1 ger d"


@pytest.mark.parametrize(
    ("field", "element", "values"),
    [
        (Field.data("245", "10", ("a", "Emma :"), ("b", "a novel /"), ("c", "by J. A.")), "title", ["Emma : a novel"]),
        (Field.data("100", "1 ", ("a", "Austen, Jane,"), ("d", "1775-1817.")), "creator", ["Austen, Jane, 1775-1817"]),
        (Field.data("110", "2 ", ("a", "Unesco.")), "creator", ["Unesco"]),
        (Field.data("700", "1 ", ("a", "Kafka, F.")), "contributor", ["Kafka, F."]),
        (Field.data("700", "12", ("a", "Kafka, F."), ("t", "Amerika.")), "relation", ["Kafka, F. Amerika"]),
        (Field.data("650", " 0", ("a", "Cats"), ("x", "Anatomy.")), "subject", ["Cats--Anatomy"]),
        (Field.data("651", " 0", ("a", "Rome"), ("x", "History.")), "coverage", ["Rome"]),
        (Field.data("520", "  ", ("a", "About cats."), ("u", "x")), "description", ["About cats"]),
        (Field.data("260", "  ", ("a", "Paris :"), ("b", "Seuil,"), ("c", "c1998.")), "publisher", ["Paris Seuil"]),
        (Field.data("260", "  ", ("c", "[c1998?]")), "date", ["1998"]),
        (Field.data("264", " 2", ("b", "A distributor")), "publisher", []),
        (Field.data("655", " 7", ("a", "Novels.")), "type", ["text", "Novels"]),
        (Field.data("300", "  ", ("a", "40 p. ;"), ("c", "31 cm.")), "format", ["40 p. ; 31 cm."]),
        (Field.data("020", "  ", ("a", "0141439513 (pbk.)")), "identifier", ["URN:ISBN:0141439513"]),
        (Field.data("856", "40", ("u", "https://example.org/")), "identifier", ["https://example.org/"]),
        (Field.data("041", "1 ", ("a", "engfre")), "language", ["ger", "eng", "fre"]),
        (Field.data("540", "  ", ("a", "CC BY.")), "rights", ["CC BY."]),
        (Field.data("780", "00", ("t", "Old"), ("x", "0009-7330")), "relation", ["Old", "URN:ISSN:0009-7330"]),
        (Field.data("590", "  ", ("a", "A local note")), "description", []),
    ],
)  # fmt: skip
def test_each_field_goes_where_the_crosswalk_says(field: Field, element: str, values: list[str]) -> None:
    found = dublin_core(Record(LEADER, [Field.control("008", FIXED), field]))

    assert found.get(element, []) == values


def test_the_date_comes_from_008_when_no_imprint_tells_it() -> None:
    assert dublin_core(Record(LEADER, [Field.control("008", FIXED)]))["date"] == ["1993"]
    assert dublin_core(book())["date"] == ["1993"]


@given(RECORDS)
def test_any_record_becomes_well_formed_dublin_core(record: Record) -> None:
    found = dublin_core(record)

    assert set(found) <= set(ELEMENTS)
    assert all(value.strip() for values in found.values() for value in values)
    assert len(etree.fromstring(dumps(found))) == sum(map(len, found.values()))


def test_real_records_become_valid_oai_dc(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = shared_data("catalog.xml").resolve()
    monkeypatch.setenv("XML_CATALOG_FILES", catalog.as_uri())  # a list by spaces: a path may have one
    schema = etree.XMLSchema(etree.parse(str(shared_data("oai-pmh", "oai_dc.xsd"))))
    file = shared_data("marc", "bib", "solrmarc__uva_001_2000.mrc")

    for found in iso2709.read(file.read_bytes()):
        assert found.record is not None
        schema.assertValid(etree.fromstring(dumps(dublin_core(found.record))))
