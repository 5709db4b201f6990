"""Which ways lead to a citation, and why the others do not."""

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from erm.agreements.rules import Standing
from erm.coverage.rules import Asked, Span, Statement, read_embargo
from erm.resolver.rules import TEXTS, Candidate, Refusal, Refused, Right, Wanted, judge, terms_on

TODAY = date(2027, 3, 1)
LINE = Right(UUID(int=1), UUID(int=2), "Riverbase 2027", licence_id=UUID(int=3), licence="Riverbase licence")
NINETIES = Statement(Span(date(1990, 1, 1), date(1999, 12, 31)), start_volume="1", end_volume="10")
CANDIDATE = Candidate(
    UUID(int=4),
    "Journal",
    "serial",
    UUID(int=5),
    "Riverbase",
    url="https://r.example/j",
    statements=(NINETIES,),
    rights=(LINE,),
)
FACTS = {"doi": "10.9999/a b", "issn": "2049-3630", "volume": "5"}


def asked(first: int | None, last: int | None = None, *, whole: bool = False, **more: Any) -> Wanted:
    days = (None, None) if first is None else (date(first, 1, 1), date(last or first, 12, 31))
    return Wanted(Asked(*days, **more), whole, FACTS)


def result(candidate: Candidate, wanted: Wanted, **more: Any) -> Any:
    ways = judge([candidate], wanted, today=TODAY, **more)
    if ways.targets:
        (target,) = ways.targets
        return target.url, target.certain
    (refused,) = ways.refused
    return refused.reasons


FREE = replace(NINETIES, access_type="F")
ONWARD = replace(NINETIES, span=Span(date(1990, 1, 1), None))
LATER = replace(NINETIES, span=Span(date(2010, 1, 1), None))
ENDED = replace(LINE, against=(Standing.LINE_ENDED,))
SHUT = replace(LINE, against=(Standing.LINE_ENDED, Standing.SUPPRESSED))
OURS = replace(LINE, coverage=(Statement(Span(date(1995, 1, 1), None)),))
HERE = ("https://r.example/j", True)
MAYBE = ("https://r.example/j", False)
ABSTRACTS = replace(NINETIES, depth="abstracts")
TEMPLATES = ("https://x.example/{pmid}", "https://x.example/?d={doi}")


def walled(embargo: str) -> Candidate:
    return replace(CANDIDATE, statements=(replace(ONWARD, embargo=read_embargo(embargo)),))


def only(*rights: Right, said: Statement = NINETIES) -> Candidate:
    return replace(CANDIDATE, rights=rights, statements=(said,))


@pytest.mark.parametrize(
    ("candidate", "wanted", "wish"),
    [
        (CANDIDATE, asked(1995), HERE),
        (CANDIDATE, asked(1989), ("before-coverage",)),
        (CANDIDATE, asked(2000), ("after-coverage",)),
        (CANDIDATE, asked(None), MAYBE),
        (CANDIDATE, asked(None, whole=True), HERE),
        (CANDIDATE, asked(None, volume="11"), ("after-coverage",)),
        # a wall that moves
        (walled("P12M"), asked(2026), MAYBE),
        (walled("P2Y"), asked(2026), ("embargoed",)),
        # gaps, and our own coverage before the list's
        (replace(CANDIDATE, statements=(NINETIES, LATER)), asked(2005), ("in-a-gap",)),
        (only(OURS), asked(2005), HERE),
        (only(OURS), asked(1992), ("before-coverage",)),
        # nobody's, somebody's no more, everybody's
        (only(), asked(1995), ("not-licensed",)),
        (only(), asked(2000), ("not-licensed", "after-coverage")),
        (only(SHUT), asked(1995), ("line-ended", "line-suppressed")),
        (only(ENDED, LINE), asked(1995), HERE),
        (only(said=FREE), asked(1995), HERE),
        (only(ENDED, said=FREE), asked(1995), HERE),
        (only(said=FREE), asked(2000), ("after-coverage",)),
        # when it is listed
        (replace(CANDIDATE, listed=Span(None, date(2027, 2, 28))), asked(1995), ("access-ended",)),
        (replace(CANDIDATE, listed=Span(date(2027, 3, 2), None)), asked(2000), ("access-not-begun", "after-coverage")),
        (replace(CANDIDATE, listed=Span(TODAY, TODAY)), asked(1995), HERE),
        # what can be read, and reached
        (only(LINE, said=ABSTRACTS), asked(1995), ("no-full-text",)),
        (only(said=ABSTRACTS), asked(1995), ("not-licensed", "no-full-text")),
        (only(OURS, said=ABSTRACTS), asked(1995), HERE),
        (replace(CANDIDATE, url=None), asked(1995), ("no-link",)),
        (replace(CANDIDATE, url="javascript:alert(1)"), asked(1995), ("no-link",)),
        (replace(CANDIDATE, templates=TEMPLATES), asked(1995), ("https://x.example/?d=10.9999%2Fa%20b", True)),
        # a title that was bought by itself; books have no dates that count
        (replace(CANDIDATE, statements=()), asked(1995), MAYBE),
        (replace(CANDIDATE, kind="monograph", statements=()), asked(1995), HERE),
        (replace(CANDIDATE, kind="monograph", statements=(Statement(Span(None, None)),)), asked(2019), HERE),
    ],
)  # fmt: skip
def test_a_way_leads_there_or_every_reason_is_told(candidate: Candidate, wanted: Wanted, wish: Any) -> None:
    assert result(candidate, wanted) == wish


@pytest.mark.parametrize(
    ("candidate", "prefix", "url"),
    [
        (CANDIDATE, "https://p.example/login?url=", "https://r.example/j"),
        (replace(CANDIDATE, proxied=True), None, "https://r.example/j"),
        (replace(CANDIDATE, proxied=True), "https://p.example/login?url=", "https://p.example/login?url=https://r.example/j"),
        (replace(CANDIDATE, proxied=True, proxy_prefix="https://q.example/?u={url}"), "https://p.example/", "https://q.example/?u=https%3A%2F%2Fr.example%2Fj"),
        (replace(CANDIDATE, proxied=True, rights=(), statements=(FREE,)), "https://p.example/", "https://r.example/j"),
    ],
    ids=["not proxied", "no proxy", "the library's", "the platform's", "what is free is not proxied"],
)  # fmt: skip
def test_readers_come_through_the_proxy_where_they_have_to(
    candidate: Candidate, prefix: str | None, url: str
) -> None:
    assert result(candidate, asked(1995), proxy_prefix=prefix) == (url, True)


def test_two_platforms_are_both_told_free_first_only_where_it_is_set_so() -> None:
    paid = replace(CANDIDATE, platform="Zenith", url="https://z.example/")
    free = replace(CANDIDATE, platform="Alpha", url="https://a.example/", rights=(), statements=(FREE,))
    unsure = replace(CANDIDATE, platform="Beta", url="https://b.example/", statements=())
    dead = replace(CANDIDATE, platform="Dead", rights=())

    usual = judge([unsure, free, dead, paid], asked(1995), today=TODAY)
    turned = judge([unsure, free, dead, paid], asked(1995), today=TODAY, free_first=True)

    assert [target.candidate.platform for target in usual.targets] == ["Zenith", "Alpha", "Beta"]
    assert [target.candidate.platform for target in turned.targets] == ["Alpha", "Zenith", "Beta"]
    assert [one.candidate.platform for one in usual.refused] == ["Dead"]


def test_one_link_is_told_once() -> None:
    other = replace(CANDIDATE, package="Another package", item_id=UUID(int=9))

    ways = judge([CANDIDATE, other], asked(1995), today=TODAY)

    assert [target.candidate for target in ways.targets] == [CANDIDATE]
    assert ways.refused == (Refused(other, (Refusal.SAME_LINK,), (NINETIES,)),)


def test_every_reason_has_words() -> None:
    assert set(TEXTS) == {*Refusal, *Standing}


def test_terms_count_on_their_days() -> None:
    def term(starts: str | None, ends: str | None) -> dict[str, Any]:
        return {"term": "ill-print", "starts_on": starts, "ends_on": ends}

    now, later, over = term("2027-03-01", "2027-03-01"), term("2027-03-02", None), term(None, "2027-02-28")
    always = term(None, None)

    assert terms_on(replace(LINE, terms=(now, later, over, always)), TODAY) == [now, always]
