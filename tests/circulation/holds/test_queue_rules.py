"""Which order a queue may be put into, and what may become of a hold in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from circulation.holds.orders import FLAW_TEXTS, QueueFlaw, order_flaws
from circulation.holds.rules import (
    CHANGE_TEXTS,
    Candidate,
    ChangeRefusal,
    HoldState,
    Waiting,
    Wish,
    expiry_refusals,
    hold_to_fill,
    kind_after_move,
    move_refusals,
    pickup_points,
    suspension_refusals,
)
from circulation.policies.rules import HoldPolicy

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C, X = (UUID(int=number) for number in (1, 2, 3, 9))
ITEM, OTHER = UUID(int=70), UUID(int=71)
USUAL = HoldPolicy("usual", "Usual")


def hold(number: UUID, position: int, **more: object) -> Waiting:
    told: dict[str, object] = {"state": HoldState.WAITING, "item_id": None, "level": "title"}
    return Waiting(number, position, **told | more)  # type: ignore[arg-type]  # told loosely on purpose


FIRST, SECOND, THIRD = hold(A, 1), hold(B, 2), hold(C, 3)
ON_ITS_WAY = replace(FIRST, state=HoldState.IN_TRANSIT, item_id=ITEM)
FETCHED = replace(FIRST, kept=True)


@pytest.mark.parametrize(
    ("queue", "wished", "flaws"),
    [
        ([FIRST, SECOND, THIRD], [C, A, B], []),
        ([FIRST, SECOND, THIRD], [A, B, C], []),
        ([FIRST, SECOND], [A], [(QueueFlaw.MISSING, B)]),
        ([FIRST, SECOND], [A, B, X], [(QueueFlaw.FOREIGN, X)]),
        ([FIRST, SECOND], [B, B], [(QueueFlaw.REPEATED, B), (QueueFlaw.MISSING, A)]),
        ([], [X, X], [(QueueFlaw.REPEATED, X), (QueueFlaw.FOREIGN, X)]),
        # A copy is on its way, waits, or is being fetched: the others change places behind it.
        ([ON_ITS_WAY, SECOND, THIRD], [A, C, B], []),
        ([ON_ITS_WAY, SECOND, THIRD], [B, A, C], [(QueueFlaw.PINNED, A)]),
        ([replace(FIRST, state=HoldState.READY), SECOND], [B, A], [(QueueFlaw.PINNED, A)]),
        ([FETCHED, SECOND], [B, A], [(QueueFlaw.PINNED, A)]),
        # A suspended one may be moved like any other.
        ([replace(FIRST, suspended=True), SECOND], [B, A], []),
    ],
)
def test_the_whole_queue_is_named_once_and_what_is_on_its_way_stays(
    queue: list[Waiting], wished: list[UUID], flaws: list[tuple[QueueFlaw, UUID]]
) -> None:
    assert order_flaws(queue, wished) == flaws


def test_a_suspended_hold_is_passed_over_unless_it_is_the_only_one() -> None:
    suspended = replace(FIRST, suspended=True)

    assert hold_to_fill(ITEM, [suspended, SECOND]) == SECOND
    assert hold_to_fill(ITEM, [suspended]) is None
    assert hold_to_fill(ITEM, [FIRST, SECOND]) == FIRST


@pytest.mark.parametrize(
    ("waiting", "until", "expires_at", "refused"),
    [
        (FIRST, None, None, []),
        (FIRST, NOW + DAY, None, []),
        (FIRST, NOW + DAY, NOW + 2 * DAY, []),
        (FIRST, NOW, None, [ChangeRefusal.NOT_AHEAD]),
        (FIRST, NOW + DAY, NOW + DAY, [ChangeRefusal.AFTER_EXPIRY]),
        (replace(FIRST, suspended=True), NOW + DAY, None, []),
        (FETCHED, NOW + DAY, None, []),
        (
            ON_ITS_WAY,
            NOW,
            NOW,
            [ChangeRefusal.IN_FULFILMENT, ChangeRefusal.NOT_AHEAD, ChangeRefusal.AFTER_EXPIRY],
        ),
    ],
)
def test_a_hold_is_suspended_until_a_day_before_it_runs_out(
    waiting: Waiting, until: datetime | None, expires_at: datetime | None, refused: list[ChangeRefusal]
) -> None:
    assert suspension_refusals(waiting, until=until, expires_at=expires_at, now=NOW) == refused


def copy(*takes: str, policy: HoldPolicy = USUAL) -> Candidate:
    return Candidate(ITEM, frozenset(takes), None, policy)


WISH = Wish(
    kind=None,
    level="item",
    item_id=ITEM,
    pickup_code="main",
    candidates=(),
    patron_id=UUID(int=5),
    active=True,
    blocked=False,
    expires_at=None,
    open_holds=0,
)
ITEM_HOLD = hold(A, 1, level="item", item_id=OTHER)


@pytest.mark.parametrize(
    ("kind", "there", "becomes"),
    [
        ("hold", copy("page"), "page"),
        ("page", copy("hold", "recall"), "hold"),
        ("recall", copy("hold", "recall"), "recall"),
        ("recall", copy("hold"), "hold"),
        ("recall", copy("page"), "page"),
        ("recall", copy("hold", "recall", policy=replace(USUAL, kinds=frozenset({"hold"}))), "hold"),
        ("hold", copy("page", policy=replace(USUAL, kinds=frozenset({"hold"}))), "hold"),
        ("hold", copy(), None),
        ("hold", copy("hold", policy=replace(USUAL, pickup_points=frozenset({"law"}))), None),
        ("hold", copy("hold", policy=replace(USUAL, levels=frozenset({"title"}))), None),
    ],
)
def test_at_another_copy_a_hold_is_of_the_kind_that_serves_there(
    kind: str, there: Candidate, becomes: str | None
) -> None:
    assert kind_after_move(ITEM_HOLD, kind, there, WISH) == becomes


@pytest.mark.parametrize(
    ("waiting", "kind", "same", "refused"),
    [
        (ITEM_HOLD, "hold", False, []),
        (FIRST, "page", False, []),
        (FIRST, "recall", False, []),
        (FIRST, "hold", False, [ChangeRefusal.ANY_COPY]),
        (ITEM_HOLD, "page", True, [ChangeRefusal.SAME_ITEM]),
        (ON_ITS_WAY, "page", False, [ChangeRefusal.IN_FULFILMENT]),
        (replace(FIRST, suspended=True), "page", False, [ChangeRefusal.SUSPENDED]),
    ],
)
def test_a_hold_is_moved_when_that_changes_something_and_nothing_is_under_way(
    waiting: Waiting, kind: str, same: bool, refused: list[ChangeRefusal]
) -> None:
    assert move_refusals(waiting, kind, same=same) == refused


@pytest.mark.parametrize(
    ("wished", "by_patron", "refused"),
    [
        (NOW + 5 * DAY, True, []),
        (NOW + 10 * DAY, True, []),
        (NOW + 11 * DAY, True, [ChangeRefusal.BEYOND_POLICY]),
        (None, True, [ChangeRefusal.BEYOND_POLICY]),
        (NOW + 11 * DAY, False, []),
        (None, False, []),
        (NOW, False, [ChangeRefusal.NOT_AHEAD]),
    ],
)
def test_patrons_wait_as_long_as_the_policy_says_and_staff_may_say_otherwise(
    wished: datetime | None, by_patron: bool, refused: list[ChangeRefusal]
) -> None:
    ten_days = replace(USUAL, expires_after_days=10)

    found = expiry_refusals(ten_days, placed_at=NOW, wished=wished, now=NOW, by_patron=by_patron)

    assert found == refused


ENABLED = frozenset({"main", "law", "kiosk"})
LAW_ONLY = replace(USUAL, pickup_points=frozenset({"law", "closed-for-good"}))
ANY_KIND = frozenset({"hold", "page", "recall"})


@pytest.mark.parametrize(
    ("copies", "level", "kinds", "placed", "points"),
    [
        ([copy("hold")], "title", ANY_KIND, False, ENABLED),
        # Policy and existing and enabled: what is closed for good is no pickup point.
        ([copy("hold", policy=LAW_ONLY)], "title", ANY_KIND, False, {"law"}),
        # Of two copies one may be picked up anywhere.
        ([copy("hold", policy=LAW_ONLY), copy("hold")], "title", ANY_KIND, False, ENABLED),
        ([copy("hold", policy=LAW_ONLY), copy("page")], "title", frozenset({"hold"}), False, {"law"}),
        ([copy("page")], "title", frozenset({"recall"}), False, set()),
        # In the queue already: the copy that it pages is on its shelf for nobody else.
        ([copy("hold")], "title", frozenset({"page"}), True, ENABLED),
        ([copy("hold", policy=replace(USUAL, levels=frozenset({"title"})))], "item", ANY_KIND, False, set()),
        ([], "title", ANY_KIND, False, set()),
    ],
)
def test_pickup_points_are_those_of_the_policy_that_exist_and_are_enabled(
    copies: list[Candidate], level: str, kinds: frozenset[str], placed: bool, points: set[str]
) -> None:
    assert pickup_points(copies, level, kinds, ENABLED, placed=placed) == points


def test_every_refusal_says_what_would_mend_it() -> None:
    assert FLAW_TEXTS.keys() == set(QueueFlaw)
    assert CHANGE_TEXTS.keys() == set(ChangeRefusal)
    assert all(text and mend for text, mend in [*FLAW_TEXTS.values(), *CHANGE_TEXTS.values()])
