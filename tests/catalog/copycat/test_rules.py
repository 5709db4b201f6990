"""SRU as a client: what is asked, and what answers say, well or not."""

import io
from urllib.parse import parse_qs, urlsplit

import pytest

from catalog.copycat.rules import INDEXES, NoAnswer, answer, cql, quoted, url_of
from catalog.cql import parsing
from catalog.cql.tree import Clause
from catalog.marc.marcxml import read
from catalog.marc.record import Field, Record
from catalog.sru import answers
from catalog.sru.asking import Version

RECORD = Record("00000nam a2200000 i 4500", [Field.data("245", "10", ("a", 'Ponds & "Rivers" <1854>'))])


@pytest.mark.parametrize("term", ["Walden", 'a" or cql.allRecords=1 or x="', "who?*^\\ end", "a\x00b\nc"])
def test_a_term_stays_one_term_whatever_stands_in_it(term: str) -> None:
    root = parsing.parse(cql({"title": term}, INDEXES)).root

    assert isinstance(root, Clause)
    assert (root.index, root.relation) == ("dc.title", "=")
    assert "\x00" not in quoted(term)


def test_terms_are_searched_together_by_the_servers_own_names() -> None:
    told = cql({"isbn": "1", "author": "Thoreau"}, {**INDEXES, "isbn": "alma.isbn"})

    assert told == 'alma.isbn = "1" and dc.creator = "Thoreau"'


@pytest.mark.parametrize(
    ("version", "named"), [("1.1", ["operation", "version"]), ("1.2", ["operation", "version"]), ("2.0", [])]
)
def test_each_version_is_asked_in_its_own_way_and_the_servers_own_parameters_stay(
    version: str, named: list[str]
) -> None:
    url = url_of("https://a.test/sru?db=1&query=no", version=version, query="q&r", schema="marcxml", most=5)

    told = parse_qs(urlsplit(url).query)
    assert (told["db"], told["query"], told["maximumRecords"]) == (["1"], ["q&r"], ["5"])
    assert [name for name in ("operation", "version") if name in told] == named


@pytest.mark.parametrize("version", ["1.1", "1.2", "2.0"])
@pytest.mark.parametrize("escaped", [False, True])
def test_records_are_read_from_what_our_own_server_answers(version: Version, escaped: bool) -> None:
    body = answers.found(
        version, total=7, start=1, schema="marcxml", records=[RECORD, None, RECORD], escaped=escaped
    )

    told = answer(body)

    assert told.total == 7
    records = [found.record for each in told.records for found in read(io.BytesIO(each))]
    assert [record for record in records if record is not None and len(record)] == [RECORD, RECORD]


def test_prefixes_and_attributes_do_not_matter() -> None:
    marc = (
        '<m:record xmlns:m="http://www.loc.gov/MARC21/slim"><m:leader>00000nam a2200000 i 4500</m:leader>'
        '<m:datafield tag="245" ind1="1" ind2="&quot;"><m:subfield code="a">A &amp; B</m:subfield></m:datafield>'
        "</m:record>"
    )
    body = (
        '<zs:searchRetrieveResponse xmlns:zs="urn:x"><zs:numberOfRecords>1</zs:numberOfRecords>'
        "<zs:records><zs:record>"
        f"<zs:recordData>{marc}</zs:recordData></zs:record></zs:records></zs:searchRetrieveResponse>"
    )

    (found,) = answer(body.encode()).records

    ((told,),) = [list(one.record or ()) for one in read(io.BytesIO(found))]
    assert told == Field.data("245", '1"', ("a", "A & B"))


BOMB = b'<!DOCTYPE a [<!ENTITY x "1">]><searchRetrieveResponse>&x;</searchRetrieveResponse>'


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BOMB, "document type"),
        (b"<html><body>404</body></html>", "no answer of SRU"),
        (b"not xml", "no well-formed XML"),
        (b"<searchRetrieveResponse>", "no well-formed XML"),
        (b"<searchRetrieveResponse/>", "counts nothing"),
        (b"<a>" * 100, "too deep"),
        (
            b"<searchRetrieveResponse><numberOfRecords>0</numberOfRecords><diagnostics><diagnostic>"
            b"<message>Unsupported index</message></diagnostic></diagnostics></searchRetrieveResponse>",
            "Unsupported index",
        ),
    ],
    ids=["document-type", "html", "text", "cut-off", "empty", "deep", "diagnostic"],
)
def test_what_is_no_answer_is_told_as_such(body: bytes, why: str) -> None:
    with pytest.raises(NoAnswer, match=why):
        answer(body)
