"""The demo university of a first start that was killed twice, looked at as any client looks at it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from carrel.demo.activity import OPEN_LOANS, OVERDUE
from support.box import Box, box_on_its_own

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("demo-box")]


class Reader:
    """Reads lists to their end."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, path: str, **params: Any) -> list[Any]:
        found, cursor = [], None
        while True:
            page = self.get(path, **params, limit=200, **({"cursor": cursor} if cursor else {}))
            found += page["items"]
            if (cursor := page["next_cursor"]) is None:
                return found


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """A box whose first start was killed while it filled the library, and once more; then left alone."""
    with box_on_its_own(demo=True) as box:
        for seconds in (0.8, 0.4):
            box.begin()
            box.wait_for("Filling the demo library")
            time.sleep(seconds)
            box.kill()
        box.start()
        yield box


@pytest.fixture
def library(box: Box) -> Iterator[Reader]:
    """The operator's view."""
    headers = {"Authorization": f"Bearer {box.key}"}
    with httpx.Client(base_url=box.url, headers=headers, timeout=30) as http:
        yield Reader(http)


def test_three_libraries_have_forty_locations_and_desks_with_their_own_hours(library: Reader) -> None:
    places = library.get("/v1/configuration/catalog")
    rules = library.get("/v1/configuration/circulation")

    staffed = [point["calendar"] for point in rules["service_points"] if point["code"] != "main-lockers"]
    assert len(places["libraries"]) == 3
    assert len(places["locations"]) == 40
    assert len(library.get("/v1/locations")["items"]) == 40
    assert len(rules["patron_groups"]) == 8
    assert all([] in calendar["exceptions"].values() for calendar in staffed), "each desk keeps its holidays"
    assert all(not calendar["weekly"].get("sun") for calendar in staffed), "each desk closes on Sundays"
    assert any(
        hours[-1][1] > "22:00" for calendar in staffed for hours in calendar["weekly"].values() if hours
    )
    assert min(len(rules[kind]) for kind in ("loan_policies", "fine_policies", "hold_policies")) > 1


@pytest.mark.parametrize("format_", ["book", "journal", "score", "map", "film", "e-book"])
def test_readers_find_every_kind_of_title_without_signing_in(box: Box, format_: str) -> None:
    with httpx.Client(base_url=box.url) as stranger:
        found = stranger.get("/v1/titles", params={"filter[format]": format_, "limit": 1}).json()

    assert found["total"] >= 10


def test_a_library_that_is_full_is_not_filled_again(box: Box) -> None:
    assert not (box.data / "demo-load").exists()
    assert box.words.count("Filling the demo library") == 1


def test_of_six_hundred_titles_more_than_fifty_are_on_history(library: Reader) -> None:
    assert library.get("/v1/titles", limit=1)["total"] == 600
    assert library.get("/v1/titles", query="subject:history", limit=1)["total"] >= 50


def test_two_hundred_patrons_have_loans_holds_and_fees(library: Reader) -> None:
    patrons = library.all("/v1/patrons")
    loans = library.all("/v1/loans", open=True)
    holds = library.all("/v1/holds")
    fees = library.all("/v1/fees")

    now = datetime.now(UTC)
    late = [loan for loan in loans if datetime.fromisoformat(loan["due_at"]) < now]
    assert len(patrons) == 200
    assert len(loans) == OPEN_LOANS
    assert len(late) >= OVERDUE
    assert {"waiting", "ready", "in-transit"} <= {hold["state"] for hold in holds}
    assert {"open", "closed"} <= {fee["state"] for fee in fees}


def test_the_demo_logins_work_and_each_may_do_its_own(box: Box) -> None:
    lines = (box.data / "demo-logins").read_text().splitlines()
    assert all(line in box.words for line in lines)
    with httpx.Client(base_url=box.url) as http:
        scopes = {}
        for username, password in (line.split()[:2] for line in lines):
            told = {"username": username, "password": password}
            answer = http.post("/v1/sessions", json=told)
            assert answer.status_code == 201, answer.text
            token = answer.json()["access_token"]
            scopes[username] = set(answer.json()["scope"].split())
        account = http.get("/v1/patrons/me/account", headers={"Authorization": f"Bearer {token}"})

    assert account.status_code == 200
    assert account.json()["loans"], "the patron of the demo has something out"
    assert "loans:create" in scopes["demo.desk"]
    assert "configuration:write" in scopes["demo.librarian"]
    assert "loans:create" not in scopes["demo.patron"]
