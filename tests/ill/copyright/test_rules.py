"""Five of one journal in a calendar year: examples."""

from typing import Any

import pytest

from ill.copyright.rules import Guidelines, Verdict, journal_of, judged

FIVE = Guidelines()
JOURNAL = {"issn": "0378-5955", "eissn": "1878-5891", "year": "2026"}


@pytest.mark.parametrize(
    ("citation", "counted", "verdict"),
    [
        pytest.param(JOURNAL, 4, Verdict("US-CCG"), id="the fifth"),
        pytest.param(JOURNAL, 5, Verdict("US-CCG", beyond=True), id="the sixth"),
        pytest.param(JOURNAL | {"year": "2021"}, 5, Verdict("US-CCL"), id="older than five years"),
        pytest.param(JOURNAL | {"year": "2022"}, 5, Verdict("US-CCG", beyond=True), id="just within"),
        pytest.param({"issn": "0378-5955"}, 5, Verdict("US-CCG", beyond=True), id="nobody knows the year"),
        pytest.param({"title": "A book", "year": "2026"}, 9, None, id="in no journal"),
    ],
)
def test_what_the_guidelines_say_of_one_more(
    citation: dict[str, Any], counted: int, verdict: Verdict | None
) -> None:
    assert judged(citation, asked_in=2027, counted=counted, guidelines=FIVE) == verdict


def test_print_and_electronic_numbers_are_one_journal_however_they_are_written() -> None:
    assert journal_of({"issn": "0378-595x", "eissn": "18785891"}) == ["0378595X", "18785891"]
    assert journal_of({"issn": "0378-5955", "eissn": "03785955"}) == ["03785955"]
