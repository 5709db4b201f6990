"""May a request go on, to whom, and until when: examples."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ill.ageing.rules import Spans, look_at, working_days
from ill.citations.rules import citation_flaws, citation_thin, isbn_sound, issn_sound, likeness
from ill.partners.rules import Calendar, LoanPolicy
from ill.requests.rules import (
    Candidate,
    Facts,
    Refusal,
    Standing,
    Told,
    answers_itself,
    checked,
    held_here,
    looked_for_here,
    patrons_due,
    ranked,
    refusals,
    renewed_until,
    skip_reason,
    unfilled_reason,
)

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("told", "sound"),
    [
        ("9780306406157", True),
        ("978-0-306-40615-7", True),
        ("0306406152", True),
        ("080442957X", True),
        ("9780306406158", False),
        ("9770306406157", False),
        ("12", False),
        ("", False),
    ],
)
def test_an_isbn_has_the_right_check_digit(told: str, sound: bool) -> None:
    assert isbn_sound(told) is sound


@pytest.mark.parametrize(
    ("told", "sound"), [("0378-5955", True), ("2434561X", True), ("0378-5954", False), ("1234", False)]
)
def test_an_issn_has_the_right_check_digit(told: str, sound: bool) -> None:
    assert issn_sound(told) is sound


def test_every_flaw_of_a_citation_is_told_at_once() -> None:
    told = citation_flaws({"isbn": "1", "issn": "2", "eissn": "3", "year": "last"})

    assert [flaw.pointer for flaw in told] == [
        "/citation/isbn",
        "/citation/issn",
        "/citation/eissn",
        "/citation/year",
    ]


@pytest.mark.parametrize(
    ("service", "citation", "thin"),
    [
        ("loan", {"title": "Rivers"}, False),
        ("loan", {"isbn": "0306406152"}, False),
        ("loan", {"author": "Okafor"}, True),
        ("loan", {}, True),
        ("copy", {"title": "Journal", "article_title": "Bends"}, False),
        ("copy", {"issn": "0378-5955", "volume": "1", "issue": "2"}, False),
        ("copy", {"doi": "10.1/x"}, False),
        ("copy", {"title": "Journal"}, True),
        ("copy", {"article_title": "Bends"}, True),
        ("copy", {"issn": "0378-5955", "volume": "1"}, True),
    ],
)
def test_a_library_can_tell_from_a_citation_what_is_wanted(
    service: str, citation: dict[str, Any], thin: bool
) -> None:
    assert citation_thin(service, citation) is thin


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ({"isbn": "0-306-40615-2"}, {"isbn": "0306406152", "title": "x"}, True),
        ({"title": "Rivers, Plains"}, {"title": "rivers  plains"}, True),
        ({"title": "Müll"}, {"title": "Mu\u0308ll"}, True),
        ({"title": "Rivers", "edition": "2"}, {"title": "Rivers", "edition": "3"}, False),
        ({"title": "a" * 1000}, {"title": "a" * 999}, False),
    ],
)
def test_two_wishes_are_alike(one: dict[str, Any], other: dict[str, Any], alike: bool) -> None:
    assert (likeness("loan", one) == likeness("loan", other)) is alike
    assert likeness("loan", one) != likeness("copy", one)


FINE = Standing(known=True, blocked=False, open_requests=0, alike=0)


@pytest.mark.parametrize(
    ("standing", "thin", "event"),
    [
        (FINE, False, "checks-passed"),
        (FINE, True, "citation-thin"),
        (replace(FINE, alike=1), True, "seems-duplicate"),
        (replace(FINE, open_requests=3, alike=1), False, "over-limit"),
        (replace(FINE, blocked=True, open_requests=3), False, "patron-refused"),
        (replace(FINE, known=False), False, "patron-refused"),
    ],
)
def test_a_request_is_checked_for_the_gravest_first(standing: Standing, thin: bool, event: str) -> None:
    assert checked(standing, thin=thin, max_open=3) == event


BORROWED = Facts("loan", received=True, max_cost=3000, currency="EUR")
OFFER = {"cost": 3500, "currency": "EUR"}
DOLLAR = {"cost": 1, "currency": "USD"}
EARLY = {"retry_after": (NOW + DAY).isoformat()}
LATE = {"retry_before": (NOW - DAY).isoformat()}


@pytest.mark.parametrize(
    ("side", "action", "facts", "told", "reasons"),
    [
        ("borrowing", "receive", BORROWED, Told(), [Refusal.RECEIVED]),
        ("borrowing", "receive", replace(BORROWED, received=False), Told(), []),
        ("borrowing", "ship-back", replace(BORROWED, received=False), Told(), [Refusal.NOT_RECEIVED]),
        ("borrowing", "renew", replace(BORROWED, renewal_pending=True), Told(), [Refusal.RENEWAL_PENDING]),
        ("borrowing", "accept-conditions", replace(BORROWED, offer=OFFER), Told(), [Refusal.COST]),
        ("borrowing", "accept-conditions", replace(BORROWED, offer=OFFER), Told(may_exceed_cost=True), []),
        ("borrowing", "accept-conditions", replace(BORROWED, offer=OFFER | {"cost": 3000}), Told(), []),
        ("borrowing", "accept-conditions", replace(BORROWED, offer=DOLLAR), Told(), [Refusal.COST]),
        ("borrowing", "accept-conditions", replace(BORROWED, offer=OFFER, max_cost=None), Told(), []),
        ("borrowing", "accept-retry", replace(BORROWED, offer=EARLY), Told(), [Refusal.RETRY_EARLY]),
        ("borrowing", "accept-retry", replace(BORROWED, offer=LATE), Told(), [Refusal.RETRY_LATE]),
        ("lending", "ship", Facts("copy"), Told(due_at=NOW - DAY), [Refusal.COPY_NOT_LOAN, Refusal.DUE_PASSED]),
        ("lending", "ship", Facts("copy-or-loan"), Told(due_at=NOW + DAY), []),
        ("lending", "supply-copy", Facts("loan"), Told(link="https://x"), [Refusal.LOAN_NOT_COPY]),
        ("lending", "supply-copy", Facts("copy"), Told(), [Refusal.NOTHING_TO_SEND]),
        ("lending", "supply-copy", Facts("copy", has_document=True), Told(), []),
        ("lending", "renew", Facts("loan"), Told(due_at=NOW + DAY), [Refusal.RENEWAL_NOT_ASKED]),
        ("lending", "recall", Facts("loan", due_at=NOW + DAY), Told(due_at=NOW + 2 * DAY), [Refusal.DUE_LATER]),
        ("lending", "supply-on-condition", Facts("loan"), Told(), [Refusal.NOTHING_OFFERED]),
        ("lending", "supply-on-condition", Facts("loan"), Told(cost=1), []),
    ],
)  # fmt: skip
def test_an_action_is_refused_with_every_reason(
    side: str, action: str, facts: Facts, told: Told, reasons: list[Refusal]
) -> None:
    assert refusals(side, action, facts, told, allowed=True, now=NOW) == reasons
    assert refusals(side, action, facts, told, allowed=False, now=NOW) == [Refusal.STATE, *reasons]


def closed(first: date, last: date, **more: Any) -> Calendar:
    return Calendar(closings=((first, last),), **more)


def candidate(number: int, **more: Any) -> Candidate:
    return Candidate(UUID(int=number), f"Library {number}", **more)


def test_partners_are_asked_by_rank_then_by_what_they_are_owed_and_the_last_resort_last() -> None:
    last, cheap, generous, fair = (
        candidate(1, last_resort=True, rank=1),
        candidate(2, rank=10),
        candidate(3, rank=20, lent=9, borrowed=1),
        candidate(4, rank=20, lent=3, borrowed=3),
    )

    assert ranked([last, generous, fair, cheap]) == [cheap, fair, generous, last]


def test_of_equal_rank_the_cheaper_is_asked_first_as_far_as_it_can_be_compared() -> None:
    dear, free, foreign = (
        candidate(1, charges=1500, currency="EUR"),
        candidate(2, lent=5),
        candidate(3, charges=9000, currency="USD", lent=9),
    )

    assert ranked([dear, foreign, free], currency="EUR") == [free, foreign, dear]


def test_the_network_by_which_a_partner_is_asked_comes_before_its_own_rank() -> None:
    far, near, alone = candidate(1, rank=1, network_rank=200), candidate(2, network_rank=10), candidate(3)

    assert ranked([far, alone, near]) == [near, alone, far]


@pytest.mark.parametrize(
    ("places", "reason"),
    [
        pytest.param([], None, id="nobody knows where"),
        pytest.param([("RARE", None)], "not-lent-from-there", id="only where it does not lend"),
        pytest.param([("RARE", None), ("MAIN", None)], None, id="also where it does"),
    ],
)
def test_a_partner_that_lends_nothing_from_where_it_stands_is_skipped(
    places: list[tuple[str, str | None]], reason: str | None
) -> None:
    partner = candidate(1, policies=(LoanPolicy("nothing", "RARE"),))

    assert skip_reason(partner, "loan", now=NOW, places=places) == reason


@pytest.mark.parametrize(
    ("partner", "service", "reason"),
    [
        (candidate(1), "loan", None),
        (candidate(1, active=False), "loan", "inactive"),
        (candidate(1, lends_books=False), "loan", "does-not-lend-this"),
        (candidate(1, lends_books=False), "copy", None),
        (candidate(1, lends_copies=False), "copy", "does-not-lend-this"),
        (candidate(1, lends_copies=False), "copy-or-loan", None),
        (candidate(1, calendar=closed(date(2027, 3, 1), date(2027, 3, 1))), "loan", "closed"),
        (candidate(1, calendar=closed(date(2027, 3, 2), date(2027, 3, 9))), "loan", None),
        (
            candidate(1, calendar=closed(date(2027, 2, 28), date(2027, 2, 28), zone="America/Los_Angeles")),
            "loan",
            None,
        ),
        (
            candidate(1, calendar=closed(date(2027, 2, 28), date(2027, 2, 28), zone="Pacific/Pago_Pago")),
            "loan",
            "closed",
        ),
        (candidate(1, charges=1001, currency="EUR"), "loan", "costs-too-much"),
        (candidate(1, charges=1000, currency="EUR"), "loan", None),
        (candidate(1, charges=1001, currency="USD"), "loan", None),
        (candidate(1, max_open=2, open_now=2), "loan", "has-enough-of-ours"),
        (candidate(1, max_open=2, open_now=1), "loan", None),
    ],
)
def test_a_partner_is_skipped_for_a_reason(partner: Candidate, service: str, reason: str | None) -> None:
    assert skip_reason(partner, service, now=NOW, max_cost=1000, currency="EUR") == reason


def test_what_is_due_at_the_end_of_all_calendars_is_not_looked_at() -> None:
    late = datetime(9999, 12, 31, tzinfo=UTC)

    assert look_at("due", Spans(), now=NOW, due_at=late, rush=False, need_before=None) is None


def test_weekends_do_not_count() -> None:
    friday = datetime(2027, 3, 5, 17, tzinfo=UTC)

    assert working_days(friday, 1) == datetime(2027, 3, 8, 17, tzinfo=UTC)
    assert working_days(NOW, 5) == NOW + 7 * DAY
    assert working_days(friday + DAY, 1) == datetime(2027, 3, 8, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "rush", "need", "moment"),
    [
        ("respond", False, None, NOW + 2 * DAY),
        ("respond", False, NOW + DAY, NOW + DAY),
        (None, False, NOW + DAY, NOW + DAY),
        (None, False, None, None),
        ("due", False, None, NOW + 24 * DAY),
        ("stale", False, None, None),
        ("stale", True, None, NOW + timedelta(hours=2)),
    ],
)
def test_a_timer_looks_when_something_is_due(
    span: str | None, rush: bool, need: datetime | None, moment: datetime | None
) -> None:
    spans = Spans(respond=2, stale_hours=2)

    told = look_at(span, spans, now=NOW, due_at=NOW + 10 * DAY, rush=rush, need_before=need)

    assert told == moment


@pytest.mark.parametrize(
    ("responder", "service", "certain", "found", "linked", "answer"),
    [
        pytest.param("off", "loan", True, 1, True, None, id="staff answer"),
        pytest.param("will-supply", "loan", True, 1, True, "keep", id="found for sure"),
        pytest.param("will-supply", "loan", False, 1, True, None, id="found by words"),
        pytest.param("will-supply", "copy", True, 1, True, None, id="somebody has to copy it"),
        pytest.param("will-supply", "loan", True, 1, False, None, id="nobody to lend it to"),
        pytest.param("will-supply", "loan", True, 0, True, None, id="not found, and may not say so"),
        pytest.param("will-or-cannot", "loan", True, 0, True, "cannot-supply", id="not found"),
        pytest.param("will-or-cannot", "loan", False, 0, True, None, id="not found by words"),
        pytest.param("off", "copy", True, 0, True, "cannot-supply", id="a journal that is not here"),
        pytest.param("off", "copy", False, 0, True, None, id="an article without a number"),
    ],
)
def test_the_responder_answers_what_is_certain(
    responder: str, service: str, certain: bool, found: int, linked: bool, answer: str | None
) -> None:
    told = answers_itself(
        responder=responder, service=service, certain=certain, found=found, linked=linked, copies="cannot"
    )

    assert told == answer


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        pytest.param(["not-held"], "NotHeld", id="none"),
        pytest.param(["none-on-shelf", "not-for-loan"], "NotOnShelf", id="the first that says something"),
        pytest.param(["patron-blocked"], "PolicyProblem", id="between us"),
        pytest.param([], "PolicyProblem", id="nobody knows"),
    ],
)
def test_a_partner_is_told_in_the_standards_words(reasons: list[str], told: str) -> None:
    assert unfilled_reason(reasons) == told


@pytest.mark.parametrize(
    ("owners", "back", "due"),
    [
        pytest.param(30, 0, 30, id="the owner's date"),
        pytest.param(30, 5, 25, id="days to send it back"),
        pytest.param(2, 5, 1, id="a day is always left"),
        pytest.param(-3, 0, 1, id="the date has passed"),
    ],
)
def test_a_patron_brings_it_in_time_for_its_owner(owners: int, back: int, due: int) -> None:
    assert patrons_due(NOW + owners * DAY, back=back * DAY, now=NOW) == NOW + due * DAY


@pytest.mark.parametrize(
    ("service", "certain", "by", "worth"),
    [
        pytest.param("loan", True, ["isbn"], True, id="by its number"),
        pytest.param("loan", False, ["title"], False, id="by words"),
        pytest.param("loan", False, ["issn"], False, id="a volume of a journal is not the journal"),
        pytest.param("copy", False, ["issn"], True, id="an article's journal"),
        pytest.param("copy", True, [], False, id="nothing"),
    ],
)
def test_what_was_found_here_is_worth_a_look(service: str, certain: bool, by: list[str], worth: bool) -> None:
    assert held_here(service=service, certain=certain, by=by) is worth


def test_our_own_shelves_are_asked_by_numbers() -> None:
    assert looked_for_here("loan", {"isbn": "9780306406157"})
    assert not looked_for_here("loan", {"issn": "0378-5955", "title": "Rivers"})
    assert looked_for_here("copy", {"eissn": "0378-5955"})


@pytest.mark.parametrize(
    ("shut", "days"),
    [
        pytest.param((date(2026, 1, 1), date(2026, 1, 1)), 4, id="open"),
        pytest.param(
            (date(2027, 3, 2), date(2027, 3, 3)), 8, id="closed for two of the days, and a weekend comes"
        ),
        pytest.param((date(2027, 4, 1), date(2027, 4, 9)), 4, id="closed later"),
        pytest.param((date(2027, 3, 6), date(2027, 3, 7)), 4, id="closed at the weekend"),
    ],
)
def test_a_suppliers_time_does_not_run_while_it_is_closed(shut: tuple[date, date], days: int) -> None:
    assert working_days(NOW, 4, calendar=closed(*shut)) == NOW + days * DAY


def test_working_days_are_those_of_the_place() -> None:
    friday_sabbath = Calendar(weekdays=frozenset({4, 5}))
    auckland = Calendar(zone="Pacific/Auckland")
    thursday_evening = datetime(2027, 3, 4, 18, tzinfo=UTC)  # Friday in Auckland

    assert working_days(NOW, 4, calendar=friday_sabbath) == NOW + 6 * DAY
    assert working_days(thursday_evening, 1) == thursday_evening + DAY
    assert working_days(thursday_evening, 1, calendar=auckland) == thursday_evening + 3 * DAY


@pytest.mark.parametrize(
    ("told", "until"),
    [
        ({"days": None}, None),
        ({"days": 14}, NOW + 24 * DAY),
        ({"days": 14, "so_far": 2}, False),
        ({"days": 14, "recalled": True}, False),
        ({"days": 14, "due_at": NOW - 3 * DAY}, NOW + 14 * DAY),
        ({"days": 14, "due_at": None}, None),
    ],
)
def test_a_partners_loan_is_renewed_by_rule(told: dict[str, Any], until: datetime | bool | None) -> None:
    asked: dict[str, Any] = {"due_at": NOW + 10 * DAY, "most": 2, "so_far": 0, "recalled": False, "now": NOW}

    assert renewed_until(**(asked | told)) == until


def test_nobody_waits_for_a_library_that_has_closed_for_good() -> None:
    waited = working_days(NOW, 4, calendar=closed(date(2027, 1, 1), date.max)) - NOW

    assert timedelta(days=730) < waited < timedelta(days=740)
