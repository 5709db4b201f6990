"""What is a PDF, and what may be fetched still: examples."""

from datetime import UTC, datetime, timedelta

import pytest

from ill.deliveries.rules import gone, is_pdf

NOW = datetime(2027, 3, 1, tzinfo=UTC)
WHOLE = b"%PDF-1.7\n1 0 obj\nendobj\ntrailer\n%%EOF\n"


@pytest.mark.parametrize(
    ("content", "sound"),
    [
        pytest.param(WHOLE, True, id="whole"),
        pytest.param(b"\xef\xbb\xbf junk before\n" + WHOLE, True, id="something before it"),
        pytest.param(WHOLE[:-8], False, id="cut off"),
        pytest.param(b"<html>%%EOF", False, id="a page"),
        pytest.param(b"x" * 2000 + WHOLE, False, id="a PDF far within"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_a_pdf_has_a_beginning_and_an_end(content: bytes, sound: bool) -> None:
    assert is_pdf(content) is sound


@pytest.mark.parametrize(
    ("present", "days", "left", "why"),
    [
        pytest.param(True, 1, 1, None, id="may be fetched"),
        pytest.param(True, 1, 0, "downloads-used-up", id="often enough"),
        pytest.param(True, 0, 1, "document-expired", id="its day has come"),
        pytest.param(False, 1, 1, "document-expired", id="forgotten"),
    ],
)
def test_why_it_cannot_be_fetched(present: bool, days: int, left: int, why: str | None) -> None:
    found = gone(present=present, expires_at=NOW + timedelta(days=days), downloads_left=left, now=NOW)

    assert found == why
