"""One door for all formats."""

import pytest

from catalog.marc import iso2709, marcjson, marcxml
from catalog.marc.problems import Mode
from catalog.marc.reading import MARC, MARC_JSON, MARCXML, UnknownFormat, read, sniff
from support.marc_records import book

WRITTEN = {MARC: iso2709.dumps(book()), MARCXML: marcxml.dumps(book()), MARC_JSON: marcjson.dumps(book())}


@pytest.mark.parametrize("media_type", WRITTEN)
@pytest.mark.parametrize("mode", ["strict", "lenient"])
def test_the_media_type_chooses_the_reader(media_type: str, mode: Mode) -> None:
    reads = list(read(WRITTEN[media_type], media_type.upper() + "; charset=utf-8", mode))

    assert [found.record.fields() for found in reads if found.record] == [book().fields()]


@pytest.mark.parametrize("media_type", ["", "text/plain", "application/json"])
def test_another_media_type_is_refused_with_those_that_are_known(media_type: str) -> None:
    with pytest.raises(UnknownFormat, match="application/marcxml"):
        read(b"", media_type)


@pytest.mark.parametrize("media_type", WRITTEN)
def test_a_file_is_known_by_its_first_bytes(media_type: str) -> None:
    assert sniff(WRITTEN[media_type][:200]) == media_type
    assert sniff(b"\r\n" + WRITTEN[media_type][:200]) == media_type


@pytest.mark.parametrize("other", [b"", b"PK\x03\x04", b"hello"])
def test_a_file_of_something_else_is_not_guessed_at(other: bytes) -> None:
    assert sniff(other) is None
