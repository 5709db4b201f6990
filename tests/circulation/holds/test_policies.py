"""What a hold policy decides, at the desk: limits, the shelf, the fee for what nobody fetched, recalls, overrides."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from circulation.calendars.rules import Calendar, Opening
from circulation.holds.rules import recalled_due_at, shelf_expires_at
from circulation.policies.rules import HoldPolicy
from contracts.circulation import FeeCharged, HoldCancelled, HoldRequeued
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness

DAY = timedelta(days=1)
WEEKDAYS = Calendar("Europe/Berlin", dict.fromkeys(range(5), (Opening(time(9), time(18)),)))
"""1 March 2027 is a Monday."""


def end_of(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59), ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize(
    ("policy_days", "own_days", "closed_count", "until"),
    [
        (3, None, False, date(2027, 3, 4)),
        (5, None, False, date(2027, 3, 8)),  # Saturday and Sunday do not count
        (5, None, True, date(2027, 3, 8)),  # Saturday: not on a closed day, so Monday
        (4, None, True, date(2027, 3, 5)),
        (7, None, True, date(2027, 3, 8)),
        (3, 1, False, date(2027, 3, 2)),  # the service point's own
        (3, 6, True, date(2027, 3, 8)),
    ],
)
def test_an_item_waits_for_so_many_open_days_or_until_an_open_one(
    policy_days: int, own_days: int | None, closed_count: bool, until: date
) -> None:
    policy = HoldPolicy("p", "P", shelf_days=policy_days, shelf_counts_closed=closed_count)

    assert shelf_expires_at(policy, WEEKDAYS, now=NOW, days=own_days) == end_of(until)


@pytest.mark.parametrize(
    ("due", "policy", "recalled"),
    [
        # A week from now, as the policy has it.
        (date(2027, 3, 31), HoldPolicy("p", "P"), date(2027, 3, 8)),
        # Never later than it was: due sooner anyway, or overdue.
        (date(2027, 3, 3), HoldPolicy("p", "P", recall_may_extend=True), date(2027, 3, 3)),
        (date(2027, 2, 22), HoldPolicy("p", "P"), date(2027, 2, 22)),
        (date(2027, 2, 22), HoldPolicy("p", "P", recall_overdue_days=2), date(2027, 2, 22)),
        # Unless it is overdue and the policy gives it a last chance.
        (date(2027, 2, 22), HoldPolicy("p", "P", recall_may_extend=True), date(2027, 3, 8)),
        (
            date(2027, 2, 22),
            HoldPolicy("p", "P", recall_may_extend=True, recall_overdue_days=2),
            date(2027, 3, 3),
        ),
        # The own interval of overdue loans is no other's.
        (date(2027, 3, 31), HoldPolicy("p", "P", recall_overdue_days=2), date(2027, 3, 8)),
    ],
)
def test_a_recall_gives_a_loan_a_later_due_time_only_when_it_is_overdue_and_the_policy_says_so(
    due: date, policy: HoldPolicy, recalled: date
) -> None:
    found = recalled_due_at(policy, WEEKDAYS, lent_at=NOW - 60 * DAY, due_at=end_of(due), now=NOW)

    assert found == end_of(recalled)


async def policy(make: Make, **changed: Any) -> None:
    answer = await make.configure(
        hold_policies=[{"code": "usual", "name": "Usual", "shelf_days": 5} | changed]
    )
    assert answer.status_code == 200, answer.text


async def test_a_patron_places_so_many_holds_a_day_and_no_more_until_midnight(
    circulation: Harness, make: Make
) -> None:
    await policy(make, max_holds_per_day=2)
    patron, items = await make.patron(), [await make.item() for _ in range(4)]
    circulation.at(datetime(2027, 3, 1, 22, 30, tzinfo=UTC))  # half past eleven at night in Berlin
    first = await make.hold(patron, items[0])
    await make.hold(patron, items[1])
    await make.cancel(first)

    third = await make.place(patron, title_id=str(items[2].title_ids[0]))
    others = await make.place(await make.patron(), title_id=str(items[3].title_ids[0]))
    circulation.at(datetime(2027, 3, 1, 23, 0, tzinfo=UTC))
    next_day = await make.place(patron, title_id=str(items[2].title_ids[0]))

    assert (third.status_code, codes(third)) == (409, ["hold-limit-per-day"])
    assert (others.status_code, next_day.status_code) == (201, 201)


async def test_who_can_walk_to_the_shelf_at_the_pickup_point_is_sent_there(
    circulation: Harness, make: Make
) -> None:
    await policy(make, refuse_on_shelf_at_pickup=True)
    patron, item = await make.patron(), await make.item()
    reading_room = await make.item(loan_type="reference")

    here = await make.place(patron, title_id=str(item.title_ids[0]))
    elsewhere = await make.place(patron, title_id=str(item.title_ids[0]), at="law-desk")
    not_for_loan = await make.place(patron, title_id=str(reading_room.title_ids[0]))

    assert (here.status_code, codes(here)) == (409, ["on-shelf-at-pickup"])
    assert elsewhere.status_code == 201
    assert not_for_loan.status_code == 201


async def test_a_service_point_keeps_items_for_as_long_as_its_shelf_has_room(
    circulation: Harness, make: Make
) -> None:
    points = [point | {"shelf_days": 2} for point in CONFIGURATION["service_points"]]
    await make.configure(service_points=points)
    item = await make.item()
    await make.loan(await make.patron(), item)
    first, second = [await make.hold(await make.patron(), item) for _ in range(2)]

    back = await make.take_back(item)
    await make.cancel(first)

    assert back["next_step"]["hold"]["shelf_expires_at"] == "2027-03-03T22:59:59Z"
    assert (await make.hold_of(second))["shelf_expires_at"] == "2027-03-03T22:59:59Z"


@pytest.mark.parametrize(("fee", "owed"), [(150, 150), (0, 0)])
async def test_what_nobody_fetched_is_charged_once_as_the_policy_says(
    circulation: Harness, make: Make, fee: int, owed: int
) -> None:
    await policy(make, unclaimed_fee=fee)
    patron, item = await make.patron(), await make.item()
    await make.loan(await make.patron(), item)
    await make.hold(patron, item)
    await make.take_back(item)
    circulation.at(NOW + 10 * DAY)

    await circulation.tick("expire-holds")
    await circulation.tick("expire-holds")

    account = await make.account(patron)
    assert (account["owed"], account["holds"]) == (owed, [])
    assert [event.fee.kind for event in await circulation.announced(FeeCharged)] == (
        ["unclaimed-hold"] if fee else []
    )


async def test_a_hold_that_is_given_up_in_time_or_never_filled_costs_nothing(
    circulation: Harness, make: Make
) -> None:
    await policy(make, unclaimed_fee=150, expires_after_days=3)
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    for item in items:
        await make.loan(await make.patron(), item)
    given_up, unfilled = [await make.hold(patron, item) for item in items]
    await make.take_back(items[0])
    await make.cancel(given_up)
    circulation.at(NOW + 4 * DAY)

    await circulation.tick("expire-holds")

    assert (await make.hold_of(unfilled))["state"] == "expired"
    assert (await make.account(patron))["owed"] == 0


@pytest.mark.parametrize(("choice", "state"), [({}, "waiting"), ({"hold": "cancel"}, "cancelled")])
async def test_who_lends_what_is_kept_for_another_says_whether_that_hold_stays(
    circulation: Harness, make: Make, choice: dict[str, str], state: str
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    await make.take_back(item)
    override = {"blocks": ["item-held-for-another"], "comment": "needed at once"} | choice

    lent = await make.lend(await make.patron(), item, override=override)

    assert lent.status_code == 201, lent.text
    told = await make.hold_of(hold)
    assert (told["state"], told["reason"]) == (state, None if not choice else "lent-to-another")
    requeued = await circulation.announced(HoldRequeued)
    cancelled = await circulation.announced(HoldCancelled)
    assert (len(requeued), len(cancelled)) == ((0, 1) if choice else (1, 0))
