"""What a library keeps of its patrons, as entries of the configuration."""

from collections.abc import Collection
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints

from circulation.pins.rules import PinPolicy
from circulation.places.entries import Code, Name, Strict
from circulation.policies.rules import Flaw
from circulation.registration.own import PatronFieldDoc, PatronTagDoc
from circulation.registration.rules import Allowed


class CardPinDoc(Strict):
    """What the library asks of a card's PIN."""

    min_length: Annotated[int, Field(ge=4, le=32)] = 4
    max_length: Annotated[int, Field(ge=4, le=64)] = 12
    digits_only: bool = True
    """Keypads at self-check and book lockers have nothing else."""
    guesses: Annotated[int, Field(ge=1, le=50)] = 5
    """Wrong ones in a row, over all doors together, before the PIN is locked."""
    lock_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = 30
    """For how long; null: until staff unlock it."""

    def as_rule(self) -> PinPolicy:
        """As rules put it."""
        return PinPolicy(
            min_length=self.min_length,
            max_length=self.max_length,
            digits_only=self.digits_only,
            guesses=self.guesses,
            lock=None if self.lock_minutes is None else timedelta(minutes=self.lock_minutes),
        )

    def flaws(self) -> list[Flaw]:
        """What contradicts itself."""
        if self.max_length >= self.min_length:
            return []
        return [Flaw("/card_pin/max_length", "policy-contradicts-itself", "No PIN would be long enough.")]


class StatisticDoc(Strict):
    """A category that patrons are counted by."""

    code: Code
    name: Name
    values: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        default_factory=list, max_length=500
    )
    """What may be said; anything where it is left out."""


class PurposeDoc(Strict):
    """Something that patrons are asked to consent to."""

    code: Code
    name: Name


class RegistrationDoc(Strict):
    """What is kept of patrons, and what they may change themselves."""

    birth_date: bool = False
    """Whether birth dates are kept at all."""
    patrons_change_email: bool = False
    """Whether patrons set their own e-mail addresses, or only the library and the campus do."""
    patrons_apart: bool = False
    """Whether libraries keep their patrons to themselves: staff who work for some libraries then find the patrons of
    these, and those who name no library, unless they have the scope `patrons:elsewhere`. Cards are lent to all the
    same."""
    guarantors_until_age: Annotated[int, Field(ge=1, le=100)] | None = 18
    """At which age nobody answers for a patron any more, where the birth date is known; null: at none."""
    statistics: list[StatisticDoc] = Field(default_factory=list, max_length=50)
    purposes: list[PurposeDoc] = Field(default_factory=list, max_length=50)
    """What patrons may consent to."""
    custom_fields: list[PatronFieldDoc] = Field(default_factory=list, max_length=100)
    """Facts that patrons have here beside the usual ones."""
    tags: list[PatronTagDoc] = Field(default_factory=list, max_length=500)
    """Marks that patrons may bear."""

    def allowed(self, groups: Collection[str]) -> Allowed:
        """As rules put it."""
        return Allowed(
            groups=groups,
            birth_date=self.birth_date,
            statistics={each.code: frozenset(each.values) or None for each in self.statistics},
        )

    def flaws(self) -> list[Flaw]:
        """What is there more than once."""
        return [
            Flaw(f"/registration/{section}", "code-repeated", f"{code!r} is there more than once.")
            for section in ("statistics", "purposes", "custom_fields", "tags")
            if (codes := [each.code for each in getattr(self, section)])
            for code in sorted({code for code in codes if codes.count(code) > 1})
        ] + [
            flaw
            for place, each in enumerate(self.custom_fields)
            for flaw in each.flaws(f"/registration/custom_fields/{place}")
        ]
