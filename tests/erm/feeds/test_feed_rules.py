"""What a page of a change feed says, by example."""

import json
from typing import Any

import pytest

from erm.feeds.rules import Flaw, NoPage, Page, Record, page

ACTA = {"uuid": "a", "name": "Acta Complete", "status": "Current", "listUrl": "https://kb.example/a"}


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"records": []}, Page((), (), None)),
        ({"records": [ACTA], "next": "2"},
         Page((Record("a", "Acta Complete", list_url="https://kb.example/a"),), (), "2")),
        ({"records": [{"reference": "b", "name": "B"}, ACTA | {"status": "Deleted"}]},
         Page((Record("a", "Acta Complete", True, "https://kb.example/a"), Record("b", "B")), (), None)),
        ({"records": [ACTA, ACTA | {"name": "Later"}]},
         Page((Record("a", "Later", list_url="https://kb.example/a"),), (), None)),
        ({"records": [ACTA, {"uuid": "x"}, {"name": "x"}, 7, {"uuid": "two words", "name": "x"}]},
         Page((Record("a", "Acta Complete", list_url="https://kb.example/a"),),
              (Flaw("x", "name-missing", "It has no name."),
               Flaw(None, "reference-missing", "It has no uuid or reference."),
               Flaw(None, "record-malformed", "It is no object."),
               Flaw(None, "reference-missing", "It has no uuid or reference.")), None)),
    ],
)  # fmt: skip
def test_a_page_is_read_record_by_record(told: Any, found: Page) -> None:
    assert page(json.dumps(told).encode()) == found


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"[]",
        b'{"records": 7}',
        b'{"records": [], "next": 2}',
        b"[" * 100_000,
        json.dumps({"records": [ACTA] * 1001}).encode(),
        b"\xff\xfe\xff",
    ],
)
def test_what_is_no_page_is_refused(content: bytes) -> None:
    with pytest.raises(NoPage):
        page(content)
