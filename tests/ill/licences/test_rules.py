"""May a copy of what we have electronically go to another library?"""

from datetime import date
from typing import Any

import pytest

from ill.licences.rules import Answer, Judged, Licence, Way, judged, said, way_of

TODAY = date(2027, 3, 1)


def licence(name: str = "L", **terms: Any) -> Licence:
    """`ill_print="permitted"`, or with a note or days."""
    told = [
        {"term": code.replace("_", "-"), "starts_on": None, "ends_on": None, "note": None}
        | ({"use": use} if isinstance(use, str) else use)
        for code, use in terms.items()
    ]
    return Licence(name, name, told)


@pytest.mark.parametrize(
    ("terms", "way", "answer"),
    [
        ({"ill_print": "permitted"}, Way.PRINT, Answer.PERMITTED),
        ({"ill_print": "permitted"}, Way.SECURE, Answer.UNKNOWN),
        ({"ill_print": "prohibited"}, Way.PRINT, Answer.PROHIBITED),
        ({"ill_print": "silent"}, Way.PRINT, Answer.UNKNOWN),
        ({"ill_print": "interpreted"}, Way.PRINT, Answer.CONDITIONS),
        ({"ill_print": {"use": "permitted", "note": "In the country"}}, Way.PRINT, Answer.CONDITIONS),
        ({"ill_print": {"use": "prohibited", "note": "Ask us"}}, Way.PRINT, Answer.PROHIBITED),
        # the closer term counts, and a silent one is passed over
        ({"ill_electronic": "permitted"}, Way.SECURE, Answer.PERMITTED),
        (
            {"ill_electronic": "permitted", "ill_secure_electronic": "prohibited"},
            Way.SECURE,
            Answer.PROHIBITED,
        ),
        (
            {"ill_electronic": "prohibited", "ill_secure_electronic": "permitted"},
            Way.SECURE,
            Answer.PERMITTED,
        ),
        ({"ill_electronic": "prohibited", "ill_secure_electronic": "silent"}, Way.SECURE, Answer.PROHIBITED),
        ({"ill_secure_electronic": "permitted"}, Way.OPEN, Answer.UNKNOWN),
        # on its days
        ({"ill_print": {"use": "permitted", "ends_on": "2027-02-28"}}, Way.PRINT, Answer.UNKNOWN),
        ({"ill_print": {"use": "permitted", "starts_on": "2027-03-01"}}, Way.PRINT, Answer.PERMITTED),
        ({}, Way.PRINT, Answer.UNKNOWN),
    ],
)
def test_a_licence_says_yes_no_or_nothing(terms: dict[str, Any], way: Way, answer: Answer) -> None:
    assert said(licence(**terms), way, TODAY).answer is answer


def test_of_several_licences_the_one_counts_that_lets_it_go() -> None:
    no, yes, mute = (
        licence("no", ill_print="prohibited"),
        licence("yes", ill_print="permitted"),
        licence("mute"),
    )

    assert judged([no, mute, yes], Way.PRINT, TODAY, free=False).licence_id == "yes"
    assert judged([no, mute], Way.PRINT, TODAY, free=False).answer is Answer.UNKNOWN
    assert judged([no], Way.PRINT, TODAY, free=False) == Judged(Answer.PROHIBITED, "no", "no", "ill-print")
    assert judged([], Way.PRINT, TODAY, free=False) == Judged(Answer.UNKNOWN)
    assert judged([no], Way.PRINT, TODAY, free=True) == Judged(Answer.PERMITTED, term="free")


@pytest.mark.parametrize(
    ("made_from", "own", "way"),
    [
        (None, True, None),
        ("print", False, None),
        ("electronic-print", False, Way.PRINT),
        ("electronic-file", True, Way.SECURE),
        ("electronic-file", False, Way.OPEN),
    ],
)
def test_of_paper_no_licence_says_anything(made_from: str | None, own: bool, way: Way | None) -> None:
    assert way_of(made_from, by_own_link=own) is way
