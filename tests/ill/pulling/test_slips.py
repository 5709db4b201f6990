"""Pull slips as a page to print."""

from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

from ill.pulling.slips import PullSlipOut, page
from support.harness import Harness
from support.lending import Make

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "request_id": UUID(int=7),
    "number": "ILL-000007",
    "partner": "Library <b>",
    "symbol": "XX-1",
    "service": "loan",
    "service_level": "Rush",
    "need_before": NOW,
    "citation": {"title": "Rivers & <script>alert(1)</script>", "author": "Okafor", "isbn": "978"},
    "note": "\u05e9\u05dc\u05d5\u05dd",
    "conditions": ["LibraryUseOnly"],
    "item_barcode": "31000001",
    "library": "MAIN",
    "location": "STACKS",
    "call_number": "GB 1205 .O4",
}
SLIP = PullSlipOut.model_validate(TOLD)


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self, told: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.feed(told)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_slip_says_what_to_fetch_from_where_for_whom_and_nothing_in_it_is_markup() -> None:
    read = Reader(
        page([SLIP, SLIP.model_copy(update={"call_number": None, "item_barcode": None})], more=True, at=NOW)
    )

    for word in (
        "GB 1205 .O4",
        "31000001",
        "MAIN \u00b7 STACKS",
        "Library <b> (XX-1)",
        "loan Rush",
        "2027-03-01",
    ):
        assert word in read.words
    assert (
        read.words.count("Rivers & <script>alert(1)</script>") == 3
    )  # a heading where there is no call number
    assert (read.tags.count("article"), "script" in read.tags, "b" in read.tags) == (2, False, False)
    assert "There are more; these are the oldest." in read.words


async def test_the_page_runs_nothing_and_is_for_staff(ill: Harness, make: Make) -> None:
    told = await ill.get("/v1/ill/pull-slips/page?library=MAIN")
    with ill.asking(None):
        stranger = await ill.get("/v1/ill/pull-slips/page")

    assert told.headers["content-type"].startswith("text/html")
    assert "Nothing is to be fetched." in told.text
    assert told.headers["content-security-policy"].startswith("default-src 'none'")
    assert stranger.status_code == 401
