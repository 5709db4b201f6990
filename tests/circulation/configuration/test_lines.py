"""Rules as text: what a line says, what is wrong with it and where; read again, it is the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circulation.configuration.lines import Place, parsed, text_of
from circulation.policies.documents import NotDoc, RuleDoc

TEXT = """\
# The fallback.
* : loan=month fine=daily hold=usual

# Guests read
#  these here.
patron_group = external | "walk in" & loan_type != standard : loan=here fine=none hold=none  # No films.
material_type=film:hold=usual fine=daily loan=week
"""


def test_a_line_says_who_and_what_and_by_which_policies() -> None:
    told = parsed(TEXT)

    assert told.wrong == []
    assert told.rules == [
        RuleDoc(loan="month", fine="daily", hold="usual", note="The fallback."),
        RuleDoc(
            when={
                "patron_group": ["external", "walk in"],
                "loan_type": NotDoc(none_of=["standard"]),
            },
            loan="here",
            fine="none",
            hold="none",
            note="Guests read\n these here.\nNo films.",
        ),
        RuleDoc(when={"material_type": ["film"]}, loan="week", fine="daily", hold="usual"),
    ]


def test_every_part_is_found_again_by_line_and_column() -> None:
    told = parsed(TEXT)

    assert told.place_of("/rules/0/loan") == Place(2, 10)
    assert told.place_of("/rules/1/when/loan_type") == Place(6, 39)
    assert told.place_of("/rules/2/fine") == Place(7, 36)
    assert told.place_of("/rules/2/when/material_type/0") == Place(7, 1)
    assert told.place_of("/rules") == Place(1, 1)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("* loan=month", [(1, 3, "mark-missing")]),
        ("* : loan=month fine=daily", [(1, 26, "missing")]),
        ("* :", [(1, 4, "missing")] * 3),
        ("book : loan=m fine=d hold=u", [(1, 6, "mark-missing")]),
        ("\n\nmaterial_type = : loan=m fine=d hold=u", [(3, 17, "word-missing")]),
        ("material_type = a | : loan=m fine=d hold=u", [(1, 21, "word-missing")]),
        ("material_type = a & : loan=m fine=d hold=u", [(1, 21, "word-missing")]),
        ("campus=a & campus=b : loan=m fine=d hold=u", [(1, 12, "criterion-repeated")]),
        ('material_type = "film : loan=m fine=d hold=u', [(1, 17, "string-unreadable")]),
        ("* : loan=m fine=d hold=u notice=n", [(1, 26, "policy-kind-unknown")]),
        ("* : loan=m loan=n fine=d hold=u", [(1, 12, "policy-kind-repeated")]),
        ("* : loan fine=d hold=u", [(1, 10, "mark-missing")]),
        ("* : loan=-m fine=d hold=u", [(1, 10, "string-pattern-mismatch")]),
        # Each line tells its own.
        ("*\n* : loan=m fine=d hold=u\n: x", [(1, 2, "mark-missing"), (3, 1, "word-missing")]),
    ],
)
def test_what_cannot_be_read_is_told_with_line_and_column(
    text: str, wrong: list[tuple[int, int, str]]
) -> None:
    assert [(each.at.line, each.at.column, each.code) for each in parsed(text).wrong] == wrong


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
values = st.lists(words, min_size=1, max_size=3)
rules = st.builds(
    RuleDoc,
    when=st.dictionaries(words, values | st.builds(NotDoc, none_of=values), max_size=3),
    loan=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,5}\Z"),
    fine=st.just("daily"),
    hold=st.just("usual"),
    note=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=20),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(rules, max_size=5))
def test_rules_written_as_text_are_read_as_they_were(told: list[RuleDoc]) -> None:
    read = parsed(text_of(told))

    assert read.wrong == []
    assert read.rules == told


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab*&|:=!"#\\ \n\tloan'), max_size=60) | st.text(max_size=40))
def test_any_text_is_read_or_told_what_is_wrong_with_it(text: str) -> None:
    read = parsed(text)

    lines = text.replace("\r\n", "\n").split("\n")
    for each in read.wrong:
        assert 1 <= each.at.line <= len(lines)
        assert 1 <= each.at.column <= len(lines[each.at.line - 1]) + 1
    if not read.wrong:
        assert parsed(text_of(read.rules)).rules == read.rules
