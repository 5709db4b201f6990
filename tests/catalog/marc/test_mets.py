"""MARC told as METS: both descriptions, what lies at addresses, and what stands on shelves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from catalog.marc import iso2709, mets
from catalog.marc.described import read
from catalog.marc.record import Field, Record
from support import schemas
from support.marc_records import LEADER, RECORDS, TEXTS
from support.shared_data import shared_data

NAMES = {"m": mets.NAMESPACE, "x": "http://www.w3.org/1999/xlink"}
HELD = (
    Field.data("852", "  ", ("8", "1"), ("b", "MAIN"), ("c", "STACKS"), ("h", "PS1")),
    Field.data("866", "41", ("8", "1"), ("a", "v.1-5")),
    Field.data("876", "  ", ("8", "1"), ("p", "b1"), ("3", "v.1")),
    Field.data("852", "  ", ("8", "2"), ("b", "LAW")),
)


def walden(*fields: Field) -> Record:
    return Record(LEADER, [Field.data("245", "10", ("a", "Walden")), *fields])


def labels(document: str) -> list[tuple[str | None, str | None, str | None]]:
    """Each division of the map: what it is in, what it is, and what it is called."""
    root = schemas.valid(document.encode(), schemas.oai())
    told = []
    for each in root.iter(f"{{{mets.NAMESPACE}}}div"):
        above = each.getparent()
        told.append((above.get("TYPE") if above is not None else None, each.get("TYPE"), each.get("LABEL")))
    return told


def test_a_title_holds_its_links_its_shelves_and_in_these_its_items() -> None:
    record = walden(Field.data("856", "40", ("u", "https://e.org/w"), ("y", "Read")))

    assert labels(mets.dumps(record, HELD, key="t1")) == [
        ("logical", "title", "Walden"),
        ("title", "link", "Read"),
        ("title", "holdings", "MAIN/STACKS PS1"),
        ("holdings", "statement", "v.1-5"),
        ("holdings", "item", "v.1 b1"),
        ("title", "holdings", "LAW"),
    ]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://e.org/a b?q=ü#x", "https://e.org/a%20b?q=%C3%BC#x"),
        ("https://e.org/100%", "https://e.org/100%25"),
        ("https://e.org/%20#a#b", "https://e.org/%20#a%23b"),
        ("http://[1", None),
        ("http://e.org:port/", None),
        ("javascript:alert(1)", None),
        ("e.org", None),
        ("http://", None),
    ],
)
def test_an_address_is_one_by_the_schema_or_left_out(written: str, address: str | None) -> None:
    root = schemas.valid(
        mets.dumps(walden(Field.data("856", "  ", ("u", written), ("u", written))), key="t1").encode(),
        schemas.oai(),
    )

    assert root.xpath("//m:FLocat/@x:href", namespaces=NAMES) == ([address] if address else [])


def test_what_was_written_is_read_as_one_record_and_not_as_two() -> None:
    record = walden(Field.data("100", "1 ", ("a", "Thoreau")))

    found = list(read(mets.dumps(record, HELD, key="t1").encode()))

    assert [each.record.get("245", "a") for each in found if each.record is not None] == ["Walden"]


@settings(max_examples=40)
@given(RECORDS, st.lists(TEXTS, max_size=3))
def test_any_record_becomes_valid_mets(record: Record, urls: list[str]) -> None:
    links = [Field.data("856", "40", ("u", f"http://e.org/{each}"), ("u", each or "x")) for each in urls]

    schemas.valid(mets.dumps(record.having(*links), HELD, key="t1").encode(), schemas.oai())


def test_real_records_become_valid_mets() -> None:
    file = shared_data("marc", "bib", "solrmarc__uva_001_2000.mrc").read_bytes()[:150_000]
    told = [
        mets.dumps(each.record, key=f"t{place}")
        for place, each in enumerate(iso2709.read(file))
        if each.record is not None
    ]

    together = etree.fromstring(f"<all>{''.join(told)}</all>")
    for each in together:
        schemas.oai().assertValid(etree.ElementTree(each))
    assert len(told) > 50
