"""Names folded and filed, tags, ages, and what a registration may hold: no fixtures, no clock."""

from datetime import date

import pytest

from circulation.registration.rules import (
    Allowed,
    Span,
    age_on,
    birthday,
    filing_name,
    folded,
    language_tag,
    name_words,
    shown_name,
    wrongs,
)

TODAY = date(2027, 3, 1)
ALLOWED = Allowed(
    groups={"student"}, birth_date=True, statistics={"faculty": {"law", "arts"}, "postcode": None}
)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("Müller", "muller"),
        ("STRAẞE", "strasse"),
        ("Łukasiewicz", "lukasiewicz"),
        ("Ångström", "angstrom"),
        ("Øystein Ærø", "oystein aero"),
        ("O’Brien-Smith", "obrien smith"),
        ("Nguyễn  Văn", "nguyen van"),
        ("Чехов", "чехов"),
        ("夏目 漱石", "夏目 漱石"),
        ("İstanbullu", "istanbullu"),
        ("...", ""),
    ],
)
def test_names_are_compared_without_marks_and_case(told: str, found: str) -> None:
    assert folded(told) == found
    assert folded(folded(told)) == found


def test_a_patron_files_under_the_sort_form_or_the_family_name() -> None:
    assert filing_name(family="de Beauvoir", given="Simone", sort_name=None) == "de beauvoir simone"
    assert filing_name(family="de Beauvoir", given="Simone", sort_name="Beauvoir, S. de") == "beauvoir s de"


def test_every_word_of_every_name_finds_a_patron() -> None:
    assert name_words(["García Márquez", "Gabriel", None, "Gabo"]) == ["gabo", "gabriel", "garcia", "marquez"]


@pytest.mark.parametrize(
    ("preferred", "family_first", "shown"),
    [(None, False, "Ada Lovelace"), ("Addie", False, "Addie Lovelace"), (None, True, "Lovelace Ada")],
)
def test_a_patron_is_addressed_in_their_own_order(
    preferred: str | None, family_first: bool, shown: str
) -> None:
    told = shown_name(family="Lovelace", given="Ada", preferred=preferred, family_first=family_first)

    assert told == shown


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ("de", "de"),
        ("PT-br", "pt-BR"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        ("en-x-US", "en-x-us"),
        ("de-DE-u-CO-phonebk", "de-DE-u-co-phonebk"),
        ("german language", None),
        ("d", None),
        ("de_DE", None),
        ("de-", None),
    ],
)
def test_a_language_is_a_tag_of_bcp_47(told: str, tag: str | None) -> None:
    assert language_tag(told) == tag


@pytest.mark.parametrize(
    ("day", "age"), [(date(2026, 2, 28), 17), (date(2026, 3, 1), 18), (date(2028, 2, 29), 20)]
)
def test_who_was_born_on_a_leap_day_is_older_on_the_first_of_march(day: date, age: int) -> None:
    assert age_on(day, born_on=date(2008, 2, 29)) == age
    assert birthday(date(2008, 2, 29), 18) == date(2026, 3, 1)


def test_everything_wrong_with_a_registration_is_said_at_once() -> None:
    found = wrongs(
        ALLOWED,
        today=TODAY,
        group="wizard",
        birth_on=date(2027, 3, 2),
        statistics={"faculty": "magic", "hair": "red", "postcode": "anything"},
        addresses=[Span(None, TODAY), Span(TODAY, date(2027, 2, 1))],
        identifiers=[("orcid", "1"), ("barcode", "2"), ("orcid", "1")],
    )

    assert [(each.code, each.pointer) for each in found] == [
        ("group-unknown", "/group"),
        ("date-not-past", "/birth_on"),
        ("value-unknown", "/statistics/faculty"),
        ("category-unknown", "/statistics/hair"),
        ("span-backwards", "/addresses/1/valid_to"),
        ("kind-reserved", "/identifiers/1/kind"),
        ("identifier-repeated", "/identifiers/2"),
    ]


def test_a_birth_date_is_kept_only_where_the_library_says_so() -> None:
    kept_by_none = Allowed(groups={"student"})

    (wrong,) = wrongs(kept_by_none, today=TODAY, birth_on=date(2000, 1, 1))

    assert (wrong.code, wrongs(ALLOWED, today=TODAY, birth_on=date(2000, 1, 1))) == ("not-kept", [])
