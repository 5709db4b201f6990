"""SRU as a client: what is asked, and what servers answer, well or not."""

from urllib.parse import parse_qs, urlsplit

import pytest

from ill.configuration.documents import QUERIES
from ill.lookups.sru import Hit, Refused, answer, in_now, outcome, question, url, why_not
from support.shared_data import shared_data
from support.sources import found


@pytest.mark.parametrize(
    ("citation", "asked"),
    [
        ({"isbn": "978-0-306-40615-7", "title": "x"}, ("isbn", 'bath.isbn="9780306406157"')),
        ({"eissn": "0378-5955"}, ("issn", 'bath.issn="03785955"')),
        ({"record_id": "b1", "isbn": "9780306406157"}, ("record_id", 'rec.identifier="b1"')),
        ({"title": "Rivers", "author": "Okafor"}, ("title", 'dc.title="Rivers" and dc.creator="Okafor"')),
        ({"title": "Rivers"}, ("title", 'dc.title="Rivers"')),
        (
            {"title": 'a" or cql.allRecords=1 or x="'},
            ("title", 'dc.title="a\\" or cql.allRecords=1 or x=\\""'),
        ),
        ({"title": "who?*^\\ {author}"}, ("title", 'dc.title="who\\?\\*\\^\\\\ {author}"')),
        ({"doi": "10.1/x"}, None),
        ({}, None),
    ],
)
def test_a_title_is_searched_by_its_surest_number_and_terms_stay_terms(
    citation: dict[str, str], asked: tuple[str, str] | None
) -> None:
    assert question(citation, QUERIES) == asked


def test_each_version_is_asked_in_its_own_way_and_the_servers_own_parameters_stay() -> None:
    old = parse_qs(
        urlsplit(
            url("https://a.test/sru?x-db=1&query=no", version="1.1", query="q&r", schema="dc", most=5)
        ).query
    )
    new = parse_qs(urlsplit(url("https://a.test/sru", version="2.0", query="q", schema="dc", most=5)).query)

    assert old == {
        "x-db": ["1"],
        "operation": ["searchRetrieve"],
        "version": ["1.1"],
        "query": ["q&r"],
        "recordSchema": ["dc"],
        "maximumRecords": ["5"],
    }
    assert new == {"query": ["q"], "recordSchema": ["dc"], "maximumRecords": ["5"]}


@pytest.mark.parametrize("file", ["v1.2-searchRetrieve.xml", "v2-searchRetrieve.xml"])
def test_answers_of_either_version_are_read(file: str) -> None:
    told = answer(shared_data("sru", "samples", file).read_bytes())

    assert told.total == 1
    assert [hit.record_id for hit in told.hits] == ["b1001"]


A = ("XX-SUPA", None, None)
RARE = "<holding><localLocation>Rare</localLocation>{}</holding>"
STACKS = "<holding><localLocation>Main</localLocation><shelvingLocation>Stacks</shelvingLocation>{}</holding>"
IN, OUT = '<availableNow value="1"/>', '<availableNow value="0"/>'


def test_the_place_stands_beside_the_holder() -> None:
    (hit,) = answer(found(("b1", "XX-SUPA/Main/Stacks", "XX-SUPA/Rare")), ["852$a"]).hits

    assert hit.holders == ("XX-SUPA",)
    assert hit.places == (("XX-SUPA", "Main", "Stacks"), ("XX-SUPA", "Rare", None))


@pytest.mark.parametrize(
    ("opac", "reason"),
    [
        pytest.param(STACKS.format(IN), None, id="in, and lent from there"),
        pytest.param(STACKS.format(""), None, id="nothing is said of its being in"),
        pytest.param(RARE.format(IN), "not-lent-from-there", id="in, where nothing is lent"),
        pytest.param(RARE.format(IN) + STACKS.format(OUT), "not-available", id="what is lent is out"),
        pytest.param(RARE.format(OUT) + STACKS.format(IN), None, id="what is not lent is out"),
        pytest.param("<x/>", None, id="no holdings"),
    ],
)
def test_a_catalogue_tells_whether_something_that_is_lent_is_in(opac: str, reason: str | None) -> None:
    told = outcome(answer(found(("b1", "X"), opac=opac)))

    assert why_not(told, lambda where, _: where != "Rare") == reason


def test_nothing_found_is_nothing_to_ask_for() -> None:
    assert why_not(outcome(answer(found()))) == "not-found-there"


def test_holders_stand_where_the_catalogue_puts_them() -> None:
    body = found(("b1", "XX-SUPA", "XX-SUPB"), ("b2", "XX-SUPA"))

    assert answer(body, ["852$a"]).hits == (
        Hit("b1", ("XX-SUPA", "XX-SUPB"), "QB XX-SUPA", None, (A, ("XX-SUPB", None, None))),
        Hit("b2", ("XX-SUPA",), "QB XX-SUPA", None, (A,)),
    )
    assert answer(body, ["924$b"]).hits[0].holders == ()
    start, end = body.index(b"<recordData>") + 12, body.index(b"</recordData>")
    packed = body[:start] + body[start:end].replace(b"<", b"&lt;") + body[end:]  # recordPacking=string
    assert answer(packed, ["852$a"]).hits == answer(body, ["852$a"]).hits


@pytest.mark.parametrize(
    ("opac", "total", "is_in"),
    [
        ("", 1, True),
        ("", 0, False),
        ('<circulation><availableNow value="1"/></circulation>', 1, True),
        ('<circulation><availableNow value="0"/></circulation>', 1, False),
        ('<a><availableNow value="0"/></a><b><availableNow>true</availableNow></b>', 1, True),
    ],
)
def test_a_copy_is_in_unless_all_are_said_to_be_out(opac: str, total: int, is_in: bool) -> None:
    records = [("b1", "X")] if total else []

    assert in_now(outcome(answer(found(*records, opac=opac)))) is is_in


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (shared_data("sru", "samples", "v2-diagnostic-10.xml").read_bytes(), "a diagnostic"),
        (shared_data("sru", "samples", "v1.2-explain.xml").read_bytes(), "none of SRU"),
        (b"<html/>", "none of SRU"),
        (b"", "no element"),
        (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><searchRetrieveResponse/>', "document type"),
        (found(total=3).replace(b">3<", b">many<"), "counts nothing"),
        (b"<searchRetrieveResponse/>", "counts nothing"),
        (b"<a>" * 50 + b"</a>" * 50, "within one another"),
    ],
    ids=lambda value: value if isinstance(value, str) else "body",
)  # fmt: skip
def test_what_is_no_answer_is_told_apart_from_nothing_found(body: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        answer(body)
