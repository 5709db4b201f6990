"""Articles and chapters: what a record says of its host."""

# ruff: noqa: E501 - a table is read by its columns

from typing import Any

import pytest

from catalog.citations import bibtex, csl, endnote, ris, schema_org
from catalog.citations.styles.offered import text
from catalog.marc.record import Field, Record
from catalog.pages import coins


def part(*host: tuple[str, str], level: str = "a") -> Record:
    return Record(
        f"00000na{level} a2200000 i 4500",
        [
            Field.control("008", "260101s1993    gw                  ger d"),
            Field.data("100", "1 ", ("a", "Doe, Jane.")),
            Field.data("245", "10", ("a", "A part.")),
            Field.data("773", "0 ", *host),
        ],
    )


@pytest.mark.parametrize(
    ("host", "kind", "told"),
    [
        ([("t", "Libraries."), ("g", "Vol. 24, no. 9 (Sept. 1993), p. 235-48"), ("x", "0378-5955")], "article-journal",
         {"container-title": "Libraries", "volume": "24", "issue": "9", "page": "235-48", "ISSN": "0378-5955"}),
        ([("t", "Zeitschrift"), ("g", "Bd. 12 (1993), H. 3/4, S. 5–9"), ("7", "nnas")], "article-journal",
         {"container-title": "Zeitschrift", "volume": "12", "issue": "3/4", "page": "5–9"}),
        ([("t", "Serial"), ("q", "96:4<23"), ("x", "1234-5678")], "article-journal",
         {"container-title": "Serial", "volume": "96", "issue": "4", "page": "23"}),
        ([("t", "Handbook"), ("d", "Boston : Houghton, 1993"), ("g", "pp. 1-20"), ("z", "0-306-40615-2")], "chapter",
         {"container-title": "Handbook", "publisher-place": "Boston", "publisher": "Houghton", "page": "1-20", "ISBN": "9780306406157"}),
        ([("s", "Uniform"), ("g", "somewhere within")], "chapter", {"container-title": "Uniform"}),
    ],
)  # fmt: skip
def test_a_part_tells_its_host(host: list[tuple[str, str]], kind: str, told: dict[str, Any]) -> None:
    item = csl.csl(part(*host), key="t1")

    assert (item["type"], item["title"]) == (kind, "A part")
    assert {
        key: value for key, value in item.items() if key in told or key in ("volume", "issue", "page")
    } == told


def test_a_book_in_a_series_and_a_host_without_a_title_make_no_part() -> None:
    assert csl.csl(part(("t", "Host"), level="m"), key="t1")["type"] == "book"
    assert csl.csl(part(("w", "(XX)1")), key="t1")["type"] == "book"


ARTICLE = csl.csl(
    part(("t", "Libraries & more"), ("g", "Vol. 24, no. 9 (1993), p. 235-248"), ("x", "0378-5955")), key="t1"
)
CHAPTER = csl.csl(part(("t", "Handbook"), ("g", "p. 1-20")), key="t1")


def test_reference_managers_are_told_of_the_host() -> None:
    lines = ris.dumps(ARTICLE).split("\r\n")
    assert {"TY  - JOUR", "T2  - Libraries & more", "VL  - 24", "IS  - 9", "SP  - 235", "EP  - 248"} <= set(
        lines
    )
    assert "TY  - CHAP" in ris.dumps(CHAPTER)
    entry = bibtex.dumps(ARTICLE)
    assert entry.startswith("@article{")
    assert "journal = {Libraries \\& more}" in entry
    assert "pages = {235--248}" in entry
    assert "booktitle = {Handbook}" in bibtex.dumps(CHAPTER)
    tags = endnote.dumps(ARTICLE).split("\r\n")
    assert {"%0 Journal Article", "%J Libraries & more", "%V 24", "%N 9", "%P 235-248"} <= set(tags)
    assert {"%0 Book Section", "%B Handbook"} <= set(endnote.dumps(CHAPTER).split("\r\n"))
    assert schema_org.linked(ARTICLE)["isPartOf"] == {"@type": "Periodical", "name": "Libraries & more"}
    assert "rft.genre=article&rft.atitle=A+part&rft.jtitle=Libraries+%26+more" in coins.span(ARTICLE)
    assert "rft.genre=bookitem&rft.atitle=A+part&rft.btitle=Handbook" in coins.span(CHAPTER)


def test_a_part_is_cited_within_its_host() -> None:
    assert text(ARTICLE, "vancouver") == "Doe J. A part. Libraries & more. 1993;24(9):235–248."
    assert text(CHAPTER, "apa") == "Doe, J. (1993). A part. In Handbook (pp. 1–20)."
