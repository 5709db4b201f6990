"""Who may answer for whom, and until when: no fixtures, no clock."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from circulation.guarantors.rules import GuarantorRefusal, Person, ends_on, guarantor_refusals

TODAY = date(2027, 3, 1)
CHILD = Person(UUID(int=1), born_on=date(2015, 6, 1))
PARENT = Person(UUID(int=2), born_on=date(1985, 6, 1))


@pytest.mark.parametrize(
    ("ward", "guarantor", "refused"),
    [
        (CHILD, PARENT, []),
        (replace(CHILD, born_on=None), replace(PARENT, born_on=None), []),
        (CHILD, replace(CHILD, active=False), ["guarantor-is-ward", "guarantor-inactive"]),
        (CHILD, replace(PARENT, born_on=date(2010, 1, 1)), ["guarantor-under-age"]),
        (replace(CHILD, born_on=date(2009, 3, 1)), PARENT, ["ward-of-age"]),
        (replace(CHILD, born_on=date(2009, 3, 2)), PARENT, []),
        (
            replace(CHILD, has_wards=True),
            replace(PARENT, has_guarantor=True),
            ["guarantor-is-a-ward", "ward-is-a-guarantor"],
        ),
    ],
    ids=["a parent", "no birth dates", "oneself", "a minor", "of age today", "of age tomorrow", "a chain"],
)
def test_every_reason_against_a_guarantor_is_said_at_once(
    ward: Person, guarantor: Person, refused: list[str]
) -> None:
    assert guarantor_refusals(ward, guarantor, already=False, until_age=18, today=TODAY) == refused


def test_without_an_age_only_the_relation_itself_counts() -> None:
    grown = replace(CHILD, born_on=date(1950, 1, 1))

    assert guarantor_refusals(grown, PARENT, already=False, until_age=None, today=TODAY) == []
    assert guarantor_refusals(grown, PARENT, already=True, until_age=None, today=TODAY) == [
        GuarantorRefusal.ALREADY
    ]


@pytest.mark.parametrize(
    ("born_on", "until_age", "until_on", "end"),
    [
        (date(2015, 6, 1), 18, None, date(2033, 6, 1)),
        (date(2015, 6, 1), 18, date(2030, 1, 1), date(2030, 1, 1)),
        (date(2015, 6, 1), 18, date(2040, 1, 1), date(2033, 6, 1)),
        (date(2012, 2, 29), 18, None, date(2030, 3, 1)),
        (None, 18, date(2030, 1, 1), date(2030, 1, 1)),
        (date(2015, 6, 1), None, None, None),
    ],
    ids=["coming of age", "an earlier day", "a later day", "leap day", "no birth date", "no end"],
)
def test_it_ends_on_the_day_named_or_when_the_ward_comes_of_age(
    born_on: date | None, until_age: int | None, until_on: date | None, end: date | None
) -> None:
    assert ends_on(born_on=born_on, until_age=until_age, until_on=until_on) == end
