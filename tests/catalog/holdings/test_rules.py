"""Statements of what is held, from captions and numbers."""

import json
from typing import Any

import pytest

from catalog.holdings.rules import Statement, call_number_of, place_of, shown, statements, summary
from catalog.holdings.rules import _pattern as pattern
from catalog.holdings.rules import _piece as piece
from catalog.marc.record import Field, Record
from support.shared_data import shared_data

V_NO = Field.data(
    "853",
    "20",
    ("8", "1"),
    ("a", "v."),
    ("b", "no."),
    ("u", "4"),
    ("v", "r"),
    ("i", "(year)"),
    ("j", "(month)"),
)
EDITION = Field.data("853", "03", ("8", "1"), ("a", "+ ed."), ("i", "(year)"))
YEARS = Field.data("853", "20", ("8", "1"), ("a", "(year)"))
COUNT = Field.data("853", "20", ("8", "1"), ("a", "v."), ("b", "no."), ("v", "c"))


def held(n: int, *values: tuple[str, str], tag: str = "863") -> Field:
    return Field.data(tag, "41", ("8", f"1.{n}"), *values)


def numbered(*issues: str) -> list[Field]:
    """v.1:no.2 and so on, each a field."""
    found = []
    for n, issue in enumerate(issues, 1):
        volume, number = (part.split(".")[1] for part in issue.split(":"))
        found.append(held(n, ("a", volume), ("b", number)))
    return found


@pytest.mark.parametrize(
    ("captions", "fields", "told"),
    [
        (V_NO, numbered("v.1:no.1"), "v.1:no.1"),
        (V_NO, numbered("v.1:no.1", "v.1:no.2", "v.1:no.3"), "v.1:no.1-v.1:no.3"),
        (V_NO, numbered("v.1:no.1", "v.1:no.2", "v.1:no.3", "v.1:no.4"), "v.1"),
        (V_NO, numbered("v.1:no.3", "v.1:no.4", "v.2:no.1"), "v.1:no.3-v.2:no.1"),
        (V_NO, numbered("v.1:no.3", "v.2:no.1"), "v.1:no.3, v.2:no.1"),
        (COUNT, numbered("v.1:no.8", "v.2:no.9"), "v.1:no.8-v.2:no.9"),
        (V_NO, [held(2, ("a", "2"), ("b", "1")), held(1, ("a", "1"), ("b", "4"))], "v.1:no.4-v.2:no.1"),
        (V_NO, [held(1, ("a", "1"), ("b", "1/2")), held(2, ("a", "1"), ("b", "3"))], "v.1:no.1/2-v.1:no.3"),
        (V_NO, [held(1, ("a", "1-10"), ("i", "1990-1999"))], "v.1(1990)-v.10(1999)"),
        (V_NO, [held(1, ("a", "5-"), ("i", "1994-"))], "v.5(1994)-"),
        (
            V_NO,
            [held(1, ("a", "1"), ("i", "1990"), ("w", "n")), held(2, ("a", "2"), ("i", "1991"))],
            "v.1(1990); v.2(1991)",
        ),
        (V_NO, [held(1, ("a", "1"), ("w", "g")), held(2, ("a", "2"))], "v.1, v.2"),
        (V_NO, [held(1, ("a", "1"), ("b", "7"), ("i", "2025"), ("j", "07/08"))], "v.1:no.7(2025:July/Aug.)"),
        (V_NO, [held(1, ("a", "1"), ("b", "1"), ("i", "2025"), ("j", "24"))], "v.1:no.1(2025:Winter)"),
        (YEARS, [held(n, ("a", str(2000 + n))) for n in range(1, 4)], "2001-2003"),
        (EDITION, [held(1, ("a", "22"), ("i", "2026"))], "22nd ed.(2026)"),
        (V_NO, [held(1, ("a", "suppl.")), held(2, ("a", "2"))], "v.suppl., v.2"),
        (V_NO, [held(1, ("x", "nothing"))], ""),
    ],
    ids=[
        "one", "range", "whole-volume", "over-a-volume", "gap", "counted-on", "by-order", "combined", "written-range",
        "open", "break", "marked-gap", "months", "season", "years", "ordinal", "no-number", "nothing",
    ],
)  # fmt: skip
def test_summaries(captions: Field, fields: list[Field], told: str) -> None:
    assert summary(pattern(captions), fields) == told


def test_an_issue_is_written_with_its_captions() -> None:
    captions = Field.data(
        "853", "20", ("8", "1"), ("a", "v."), ("b", "no."), ("u", "6"), ("v", "r"), ("g", "no."), ("v", "c"),
        ("i", "(year)"), ("j", "(month)"),
    )  # fmt: skip

    told = shown(pattern(captions), piece({"a": "8", "b": "1", "g": "43", "i": "2026", "j": "01"}))

    assert told == "v.8:no.1=no.43(2026:Jan.)"


def cases() -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(shared_data("mfhd", "cases.json").read_text())
    return [case for case in told if "issues" in case]


def test_the_shared_cases_are_summed_up() -> None:
    for case in cases():
        captions = Field.data("853", case["f853"]["ind"], *(tuple(each) for each in case["f853"]["sf"]))
        assert summary(pattern(captions), numbered(*case["issues"])) == case["summary"], case["name"]


def test_a_record_has_a_line_for_each_kind_and_what_is_written_goes_first() -> None:
    record = Record(
        "00000ny  a2200000zn 4500",
        [
            Field.data(
                "852", "0 ", ("b", "MAIN"), ("c", "STACKS"), ("k", "Folio"), ("h", "QA76"), ("i", ".B2")
            ),
            V_NO,
            Field.data("854", "20", ("8", "1"), ("a", "suppl.")),
            *numbered("v.1:no.1", "v.1:no.2"),
            Field.data("863", "41", ("8", "2.1"), ("a", "7"), ("z", "without its cover")),
            held(1, ("a", "3"), tag="864"),
            Field.data("866", "40", ("8", "0"), ("a", "and odd parts"), ("z", "ask at the desk")),
            Field.data("868", "40", ("8", "0"), ("a", "index v.1-5")),
        ],
    )

    assert statements(record) == [
        Statement("basic", "and odd parts", ("ask at the desk",), written=True),
        Statement("basic", "v.1:no.1-v.1:no.2"),
        Statement("basic", "7", ("without its cover",)),
        Statement("supplement", "suppl.3"),
        Statement("index", "index v.1-5", written=True),
    ]
    assert (call_number_of(record), place_of(record)) == (("Folio QA76 .B2", "0"), ("MAIN", "STACKS"))


def test_a_written_statement_replaces_the_pairs_that_it_is_linked_to() -> None:
    record = Record(
        "00000ny  a2200000zn 4500",
        [V_NO, *numbered("v.1:no.1"), Field.data("866", "31", ("8", "1"), ("a", "v.1, in part"))],
    )

    assert [each.text for each in statements(record)] == ["v.1, in part"]
