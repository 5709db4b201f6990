"""Who may answer for whom, and until when? Decisions only."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final
from uuid import UUID

from circulation.registration.rules import age_on, birthday


class GuarantorRefusal(StrEnum):
    """Why somebody cannot answer for a patron. Codes never change."""

    SELF = "guarantor-is-ward"
    INACTIVE = "guarantor-inactive"
    UNDER_AGE = "guarantor-under-age"
    IS_WARD = "guarantor-is-a-ward"
    WARD_ANSWERS = "ward-is-a-guarantor"
    OF_AGE = "ward-of-age"
    ALREADY = "guarantor-already"


TEXTS: Final = {
    GuarantorRefusal.SELF: ("Nobody answers for themselves.", "Name another."),
    GuarantorRefusal.INACTIVE: (
        "The guarantor is not active, or their card has expired.",
        "Renew their card.",
    ),
    GuarantorRefusal.UNDER_AGE: ("The guarantor is under age.", "Name somebody who is of age."),
    GuarantorRefusal.IS_WARD: ("Somebody answers for the guarantor.", "End that first, or name another."),
    GuarantorRefusal.WARD_ANSWERS: ("The patron answers for somebody.", "End that first."),
    GuarantorRefusal.OF_AGE: ("The patron is of age.", "They answer for themselves."),
    GuarantorRefusal.ALREADY: (
        "This person answers for the patron already.",
        "End that first, to begin anew.",
    ),
}
"""What is said, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Person:
    """One of the two."""

    id: UUID
    active: bool = True
    """With a valid card."""
    born_on: date | None = None
    has_guarantor: bool = False
    has_wards: bool = False


def guarantor_refusals(
    ward: Person, guarantor: Person, *, already: bool, until_age: int | None, today: date
) -> list[GuarantorRefusal]:
    """Every reason why the one cannot answer for the other; an unknown birth date stands against nobody."""

    def of_age(person: Person) -> bool | None:
        if until_age is None or person.born_on is None:
            return None
        return age_on(today, born_on=person.born_on) >= until_age

    oneself = ward.id == guarantor.id
    applies = {
        GuarantorRefusal.SELF: oneself,
        GuarantorRefusal.INACTIVE: not guarantor.active,
        GuarantorRefusal.UNDER_AGE: not oneself and of_age(guarantor) is False,
        GuarantorRefusal.IS_WARD: not oneself and guarantor.has_guarantor,
        GuarantorRefusal.WARD_ANSWERS: not oneself and ward.has_wards,
        GuarantorRefusal.OF_AGE: of_age(ward) is True,
        GuarantorRefusal.ALREADY: already,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def ends_on(*, born_on: date | None, until_age: int | None, until_on: date | None) -> date | None:
    """The first day on which nobody answers any more: the day that was named, or the ward's birthday; None: never."""
    of_age = birthday(born_on, until_age) if born_on is not None and until_age is not None else None
    return min((day for day in (until_on, of_age) if day is not None), default=None)
