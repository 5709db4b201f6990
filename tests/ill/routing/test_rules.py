"""Which route is a request's, and in which order partners follow: examples."""

from typing import Any
from uuid import UUID

import pytest

from ill.citations.rules import kind_of_work
from ill.routing.rules import Decided, Route, Wanted, arranged, decided
from support.lending import ARTICLE, BOOK

WANTED = Wanted(service="copy", kind="article", level=None, pickup="main", patron_group="student")


def route(code: str = "r", then: str = "directory", **criteria: str) -> Route:
    return Route(code, {name: frozenset(told.split()) for name, told in criteria.items()}, then)


@pytest.mark.parametrize(
    ("criteria", "misfits"),
    [
        pytest.param({}, [], id="for everything"),
        pytest.param({"services": "copy"}, [], id="service"),
        pytest.param({"services": "loan", "kinds": "book"}, ["kinds", "services"], id="every misfit"),
        pytest.param({"kinds": "article chapter"}, [], id="one of several kinds"),
        pytest.param({"levels": "normal"}, [], id="without a level it is Normal"),
        pytest.param({"levels": "Rush"}, ["levels"], id="another level"),
        pytest.param({"pickups": "MAIN"}, [], id="case does not matter"),
        pytest.param({"pickups": "law"}, ["pickups"], id="another desk"),
        pytest.param({"patron_groups": "staff"}, ["patron_groups"], id="another group"),
    ],
)
def test_a_route_is_for_requests_of_its_kind(criteria: dict[str, str], misfits: list[str]) -> None:
    assert route(**criteria).misfits(WANTED) == misfits


def test_what_may_be_lent_or_copied_fits_either_service_and_an_unknown_patron_no_group() -> None:
    either = Wanted(service="copy-or-loan", kind="book")

    assert route(services="loan").misfits(either) == []
    assert route(patron_groups="student", pickups="main").misfits(either) == ["patron_groups", "pickups"]


@pytest.mark.parametrize(
    ("routes", "code"),
    [
        pytest.param([route("a", kinds="book")], None, id="none fits"),
        pytest.param([route("a", levels="Normal"), route("b", services="copy")], "b", id="service over level"),
        pytest.param(
            [route("a", services="copy", levels="Normal"), route("b", kinds="article")],
            "b",
            id="kind over all that follow it",
        ),
        pytest.param(
            [route("a", pickups="main", kinds="article", services="copy"), route("b", patron_groups="student")],
            "b",
            id="group over all others",
        ),
        pytest.param([route("a", pickups="main"), route("b", kinds="article")], "a", id="desk over kind"),
        pytest.param([route("a"), route("b")], "b", id="of equal ones the later"),
    ],
)  # fmt: skip
def test_the_most_specific_route_counts(routes: list[Route], code: str | None) -> None:
    found = decided(routes, WANTED).route

    assert (found.code if found else None) == code


def test_each_other_route_says_why_it_does_not_count() -> None:
    told = decided([route("all"), route("books", kinds="book"), route("copies", services="copy")], WANTED)

    assert told.passed == (("all", ()), ("books", ("kinds",)))


A, B, C, LAST, PEER = (UUID(int=number) for number in range(5))
DIRECTORY = [(A, False), (B, False), (C, False), (LAST, True)]


@pytest.mark.parametrize(
    ("told", "more", "order"),
    [
        pytest.param(None, {}, "A:directory B:directory C:directory LAST:last-resort", id="no routes"),
        pytest.param("directory", {"named": [C]}, "C:route A:directory B:directory LAST:last-resort", id="route"),
        pytest.param("last-resorts", {"named": [C, A]}, "C:route A:route LAST:last-resort", id="last resorts"),
        pytest.param("end", {"named": [B]}, "B:route", id="nobody else"),
        pytest.param("end", {"named": [LAST]}, "LAST:route", id="a last resort that a route names"),
        pytest.param("directory", {"named": [C], "default": PEER}, "C:route A:directory B:directory LAST:last-resort",
            id="a route leaves no place for the default peer"),
        pytest.param(None, {"default": C}, "C:default-peer A:directory B:directory LAST:last-resort", id="default"),
        pytest.param(None, {"default": A, "indexed": True},
            "B:directory C:directory A:default-peer LAST:last-resort", id="default, behind whom an index names"),
    ],
)  # fmt: skip
def test_partners_follow_as_the_route_says(told: str | None, more: dict[str, Any], order: str) -> None:
    names = {A: "A", B: "B", C: "C", LAST: "LAST", PEER: "PEER"}
    asked = {"named": [], "default": None, "directory": DIRECTORY, "indexed": False} | more

    found = arranged(Decided(route(then=told) if told else None), **asked)

    assert " ".join(f"{names[one]}:{by}" for one, by in found) == order


@pytest.mark.parametrize(
    ("citation", "kind"),
    [
        (BOOK, "book"),
        (ARTICLE, "article"),
        ({"title": "Journal of Rivers", "issn": "0378-5955", "volume": "12"}, "serial"),
        ({"title": "Rivers", "isbn": "9780306406157", "article_title": "Deltas", "doi": "10.1/x"}, "chapter"),
        ({"article_title": "On bends", "doi": "10.1/x"}, "article"),
        ({"doi": "10.1/x"}, "book"),
        ({"pmid": "1"}, "article"),
        ({"issn": "", "title": "Rivers"}, "book"),
    ],
)
def test_what_is_cited_is_of_a_kind(citation: dict[str, str], kind: str) -> None:
    assert kind_of_work(citation) == kind
