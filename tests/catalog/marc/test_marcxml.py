"""MARCXML: strangers' documents read without trust, ours valid against the schema."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from catalog.marc import marcxml
from catalog.marc.problems import Fault, Read
from catalog.marc.record import Field, Record
from support.marc_records import LEADER, RECORDS, book
from support.shared_data import shared_data


def document(*records: bytes, root: str = "collection") -> bytes:
    return b"<" + root.encode() + b">\n" + b"\n".join(records) + b"\n</" + root.encode() + b">\n"


def xml(number: int = 1) -> bytes:
    return marcxml.dumps(book(number), namespace=False)


def numbers(reads: list[Read]) -> list[str | None]:
    return [found.record.control("001") if found.record else None for found in reads]


def faults(reads: list[Read]) -> list[set[Fault]]:
    return [{problem.code for problem in found.problems} for found in reads]


@given(st.lists(RECORDS, max_size=3), st.integers(1, 40))
def test_any_record_comes_back_in_chunks_of_any_size(records: list[Record], size: int) -> None:
    whole = b"".join(marcxml.write(records))

    reads = list(marcxml.read([whole[at : at + size] for at in range(0, len(whole), size)], "strict"))

    assert [found.record for found in reads] == records
    assert [found.problems for found in reads if found.problems] == []
    assert [found.ordinal for found in reads] == list(range(len(records)))
    for found in reads:
        assert whole[found.position :].startswith(found.raw)
        assert next(marcxml.read(found.raw)).record == found.record


@given(RECORDS)
def test_what_we_write_is_well_formed_for_others(record: Record) -> None:
    root = etree.fromstring(marcxml.dumps(record))

    assert len(root) == len(record) + 1


def test_what_we_write_is_valid() -> None:
    schema = etree.XMLSchema(etree.parse(str(shared_data("marcxml", "MARC21slim.xsd"))))

    schema.assertValid(etree.fromstring(marcxml.dumps(book())))
    schema.assertValid(etree.fromstring(b"".join(marcxml.write([book(1), book(2)]))))


def test_characters_that_xml_cannot_hold_are_shown_as_replaced() -> None:
    record = Record(LEADER, [Field.data("245", "10", ("a", "a\x00b\x1f\ud800\uffff\r\n\t<&>"))])

    again = next(marcxml.read(marcxml.dumps(record)))

    assert again.record is not None
    assert again.record.get("245", "a") == "a\ufffdb\ufffd\ufffd\ufffd\r\n\t<&>"


def test_prefixed_unprefixed_pretty_and_oai_documents_read_alike() -> None:
    plain = document(xml())
    prefixed = plain.replace(b"</", b"</marc:").replace(b"<", b"<marc:").replace(b"<marc:/marc:", b"</marc:")
    prefixed = prefixed.replace(
        b"<marc:collection>", b'<marc:collection xmlns:marc="http://www.loc.gov/MARC21/slim">'
    )
    pretty = plain.replace(b"><", b">\n    <")
    oai = (
        b"<OAI-PMH><ListRecords><record><header><identifier>x</identifier></header><metadata>"
        + marcxml.dumps(book())
        + b"</metadata></record></ListRecords></OAI-PMH>"
    )

    for whole in (
        plain,
        prefixed,
        pretty,
        oai,
        xml(),
        "\ufeff".encode() + plain,
        plain.decode().encode("utf-16"),
    ):
        reads = list(marcxml.read(whole, "strict"))
        assert [found.record for found in reads] == [book()]


def test_a_declared_encoding_is_followed() -> None:
    whole = b'<?xml version="1.0" encoding="ISO-8859-1"?>' + xml().decode().encode("latin-1")

    assert next(marcxml.read(whole)).record == book()


@pytest.mark.parametrize(
    "prologue",
    [
        b"<!DOCTYPE collection>",
        b'<!DOCTYPE collection SYSTEM "http://example.org/x.dtd">',
        b'<!DOCTYPE collection [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        b'<!DOCTYPE collection [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE collection [<!ENTITY % p SYSTEM "http://example.org/p"> %p;]>',
    ],
)
def test_document_types_and_entities_are_refused_unread(prologue: bytes) -> None:
    reads = list(marcxml.read(prologue + document(xml().replace(b"Pride", b"&b;&x;"))))

    assert numbers(reads) == [None]
    assert faults(reads) == [{Fault.FORBIDDEN}]


@pytest.mark.parametrize("around", ["", "<record>"])
def test_ten_thousand_nested_elements_are_refused_and_the_records_before_kept(around: str) -> None:
    bomb = around.encode() + b"<a>" * 10_000 + b"</a>" * 10_000

    reads = list(marcxml.read(document(xml(1), bomb, xml(2))))

    assert numbers(reads) == ["b1", None]
    assert faults(reads)[1] == {Fault.FORBIDDEN}


def test_a_billion_bytes_of_one_attribute_are_not_kept() -> None:
    taken = 0

    def chunks() -> object:
        nonlocal taken
        yield b'<collection><record><leader a="'
        while True:
            taken += 1
            yield b"x" * 65_536

    reads = list(marcxml.read(chunks(), max_record=1_000_000))  # type: ignore[arg-type]

    assert faults(reads) == [{Fault.FORBIDDEN}]
    assert taken < 100


def test_a_record_beyond_the_limit_is_passed_over() -> None:
    long = marcxml.dumps(
        book(2).having(*[Field.data("500", "  ", ("a", "x" * 1000))] * 3000), namespace=False
    )

    reads = list(marcxml.read(document(xml(1), long, xml(3)), max_record=1_000_000))

    assert numbers(reads) == ["b1", None, "b3"]
    assert faults(reads)[1] == {Fault.TOO_LONG}
    assert len(reads[1].raw) < 100_000


@pytest.mark.parametrize(
    ("old", "new", "fault", "mended"),
    [
        (b"Pride", b"Pri\x00de", Fault.CHARACTERS, True),
        (b"Pride", b"Pri\xffde", Fault.CHARACTERS, True),
        (b"Pride", b"Pri&#x1;de", Fault.CHARACTERS, True),
        (b"Pride", b"Pri&nbsp;de", Fault.CHARACTERS, True),
        (b"Pride and", b"Pride & ", Fault.CHARACTERS, True),
        (b"Pride", b"<b>Pride", Fault.SYNTAX, False),
        (b"Pride", b"<Pride", Fault.SYNTAX, False),
        (b"</record>", b"", Fault.TRUNCATED, False),
        (b"</leader>", b"", Fault.SYNTAX, False),
        (b'code="a"', b'code="a', Fault.SYNTAX, False),
    ],
)
def test_a_broken_record_costs_no_neighbour(old: bytes, new: bytes, fault: Fault, mended: bool) -> None:
    whole = document(xml(1), xml(2).replace(old, new, 1), xml(3))

    lenient, strict = list(marcxml.read(whole)), list(marcxml.read(whole, "strict"))

    assert numbers(lenient) == ["b1", "b2" if mended else None, "b3"]
    assert numbers(strict) == ["b1", None, "b3"]
    assert fault in faults(lenient)[1]
    assert faults(lenient)[0] == faults(lenient)[2] == set()


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b'tag="245"', b'tag="24"', Fault.DIRECTORY),
        (b'tag="245"', b"", Fault.DIRECTORY),
        (b'ind1="1"', b'ind1=""', Fault.INDICATORS),
        (b'ind1="1"', b"", Fault.INDICATORS),
        (b'code="c"', b"", Fault.SUBFIELDS),
        (b"<leader>", b"<leader>x", Fault.LEADER),
        (b'ind1="1" ind2="0">', b'ind1="1" ind2="0">loose', Fault.SUBFIELDS),
        (b"<leader>", b"<other/><leader>", Fault.SYNTAX),
    ],
)
def test_what_marcxml_does_not_allow_is_said_and_rejected_when_strict(
    old: bytes, new: bytes, fault: Fault
) -> None:
    whole = document(xml(1).replace(old, new, 1))

    lenient, strict = list(marcxml.read(whole)), list(marcxml.read(whole, "strict"))

    assert faults(lenient) == faults(strict) == [{fault}]
    assert numbers(lenient) == ["b1"]
    assert numbers(strict) == [None]


def test_a_document_that_breaks_off_says_so() -> None:
    whole = document(xml(1), xml(2))

    assert faults(list(marcxml.read(whole[: len(whole) - 60]))) == [set(), {Fault.TRUNCATED}]
    assert faults(list(marcxml.read(whole[: len(whole) - 15]))) == [set(), set(), {Fault.SYNTAX}]


@pytest.mark.parametrize("nothing", [b"", b"\n \n"])
def test_an_empty_document_has_no_records_and_no_faults(nothing: bytes) -> None:
    assert list(marcxml.read(nothing)) == []


def test_something_else_is_no_record() -> None:
    assert faults(list(marcxml.read(b"not xml at all"))) == [{Fault.SYNTAX}]
    assert list(marcxml.read(b"<html><body/></html>")) == []
    assert faults(list(marcxml.read(b"<record/>"))) == [{Fault.SYNTAX}]


@settings(max_examples=200)
@given(st.data())
def test_one_wrong_byte_never_raises_and_never_swallows_more_than_a_neighbour(data: st.DataObject) -> None:
    records = [xml(number) for number in range(1, 6)]
    middle = bytearray(records[2])
    at = data.draw(st.integers(0, len(middle) - 1))
    if data.draw(st.booleans()):
        middle[at] = data.draw(st.integers(0, 255))
    else:
        del middle[at]

    found = numbers(list(marcxml.read(document(*records[:2], bytes(middle), *records[3:]))))

    assert found[:2] == ["b1", "b2"]
    assert found[-1:] == ["b5"]


@given(st.binary(max_size=300))
def test_any_bytes_at_all_are_read_without_raising(noise: bytes) -> None:
    list(marcxml.read(noise))
    list(marcxml.read(b"<collection><record>" + noise))
