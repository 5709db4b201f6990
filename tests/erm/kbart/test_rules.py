"""Columns and rows of title lists, by example."""

import pytest

from erm.kbart.gathering import gathered, wanted
from erm.kbart.receiving import PART, Lines
from erm.kbart.rules import AT, COLUMNS, header, named, row, too_many_go
from support.knowing import USUAL

SOUND = USUAL | {"publication_title": "Acta", "title_id": "acta", "online_identifier": "2049-3630"}


def line(**changed: str) -> bytes:
    return "\t".join((SOUND | changed).get(name, "") for name in COLUMNS).encode()


@pytest.mark.parametrize(
    ("columns", "codes"),
    [
        (COLUMNS, []),
        (tuple(reversed(COLUMNS)), []),
        (tuple(name.upper() + " " for name in COLUMNS), []),
        ((*COLUMNS, "", ""), []),
        ((*COLUMNS, "package_name"), ["column-unknown"]),
        (tuple(name for name in COLUMNS if name != "first_editor"), ["column-missing"]),
        ((*COLUMNS, "title_id"), ["column-twice"]),
        (tuple("coverage_notes" if name == "notes" else name for name in COLUMNS), []),
    ],
)
def test_columns_stand_in_any_order(columns: tuple[str, ...], codes: list[str]) -> None:
    _, flaws = header(columns)

    assert [flaw.code for flaw in flaws] == codes


def test_a_file_without_the_columns_that_matter_is_none() -> None:
    quoted = header([f'"{name}"' for name in COLUMNS])[1]
    commas = header([",".join(COLUMNS)])[1]

    assert {flaw.code for flaw in quoted if flaw.weight == "error"} == {"column-missing", "quoted"}
    assert {flaw.code for flaw in commas if flaw.weight == "error"} == {"column-missing", "not-tab-separated"}


@pytest.mark.parametrize(
    ("told", "flaws", "sound"),
    [
        (line(), [], True),
        (line(online_identifier="2049-3631"), ["issn-check-digit"], True),
        (line(online_identifier="20493630"), ["issn-form"], True),
        (line(print_identifier="n/a"), ["issn-malformed"], True),
        (line(publication_type="monograph", online_identifier="0-306-40615-2"), [], True),
        (line(date_first_issue_online="01/02/2000"), ["date-malformed"], False),
        (
            line(date_first_issue_online="2005", date_last_issue_online="2001"),
            ["ends-before-it-starts"],
            False,
        ),
        (line(embargo_info="12 months"), ["embargo-malformed"], False),
        (line(embargo_info="r10y; p30d"), ["embargo-form"], True),
        (line(publication_title=""), ["title-missing"], False),
        (line(access_type="X"), ["access-type"], False),
        (line(access_type="f"), [], True),
        (line(access_type=""), ["access-type-missing"], True),
        (line(coverage_depth="full text"), ["coverage-depth"], True),
        (line(publication_type="book"), ["publication-type"], False),
        (line(title_url="javascript:alert(1)"), ["url-unsafe"], True),
        (line(title_url=""), ["url-missing"], True),
        (line(notes='he said "so', first_author="O'Neil"), [], True),
        (line(notes="lost \ufffd"), ["characters-lost"], True),
        (line(date_monograph_published_online="Jan 2020"), ["date-malformed"], True),
        (line(access_type="X", embargo_info="x", publication_title=""),
         ["title-missing", "access-type", "embargo-malformed"], False),
        (line(publication_title="x" * 2001), ["cell-too-long"], False),
        (line(title_id="x" * 301), ["cell-too-long"], False),
        (line() + b"\t\t", [], True),
        (line() + b"\tmore", ["cell-count"], False),
        (b"only\tthree\tcells", ["cell-count"], False),
        (line().replace(b"Acta", b"Act\xe9"), ["not-utf-8"], False),
        (line().replace(b"Acta", b"Act\0"), ["unstorable-character"], False),
    ],
)  # fmt: skip
def test_each_row_is_taken_or_told_why_not(told: bytes, flaws: list[str], *, sound: bool) -> None:
    found = row(told, COLUMNS)

    assert found is not None
    assert ([flaw.code for flaw in found.flaws], found.sound) == (flaws, sound)


@pytest.mark.parametrize("told", [b"", b"\t" * 24, b" \t \t", b"\r"])
def test_spreadsheets_leave_empty_rows_behind(told: bytes) -> None:
    assert row(told, COLUMNS) is None


def test_quotes_are_text() -> None:
    found = row(line(publication_title='"Quoted" and "so'), COLUMNS)

    assert found is not None
    assert found.cells[AT["publication_title"]] == '"Quoted" and "so'


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({}, "id:acta"),
        ({"title_id": ""}, "o:2049-3630"),
        ({"title_id": "", "online_identifier": "20493630"}, "o:2049-3630"),
        ({"title_id": "", "online_identifier": "", "print_identifier": "0306-4522"}, "p:0306-4522"),
        ({"title_id": "", "online_identifier": "", "monograph_volume": "2"}, "n:acta:2"),
        ({"title_id": "", "online_identifier": "", "publication_title": "Éclair!"}, "n:eclair:"),
    ],
)
def test_what_a_title_is_recognised_by_in_the_next_list(changed: dict[str, str], key: str) -> None:
    found = row(line(**changed), COLUMNS)

    assert found is not None
    assert found.key == key


def test_the_rows_of_a_title_are_its_coverage_in_parts() -> None:
    rows = [
        line(date_first_issue_online="1990", date_last_issue_online="1994"),
        line(date_first_issue_online="1994", date_last_issue_online="2000", publisher_name="Other"),
        line(date_first_issue_online="1990", date_last_issue_online="1994"),
        line(date_first_issue_online="1998-06"),
        line(date_first_issue_online="1998-06", access_type="F", title_url="https://p.example/free"),
    ]
    read = [(number, found.cells) for number, each in enumerate(rows, 2) if (found := row(each, COLUMNS))]

    entry = gathered("id:acta", read)

    assert (entry.lines, entry.duplicates, list(entry.rejected)) == ([2, 3, 6], [4], [5])
    assert [flaw.code for flaw in entry.warned[3]] == ["rows-disagree"]
    assert [each["url"] for each in entry.statements] == [None, None, "https://p.example/free"]
    assert entry.digest == gathered("id:acta", list(reversed(read[:2])) + read[4:]).digest
    assert entry.digest != gathered("id:acta", read[:2]).digest


def test_what_a_title_is_looked_for_by() -> None:
    found = row(line(title_id="10.1000/ACTA", print_identifier="0306-4522"), COLUMNS)
    assert found is not None

    asked = wanted(gathered("x", [(2, found.cells)]).listed, "example", key="id:x")

    assert [(each.namespace, each.value) for each in asked.online] == [
        ("issn", "2049-3630"),
        ("doi", "10.1000/acta"),
        ("title-id:example", "10.1000/ACTA"),
    ]
    assert asked.printed is not None
    assert (asked.printed.value, asked.printed.medium) == ("0306-4522", "print")


@pytest.mark.parametrize(
    ("missing", "known", "percent", "too_many"),
    [(0, 0, 0, False), (1, 100, 0, True), (10, 100, 10, False), (11, 100, 10, True), (9, 9, 100, False)],
)
def test_when_a_list_leaves_out_too_much(missing: int, known: int, percent: int, *, too_many: bool) -> None:
    assert too_many_go(missing=missing, known=known, percent=percent) is too_many


def test_a_file_is_called_as_the_standard_says() -> None:
    assert named("ExamplePress", "Global", "All/Journals", "2026-01-15") == (
        "ExamplePress_Global_AllJournals_2026-01-15.txt"
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-32-le", b"\xff\xfe\0\0"),
    ],
)
def test_a_file_is_read_in_whatever_pieces_and_encoding_it_comes(
    encoding: str, mark: bytes, size: int
) -> None:
    sent, reader, told = mark + "a\tb\r\né\t中😀\r\rd\n\ne".encode(encoding), Lines(), b""

    for at in range(0, len(sent), size):
        told += b"".join(reader.take(sent[at : at + size]))
    told += b"".join(reader.take(b"", last=True))

    assert (reader.encoding, told.decode()) == (encoding, "a\tb\né\t中😀\n\nd\n\ne\n")


def test_parts_are_whole_lines_and_never_much_larger_than_they_should_be() -> None:
    reader, whole = Lines(), (b"x" * 99 + b"\n") * 9000

    parts = [*reader.take(whole[:500_000]), *reader.take(whole[500_000:]), *reader.take(b"", last=True)]

    assert b"".join(parts) == whole
    assert all(part.endswith(b"\n") and len(part) <= PART for part in parts)
