"""Identifiers as lists write them, by example."""

import pytest

from erm.identifiers.rules import Read, read


@pytest.mark.parametrize(
    ("namespace", "told", "becomes"),
    [
        ("issn", "2049-3630", Read("2049-3630")),
        ("issn", "20493630", Read("2049-3630", "issn-form")),
        ("issn", "2049–3630", Read("2049-3630", "issn-form")),
        ("issn", "0000-006x", Read("0000-006X", "issn-form")),
        ("issn", "2049-3631", Read(None, "issn-check-digit")),
        ("issn", "not known", Read(None, "issn-malformed")),
        ("issn", "2049-36\u0663\u0660", Read(None, "issn-malformed")),
        ("isbn", "0-306-40615-2", Read("9780306406157")),
        ("isbn", "978-0-306-40615-7", Read("9780306406157")),
        ("isbn", "9780306406158", Read(None, "isbn-check-digit")),
        ("isbn", "12", Read(None, "isbn-malformed")),
        ("doi", "https://doi.org/10.1000/ABC", Read("10.1000/abc")),
        ("doi", "info:doi/10.1000/abc", Read("10.1000/abc")),
        ("doi", "11.1000/abc", Read(None, "doi-malformed")),
        ("title-id:example", " acta ", Read("acta")),
        ("zdb", "", Read(None, "identifier-malformed")),
        ("Not One", "x", Read(None, "identifier-malformed")),
        ("zdb", "x" * 401, Read(None, "identifier-malformed")),
    ],
)
def test_each_identifier_has_one_form(namespace: str, told: str, becomes: Read) -> None:
    assert read(namespace, told) == becomes
