"""Service levels hasten what suppliers do for our patrons, and no request stays open for ever."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from ill.requests.watching import _DUE, SLICE
from support.desk import pointers
from support.harness import Harness
from support.lending import NOW, Make

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def at(moment: Any) -> str:
    return str(moment.isoformat().replace("+00:00", "Z"))


async def looked_at(ill: Harness, *moments: Any) -> None:
    """The timer has looked at each of these moments."""
    for moment in moments:
        ill.at(moment)
        await ill.tick("watch-requests")


async def test_a_rush_is_answered_within_hours_or_the_next_is_asked(ill: Harness, make: Make) -> None:
    await make.configure(times={"respond": {"Rush": {"hours": 6}, "Normal": {"days": 2}}})
    await make.partner("XX-SLOW", rank=1, days_to_respond=5)
    await make.partner("XX-NEXT", rank=2)
    rush = await make.request(service_level="rush")
    usual = await make.request(service_level="Normal")
    other = await make.request(service_level="Standard")

    await looked_at(ill, NOW + 6 * HOUR)

    assert [one["look_at"] for one in (rush, usual, other)] == [
        at(NOW + 6 * HOUR),
        at(NOW + 2 * DAY),
        at(NOW + 7 * DAY),
    ]
    assert await make.rota(rush) == [("XX-SLOW", "left", "supplier-silent"), ("XX-NEXT", "active", None)]
    assert (await make.rota(usual))[0] == ("XX-SLOW", "active", None)


async def test_what_a_supplier_says_of_a_level_goes_before_what_the_library_does(
    ill: Harness, make: Make
) -> None:
    await make.configure(times={"respond": {"Rush": {"hours": 6}}})
    partner = await make.partner("XX-SUPA", respond_levels={"RUSH": {"hours": 2}, "Express": {"days": 1}})
    wrong = {"name": "X", "symbol": "X", "respond_levels": {"Rush": {"hours": 2, "days": 1}, "Slow": {}}}
    refused = await ill.post("/v1/ill/partners", json=wrong)
    twice = await make.configure(times={"respond": {"Rush": {"hours": 6}, "rush": {"days": 6}}})

    rush = await make.request(service_level="Rush")
    express = await make.request(service_level="Express")

    assert partner["respond_levels"]["RUSH"] == {"days": None, "hours": 2}
    assert (rush["look_at"], express["look_at"]) == (at(NOW + 2 * HOUR), at(NOW + DAY))
    assert (refused.status_code, twice.status_code) == (422, 422)
    assert pointers(refused) == ["/respond_levels/Rush", "/respond_levels/Slow"]


async def test_a_request_without_a_day_is_given_up_by_the_librarys_times(ill: Harness, make: Make) -> None:
    await make.configure(times={"expire_days": 60, "expire": {"Rush": {"days": 3}}})
    usual = await make.request()
    rush = await make.request(service_level="Rush")
    own = await make.request(service_level="Rush", need_before=at(NOW + 9 * DAY))

    await looked_at(ill, NOW + 3 * DAY)
    early = [(await make.now(one))["state"] for one in (usual, rush, own)]
    waits = (await ill.get(f"/v1/ill/requests/{usual['id']}/actions")).json()
    await looked_at(ill, NOW + 9 * DAY, NOW + 60 * DAY)

    assert [one["expires_at"] for one in (usual, rush, own)] == [at(NOW + 60 * DAY), at(NOW + 3 * DAY), None]
    assert early == ["end-of-rota", "expired", "end-of-rota"]  # nobody lends it
    assert (waits["waits_for"], waits["at"]) == ("need-passed", at(NOW + 60 * DAY))
    assert [(await make.now(one))["state"] for one in (usual, own)] == ["expired", "expired"]
    assert (await make.now(usual))["says"] == "It could not be had in time."


async def test_what_is_on_its_way_is_never_too_old(ill: Harness, make: Make) -> None:
    await make.configure(times={"expire_days": 5})
    await make.partner()
    request = await make.request()
    report = {"status": "Loaned", "due_at": at(NOW + 40 * DAY)}
    shipped = await ill.post(f"/v1/ill/requests/{request['id']}/reports", json=report)
    assert shipped.json()["state"] == "shipped", shipped.text

    await looked_at(ill, NOW + 6 * DAY)
    quiet = await make.now(request)
    await looked_at(ill, NOW + 19 * DAY)

    now = await make.now(request)
    assert (quiet["state"], quiet["attention"]) == ("shipped", None)
    assert (now["state"], now["attention"]) == (
        "shipped",
        "still-waiting",
    )  # has not come, which is another matter


async def test_another_level_or_a_day_counts_from_then_on(ill: Harness, make: Make) -> None:
    await make.configure(
        times={"respond": {"Rush": {"hours": 6}}, "expire_days": 30, "expire": {"Rush": {"days": 3}}}
    )
    await make.partner(days_to_respond=5)
    request = await make.request()
    path = f"/v1/ill/requests/{request['id']}"

    async def changed(**told: Any) -> dict[str, Any]:
        version = (await make.now(request))["version"]
        answer = await ill.patch(path, json=told, headers={"If-Match": f'"{version}"'})
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    ill.at(NOW + HOUR)
    rush = await changed(service_level="Rush")
    day = await changed(need_before=at(NOW + 2 * HOUR))
    none = await changed(need_before=None)

    assert (rush["look_at"], rush["expires_at"]) == (at(NOW + 7 * HOUR), at(NOW + 3 * DAY))
    assert (day["look_at"], day["expires_at"]) == (at(NOW + 2 * HOUR), None)
    assert (none["look_at"], none["expires_at"]) == (at(NOW + 7 * HOUR), at(NOW + 3 * DAY))


async def test_times_that_are_set_later_hold_for_requests_under_way_and_longer_ones_lengthen_nothing(
    ill: Harness, make: Make
) -> None:
    usual, rush = await make.request(), await make.request(service_level="RUSH")
    own = await make.request(need_before=at(NOW + 99 * DAY))
    ill.at(NOW + 20 * DAY)
    await make.configure(times={"expire": {"Rush": {"days": 10}}, "expire_days": 30})
    set_ = [await make.now(one) for one in (usual, rush, own)]
    await make.configure(times={"expire_days": 90})
    longer = await make.now(usual)
    await looked_at(ill, NOW + 20 * DAY, NOW + 30 * DAY)

    assert [one["expires_at"] for one in set_] == [at(NOW + 30 * DAY), at(NOW + 20 * DAY), None]
    assert longer["expires_at"] == at(NOW + 30 * DAY)
    assert [(await make.now(one))["state"] for one in (usual, rush, own)] == [
        "expired",
        "expired",
        "end-of-rota",
    ]


async def test_a_supplier_that_ships_as_the_request_runs_out_wins_or_loses_and_nothing_between(
    ill: Harness, make: Make
) -> None:
    await make.configure(times={"expire_days": 5})
    await make.partner()
    request = await make.request()
    ill.at(NOW + 5 * DAY)

    _, told = await asyncio.gather(
        ill.tick("watch-requests"),
        ill.post(
            f"/v1/ill/requests/{request['id']}/reports",
            json={"status": "Loaned", "due_at": at(NOW + 40 * DAY)},
        ),
    )

    now = await make.now(request)
    assert (told.status_code, now["state"]) in [(200, "shipped"), (200, "expired"), (409, "expired")]
    assert (await make.steps(request)).count("need-passed") == (now["state"] == "expired")


async def test_the_timer_finds_what_is_due_by_an_index(ill: Harness, make: Make) -> None:
    await make.configure(times={"expire_days": 30})
    await make.request()
    await ill.resources.pool.execute("""
        INSERT INTO request (id, number, side, state, service, citation, likeness, patron_ref, offer, created_at,
            created_by, changed_at, look_at, holding)
        SELECT gen_random_uuid(), 'M' || n, 'borrowing', 'end-of-rota', 'loan', '{}', n, gen_random_uuid(), '{}', now(),
            'x', now(), now() + n * interval '1 day', '{}' FROM generate_series(1, 3000) n;
        ANALYZE request""")

    plan = await ill.resources.pool.fetch(f"EXPLAIN {_DUE}", NOW, [], SLICE)

    assert any("request_due" in row[0] for row in plan)


@pytest.mark.parametrize(
    "wrong", [{"expire_days": 0}, {"expire": {"Rush": {}}}, {"respond": {"": {"days": 1}}}]
)
async def test_times_that_are_none_are_told(make: Make, wrong: dict[str, Any]) -> None:
    before = await make.configure()

    assert (before.status_code, (await make.configure(times=wrong)).status_code) == (200, 422)
