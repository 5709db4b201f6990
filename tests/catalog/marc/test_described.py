"""MODS and Dublin Core come in as MARC, and what MARC has no place for is told."""

import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from catalog.marc import iso2709, mods
from catalog.marc.described import read
from catalog.marc.marcxml import write
from catalog.marc.problems import Fault, Read
from catalog.marc.record import Field, Record
from support.shared_data import shared_data
from support.shelves import record

MODS = """<?xml version="1.0" encoding="UTF-8"?>
<m:modsCollection xmlns:m="http://www.loc.gov/mods/v3" xmlns:xlink="http://www.w3.org/1999/xlink">
<m:mods version="3.8" ID="m1">
  <m:titleInfo><m:nonSort>The</m:nonSort><m:title>trial</m:title><m:subTitle>a novel</m:subTitle></m:titleInfo>
  <m:titleInfo type="alternative" displayLabel="On the spine"><m:title>Trial &amp; error</m:title></m:titleInfo>
  <m:name type="personal" usage="primary">
    <m:namePart type="given">Franz</m:namePart><m:namePart type="family">Kafka</m:namePart>
    <m:namePart type="date">1883-1924</m:namePart>
    <m:role><m:roleTerm type="code" authority="marcrelator">aut</m:roleTerm></m:role>
  </m:name>
  <m:name type="corporate"><m:namePart>Schocken</m:namePart>
    <m:role><m:roleTerm type="text">publisher</m:roleTerm></m:role><m:affiliation>New York</m:affiliation></m:name>
  <m:typeOfResource>text</m:typeOfResource>
  <m:genre authority="lcgft">Novels</m:genre>
  <m:originInfo><m:place><m:placeTerm type="text">Berlin</m:placeTerm></m:place>
    <m:place><m:placeTerm type="code" authority="marccountry">gw</m:placeTerm></m:place>
    <m:publisher>Wagenbach</m:publisher><m:dateIssued>1993</m:dateIssued>
    <m:dateIssued encoding="w3cdtf" keyDate="yes">1993-05</m:dateIssued>
    <m:edition>2nd ed.</m:edition><m:issuance>monographic</m:issuance></m:originInfo>
  <m:language><m:languageTerm type="code" authority="iso639-2b">ger</m:languageTerm></m:language>
  <m:language><m:languageTerm type="code" authority="iso639-2b">eng</m:languageTerm></m:language>
  <m:physicalDescription><m:extent>240 p.</m:extent>
    <m:digitalOrigin>born digital</m:digitalOrigin></m:physicalDescription>
  <m:abstract>Somebody must have slandered him.</m:abstract>
  <m:note type="statement of responsibility">Franz Kafka</m:note>
  <m:note type="language">In German.</m:note>
  <m:note type="of my own">Kept.</m:note>
  <m:subject authority="lcsh"><m:topic>Trials</m:topic><m:geographic>Prague</m:geographic>
    <m:genre>Fiction</m:genre></m:subject>
  <m:subject><m:topic>guilt</m:topic></m:subject>
  <m:subject><m:name type="personal"><m:namePart>Kafka, Franz</m:namePart></m:name>
    <m:titleInfo><m:title>Prozess</m:title></m:titleInfo></m:subject>
  <m:classification authority="ddc" edition="23">833.912</m:classification>
  <m:relatedItem type="series"><m:titleInfo><m:title>Classics</m:title><m:partNumber>7</m:partNumber></m:titleInfo>
  </m:relatedItem>
  <m:relatedItem type="host" xlink:href="http://e.org/h"><m:titleInfo><m:title>Works</m:title></m:titleInfo>
    <m:identifier type="issn">1234-5679</m:identifier></m:relatedItem>
  <m:identifier type="isbn">9780141439518</m:identifier><m:identifier type="doi">10.1000/182</m:identifier>
  <m:location><m:physicalLocation>Elsewhere</m:physicalLocation><m:url displayLabel="Text">https://e.org/1</m:url></m:location>
  <m:accessCondition type="restriction on access">On site</m:accessCondition>
  <m:recordInfo><m:recordContentSource>DE-1</m:recordContentSource>
    <m:recordCreationDate encoding="marc">930101</m:recordCreationDate>
    <m:recordIdentifier source="DE-1">k1</m:recordIdentifier></m:recordInfo>
</m:mods>
</m:modsCollection>"""

AS_MARC = Record(
    "00000nam a2200000uu 4500",
    [
        Field.control("001", "k1"),
        Field.control("003", "DE-1"),
        Field.control("008", "930101s1993    gw |||||||||||||||||ger||"),
        Field.data("020", "  ", ("a", "9780141439518")),
        Field.data("024", "7 ", ("a", "10.1000/182"), ("2", "doi")),
        Field.data("040", "  ", ("a", "DE-1")),
        Field.data("041", "  ", ("a", "ger"), ("a", "eng")),
        Field.data("082", "04", ("a", "833.912"), ("2", "23")),
        Field.data("100", "1 ", ("a", "Kafka, Franz"), ("d", "1883-1924"), ("4", "aut")),
        Field.data("245", "14", ("a", "The trial"), ("b", "a novel"), ("c", "Franz Kafka")),
        Field.data("246", "3 ", ("a", "Trial & error")),
        Field.data("250", "  ", ("a", "2nd ed.")),
        Field.data("264", " 1", ("a", "Berlin"), ("b", "Wagenbach"), ("c", "1993")),
        Field.data("300", "  ", ("a", "240 p.")),
        Field.data("490", "0 ", ("a", "Classics"), ("v", "7")),
        Field.data("500", "  ", ("a", "Kept.")),
        Field.data("506", "  ", ("a", "On site")),
        Field.data("520", "3 ", ("a", "Somebody must have slandered him.")),
        Field.data("546", "  ", ("a", "In German.")),
        Field.data("600", "14", ("a", "Kafka, Franz"), ("t", "Prozess")),
        Field.data("650", " 0", ("a", "Trials"), ("z", "Prague"), ("v", "Fiction")),
        Field.data("653", "  ", ("a", "guilt")),
        Field.data("655", " 7", ("a", "Novels"), ("2", "lcgft")),
        Field.data("710", "2 ", ("a", "Schocken"), ("e", "publisher")),
        Field.data("773", "0 ", ("t", "Works"), ("x", "1234-5679")),
        Field.data("856", "40", ("u", "https://e.org/1"), ("y", "Text")),
    ],
)
LOST_OF_MODS = [
    "location/physicalLocation",
    "name/affiliation",
    "note/@type",
    "originInfo/dateIssued",
    "physicalDescription/digitalOrigin",
    "relatedItem/@href",
    "titleInfo/@displayLabel",
]

DUBLIN_CORE = """<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:x="urn:x">
<dc:title xml:lang="en">Walden</dc:title><dc:title>Life in the woods</dc:title><dc:creator>Thoreau, H. D.</dc:creator>
<dc:subject>Solitude</dc:subject><dc:publisher>Ticknor</dc:publisher><dc:date>1854-08-09</dc:date>
<dc:type>Text</dc:type><dc:format>text/html</dc:format><dc:format>357 p.</dc:format>
<dc:identifier>urn:isbn:978-0-14-143951-8</dc:identifier><dc:identifier>https://doi.org/10.1000/182</dc:identifier>
<dc:identifier>https://e.org/w</dc:identifier><dc:identifier>W-1</dc:identifier><dc:language>eng</dc:language>
<dc:language>English</dc:language><dcterms:alternative>W.</dcterms:alternative>
<dcterms:provenance>A gift</dcterms:provenance>
<dc:rights>Free</dc:rights><x:own>mine</x:own><dc:source/></oai_dc:dc>"""


def told(document: str | bytes) -> list[Read]:
    return list(read(document.encode() if isinstance(document, str) else document))


def one(document: str | bytes) -> tuple[Record, list[str]]:
    (found,) = told(document)
    assert found.record is not None, found.problems
    assert {problem.code for problem in found.problems} <= {Fault.NOT_SAID}
    return found.record, sorted(problem.where for problem in found.problems)


def test_mods_comes_in_field_by_field_and_what_is_lost_is_told() -> None:
    made, lost = one(MODS)

    assert list(made) == list(AS_MARC)
    assert made == AS_MARC
    assert lost == LOST_OF_MODS


def test_what_is_told_of_mods_here_is_mods() -> None:
    schemas = shared_data("mods")
    text = (schemas / "mods-3-8-fixed.xsd").read_bytes()
    text = text.replace(b"http://www.loc.gov/mods/xml.xsd", b"xml.xsd").replace(
        b"http://www.loc.gov/standards/xlink/xlink.xsd", b"../mets/xlink.xsd"
    )
    schema = etree.XMLSchema(etree.fromstring(text, base_url=str(schemas / "mods.xsd")))
    schema.assertValid(etree.fromstring(MODS.encode()))


def test_dublin_core_comes_in_field_by_field_and_what_is_lost_is_told() -> None:
    made, lost = one(DUBLIN_CORE)

    assert made == Record(
        "00000nam a22000003u 4500",
        [
            Field.control("008", "||||||s1854    ||||||||||||||||||||eng||"),
            Field.data("020", "  ", ("a", "9780141439518")),
            Field.data("024", "7 ", ("a", "10.1000/182"), ("2", "doi")),
            Field.data("024", "8 ", ("a", "W-1")),
            Field.data("245", "00", ("a", "Walden")),
            Field.data("246", "33", ("a", "Life in the woods")),
            Field.data("246", "33", ("a", "W.")),
            Field.data("264", " 1", ("b", "Ticknor"), ("c", "1854-08-09")),
            Field.data("300", "  ", ("a", "357 p.")),
            Field.data("540", "  ", ("a", "Free")),
            Field.data("546", "  ", ("a", "English")),
            Field.data("653", "  ", ("a", "Solitude")),
            Field.data("655", "7 ", ("a", "Text"), ("2", "local")),
            Field.data("720", "  ", ("a", "Thoreau, H. D."), ("e", "author")),
            Field.data("856", "40", ("u", "https://e.org/w"), ("q", "text/html")),
        ],
    )
    assert lost == ["own", "provenance", "title/@xml:lang"]


BARE = DUBLIN_CORE.replace("oai_dc:dc", "record").replace(
    "<dc:title xml", "<header>1</header><dc:title xml", 1
)
INSIDE = DUBLIN_CORE + MODS.partition("?>")[2]


@pytest.mark.parametrize(
    ("document", "titles"),
    [
        (f"<metadata>{INSIDE}</metadata>", ["Walden", "The trial"]),
        (f"<mets xmlns='http://www.loc.gov/METS/'><dmdSec><mdWrap>{INSIDE}</mdWrap></dmdSec></mets>",
         ["Walden", "The trial"]),
        (BARE, ["Walden"]),
        (DUBLIN_CORE.replace("oai_dc:dc", "record"), ["Walden"]),
        (b"".join(write([record("1"), record("2")])).decode(), ["Walden", "Walden"]),
        (f'<?xml version="1.0" encoding="UTF-16"?>{DUBLIN_CORE}'.encode("utf-16"), ["Walden"]),
    ],
    ids=["records beside each other", "METS", "behind something else", "in any element", "MARCXML", "UTF-16"],
)  # fmt: skip
def test_records_are_found_wherever_they_stand(document: str | bytes, titles: list[str]) -> None:
    found = told(document)

    assert [each.record.get("245", "a") for each in found if each.record is not None] == titles
    assert [each.ordinal for each in found] == list(range(len(titles)))


@pytest.mark.parametrize("document", [MODS, BARE, INSIDE.join(("<a>", "</a>"))], ids=["MODS", "bare", "both"])
def test_a_record_that_was_set_aside_can_be_read_alone(document: str) -> None:
    for each in told(document):
        again = told(b"<collection>" + each.raw + b"</collection>")
        assert [other.record for other in again] == [each.record]


def test_it_does_not_matter_in_what_pieces_a_document_comes() -> None:
    whole = f"<a>{INSIDE}{INSIDE.partition('<m:')[0]}</a>".encode()
    for size in (7, 1000):
        pieces = (whole[at : at + size] for at in range(0, len(whole), size))
        assert list(read(pieces)) == told(whole)


@pytest.mark.parametrize(
    ("document", "fault", "good"),
    [
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', Fault.FORBIDDEN, 0),
        (f'<!DOCTYPE a SYSTEM "https://e.org/a.dtd"><a>{DUBLIN_CORE}</a>', Fault.FORBIDDEN, 0),
        ("<a>" * 70, Fault.FORBIDDEN, 0),
        (f'<a xmlns="{"x" * 501}">{DUBLIN_CORE}</a>', Fault.FORBIDDEN, 0),
        (f"<a>{DUBLIN_CORE}<b></a>", Fault.SYNTAX, 1),
        (MODS[:900], Fault.SYNTAX, 0),
        ('<mods xmlns="http://www.loc.gov/mods/v3"/>', Fault.SYNTAX, 0),
        ("<html><body>Not found</body></html>", Fault.SYNTAX, 0),
        (f"<a>{DUBLIN_CORE.replace('Solitude', 'x' * 5000)}{DUBLIN_CORE}</a>", Fault.TOO_LONG, 1),
    ],
    ids=[
        "entities",
        "DOCTYPE",
        "deep",
        "namespace",
        "broken off behind",
        "broken off within",
        "empty",
        "another thing",
        "too long",
    ],
)
def test_what_cannot_be_read_is_told_and_harms_nothing_else(document: str, fault: Fault, good: int) -> None:
    pieces = (document.encode()[at : at + 512] for at in range(0, len(document.encode()), 512))
    found = list(read(pieces, max_record=4096))

    assert sum(each.record is not None for each in found) == good
    assert [each.problems[0].code for each in found if each.record is None] == [fault]


def test_what_is_no_record_is_not_kept_however_long_it_is() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"<a>"
        yield from (b" " * 65536 for _ in range(64))
        yield f"{DUBLIN_CORE}</a>".encode()

    tracemalloc.start()
    try:
        found = list(read(pieces(), max_record=4096))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert [each.record is not None for each in found] == [True]


def test_a_record_does_not_take_along_whatever_is_declared_around_it() -> None:
    around = " ".join(f'xmlns:p{number}="urn:{number}"' for number in range(1000))
    (found,) = told(f"<a {around}>{DUBLIN_CORE}</a>")

    assert found.raw.decode() == DUBLIN_CORE


def real(*names: str) -> Path:
    return shared_data(*names)


def test_real_records_that_went_out_as_mods_come_in_as_they_went() -> None:
    """What MODS says of them is the same again, but for what is told as lost and punctuation that ends a value."""
    with real("marc", "bib", "qa-catalogue__BooksAll.2014.part01-0001.mrc").open("rb") as file:
        records = [each.record for each in iso2709.read(file) if each.record is not None]
    lost: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for each in records:
        said = mods.dumps(each)
        made, paths = one(said)
        lost.update(paths)
        missing.update(leaves(said) - leaves(mods.dumps(made)))

    assert len(records) == 100
    assert lost == {"relatedItem/name/@type": 1, "relatedItem/titleInfo/partName": 1}
    assert missing == {
        "partName: Elementary course": 1,
        "internetMediaType: s": 1,  # of an address, but MODS does not say so
        "namePart: Milne, William J. (William James)": 1,  # these two are one value now
        "namePart: 1843-1914": 1,
    }


def leaves(document: str) -> Counter[str]:
    """Each value of a document below its element's name, without the full stop that may end it."""
    return Counter(
        f"{etree.QName(each).localname}: {' '.join(each.text.split()).rstrip('.')}"
        for each in etree.fromstring(document.encode()).iter()
        if each.text and each.text.strip()
    )


def test_a_real_answer_of_a_repository_holds_its_records() -> None:
    found = told(real("oai-pmh", "samples", "ListRecords.xml").read_bytes())

    assert [each.record.get("720", "a") for each in found if each.record is not None] == ["Example, A."]
    assert [each.problems for each in found] == [[]]
