"""The brief record of what lies on the desk."""

from datetime import date

from catalog.fastadd.rules import Told, brief_record, is_brief
from catalog.marc.extract import extract
from catalog.specifications.rules import standard, validate

TODAY = date(2027, 3, 1)


def test_a_brief_record_says_what_was_told() -> None:
    record = brief_record(Told("Walden", "Thoreau, Henry David", "978-0-306-40615-7", 1854), on=TODAY)

    facts = extract(record)
    assert (facts.title, facts.author, facts.year, facts.isbns) == (
        "Walden",
        "Thoreau, Henry David",
        1854,
        ("9780306406157",),
    )
    assert (facts.format, is_brief(record)) == ("book", True)
    assert validate(record, standard("bibliographic")) == []


def test_little_is_enough_and_a_wrong_isbn_is_kept_as_such() -> None:
    record = brief_record(Told("Loose leaves", isbn="123", kind="journal"), on=TODAY)

    assert (extract(record).format, record.get("020", "z"), record.get("245", "a")) == (
        "journal",
        "123",
        "Loose leaves",
    )
    assert validate(record, standard("bibliographic")) == []
