"""The parts of a registration on the wire: addresses, mail, telephones, identifiers, names in other scripts."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from circulation.registration.rules import language_tag

Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Mail = Annotated[str, StringConstraints(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]
NameOrder = Literal["given-first", "family-first"]


def _language(told: str) -> str:
    tag = language_tag(told)
    if tag is None:
        raise ValueError("a language tag looks like de, pt-BR or zh-Hant (BCP 47)")
    return tag


Language = Annotated[str, StringConstraints(max_length=100), AfterValidator(_language)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AddressDoc(_Strict):
    """Where a patron gets mail."""

    kind: Kind = "home"
    """`home`, `term`, `work`, `campus`, whatever the library calls it."""
    lines: list[Line] = Field(min_length=1, max_length=6)
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None
    city: Line | None = None
    region: Line | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    """ISO 3166-1 alpha-2."""
    valid_from: date | None = None
    valid_to: date | None = None
    """The last day on which it is valid."""


class EmailDoc(_Strict):
    """A further e-mail address, beside `email`, where notices go."""

    kind: Kind = "home"
    address: Mail


class PhoneDoc(_Strict):
    """A telephone."""

    kind: Kind = "home"
    number: Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ()/.\-]{2,38}$")]
    text_messages: bool = False
    """Whether text messages may be sent to it."""


class NameFormDoc(_Strict):
    """The name in another script."""

    script: Annotated[str, StringConstraints(pattern=r"^[A-Z][a-z]{3}$")]
    """ISO 15924: Cyrl, Arab, Hani …"""
    family_name: Line
    given_name: Line | None = None


class IdentifierDoc(_Strict):
    """A number by which a patron is known elsewhere: unique by kind and value."""

    kind: Kind
    value: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


Addresses = Annotated[list[AddressDoc], Field(max_length=20)]
Emails = Annotated[list[EmailDoc], Field(max_length=20)]
Phones = Annotated[list[PhoneDoc], Field(max_length=20)]
NameForms = Annotated[list[NameFormDoc], Field(max_length=10)]
Identifiers = Annotated[list[IdentifierDoc], Field(max_length=50)]
Category = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Statistics = Annotated[
    dict[Category, Annotated[str, StringConstraints(min_length=1, max_length=100)] | None],
    Field(max_length=50),
]

LISTS: Final = ("name_forms", "addresses", "emails", "phones", "identifiers")
"""Told whole: another list in place of the one before."""


def told_by(body: BaseModel) -> dict[str, Any]:
    """What was named, each part of it whole; what was left out is not there."""
    whole = body.model_dump()
    return {name: whole[name] for name in body.model_fields_set}


def as_kept(told: Mapping[str, Any]) -> dict[str, Any]:
    """As the row keeps it: days inside of lists as text."""
    kept = dict(told)
    if kept.get("addresses"):
        kept["addresses"] = [
            {name: value.isoformat() if isinstance(value, date) else value for name, value in each.items()}
            for each in kept["addresses"]
        ]
    return kept


def with_statistics(present: Mapping[str, str], told: Mapping[str, str | None]) -> dict[str, str]:
    """What is told by category, over what is there; null takes one away (RFC 7396)."""
    return {name: value for name, value in {**present, **told}.items() if value is not None}
