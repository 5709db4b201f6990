"""Where a trial may go, what is an answer, and what all of them come to."""

from datetime import date
from typing import Any

import pytest

from erm.trials.rules import (
    Asked,
    TrialDecision,
    TrialStatus,
    answer_flaws,
    counted,
    decision_flaws,
    mean,
    status_flaws,
    takes_feedback,
)

DAY, LATER = date(2027, 3, 31), date(2027, 4, 30)
FORM = (
    Asked("useful", "rating", required=True),
    Asked("again", "yes-no"),
    Asked("best", "choice", ("Text", "Figures")),
    Asked("say", "text"),
)


@pytest.mark.parametrize(
    ("before", "after", "dated", "codes"),
    [
        (None, TrialStatus.REQUESTED, False, []),
        (None, TrialStatus.RUNNING, True, []),
        (None, TrialStatus.DECIDED, True, ["trial-move-unknown"]),
        (TrialStatus.REQUESTED, TrialStatus.REQUESTED, False, []),
        (TrialStatus.REQUESTED, TrialStatus.RUNNING, False, ["trial-move-unknown", "trial-dates-missing"]),
        (TrialStatus.SET_UP, TrialStatus.RUNNING, True, []),
        (TrialStatus.RUNNING, TrialStatus.DECIDED, True, ["trial-move-unknown"]),
        (TrialStatus.DECIDED, TrialStatus.RUNNING, True, ["trial-move-unknown"]),
        (TrialStatus.DECIDED, TrialStatus.DECIDED, False, []),
    ],
)
def test_a_trial_goes_its_way_and_is_decided_by_a_decision_alone(
    before: TrialStatus | None, after: TrialStatus, dated: bool, codes: list[str]
) -> None:
    assert [flaw.code for flaw in status_flaws(before, after, dated=dated)] == codes


@pytest.mark.parametrize(
    ("before", "decision", "until", "codes"),
    [
        (TrialStatus.RUNNING, TrialDecision.BUY, None, []),
        (TrialStatus.REQUESTED, TrialDecision.DROP, None, []),
        (TrialStatus.DECIDED, TrialDecision.BUY, None, ["trial-decided"]),
        (TrialStatus.RUNNING, TrialDecision.EXTEND, LATER, []),
        (TrialStatus.FEEDBACK, TrialDecision.EXTEND, DAY, ["extension-ends"]),
        (TrialStatus.SET_UP, TrialDecision.EXTEND, None, ["trial-not-running", "extension-ends"]),
        (TrialStatus.RUNNING, TrialDecision.DROP, LATER, ["extension-unexpected"]),
    ],
)
def test_it_is_bought_dropped_or_extended_until_a_later_day(
    before: TrialStatus, decision: TrialDecision, until: date | None, codes: list[str]
) -> None:
    assert [flaw.code for flaw in decision_flaws(before, decision, ends_on=DAY, until=until)] == codes


@pytest.mark.parametrize(
    ("status", "today", "code"),
    [
        (TrialStatus.SET_UP, DAY, "trial-not-open"),
        (TrialStatus.RUNNING, date(2027, 2, 28), "trial-not-begun"),
        (TrialStatus.RUNNING, date(2027, 3, 1), None),
        (TrialStatus.FEEDBACK, LATER, None),
        (TrialStatus.FEEDBACK, date(2027, 5, 1), "feedback-ended"),
        (TrialStatus.DECIDED, DAY, "trial-not-open"),
    ],
)
def test_people_say_what_they_think_while_they_may(
    status: TrialStatus, today: date, code: str | None
) -> None:
    flaw = takes_feedback(status, starts_on=date(2027, 3, 1), until=LATER, today=today)

    assert (flaw.code if flaw else None) == code


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"useful": 5, "again": True, "best": "Text", "say": "Good"}, []),
        ({}, [("answer-missing", "/answers/useful")]),
        ({"useful": 6}, [("answer-unfit", "/answers/useful")]),
        ({"useful": True}, [("answer-unfit", "/answers/useful")]),
        (
            {"useful": 1, "again": 1, "best": "Sound", "say": "", "who": "x"},
            [
                ("question-unknown", "/answers/who"),
                ("answer-unfit", "/answers/again"),
                ("answer-unfit", "/answers/best"),
                ("answer-unfit", "/answers/say"),
            ],
        ),
    ],
)
def test_every_answer_that_is_none_is_told(answers: dict[str, Any], told: list[tuple[str, str]]) -> None:
    assert [(flaw.code, flaw.pointer) for flaw in answer_flaws(FORM, answers)] == told


def test_answers_are_counted_by_what_was_asked() -> None:
    assert counted(FORM[0], [5, 4, 5]) == {"1": 0, "2": 0, "3": 0, "4": 1, "5": 2}
    assert counted(FORM[1], [True, False, True]) == {"yes": 2, "no": 1}
    assert counted(FORM[2], ["Figures"]) == {"Text": 0, "Figures": 1}
    assert counted(FORM[3], ["a", "a"]) == {"answered": 2}
    assert (mean(FORM[0], [5, 4, 5]), mean(FORM[0], []), mean(FORM[1], [True])) == (4.67, None, None)
