"""What is asked of sources, and what an answer is worth."""

from typing import Any

import pytest

from ill.lookups.rules import (
    citation_question,
    doi_of,
    enriched,
    open_access_question,
    read_csl,
    read_open_access,
)

DOI = "https://doi.test/{doi}"
ARTICLE: dict[str, Any] = {
    "type": "article-journal",
    "title": ["On <i>bends</i> of rivers"],
    "container-title": ["Journal of Rivers"],
    "author": [{"family": "Okafor", "given": "Adaeze"}, {"literal": "The Group"}],
    "issued": {"date-parts": [[2025, 3]]},
    "ISSN": ["0378-5955", "1111-1111"],
    "volume": "12",
    "page": "1-9",
    "DOI": "10.1234/ABC(5)",
    "publisher": "P",
}


@pytest.mark.parametrize(
    ("told", "doi"),
    [
        ("10.1234/abc", "10.1234/abc"),
        ("https://doi.org/10.1234/abc", "10.1234/abc"),
        (" doi:10.1234/a<b>", "10.1234/a<b>"),
        ("10.12/abc", None),
        ("11.1234/abc", None),
        ("", None),
        (None, None),
    ],
)
def test_a_doi_is_known_however_it_is_written(told: str | None, doi: str | None) -> None:
    assert doi_of(told) == doi


@pytest.mark.parametrize(
    ("citation", "templates", "question"),
    [
        ({"doi": "10.1234/a/../b?x"}, {"doi": DOI}, ("doi", "https://doi.test/10.1234%2Fa%2F..%2Fb%3Fx")),
        ({"doi": "nonsense", "isbn": "978-0-306-40615-7"}, {"doi": DOI, "isbn": "https://b.test/{isbn}"}, ("isbn", "https://b.test/9780306406157")),
        ({"pmid": "12 3"}, {"doi": DOI, "pmid": "https://p.test/?id={pmid}"}, ("pmid", "https://p.test/?id=123")),
        ({"pmid": "1"}, {"doi": DOI, "pmid": None}, None),
        ({"title": "x"}, {"doi": DOI}, None),
    ],
)  # fmt: skip
def test_a_citation_is_looked_up_by_its_surest_number(
    citation: dict[str, Any], templates: dict[str, str | None], question: tuple[str, str] | None
) -> None:
    assert citation_question(citation, templates) == question


def test_free_copies_are_looked_for_by_doi_and_not_for_books_to_be_lent() -> None:
    assert open_access_question("copy", {"doi": "10.1234/a"}, DOI) == "https://doi.test/10.1234%2Fa"
    assert open_access_question("loan", {"doi": "10.1234/a"}, DOI) is None
    assert open_access_question("copy", {"doi": "10.1234/a"}, None) is None


def test_an_article_is_read_by_the_names_of_a_citation() -> None:
    assert read_csl(ARTICLE) == {
        "title": "Journal of Rivers",
        "article_title": "On bends of rivers",
        "article_author": "Okafor, Adaeze; The Group",
        "year": "2025",
        "issn": "0378-5955",  # the other one's check digit is wrong
        "volume": "12",
        "pages": "1-9",
        "doi": "10.1234/ABC(5)",
        "publisher": "P",
    }
    book = {"type": "book", "title": "Rivers", "author": [{"family": "O"}], "ISBN": "978-0-306-40615-7"}
    assert read_csl([book]) == {"title": "Rivers", "author": "O", "isbn": "978-0-306-40615-7"}


@pytest.mark.parametrize("told", [None, [], {}, [1], {"title": []}, {"title": 5.5}, "x", [ARTICLE, ARTICLE]])
def test_what_is_no_work_is_refused(told: Any) -> None:
    with pytest.raises(ValueError, match="no CSL-JSON"):
        read_csl(told)


@pytest.mark.parametrize(
    "odd",
    [
        {"author": "Okafor"},
        {"author": [1, None, {"family": {}}]},
        {"issued": {"date-parts": [[]]}},
        {"issued": {"date-parts": "2025"}},
        {"issued": [2025]},
        {"ISSN": {"a": 1}},
        {"volume": ["a", "b"]},
        {"page": True},
        {"title": "a\u0000b\ud800" + "c" * 5000},
    ],
)
def test_odd_values_are_left_out_and_nothing_breaks(odd: dict[str, Any]) -> None:
    told = read_csl(ARTICLE | odd)

    assert all(isinstance(value, str) and 0 < len(value) <= 1000 for value in told.values())
    assert "\x00" not in str(told)


def test_what_is_missing_is_filled_in_and_what_was_told_stays() -> None:
    better = enriched({"doi": "10.1234/abc", "year": "1999"}, {"year": "2025", "title": "Rivers"})

    assert better.citation == {"doi": "10.1234/abc", "year": "1999", "title": "Rivers"}
    assert (better.added, better.contradicts) == (("title",), False)


@pytest.mark.parametrize(
    ("told", "found", "contradicts"),
    [
        ({"title": "J. Riv. Res."}, {"title": "Journal of River Research"}, False),
        ({"title": "RIVERS of the plain"}, {"title": "Rivers: a history"}, False),
        ({"title": "Über Flüsse"}, {"title": "Uber Flusse"}, False),
        ({"title": "Cooking with gas"}, {"title": "Rivers of the plain"}, True),
        ({"article_title": "On bends"}, {"article_title": "Deltas reconsidered"}, True),
        ({"title": "???"}, {"title": "Rivers"}, False),
    ],
)
def test_a_number_that_leads_to_another_work_fills_nothing_in(
    told: dict[str, Any], found: dict[str, str], contradicts: bool
) -> None:
    better = enriched(told, found | {"year": "2025"})

    assert (better.contradicts, "year" in better.citation) == (contradicts, not contradicts)


@pytest.mark.parametrize(
    ("place", "url"),
    [
        ({"url_for_pdf": "https://a.test/1.pdf", "url": "https://a.test/1"}, "https://a.test/1.pdf"),
        ({"url_for_pdf": None, "url": "https://a.test/1"}, "https://a.test/1"),
        ({"url": "javascript:alert(1)", "url_for_landing_page": "https://a.test/2"}, "https://a.test/2"),
        ({"url": "https://a.test/a b"}, None),
        ({"url": "https://[bad"}, None),
        (None, None),
    ],
)
def test_the_best_free_copy_is_a_link_of_the_web(place: Any, url: str | None) -> None:
    free = read_open_access({"is_oa": True, "best_oa_location": place, "oa_locations": [7]})

    assert (free.url if free else None) == url


def test_what_is_not_free_or_no_answer() -> None:
    assert read_open_access({"is_oa": False, "best_oa_location": {"url": "https://a.test/"}}) is None
    strange: tuple[Any, ...] = (None, [], {}, {"is_oa": "yes"})
    for told in strange:
        with pytest.raises(ValueError, match="open access"):
            read_open_access(told)
