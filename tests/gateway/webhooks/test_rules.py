"""Who may hear what, what fits a filter, and when something is tried again."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.roles.rules import SCOPES
from gateway.webhooks.catalogue import kinds
from gateway.webhooks.rules import READ_BY, Filter, Owner, may_hear, passes, scope_of, thin, unheard
from gateway.webhooks.trying import (
    RESTS,
    TRIED_FOR,
    Answer,
    Notice,
    Outcome,
    Pace,
    Standing,
    Verdict,
    judged,
    notice,
    paced,
    pause,
    rest,
    stands,
)

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
S, M, H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("type_name", "scope"),
    [
        ("catalog.title-updated.v1", "titles:read"),
        ("catalog.items-announced.v1", "items:read"),
        ("circulation.item-checked-in.v1", "items:read"),
        ("circulation.item-claimed-returned.v1", "loans:read"),
        ("circulation.loan-created.v1", "loans:read"),
        ("circulation.hold-ready.v1", "holds:read"),
        ("circulation.fee-paid.v1", "fees:read"),
        ("circulation.patron-created.v1", "patrons:read"),
        ("ill.request-placed.v1", "ill:read"),
        ("gateway.webhook-disabled.v1", "webhooks:manage"),
        ("elsewhere.thing-happened.v1", "changes:read"),
    ],
)
def test_what_an_event_tells_is_read_with_one_scope(type_name: str, scope: str) -> None:
    assert scope_of(type_name) == scope
    assert may_hear({scope}, type_name)
    assert may_hear({"changes:read"}, type_name)
    assert may_hear({"*"}, type_name)
    assert not may_hear(SCOPES - {scope, "changes:read"}, type_name)


def test_every_beginning_is_of_some_event_and_every_scope_can_be_granted() -> None:
    assert all(any(name.startswith(beginning) for name in kinds()) for beginning, _ in READ_BY)
    assert {scope for _, scope in READ_BY} <= SCOPES


def test_whatever_tells_of_a_patron_is_read_with_a_scope_of_its_own() -> None:
    open_to_all = {name for name in kinds() if scope_of(name) in ("titles:read", "items:read")}

    assert not [name for name in open_to_all if "patron" in name or "loan" in name or "fee" in name]


STAFF = Owner(True, frozenset({"items:read", "loans:read"}), None)
LAW = Owner(True, frozenset({"*"}), frozenset({"LAW", "ART"}))
ITEMS, LOANS = "circulation.item-checked-in.v1", "circulation.loan-created.v1"


@pytest.mark.parametrize(
    ("owner", "types", "libraries", "reason"),
    [
        (STAFF, [ITEMS, LOANS], None, None),
        (STAFF, [ITEMS, "circulation.fee-paid.v1"], None, "scope-lost"),
        (Owner(False, frozenset({"*"}), None), [ITEMS], None, "owner-gone"),
        (LAW, [ITEMS], ["LAW"], None),
        (LAW, [ITEMS], ["LAW", "MAIN"], "library-lost"),
        (LAW, [ITEMS], None, "library-lost"),
    ],
    ids=["fine", "no-fees", "revoked", "own-library", "other-library", "all-libraries"],
)
def test_one_hears_what_one_may_read_at_present(
    owner: Owner, types: list[str], libraries: list[str] | None, reason: str | None
) -> None:
    assert unheard(owner, types, libraries) == reason


def _event(**data: Any) -> dict[str, Any]:
    return {"type": "x.v1", "subject": "s", "partitionkey": "k", "data": data}


ANY = Filter(frozenset({"x.v1"}))


@pytest.mark.parametrize(
    ("wanted", "event", "fits"),
    [
        (ANY, _event(), True),
        (ANY, _event(members_only=True), False),
        (ANY, _event(members_only=False), True),
        (Filter(frozenset({"y.v1"})), _event(), False),
        (Filter(ANY.types, keys=frozenset({"s"})), _event(), True),
        (Filter(ANY.types, keys=frozenset({"k", "z"})), _event(), True),
        (Filter(ANY.types, keys=frozenset({"z"})), _event(), False),
        (Filter(ANY.types, libraries=frozenset({"L"})), _event(), False),
        (Filter(ANY.types, libraries=frozenset({"L"})), _event(availability={"library": "L"}), True),
        (Filter(ANY.types, libraries=frozenset({"L"})), _event(availability={"library": None}), False),
        (Filter(ANY.types, libraries=frozenset({"L"})), _event(items=[{"library": "M"}, {"library": "L"}]), True),
        (Filter(ANY.types, locations=frozenset({"S"})), _event(availability={"location": "S"}), True),
        (Filter(ANY.types, locations=frozenset({"S"})), _event(location={"code": "S"}), True),
        (Filter(ANY.types, locations=frozenset({"S"})), _event(to_location_id="S"), True),
        (Filter(ANY.types, locations=frozenset({"S"})), _event(library="S"), False),
        (
            Filter(ANY.types, frozenset({"L"}), frozenset({"S"})),
            _event(availability={"library": "L", "location": "T"}),
            False,
        ),
    ],
    ids=[
        "no-filter", "for-members", "for-everybody",
        "other-type", "subject", "key", "other-key", "no-library-told", "library", "library-null",
        "one-of-a-list", "location", "location-object", "location-id", "library-is-no-location", "both-must-fit",
    ],
)  # fmt: skip
def test_a_filter_fits_or_does_not(wanted: Filter, event: dict[str, Any], fits: bool) -> None:
    assert passes(wanted, event) is fits


def test_thin_data_is_ids_alone_and_no_patrons() -> None:
    told = {
        "loan_id": "1",
        "patron_ref": "2",
        "patron_id": "3",
        "state": "x",
        "item_id": None,
        "loan": {"title_id": "4"},
        "items": [{"item_id": "5", "barcode": "6", "proxy_ref": "7"}],
        "hold_ids": ["8"],
    }

    assert thin(told) == {"loan_id": "1", "items": [{"item_id": "5"}]}


def test_the_ladder_lasts_five_days_in_growing_steps() -> None:
    steps = [pause(failures, 0.5) for failures in range(1, 17)]
    spread = [pause(3, draw) for draw in (0.0, 0.999)]

    assert steps[:7] == [5 * S, M, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H]
    assert set(steps[7:]) == {12 * H}
    assert [round(each / (5 * M), 2) for each in spread] == [0.8, 1.2]


@pytest.mark.parametrize(
    ("answer", "failures", "waited", "verdict"),
    [
        (Answer(200), 0, 0, Verdict(Outcome.DELIVERED)),
        (Answer(299), 0, 0, Verdict(Outcome.DELIVERED)),
        (Answer(500), 1, 0, Verdict(Outcome.AGAIN, NOW + 5 * S)),
        (Answer(error="timeout"), 2, 0, Verdict(Outcome.AGAIN, NOW + M)),
        (Answer(301), 4, 0, Verdict(Outcome.AGAIN, NOW + 30 * M)),
        (Answer(404), 3, 0, Verdict(Outcome.AGAIN, NOW + 5 * M)),
        (Answer(404), 4, 0, Verdict(Outcome.GIVEN_UP)),
        (Answer(408), 4, 0, Verdict(Outcome.AGAIN, NOW + 30 * M)),
        (Answer(410), 1, 0, Verdict(Outcome.GONE)),
        (Answer(429, retry_after=H), 1, 0, Verdict(Outcome.AGAIN, NOW + H)),
        (Answer(503, retry_after=99 * H), 1, 0, Verdict(Outcome.AGAIN, NOW + 24 * H)),
        (Answer(503, retry_after=-H), 1, 0, Verdict(Outcome.AGAIN, NOW + 5 * S)),
        (Answer(500, retry_after=H), 1, 0, Verdict(Outcome.AGAIN, NOW + 5 * S)),
        (Answer(500), 15, 107, Verdict(Outcome.AGAIN, NOW + 12 * H)),
        (Answer(500), 16, 109, Verdict(Outcome.GIVEN_UP)),
    ],
    ids=[
        "ok", "any-2xx", "server-error", "timeout", "redirect", "third-404", "fourth-404", "request-timeout", "gone",
        "retry-after", "retry-after-bounded", "retry-after-past", "retry-after-of-500", "last-step", "five-days",
    ],
)  # fmt: skip
def test_an_answer_is_judged(answer: Answer, failures: int, waited: int, verdict: Verdict) -> None:
    assert judged(answer, failures=failures, since=NOW - waited * H, now=NOW, draw=0.5) == verdict


@pytest.mark.parametrize(
    ("answer", "failures", "outcome"),
    [
        (Answer(200), 0, Outcome.DELIVERED),
        (Answer(200, "not-echoed"), 1, Outcome.AGAIN),
        (Answer(500), 2, Outcome.AGAIN),
        (Answer(500), 3, Outcome.GIVEN_UP),
        (Answer(410), 1, Outcome.AGAIN),
    ],
    ids=["echoed", "not-echoed", "second-failure", "third-failure", "gone-before-it-began"],
)
def test_a_verification_is_tried_three_times(answer: Answer, failures: int, outcome: Outcome) -> None:
    verdict = judged(answer, failures=failures, since=NOW, now=NOW, draw=0.5, verification=True)

    assert verdict.outcome is outcome


def test_five_failures_in_a_row_earn_a_rest_and_one_success_ends_it() -> None:
    standing = Standing()
    for _ in range(4):
        standing = stands(standing, good=False, now=NOW, draw=0.5)
    assert (standing.resting, standing.rests_until, standing.failing_since) == (False, None, NOW)

    standing = stands(standing, good=False, now=NOW + H, draw=0.5)

    assert (standing.resting, standing.rests_until) == (True, NOW + H + 5 * S)
    assert standing.failing_since == NOW
    assert rest(10**6, 0.5) == RESTS[-1] == 30 * M
    assert stands(standing, good=True, now=NOW, draw=0.5) == Standing(last_tried_at=NOW)


@pytest.mark.parametrize(
    ("failing", "tried", "warned", "told"),
    [
        (23 * H, H, 0, None),
        (24 * H, H, 0, Notice.FAILING),
        (25 * H, H, 1, None),
        (72 * H, H, 1, Notice.FAILING),
        (73 * H, H, 2, None),
        (TRIED_FOR, H, 2, Notice.DISABLED),
        (TRIED_FOR, 25 * H, 2, None),
    ],
    ids=["not-a-day", "a-day", "told", "three-days", "told-twice", "five-days", "nothing-was-sent"],
)
def test_what_owners_are_told_of_failures(
    failing: timedelta, tried: timedelta, warned: int, told: Notice | None
) -> None:
    due = notice(failing_since=NOW - failing, last_tried_at=NOW - tried, warned=warned, now=NOW)

    assert due is told


def test_a_quick_receiver_earns_places_and_a_slow_one_loses_them() -> None:
    pace = Pace()
    for _ in range(10):
        pace = paced(pace, seconds=0.01, good=True, most=8)
    assert (pace.slots, pace.slow) == (8, False)

    for _ in range(4):
        pace = paced(pace, seconds=5.0, good=False, most=8)

    assert (pace.slots, pace.slow) == (1, True)
