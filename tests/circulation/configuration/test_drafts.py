"""A draft comes into force at its moment, once, and takes nothing back that was changed meanwhile."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from contracts.circulation import RulesActivated
from support.desk import CONFIGURATION, NOW, Make, pointers
from support.harness import Harness

PATH = "/v1/configuration/circulation"
FOUR, ONE, HERE = CONFIGURATION["loan_policies"]
TWO_DAYS = {"loan_policies": [FOUR | {"period": {"amount": 2, "unit": "day"}}, ONE, HERE]}
VIDEO_RENAMED = {"loan_policies": [FOUR, ONE | {"name": "Seven days"}, HERE]}
MOMENT = NOW + timedelta(days=1)


async def begin(circulation: Harness, **changed: Any) -> dict[str, Any]:
    answer = await circulation.post(
        f"{PATH}/drafts", json={"name": "Winter", "document": CONFIGURATION | changed}
    )
    assert answer.status_code == 201, answer.text
    draft: dict[str, Any] = answer.json()
    return draft


async def schedule(
    circulation: Harness, draft: dict[str, Any], at: datetime | None = None, **more: Any
) -> httpx.Response:
    return await circulation.put(
        f"{PATH}/drafts/{draft['id']}/activation",
        json={"at": at.isoformat()} if at else {},
        headers={"If-Match": f'"{more.get("version", draft["version"])}"'},
    )


async def state_of(circulation: Harness, draft: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = (await circulation.get(f"{PATH}/drafts/{draft['id']}")).json()
    return told


async def in_force(circulation: Harness) -> tuple[str, dict[str, Any]]:
    answer = await circulation.get(PATH)
    return answer.headers["etag"], answer.json()


async def test_a_draft_changes_nothing_until_its_moment_and_then_everything(
    circulation: Harness, make: Make
) -> None:
    draft = await begin(circulation, **TWO_DAYS)
    scheduled = await schedule(circulation, draft, MOMENT)
    patron = await make.patron()
    circulation.at(MOMENT - timedelta(seconds=1))
    await circulation.tick("activate-drafts")
    before = await make.loan(patron, await make.item())
    circulation.at(MOMENT)
    await circulation.tick("activate-drafts")
    after = await make.loan(patron, await make.item())
    await circulation.tick("activate-drafts")

    assert scheduled.json()["state"] == "scheduled"
    assert (before["rules_version"], before["due_at"]) == (1, "2027-03-30T21:59:59Z")
    assert (after["rules_version"], after["due_at"]) == (2, "2027-03-04T22:59:59Z")
    told = await state_of(circulation, draft)
    assert (told["state"], told["activated_version"], told["activates_at"]) == ("activated", 2, None)
    newest = (await circulation.get(f"{PATH}/versions/2")).json()
    assert (newest["how"], newest["comment"], newest["applied_by"]) == (
        "scheduled",
        "Winter",
        "staff:test-desk",
    )
    assert [event.how for event in await circulation.announced(RulesActivated)] == ["applied", "scheduled"]


async def test_a_draft_tells_what_it_changes_and_comes_into_force_at_once(
    circulation: Harness, make: Make
) -> None:
    draft = await begin(circulation, **TWO_DAYS)

    assert draft["difference"]["sections"]["loan_policies"]["changed"] == ["four-weeks"]
    assert [each["code"] for each in draft["warnings"]] == ["name-tells-another-period"]
    assert (await in_force(circulation))[0] == '"1"'
    done = await schedule(circulation, draft)
    again = await schedule(circulation, draft, version=2)
    assert (done.json()["state"], done.json()["activated_version"]) == ("activated", 2)
    assert (again.status_code, again.json()["code"]) == (409, "draft-closed")


async def test_what_was_changed_meanwhile_is_kept(circulation: Harness, make: Make) -> None:
    draft = await begin(circulation, **TWO_DAYS)
    await schedule(circulation, draft, MOMENT)
    await make.configure(**VIDEO_RENAMED)
    circulation.at(MOMENT)

    await circulation.tick("activate-drafts")

    etag, doc = await in_force(circulation)
    assert etag == '"3"'
    assert [policy["name"] for policy in doc["loan_policies"][:2]] == ["Four weeks", "Seven days"]
    assert doc["loan_policies"][0]["period"]["amount"] == 2


async def test_a_draft_that_contradicts_what_came_into_force_meanwhile_fails_and_says_why(
    circulation: Harness, make: Make
) -> None:
    draft = await begin(circulation, **TWO_DAYS)
    await schedule(circulation, draft, MOMENT)
    await make.configure(loan_policies=[FOUR | {"period": {"amount": 9, "unit": "day"}}, ONE, HERE])
    circulation.at(MOMENT)

    await circulation.tick("activate-drafts")
    refused = await schedule(circulation, draft, version=3)

    told = await state_of(circulation, draft)
    assert told["state"] == "failed"
    assert [(reason["code"], reason["pointer"]) for reason in told["reasons"]] == [
        ("changed-meanwhile", "/loan_policies/four-weeks")
    ]
    assert (refused.status_code, refused.json()["code"]) == (409, "activation-refused")
    assert (await in_force(circulation))[0] == '"2"'


async def test_a_draft_that_would_take_what_is_in_use_away_is_not_scheduled(
    circulation: Harness, make: Make
) -> None:
    draft = await begin(circulation, patron_groups=CONFIGURATION["patron_groups"][1:])
    await make.patron()

    answer = await schedule(circulation, draft, MOMENT)

    assert (answer.status_code, pointers(answer)) == (409, ["/patron_groups"])


async def test_a_failed_draft_holds_no_other_up(circulation: Harness, make: Make) -> None:
    doomed = await begin(circulation, patron_groups=CONFIGURATION["patron_groups"][1:])
    sound = await begin(circulation, **TWO_DAYS)
    for draft in (doomed, sound):
        assert (await schedule(circulation, draft, MOMENT)).status_code == 200
    await make.patron()
    circulation.at(MOMENT)

    await circulation.tick("activate-drafts")

    states = [(await state_of(circulation, draft))["state"] for draft in (doomed, sound)]
    assert states == ["failed", "activated"]


async def test_a_draft_comes_into_force_once_however_many_wish_it(circulation: Harness, make: Make) -> None:
    draft = await begin(circulation, **TWO_DAYS)
    other = await begin(circulation, **VIDEO_RENAMED)
    await schedule(circulation, draft, MOMENT)
    circulation.at(MOMENT)
    patrons = [await make.patron() for _ in range(6)]
    items = [await make.item() for _ in range(6)]

    answers = await asyncio.gather(
        circulation.tick("activate-drafts"),
        *(schedule(circulation, draft, version=2) for _ in range(3)),
        schedule(circulation, other),
        *(make.lend(patron, item) for patron, item in zip(patrons, items, strict=True)),
    )

    events = await circulation.announced(RulesActivated)
    assert [event.version for event in events] == [1, 2, 3]
    assert sorted(event.how for event in events) in (
        ["applied", "applied", "applied"],
        ["applied", "applied", "scheduled"],
    )
    documents = {
        version: (await circulation.get(f"{PATH}/versions/{version}")).json()["document"]
        for version in (1, 2, 3)
    }
    for answer in answers[-6:]:
        loan = answer.json()
        days = documents[loan["rules_version"]]["loan_policies"][0]["period"]["amount"]
        due = datetime.fromisoformat(loan["due_at"])
        assert due.date() == (MOMENT + timedelta(days=days)).date()
    assert documents[3]["loan_policies"][0]["period"]["amount"] == 2
    assert documents[3]["loan_policies"][1]["name"] == "Seven days"


async def test_a_draft_is_rewritten_taken_off_the_schedule_and_given_up(
    circulation: Harness, make: Make
) -> None:
    draft = await begin(circulation, **TWO_DAYS)
    await schedule(circulation, draft, MOMENT)
    off = await circulation.delete(f"{PATH}/drafts/{draft['id']}/activation", headers={"If-Match": '"2"'})
    twice = await circulation.delete(f"{PATH}/drafts/{draft['id']}/activation", headers={"If-Match": '"3"'})
    body = {"name": "Spring", "document": CONFIGURATION | VIDEO_RENAMED}
    stale = await circulation.put(f"{PATH}/drafts/{draft['id']}", json=body, headers={"If-Match": '"1"'})
    blind = await circulation.put(f"{PATH}/drafts/{draft['id']}", json=body)
    written = await circulation.put(f"{PATH}/drafts/{draft['id']}", json=body, headers={"If-Match": '"3"'})
    gone = await circulation.delete(f"{PATH}/drafts/{draft['id']}", headers={"If-Match": '"4"'})
    closed = await circulation.put(f"{PATH}/drafts/{draft['id']}", json=body, headers={"If-Match": '"5"'})
    circulation.at(MOMENT)
    await circulation.tick("activate-drafts")

    assert (off.json()["state"], twice.json()["code"]) == ("draft", "draft-not-scheduled")
    assert (stale.status_code, blind.status_code) == (412, 428)
    assert (written.json()["name"], written.json()["version"]) == ("Spring", 4)
    assert (gone.json()["state"], closed.json()["code"]) == ("discarded", "draft-closed")
    assert (await in_force(circulation))[0] == '"1"'
    assert (await circulation.get(f"{PATH}/drafts?open=true")).json()["items"] == []
    assert [each["state"] for each in (await circulation.get(f"{PATH}/drafts")).json()["items"]] == [
        "discarded"
    ]


async def test_an_unsound_draft_is_not_taken_and_a_repeated_one_once(
    circulation: Harness, make: Make
) -> None:
    body = {"name": "Winter", "document": CONFIGURATION | {"rules": CONFIGURATION["rules"][1:]}}
    unsound = await circulation.post(f"{PATH}/drafts", json=body)
    keyless = await circulation.post(f"{PATH}/drafts", json=body, key="")
    sound = {"name": "Winter", "document": CONFIGURATION}

    made = [await circulation.post(f"{PATH}/drafts", json=sound, key="one") for _ in range(2)]

    assert (unsound.status_code, pointers(unsound)) == (422, ["/rules"])
    assert keyless.status_code == 400
    assert made[0].json()["id"] == made[1].json()["id"]
    assert len((await circulation.get(f"{PATH}/drafts")).json()["items"]) == 1


@pytest.mark.parametrize("moment", [NOW, NOW - timedelta(days=400)])
async def test_a_moment_that_has_passed_is_now(circulation: Harness, make: Make, moment: datetime) -> None:
    draft = await begin(circulation, **TWO_DAYS)

    assert (await schedule(circulation, draft, moment)).json()["state"] == "activated"
