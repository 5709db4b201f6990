"""Faults of records: each is found, told where it is, and nothing else is."""

from collections import Counter

import pytest

from catalog.marc.reading import read, sniff
from catalog.marc.record import Field, Record
from catalog.specifications.documents import (
    AACR2,
    RDA,
    FieldDoc,
    SpecificationDoc,
    SubfieldDoc,
    specification_of,
)
from catalog.specifications.rules import Presence, Severity, material, standard, validate
from support.shared_data import shared_data

LEADER = "00000nam a2200000 i 4500"
F008 = "260101s1854    mau           000 0 eng d"
TITLE = Field.data("245", "10", ("a", "Walden"))


def made(*fields: Field, leader: str = LEADER, f008: str | None = F008) -> Record:
    fixed = [Field.control("008", f008)] if f008 is not None else []
    return Record(leader, [Field.control("001", "a"), *fixed, TITLE, *fields])


def found(record: Record, doc: SpecificationDoc | None = None, kind: str = "bibliographic") -> list[str]:
    specification = specification_of(doc) if doc else standard(kind)
    return [f"{each.severity[0]} {each.where} {each.code}" for each in validate(record, specification)]


def test_a_good_record_has_no_fault() -> None:
    whole = made(
        Field.data("020", "  ", ("a", "9780306406157 (paper)"), ("z", "123")),
        Field.data("100", "1 ", ("6", "880-01"), ("a", "夏目, 漱石")),
        Field.data("650", " 0", ("a", "Ponds"), ("z", "Massachusetts"), ("z", "Concord")),
        Field.data("880", "1 ", ("6", "100-01/$1"), ("a", "Natsume")),
        Field.data("880", "0 ", ("6", "500-00"), ("a", "alone")),
        Field.data("949", "zz", ("x", "what a library likes")),
        Field.data("690", " 7", ("a", "local")),
    )

    assert found(whole) in ([], ["e 880[2]/ind1 indicator"])


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (made(Field.data("245", "10", ("a", "again"))), ["e 245[2] field-repeated"]),
        (made(Field.data("100", "9 ", ("a", "X"))), ["e 100[1]/ind1 indicator"]),
        (made(Field.data("100", "1x", ("a", "X"))), ["e 100[1]/ind2 indicator"]),
        (made(Field.data("500", "  ", ("a", "X"), ("!", "Y"))), ["e 500[1]$! subfield-unknown"]),
        (made(Field.data("300", "  ", ("a", "1 p."), ("b", "x"), ("b", "y"))), ["e 300[1]$b subfield-repeated"]),
        (made(Field.data("500", "  ", ("a", " "))), ["w 500[1]$a subfield-empty"]),
        (made(Field.data("555", "x ", ("q", ""))), [
            "e 555[1]/ind1 indicator", "e 555[1]$q subfield-unknown", "w 555[1]$q subfield-empty",
        ]),
        (made(Field.data("876", "  ", ("p", "1"), ("9", "BOOK"), ("9", ""))), ["w 876[1]$9 subfield-empty"]),
        (made(Field.data("201", "  ", ("a", "X"))), ["w 201[1] field-unknown"]),
        (made(Field.data("440", " 0", ("a", "Series"))), ["w 440[1] field-unwanted"]),
        (made(Field.data("020", "  ", ("a", "9780306406158"))), ["w 020[1]$a number-wrong"]),
        (made(Field.data("022", "  ", ("a", "1234-5678"))), ["w 022[1]$a number-wrong"]),
        (made(f008="260101s1854"), ["e 008[1] length"]),
        (made(f008=None), ["e 008 field-missing"]),
        (
            made(f008=F008.replace("s1854", "S1854").replace("eng", "En ")),
            ["w 008[1]/06 value", "w 008[1]/35-37 value"],
        ),
        (made(leader="00000xAm a2200000 i 4500"), ["e LDR/05 value", "e LDR/06 value"]),
        (made(leader="short"), ["e LDR length"]),
        (made(Field.data("100", "1 ", ("6", "880-01"), ("a", "X"))), ["w 100[1]$6 link"]),
        (made(Field.data("880", "1 ", ("6", "nowhere"), ("a", "X"))), ["w 880[1]$6 link"]),
        (made(Field.data("008", "  ", ("a", "X")), f008=None), ["e 008[1] kind", "e 008[1] length"]),
        (Record(LEADER, []), ["e 008 field-missing", "e 245 field-missing"]),
    ],
    ids=[
        "repeated-field", "first-indicator", "second-indicator", "unknown-subfield", "repeated-subfield",
        "empty-subfield", "several-at-once", "own-subfield", "unknown-field", "obsolete-field", "isbn", "issn",
        "008-length", "008-missing", "008-values", "leader-values", "leader-length", "link-without-pair",
        "link-to-nothing", "008-with-subfields", "empty-record",
    ],
)  # fmt: skip
def test_faults(fault: Record, told: list[str]) -> None:
    assert found(fault) == told


@pytest.mark.parametrize(
    ("leader", "shape"),
    [("am", "books"), ("as", "continuing"), ("cm", "music"), ("em", "maps"), ("gm", "visual"), ("zz", "")],
    ids=["book", "serial", "score", "map", "film", "unknown"],
)
def test_the_shape_of_008_is_by_the_leader(leader: str, shape: str) -> None:
    assert material(f"00000n{leader} a2200000 i 4500") == shape


def test_practices_differ() -> None:
    old = made(
        Field.data("040", "  ", ("a", "DLC"), ("b", "eng"), ("e", "rda")),
        Field.data("260", "  ", ("a", "Boston")),
        Field.data("300", "  ", ("a", "1 v.")),
    )

    assert found(old, AACR2) == []
    assert found(old, RDA) == [
        "w 260[1] field-unwanted",
        "w 264 field-missing",
        *(f"e {tag} field-missing" for tag in ("336", "337", "338")),
    ]


def test_a_library_says_otherwise() -> None:
    doc = SpecificationDoc(
        name="Ours",
        local_tags=["20X"],
        fields=[
            FieldDoc(tag="500", presence=Presence.FORBIDDEN),
            FieldDoc(
                tag="949", subfields=[SubfieldDoc(code="l", presence=Presence.REQUIRED, values=["A", "B"])]
            ),
            FieldDoc(tag="100", ind1="1", subfields=[SubfieldDoc(code="4", presence=Presence.WANTED)]),
        ],
    )
    record = made(
        Field.data("100", "0 ", ("a", "X")),
        Field.data("201", "  ", ("a", "X")),
        Field.data("500", "  ", ("a", "X")),
        Field.data("949", "  ", ("l", "C"), ("x", "other")),
        Field.data("949", "  ", ("x", "other")),
    )

    assert found(record, doc) == [
        "e 100[1]/ind1 indicator",
        "w 100[1]$4 subfield-missing",
        "e 500[1] field-unwanted",
        "e 949[1]$l value",
        "e 949[2]$l subfield-missing",
    ]


def test_holdings_have_rules_of_their_own() -> None:
    holdings = Record(
        "00000nx  a2200000zn 4500",
        [
            Field.control("001", "h1"),
            Field.control("004", "a"),
            Field.control("008", "2601010u    8   4001uueng0000000"),
            Field.data("852", "0 ", ("b", "MAIN"), ("h", "QA76")),
            Field.data("863", "40", ("8", "1.1"), ("a", "1")),
            Field.data("245", "10", ("a", "no place here")),
        ],
    )

    assert found(holdings, kind="holdings") == ["w 245[1] field-unknown"]


def test_real_records_are_read_and_most_are_good() -> None:
    folder = shared_data("marc", "bib")
    counts: Counter[Severity] = Counter()
    records = faulty = 0
    for name in ("traject__test_data.utf8.mrc", "qa-catalogue__BooksAll.2014.part01-0001.mrc"):
        content = (folder / name).read_bytes()
        for each in read(content, sniff(content[:500]) or ""):
            if each.record is not None:
                told = validate(each.record, standard("bibliographic"))
                records += 1
                faulty += any(finding.severity is Severity.ERROR for finding in told)
                counts.update(finding.severity for finding in told)

    assert records == 130
    assert faulty / records < 0.35, counts
