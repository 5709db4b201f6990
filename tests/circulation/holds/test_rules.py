"""Who may wait for what, who is next, and until when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circulation.calendars.rules import Calendar, Opening
from circulation.holds.rules import (
    IN_FULFILMENT,
    TEXTS,
    Candidate,
    Held,
    HoldRefusal,
    HoldState,
    Waiting,
    Wish,
    expires_at,
    hold_to_fill,
    kind_for,
    recalled_due_at,
    refusals,
    shelf_expires_at,
)
from circulation.policies.rules import HoldPolicy

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
BERLIN = Calendar("Europe/Berlin", dict.fromkeys(range(5), (Opening(time(9), time(18)),)))
"""Monday to Friday. 1 March 2027 is a Monday."""
USUAL = HoldPolicy("usual", "Usual")
NO_PAGES = replace(USUAL, kinds=frozenset({"hold", "recall"}))
NOTHING = replace(USUAL, kinds=frozenset())
ANNA, BELA = UUID(int=1), UUID(int=2)
ON_SHELF, LENT, OUT_OF_REACH = frozenset({"page"}), frozenset({"hold", "recall"}), frozenset[str]()


def berlin(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def copy(
    takes: frozenset[str],
    policy: HoldPolicy = USUAL,
    *,
    lent_to: UUID | None = None,
    item: int = 7,
    volume: str | None = None,
) -> Candidate:
    return Candidate(UUID(int=item), takes, lent_to, policy, volume=volume)


def wish(*copies: Candidate, **more: Any) -> Wish:
    """Anna wants the title, at the main desk, in whatever way it can be had."""
    told: dict[str, Any] = {
        "kind": None,
        "level": "title",
        "item_id": None,
        "pickup_code": "main",
        "candidates": copies,
        "patron_id": ANNA,
        "active": True,
        "blocked": False,
        "expires_at": None,
        "open_holds": 0,
    }
    return Wish(**told | more)


@pytest.mark.parametrize(
    ("wished", "kind"),
    [
        (wish(copy(ON_SHELF)), "page"),
        (wish(copy(LENT)), "hold"),
        (wish(copy(LENT), copy(ON_SHELF)), "page"),
        (wish(copy(LENT), kind="recall"), "recall"),
        # No page may be placed: it is held, although it stands on its shelf.
        (wish(copy(ON_SHELF, NO_PAGES)), "hold"),
        (wish(copy(ON_SHELF, NO_PAGES), copy(ON_SHELF)), "page"),
        # The copy on the shelf cannot be had here; the one that is lent can.
        (wish(copy(ON_SHELF, replace(USUAL, pickup_points=frozenset({"law"}))), copy(LENT)), "hold"),
    ],
)
def test_a_copy_on_its_shelf_is_paged_and_another_is_held(wished: Wish, kind: str) -> None:
    assert kind_for(wished) == kind
    assert refusals(wished, now=NOW) == []


@pytest.mark.parametrize(
    ("wished", "refused"),
    [
        (wish(copy(OUT_OF_REACH)), [HoldRefusal.NOTHING_TO_HOLD]),
        (wish(copy(ON_SHELF), kind="recall"), [HoldRefusal.NOTHING_TO_HOLD, HoldRefusal.COPY_ON_SHELF]),
        (wish(copy(ON_SHELF), copy(LENT), kind="hold"), [HoldRefusal.COPY_ON_SHELF]),
        (wish(copy(ON_SHELF), copy(LENT), kind="recall"), [HoldRefusal.COPY_ON_SHELF]),
        (wish(copy(LENT, NOTHING)), [HoldRefusal.KIND_NOT_ALLOWED]),
        (wish(copy(LENT, replace(USUAL, levels=frozenset({"item"})))), [HoldRefusal.LEVEL_NOT_ALLOWED]),
        (wish(copy(LENT), pickup_code=None), [HoldRefusal.PICKUP_NOT_ALLOWED]),
        (
            wish(copy(LENT, replace(USUAL, pickup_points=frozenset({"law"})))),
            [HoldRefusal.PICKUP_NOT_ALLOWED],
        ),
        (wish(copy(LENT), held=(Held(),)), [HoldRefusal.ALREADY_HELD]),
        # Whichever came first, the title's or one copy's.
        (wish(copy(LENT), held=(Held(UUID(int=7)),)), [HoldRefusal.ALREADY_HELD]),
        (wish(copy(LENT), held=(Held(),), level="item", item_id=UUID(int=7)), [HoldRefusal.ALREADY_HELD]),
        # One copy is with the patron: no hold on the title, though another would be free.
        (wish(copy(LENT, lent_to=ANNA)), [HoldRefusal.ALREADY_ON_LOAN]),
        (wish(copy(LENT, lent_to=ANNA), copy(ON_SHELF)), [HoldRefusal.ALREADY_ON_LOAN]),
        (wish(copy(LENT, replace(USUAL, max_holds=3)), open_holds=3), [HoldRefusal.HOLD_LIMIT]),
        (wish(copy(LENT, replace(USUAL, max_holds=0))), [HoldRefusal.HOLD_LIMIT]),
        # The policy without a limit does not let it be picked up here, so it is no way out.
        (
            wish(
                copy(LENT, replace(USUAL, max_holds=3)),
                copy(LENT, replace(USUAL, pickup_points=frozenset({"law"}))),
                open_holds=3,
            ),
            [HoldRefusal.HOLD_LIMIT],
        ),
        (wish(copy(LENT), expires_at=NOW), [HoldRefusal.CARD_EXPIRED]),
        (wish(copy(LENT), active=False), [HoldRefusal.PATRON_INACTIVE]),
        (wish(copy(LENT), blocked=True), [HoldRefusal.PATRON_BLOCKED]),
        (wish(copy(LENT), level="item", item_id=UUID(int=8)), [HoldRefusal.ITEM_OF_OTHER_TITLE]),
        (
            wish(copy(OUT_OF_REACH), held=(Held(),), blocked=True, active=False),
            [
                HoldRefusal.NOTHING_TO_HOLD,
                HoldRefusal.ALREADY_HELD,
                HoldRefusal.PATRON_INACTIVE,
                HoldRefusal.PATRON_BLOCKED,
            ],
        ),
    ],
)
def test_every_reason_against_a_hold_is_told(wished: Wish, refused: list[HoldRefusal]) -> None:
    assert refusals(wished, now=NOW) == refused


@pytest.mark.parametrize(
    "wished",
    [
        # One copy that serves is enough.
        wish(copy(LENT, NOTHING), copy(LENT)),
        wish(copy(LENT, replace(USUAL, levels=frozenset({"item"}))), copy(LENT)),
        wish(copy(LENT, replace(USUAL, max_holds=3)), copy(LENT), open_holds=3),
        wish(copy(LENT, replace(USUAL, max_holds=3)), open_holds=2),
        wish(copy(LENT, lent_to=BELA)),
        wish(copy(LENT), expires_at=NOW + timedelta(seconds=1)),
        # The very item that is lent, though another stands on its shelf.
        wish(copy(LENT, item=7), copy(ON_SHELF, item=8), level="item", item_id=UUID(int=7), kind="hold"),
        wish(copy(LENT, item=7), copy(ON_SHELF, item=8), level="item", item_id=UUID(int=7), kind="recall"),
        # Another copy is with the patron, but this one is meant.
        wish(copy(LENT, item=7), copy(LENT, item=8, lent_to=ANNA), level="item", item_id=UUID(int=7)),
    ],
)
def test_whoever_can_be_helped_is_not_refused(wished: Wish) -> None:
    assert refusals(wished, now=NOW) == []


NAMED = replace(USUAL, volume_required=True)
APART = replace(USUAL, volumes_apart=True)
TWICE = replace(USUAL, max_holds_per_title=2)
OF_V1 = {"level": "volume", "volume": "v 1"}
OF_ITEM = {"level": "item", "item_id": UUID(int=7)}


@pytest.mark.parametrize(
    ("wished", "refused"),
    [
        # Only copies of the volume are asked: what stands on its shelf, and what the patron has at home.
        (wish(copy(LENT, volume="v 1"), copy(ON_SHELF, volume="v 2"), kind="hold", **OF_V1), []),
        (wish(copy(LENT, volume="v 1"), copy(LENT, volume="v 2", lent_to=ANNA), **OF_V1), []),
        (wish(copy(LENT, volume="v 1", lent_to=ANNA), **OF_V1), [HoldRefusal.ALREADY_ON_LOAN]),
        (wish(copy(OUT_OF_REACH, volume="v 1"), copy(LENT, volume="v 2"), **OF_V1), [HoldRefusal.NOTHING_TO_HOLD]),
        # A title with volumes wants one named, unless some copy's policy does not.
        (wish(copy(LENT, NAMED), several_volumes=True), [HoldRefusal.VOLUME_REQUIRED]),
        (wish(copy(LENT, NAMED), copy(LENT), several_volumes=True), []),
        (wish(copy(LENT, NAMED), several_volumes=False), []),
        (wish(copy(LENT, NAMED, volume="v 1"), several_volumes=True, **OF_V1), []),
        # How many of one title.
        (wish(copy(LENT, TWICE), held=[Held()]), []),
        (wish(copy(LENT, TWICE), held=[Held(), Held()]), [HoldRefusal.ALREADY_HELD]),
        (wish(copy(LENT, TWICE), held=[Held(UUID(int=7))], **OF_ITEM), [HoldRefusal.ALREADY_HELD]),
        (wish(copy(LENT, TWICE), held=[Held(UUID(int=8))], **OF_ITEM), []),
        # Volumes count apart where the policy says so, and only when it is known which they are.
        (wish(copy(LENT, APART, volume="v 1"), held=[Held(None, "v 2")], **OF_V1), []),
        (wish(copy(LENT, APART, volume="v 1"), held=[Held(None, "v 1")], **OF_V1), [HoldRefusal.ALREADY_HELD]),
        (wish(copy(LENT, APART, volume="v 1"), held=[Held()], **OF_V1), [HoldRefusal.ALREADY_HELD]),
        (wish(copy(LENT, APART), held=[Held(None, "v 2")]), [HoldRefusal.ALREADY_HELD]),
        (wish(copy(LENT, volume="v 1"), held=[Held(None, "v 2")], **OF_V1), [HoldRefusal.ALREADY_HELD]),
        (
            wish(copy(LENT, APART, volume="v 1"), held=[Held(UUID(int=8), "v 2")], **OF_ITEM),
            [],
        ),
    ],
)  # fmt: skip
def test_volumes_of_a_title_and_several_holds_on_it_are_as_the_policy_says(
    wished: Wish, refused: list[HoldRefusal]
) -> None:
    assert refusals(wished, now=NOW) == refused


def test_every_refusal_has_its_words() -> None:
    assert set(TEXTS) == set(HoldRefusal)


def queued(position: int, item: int | None = None, state: HoldState = HoldState.WAITING) -> Waiting:
    """A hold for the title, or for an item; in fulfilment: with that item."""
    level = "title" if item is None or state in IN_FULFILMENT else "item"
    return Waiting(UUID(int=100 + position), position, state, UUID(int=item) if item else None, level)


READY, ON_ITS_WAY = HoldState.READY, HoldState.IN_TRANSIT


@pytest.mark.parametrize(
    ("queue", "next_in_line"),
    [
        ([], None),
        ([queued(1), queued(2)], 1),
        # The place in the queue decides, not the order in which holds were found.
        ([queued(3), queued(1), queued(2)], 1),
        # Who waits for another copy is passed over.
        ([queued(1, item=8), queued(2)], 2),
        ([queued(1, item=8)], None),
        ([queued(1, item=7), queued(2)], 1),
        # The item is on its way to somebody, or waits for them: it stays theirs.
        ([queued(1), queued(2, item=7, state=ON_ITS_WAY)], 2),
        ([queued(1), queued(2, item=7, state=READY)], 2),
        # Somebody else's hold has its own copy already.
        ([queued(1, item=8, state=READY), queued(2, item=9, state=ON_ITS_WAY), queued(3)], 3),
        ([queued(1, item=8, state=READY)], None),
        # A hold that has ended waits for nothing.
        ([replace(queued(1), state=HoldState.CANCELLED), queued(2)], 2),
    ],
)
def test_who_gets_an_item_that_came_in(queue: list[Waiting], next_in_line: int | None) -> None:
    found = hold_to_fill(UUID(int=7), queue)

    assert (found.position if found else None) == next_in_line


@pytest.mark.parametrize(
    ("volume", "next_in_line"),
    [("v 1", 2), ("v 2", 1), (None, 3), ("v 9", 3)],
)
def test_a_copy_fills_holds_on_its_own_volume_and_none_on_another(
    volume: str | None, next_in_line: int
) -> None:
    of_two, of_one = (
        replace(queued(place), level="volume", volume=key) for place, key in ((1, "v 2"), (2, "v 1"))
    )

    found = hold_to_fill(UUID(int=7), [of_two, of_one, queued(3)], volume=volume)

    assert found is not None
    assert found.position == next_in_line


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(HoldState), st.sampled_from([None, 7, 8]), st.sampled_from(["title", "item"])
        ),
        max_size=8,
    ),
    st.randoms(),
)
def test_nobody_before_the_chosen_one_could_have_had_it(
    told: list[tuple[Any, Any, Any]], random: Any
) -> None:
    item = UUID(int=7)
    queue = [
        Waiting(uuid4(), place, state, UUID(int=about) if about else None, level)
        for place, (state, about, level) in enumerate(told, 1)
    ]
    shuffled = random.sample(queue, len(queue))

    found = hold_to_fill(item, shuffled)

    promised = [hold for hold in queue if hold.state in IN_FULFILMENT and hold.item_id == item]
    waiting = [
        hold
        for hold in queue
        if hold.state is HoldState.WAITING and (hold.level == "title" or hold.item_id == item)
    ]
    assert found == next(iter(promised + waiting), None)


def test_a_hold_runs_out_after_the_days_of_its_policy_or_never() -> None:
    assert expires_at(replace(USUAL, expires_after_days=30), now=NOW) == NOW + timedelta(days=30)
    assert expires_at(replace(USUAL, expires_after_days=None), now=NOW) is None


@pytest.mark.parametrize(
    ("ready", "days", "until"),
    [
        ("2027-03-01T10:00:00", 3, "2027-03-04T23:59:59"),
        ("2027-03-04T10:00:00", 3, "2027-03-09T23:59:59"),
        ("2027-03-06T10:00:00", 1, "2027-03-08T23:59:59"),
        ("2027-03-26T10:00:00", 1, "2027-03-29T23:59:59"),
    ],
)
def test_an_item_waits_on_the_hold_shelf_for_open_days(ready: str, days: int, until: str) -> None:
    policy = replace(USUAL, shelf_days=days)

    assert shelf_expires_at(policy, BERLIN, now=berlin(ready)) == berlin(until)


def test_where_nothing_ever_opens_an_item_waits_for_so_many_days() -> None:
    shut = Calendar("Europe/Berlin", {})

    assert shelf_expires_at(USUAL, shut, now=berlin("2027-03-01T10:00:00")) == berlin("2027-03-08T23:59:59")


RECALL = replace(USUAL, recall_minimum_days=14, recall_return_days=7)


@pytest.mark.parametrize(
    ("lent", "due", "recalled"),
    [
        # Lent long ago: a week from now, and that is a Monday.
        ("2027-02-01T10:00:00", "2027-03-31T23:59:59", "2027-03-08T23:59:59"),
        # Lent yesterday: two weeks are guaranteed; the day is a Sunday, so until Monday.
        ("2027-02-28T10:00:00", "2027-03-31T23:59:59", "2027-03-15T23:59:59"),
        # Due sooner anyway, or overdue: as it was.
        ("2027-02-01T10:00:00", "2027-03-03T23:59:59", "2027-03-03T23:59:59"),
        ("2027-01-01T10:00:00", "2027-02-01T23:59:59", "2027-02-01T23:59:59"),
    ],
)
def test_a_recall_leaves_the_guaranteed_time_and_asks_back_on_an_open_day(
    lent: str, due: str, recalled: str
) -> None:
    found = recalled_due_at(RECALL, BERLIN, lent_at=berlin(lent), due_at=berlin(due), now=NOW)

    assert found == berlin(recalled)


@given(
    st.timedeltas(timedelta(0), timedelta(days=400)),
    st.timedeltas(timedelta(days=-100), timedelta(days=400)),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from([BERLIN, Calendar("Europe/Berlin", {})]),
)
def test_a_recall_never_moves_a_due_time_later(
    lent_before: timedelta, due_after: timedelta, minimum: int, interval: int, calendar: Calendar
) -> None:
    policy = replace(USUAL, recall_minimum_days=minimum, recall_return_days=interval)
    lent_at, due_at = NOW - lent_before, NOW + due_after

    recalled = recalled_due_at(policy, calendar, lent_at=lent_at, due_at=due_at, now=NOW)

    assert recalled <= due_at
    assert recalled == due_at or recalled >= max(lent_at + timedelta(days=minimum), NOW)
