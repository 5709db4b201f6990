"""OpenURLs as databases, proxies and people send them."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from contracts.openurl import LONGEST, OpenUrl, Unreadable, of_citation, read, write
from contracts.openurl.identifiers import doi_of, isbn_of, issn_of, oclc_of, pmid_of
from support.shared_data import shared_data

ARTICLE = (
    "url_ver=Z39.88-2004&ctx_enc=info%3Aofi%2Fenc%3AUTF-8&rft_val_fmt=info%3Aofi%2Ffmt%3Akev%3Amtx%3Ajournal"
    "&rfr_id=info%3Asid%2Fexample.org%3Adb&rft_id=info%3Adoi%2F10.9999%2Fjih.2025.17&rft.genre=article"
    "&rft.atitle=Sediment+budgets&rft.jtitle=Journal+of+Imaginary+Hydrology&rft.issn=20493630&rft.volume=12"
    "&rft.issue=3&rft.spage=201&rft.epage=219&rft.date=2025-03-14&rft.aulast=Lindqvist&rft.aufirst=Petra"
)


def cases() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(shared_data("openurl", "cases.json").read_bytes())
    return told


def said(asked: OpenUrl) -> dict[str, Any]:
    """What the collection's expectations are told in."""
    return {
        "type": asked.kind,
        "service": "fulltext" if "fulltext" in asked.services else None,
        **{name: getattr(asked, name) for name in ("doi", "pmid", "issn", "eissn", "isbn", "title", "year")},
        **{name: getattr(asked, name) for name in ("volume", "issue", "start_page", "end_page")},
        "authors": list(asked.authors),
    }


def test_every_case_of_the_collection_is_understood() -> None:
    for case in cases():
        told = said(read(case["query"]))
        for name, value in case["expect"].items():
            if name == "privacy":
                assert "someone" not in repr(read(case["query"])), case["name"]
            elif name != "needs":
                wanted = ("unknown", "article") if value == "unknown-or-article" else (value,)
                assert told[name] in wanted, (case["name"], name, told[name])


def test_real_ones_are_found_within_the_addresses_of_searches_and_proxies() -> None:
    told = [read(address) for address in json.loads(shared_data("openurl", "wild-urls.json").read_bytes())]

    assert [(one.kind, one.isbn, one.oclc, one.year) for one in told] == [
        ("book", "9780688035990", "5677842", 1980),
        ("book", "9780715614433", "6389326", 1980),
        ("book", "9780140291155", "45339661", 2001),
    ]
    assert told[2].authors == ("Byock, Jesse",)
    assert told[2].title == "Viking age Iceland"


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        # 0.1 and 1.0, and both at once: 1.0 counts
        ("genre=article&issn=20493630&date=2025&id=doi:10.9999/X", {"version": "0.1", "doi": "10.9999/x"}),
        ("title=A&rft.jtitle=B&rft.title=C&rft_val_fmt=info:ofi/fmt:kev:mtx:journal", {"title": "B"}),
        ("rft.volume=&rft.volume=12&rft.volume=13&rft.issn=20493630", {"volume": "12", "kind": "issue"}),
        # what is told of a kind
        ("rft_val_fmt=info:ofi/fmt:kev:mtx:book&rft.isbn=0306406152", {"kind": "book", "isbn": "9780306406157"}),
        ("rft_val_fmt=info:ofi/fmt:kev:mtx:book&rft.btitle=A&rft.spage=3", {"kind": "chapter"}),
        ("isbn=0-306-40615-2+%28pbk.%29", {"kind": "book", "isbn": "9780306406157"}),
        ("issn=2049-3630", {"kind": "journal"}),
        ("rft_val_fmt=info:ofi/fmt:kev:mtx:patent&rft.number=7&rft.cc=US", {"kind": "patent", "country": "US"}),
        # where it is said to be
        ("rft_id=https%3A%2F%2Fdoi.org%2F10.1000%2FABC&rft.genre=article", {"doi": "10.1000/abc", "address": None}),
        ("rft_id=https%3A%2F%2Fa.example%2Fx&rft.genre=book", {"address": "https://a.example/x"}),
        ("rft_id=javascript%3Aalert(1)&rft.genre=book", {"address": None}),
        ("rft_id=urn:ISSN:2049-3630&rft_id=info:pmid/0012&rft_id=info:oclcnum/ocm0099", {"pmid": "12", "oclc": "99"}),
        # dates and pages as they come
        ("genre=article&issn=20493630&date=20250314", {"year": 2025, "month": 3, "day": 14}),
        ("genre=article&issn=20493630&date=March+2025", {"year": 2025, "month": None}),
        ("genre=article&issn=20493630&date=12345", {"year": None}),
        ("genre=article&issn=20493630&pages=S12%E2%80%93S19,+25", {"pages": "S12-S19"}),
        ("genre=article&issn=20493630&spage=7", {"pages": "7"}),
        # letters
        ("rft.genre=book&rft.btitle=M%C3%BCller", {"title": "Müller"}),
        ("genre=book&title=M%FCller", {"title": "Müller"}),
        ("ctx_enc=info:ofi/enc:ISO-8859-1&rft.genre=book&rft.btitle=M%C3%BCller", {"title": "MÃ¼ller"}),
        ("genre=book&title=a%00b%0Ac", {"title": "a b c"}),
        ("genre=book&amp;title=A%26B&amp;isbn=0306406152", {"title": "A&B", "isbn": "9780306406157"}),
        ("?genre=book&title=A;+B", {"title": "A; B"}),
        # a context told by value
        ("url_ctx_val=" + quote("rft.genre=article&rft.issn=20493630") + "&rft_ref=x", {"issn": "2049-3630"}),
        # within others: encoded, plain, and to a depth
        ("url=" + quote("https://p.example/login?url=https://r.example/?genre=book&isbn=0306406152"), {"kind": "book"}),
        ("url=https://r.example/o?sid=A&genre=book&isbn=0306406152", {"isbn": "9780306406157", "source": "A"}),
        ("https://r.example/o?genre=book&isbn=0306406152#top", {"isbn": "9780306406157"}),
    ],
)  # fmt: skip
def test_it_is_read_as_it_is_meant(query: str, wanted: dict[str, Any]) -> None:
    asked = read(query)

    assert {name: getattr(asked, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("query", "flaws"),
    [
        ("genre=article&issn=2049-3631&title=A", [("issn-wrong", "issn")]),
        ("isbn=123&rft_id=urn:ISBN:9780306406158", [("isbn-wrong", "rft_id"), ("isbn-wrong", "isbn")]),
        ("genre=article&id=doi:nonsense&title=A", [("doi-wrong", "id")]),
        ("rft.genre=book&rft.btitle=A&rft_ref=http://evil.example/", [("by-reference-not-read", "rft_ref")]),
        ("rft.genre=book&rft.btitle=A&url_ctx_val=%3Cctx%3E", [("xml-not-read", "url_ctx_val")]),
        ("genre=book&title=" + "x" * 1500, [("value-cut", "title")]),
        ("genre=book&isbn=0306406152", []),
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_left_out_and_told(query: str, flaws: list[tuple[str, str]]) -> None:
    assert [(flaw.code, flaw.key) for flaw in read(query).flaws] == flaws


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "openurl-empty"),
        ("a=b&c", "openurl-empty"),
        ("title=A", "openurl-empty"),
        ("genre=", "openurl-empty"),
        ("id=12", "openurl-empty"),
        ("&&&===", "openurl-empty"),
        ("x" * (LONGEST + 1), "openurl-too-long"),
        ("url=" * 3000, "openurl-empty"),
    ],
)
def test_what_says_nothing_is_not_read(query: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(query)

    assert refused.value.code == code


def test_who_asks_is_forgotten_at_once() -> None:
    asked = read(ARTICLE + "&req_id=mailto%3Aa%40b.example&req_dat=secret&req.name=Ann")

    assert not {"a@b.example", "secret", "Ann"} & set(repr(asked).split("'"))
    assert "req" not in write(asked)


def test_what_was_read_is_written_so_that_it_is_read_again() -> None:
    queries = [ARTICLE, *(case["query"] for case in cases())]
    assert queries
    for query in queries:
        first = read(query)
        again = read(write(first))
        assert {**said(again), "service": None} == {**said(first), "service": None}, query


def test_interlibrary_loan_is_told_it_in_its_own_words() -> None:
    article = read(ARTICLE).citation()
    book = read("genre=book&isbn=0306406152&title=Dams&aulast=Okafor&aufirst=Adaeze&date=2019").citation()

    assert article == {
        "title": "Journal of Imaginary Hydrology",
        "issn": "2049-3630",
        "doi": "10.9999/jih.2025.17",
        "year": "2025",
        "article_title": "Sediment budgets",
        "article_author": "Lindqvist, Petra",
        "volume": "12",
        "issue": "3",
        "pages": "201-219",
    }
    assert book == {"isbn": "9780306406157", "title": "Dams", "author": "Okafor, Adaeze", "year": "2019"}


@pytest.mark.parametrize(
    ("reader", "told", "number"),
    [
        (issn_of, "0306-452x", None),
        (issn_of, "2434561X", "2434-561X"),
        (isbn_of, "080442957X", "9780804429573"),
        (isbn_of, "978-0-306-40615-7", "9780306406157"),
        (isbn_of, "979", None),
        (doi_of, "DOI: 10.1000/A(b)", "10.1000/a(b)"),
        (doi_of, "11.1000/a", None),
        (pmid_of, "0", None),
        (pmid_of, "1" * 12, None),
        (oclc_of, "(OCoLC)0012", "12"),
    ],
)
def test_numbers_are_held_to_their_standards(reader: Any, told: str, number: str | None) -> None:
    assert reader(told) == number


def test_what_interlibrary_loan_calls_it_is_looked_for_in_the_same_way() -> None:
    for query in (ARTICLE, "genre=book&isbn=0306406152&title=Dams&date=2019"):
        asked = read(query)
        again = of_citation(asked.citation(), part=asked.part_of_a_whole)
        assert again.citation() == asked.citation()
        assert again.kind == asked.kind
    assert of_citation({"issn": "nonsense", "title": "A"}, part=False) == OpenUrl(title="A")
