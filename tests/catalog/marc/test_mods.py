"""MARC told as MODS, and as MARCXML that its schema allows."""

# ruff: noqa: E501 - a table is read by its columns

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from catalog.marc import iso2709, mods, slim, xmltext
from catalog.marc.record import Field, Record
from support import schemas
from support.marc_records import LEADER, RECORDS, TEXTS
from support.shared_data import shared_data

FIXED = "960519s1993    gw            000 1 ger d"
MODS = {"m": mods.NAMESPACE}


def found(*fields: Field, path: str) -> list[str]:
    """What stands at a place of the record's MODS: texts, or attributes."""
    root = etree.fromstring(mods.dumps(Record(LEADER, [Field.control("008", FIXED), *fields])))
    told = root.xpath(path, namespaces=MODS)
    assert isinstance(told, list)
    return [str(each) for each in told]


@pytest.mark.parametrize(
    ("field", "path", "values"),
    [
        (Field.data("245", "14", ("a", "The trial :"), ("b", "a novel /"), ("c", "Kafka.")), "m:titleInfo/*/text()", ["The", "trial", "a novel"]),
        (Field.data("245", "10", ("a", "Emma /"), ("c", "Jane Austen.")), "m:note/text()", ["Jane Austen"]),
        (Field.data("245", "10", ("a", "Works."), ("n", "Part 2,"), ("p", "Letters.")), "m:titleInfo/*/text()", ["Works", "Part 2", "Letters"]),
        (Field.data("240", "10", ("a", "Prozess."), ("l", "English")), "m:titleInfo[@type='uniform']/m:title/text()", ["Prozess. English"]),
        (Field.data("246", "3 ", ("a", "Other")), "m:titleInfo/@type", ["alternative"]),
        (Field.data("100", "1 ", ("a", "Kafka, Franz,"), ("d", "1883-1924,"), ("e", "author."), ("4", "aut")), "m:name[@type='personal'][@usage='primary']//text()", ["Kafka, Franz", "1883-1924", "author", "aut"]),
        (Field.data("100", "3 ", ("a", "Mann family")), "m:name/@type", ["family"]),
        (Field.data("710", "2 ", ("a", "Unesco."), ("b", "Library.")), "m:name[@type='corporate']/m:namePart/text()", ["Unesco", "Library"]),
        (Field.data("700", "12", ("a", "Kafka, F."), ("t", "Amerika.")), "m:relatedItem/m:titleInfo/m:title/text()", ["Amerika"]),
        (Field.data("264", " 1", ("a", "Berlin :"), ("b", "Wagenbach,"), ("c", "[1993]")), "m:originInfo/*[not(@encoding)]//text()", ["gw", "Berlin", "Wagenbach", "[1993]", "monographic"]),
        (Field.data("264", " 4", ("c", "©1993")), "m:originInfo/m:copyrightDate/text()", ["©1993"]),
        (Field.data("264", " 2", ("b", "A distributor")), "m:originInfo/m:publisher/text()", []),
        (Field.data("250", "  ", ("a", "2nd ed.")), "m:originInfo/m:edition/text()", ["2nd ed."]),
        (Field.data("041", "1 ", ("a", "gereng")), "m:language/m:languageTerm/text()", ["ger", "eng"]),
        (Field.data("300", "  ", ("a", "40 p. ;"), ("c", "31 cm")), "m:physicalDescription/m:extent/text()", ["40 p. ; 31 cm"]),
        (Field.data("650", " 0", ("a", "Cats"), ("x", "Anatomy"), ("z", "Rome"), ("v", "Atlases.")), "m:subject[@authority='lcsh']/*/text()", ["Cats", "Anatomy", "Rome", "Atlases"]),
        (Field.data("651", " 7", ("a", "Rome"), ("2", "gnd")), "m:subject[@authority='gnd']/m:geographic/text()", ["Rome"]),
        (Field.data("600", "10", ("a", "Kafka, Franz,"), ("d", "1883-1924.")), "m:subject/m:name/m:namePart/text()", ["Kafka, Franz", "1883-1924"]),
        (Field.data("655", " 7", ("a", "Novels."), ("2", "lcgft")), "m:genre[@authority='lcgft']/text()", ["Novels"]),
        (Field.data("520", "  ", ("a", "A trial.")), "m:abstract/text()", ["A trial"]),
        (Field.data("505", "0 ", ("a", "One -- Two.")), "m:tableOfContents/text()", ["One -- Two"]),
        (Field.data("502", "  ", ("a", "Thesis, 1993.")), "m:note[@type='thesis']/text()", ["Thesis, 1993"]),
        (Field.data("490", "1 ", ("a", "Series ;"), ("v", "7")), "m:relatedItem[@type='series']//text()", ["Series", "7"]),
        (Field.data("780", "00", ("t", "Old"), ("x", "0009-7330")), "m:relatedItem[@type='preceding']//text()", ["Old", "0009-7330"]),
        (Field.data("020", "  ", ("a", "0141439513 (pbk.)"), ("z", "123")), "m:identifier[@type='isbn']/text()", ["0141439513", "123"]),
        (Field.data("020", "  ", ("z", "123")), "m:identifier/@invalid", ["yes"]),
        (Field.data("024", "7 ", ("a", "10.1/x"), ("2", "doi")), "m:identifier[@type='doi']/text()", ["10.1/x"]),
        (Field.data("082", "04", ("a", "833"), ("2", "23")), "m:classification[@authority='ddc'][@edition='23']/text()", ["833"]),
        (Field.data("856", "40", ("u", "https://e.org/"), ("y", "Read")), "m:location/m:url[@displayLabel='Read']/text()", ["https://e.org/"]),
        (Field.data("506", "  ", ("a", "On site only.")), "m:accessCondition/text()", ["On site only"]),
        (Field.data("040", "  ", ("a", "DLC"), ("e", "rda")), "m:recordInfo/*/text()", ["rda", "DLC", "960519", "Converted from MARC 21."]),
        (Field.data("880", "10", ("6", "245-01/(N"), ("a", "Процесс")), "m:titleInfo[@altRepGroup='245-01']/m:title/text()", ["Процесс"]),
    ],
)  # fmt: skip
def test_each_field_goes_where_the_mapping_says(field: Field, path: str, values: list[str]) -> None:
    assert found(field, path=path) == values


@settings(max_examples=60)
@given(RECORDS)
def test_any_record_becomes_valid_mods(record: Record) -> None:
    schemas.valid(mods.dumps(record).encode(), schemas.oai())


ANY_FIELD = st.one_of(
    st.builds(Field.control, st.text(max_size=4), TEXTS | st.text(max_size=9)),
    st.builds(
        Field.from_parts,
        st.text(max_size=4) | st.sampled_from(["245", "9XX", "24a", "2aB"]),
        st.text(max_size=2),
        st.text(max_size=2),
        st.lists(st.tuples(st.text(max_size=2), st.text(max_size=9)), max_size=3),
    ),
)


@settings(max_examples=100)
@given(st.builds(Record, st.text(max_size=26), st.lists(ANY_FIELD, max_size=6)))
def test_whatever_a_record_holds_it_becomes_valid_marcxml_and_mods(record: Record) -> None:
    schemas.valid(slim.dumps(record).encode(), schemas.oai())
    schemas.valid(mods.dumps(record).encode(), schemas.oai())


def test_what_the_schema_can_say_is_said_as_it_is() -> None:
    record = Record(
        LEADER, [Field.control("001", "a<b>&"), Field.data("245", "1 ", ("a", "x\ry"), ("ä", "z"))]
    )

    assert slim.dumps(record) == (
        '<record xmlns="http://www.loc.gov/MARC21/slim"><leader>00000nam a2200000 i 4500</leader>'
        '<controlfield tag="001">a&lt;b&gt;&amp;</controlfield>'
        '<datafield tag="245" ind1="1" ind2=" "><subfield code="a">x&#13;y</subfield></datafield></record>'
    )


def test_real_records_become_valid_mods_and_marcxml() -> None:
    file = shared_data("marc", "bib", "solrmarc__uva_001_2000.mrc").read_bytes()[:400_000]

    for read in iso2709.read(file):
        if read.record is not None:
            schemas.valid(mods.dumps(read.record).encode(), schemas.oai())
            schemas.valid(slim.dumps(read.record).encode(), schemas.oai())


@pytest.mark.parametrize(
    ("text", "told", "quoted"),
    [
        ("plain", "plain", '"plain"'),
        ("a<b>&\"c'", "a&lt;b&gt;&amp;\"c'", '"a&lt;b&gt;&amp;&quot;c\'"'),
        ("\x00\x0b\x1f\ud800\ufffe\uffff", "\ufffd" * 6, '"' + "\ufffd" * 6 + '"'),
        ("a\r\n\tb", "a&#13;\n\tb", '"a&#13;&#10;&#9;b"'),
        ("é𝄞\x7f", "é𝄞\x7f", '"é𝄞\x7f"'),
        ("", "", '""'),
    ],
    ids=["plain", "markup", "unfit", "lines", "other", "nothing"],
)
def test_text_is_made_fit_for_xml(text: str, told: str, quoted: str) -> None:
    assert (xmltext.told(text), xmltext.quoted(text)) == (told, quoted)
    assert etree.fromstring(f"<a b={xmltext.quoted(text)}>{xmltext.told(text)}</a>").tag == "a"
