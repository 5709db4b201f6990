"""What is printed for a patron who goes."""

from datetime import UTC, datetime

import pytest

from circulation.sessions.receipts import Line, language_of, receipt_text

AT = datetime(2027, 3, 1, 9, 5, tzinfo=UTC)
DAY = datetime(2027, 3, 29, 21, 59, 59, tzinfo=UTC)
"""The end of the day in Berlin, when summer time has begun."""
HOUR = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wished", "spoken"),
    [
        (("de", "en"), "de"),
        (("de-AT", None), "de"),
        (("DE_de", None), "de"),
        ((None, "de"), "de"),
        (("fr", "de"), "de"),
        (("fr", None), "en"),
        ((None, None), "en"),
        (("", ""), "en"),
    ],
)
def test_a_receipt_speaks_the_first_language_it_can(wished: tuple[str | None, ...], spoken: str) -> None:
    assert language_of(*wished) == spoken


def test_a_receipt_tells_days_as_days_and_hours_on_the_clock_of_the_place() -> None:
    text = receipt_text(
        place="Main desk",
        at=AT,
        zone="Europe/Berlin",
        language="de",
        lent=[Line("Walden", "I1", DAY), Line("Kopfhörer", None, HOUR)],
        returned=[Line("Ulysses", "I3")],
    )

    assert text == (
        "Main desk\n01.03.2027 10:05 Uhr\n\n"
        "Ausgeliehen (2)\n- Walden (I1): fällig am 29.03.2027\n"
        "- Kopfhörer: fällig am 01.03.2027 16:00 Uhr\n\n"
        "Zurückgegeben (1)\n- Ulysses (I3)\n"
    )


def test_a_visit_that_brought_nothing_says_so() -> None:
    told = {"place": "Main desk", "at": AT, "zone": "UTC", "lent": [], "returned": []}

    assert receipt_text(**told, language="en") == (  # type: ignore[arg-type]  # words of several kinds
        "Main desk\n01/03/2027 09:05\n\nNothing borrowed or returned.\n"
    )
