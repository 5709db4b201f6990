"""The desk lends and renews by the policies of the document; a document that contradicts itself is not taken."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from circulation.app import SERVICE
from contracts.circulation import LoanCreated
from support.desk import CONFIGURATION, NOW, OPEN_EVERY_DAY, Make
from support.harness import Harness, running

TERMS = {
    "code": "terms",
    "name": "Terms",
    "terms": [{"from": "2026-10-01", "to": "2027-03-14", "due": "2027-03-31"}],
}


def configuration(**policy: Any) -> dict[str, Any]:
    """The usual one, whose policy for videos is changed."""
    told = deepcopy(CONFIGURATION)
    told["schedules"] = [TERMS]
    told["loan_policies"][1] = {"code": "one-week", "name": "Video"} | policy
    return told


async def apply(circulation: Harness, **policy: Any) -> httpx.Response:
    return await circulation.put("/v1/configuration/circulation", json=configuration(**policy))


def codes(answer: httpx.Response) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


async def test_a_loan_for_the_term_is_due_on_the_schedules_date(circulation: Harness, make: Make) -> None:
    assert (await apply(circulation, profile="fixed", schedule="terms")).status_code == 200
    patron, video = await make.patron(), await make.item(material_type="video")

    loan = await make.loan(patron, video)

    assert loan["due_at"] == "2027-03-31T21:59:59Z"


async def test_between_the_terms_nothing_is_lent_unless_staff_name_a_due_time(
    circulation: Harness, make: Make
) -> None:
    await apply(circulation, profile="fixed", schedule="terms")
    patron, video = await make.patron(), await make.item(material_type="video")
    circulation.at(NOW + timedelta(days=14))
    due = "2027-04-15T20:00:00Z"

    refused = await make.lend(patron, video)
    unnamed = await make.lend(
        patron, video, override={"blocks": ["fees-owed"], "comment": "x", "due_at": due}
    )
    lent = await make.lend(
        patron, video, override={"blocks": ["outside-schedule"], "comment": "Term begins late", "due_at": due}
    )

    assert (refused.status_code, codes(refused)) == (409, ["outside-schedule"])
    assert (unnamed.status_code, codes(unnamed)) == (409, ["outside-schedule"])
    assert (lent.status_code, lent.json()["due_at"]) == (201, due)
    assert len(await circulation.announced(LoanCreated)) == 1


async def test_what_others_wait_for_is_lent_for_a_shorter_time(circulation: Harness, make: Make) -> None:
    await apply(circulation, holds_period={"amount": 3, "unit": "day"})
    first, second, third = [await make.patron() for _ in range(3)]
    video = await make.item(material_type="video")
    other = await make.item(material_type="video", title_ids=video.title_ids)
    await make.loan(first, video)
    await make.loan(first, other)
    await make.hold(second, video)
    await make.take_back(video)

    # Her own hold is no reason to hurry her; that of somebody else is.
    alone = await make.loan(second, video)
    await make.hold(third, video)
    spare = await make.item(material_type="video", title_ids=video.title_ids)
    hurried = await make.loan(await make.patron(), spare)

    assert alone["due_at"] == "2027-03-29T21:59:59Z"
    assert hurried["due_at"] == "2027-03-04T22:59:59Z"


async def test_a_renewal_while_others_wait_is_shorter_where_it_is_allowed(
    circulation: Harness, make: Make
) -> None:
    await apply(
        circulation,
        period={"amount": 1, "unit": "day"},
        renew_with_holds=True,
        holds_renewal_period={"amount": 5, "unit": "day"},
    )
    first, second, third = [await make.patron() for _ in range(3)]
    video, wanted = await make.item(material_type="video"), await make.item(material_type="video")
    free, awaited = await make.loan(first, video), await make.loan(second, wanted)
    await make.hold(third, wanted)
    circulation.at(NOW + timedelta(days=1))

    usual = await circulation.post(f"/v1/loans/{free['id']}/renewals")
    shorter = await circulation.post(f"/v1/loans/{awaited['id']}/renewals")

    assert usual.json()["due_at"] == "2027-03-03T22:59:59Z"
    assert shorter.json()["due_at"] == "2027-03-07T22:59:59Z"


async def test_who_renews_too_early_is_told_from_when_on(circulation: Harness, make: Make) -> None:
    await apply(circulation, earliest_renewal={"days_before": 3})
    patron, video = await make.patron(), await make.item(material_type="video")
    loan = await make.loan(patron, video)
    opens = "2027-03-25T23:00:00"
    circulation.at(datetime.fromisoformat(f"{opens}Z") - timedelta(seconds=1))

    refused = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    tried = await circulation.post(f"/v1/loans/{loan['id']}/renewals?dry_run=true")
    account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
    circulation.at(datetime.fromisoformat(f"{opens}Z"))
    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert (refused.status_code, codes(refused)) == (409, ["renewed-too-early"])
    assert refused.json()["renewable_from"] == f"{opens}+00:00"
    assert tried.json()["renewable_from"] == f"{opens}Z"
    assert account["loans"][0]["actions"]["renew"]["renewable_from"] == f"{opens}Z"
    assert renewed.status_code == 201


async def test_renewals_end_with_the_longest_time_in_all(circulation: Harness, make: Make) -> None:
    await apply(circulation, max_total={"amount": 30, "unit": "day"})
    patron, video = await make.patron(), await make.item(material_type="video")
    loan = await make.loan(patron, video)
    circulation.at(NOW + timedelta(days=20))

    last = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
    refused = await circulation.post(f"/v1/loans/{loan['id']}/renewals")

    assert last.json()["due_at"] == "2027-03-31T21:59:59Z"
    assert codes(refused) == ["total-period", "due-date-unchanged"]


async def test_a_desk_that_never_opens_lends_nothing_and_says_why(circulation: Harness, make: Make) -> None:
    told = deepcopy(CONFIGURATION)
    told["service_points"][0]["calendar"] = {"zone": "Europe/Berlin", "weekly": {}}
    assert (await circulation.put("/v1/configuration/circulation", json=told)).status_code == 200

    answer = await make.lend(await make.patron(), await make.item())

    assert (answer.status_code, codes(answer)) == (409, ["no-open-day"])
    assert await circulation.announced(LoanCreated) == []


async def test_the_hours_of_the_desk_that_lent_it_count_for_the_due_time_and_the_fine(
    circulation: Harness, make: Make
) -> None:
    told = deepcopy(CONFIGURATION)
    weekly = {day: hours for day, hours in OPEN_EVERY_DAY.items() if day not in ("sat", "sun")}
    told["service_points"][1]["calendar"] = {"zone": "America/New_York", "weekly": weekly}
    told["fine_policies"][0]["count_closed"] = False
    assert (await circulation.put("/v1/configuration/circulation", json=told)).status_code == 200
    item = await make.item()

    loan = await make.loan(await make.patron(), item, service_point_id=str(make.desks["law-desk"]))
    circulation.at(datetime.fromisoformat("2027-04-05T15:00:00Z"))
    back = await make.take_back(item)

    assert (loan["due_at"], loan["due_zone"]) == ("2027-03-30T03:59:59Z", "America/New_York")
    # Tuesday to Friday, and Monday; the main desk is open at the weekend, too, and is not asked.
    assert back["fine_minor"] == 5 * 20


async def test_a_desk_without_a_calendar_is_not_taken(circulation: Harness, make: Make) -> None:
    told = deepcopy(CONFIGURATION)
    del told["service_points"][0]["calendar"]

    answer = await circulation.put("/v1/configuration/circulation", json=told)

    assert answer.status_code == 422
    assert [reason["pointer"] for reason in answer.json()["reasons"]] == ["/service_points/0/calendar"]


@pytest.mark.parametrize(
    ("policy", "pointer", "code"),
    [
        (
            {"profile": "fixed", "schedule": "terms", "holds_period": {"amount": 3, "unit": "day"}},
            "/loan_policies/1/holds_period",
            "policy-contradicts-itself",
        ),
        (
            {
                "profile": "fixed",
                "schedule": "terms",
                "renew_with_holds": True,
                "holds_renewal_period": {"amount": 3, "unit": "day"},
            },
            "/loan_policies/1/holds_renewal_period",
            "policy-contradicts-itself",
        ),
        ({"schedule": "semesters"}, "/loan_policies/1/schedule", "schedule-unknown"),
        ({"profile": "fixed"}, "/loan_policies/1/schedule", "policy-contradicts-itself"),
    ],
)
async def test_a_contradictory_policy_refuses_the_whole_document(
    circulation: Harness, make: Make, policy: dict[str, Any], pointer: str, code: str
) -> None:
    answer = await apply(circulation, **policy)

    assert answer.status_code == 422
    assert (code, pointer) in [(reason["code"], reason["pointer"]) for reason in answer.json()["reasons"]]
    kept = (await circulation.get("/v1/configuration/circulation")).json()
    assert kept["loan_policies"][1]["name"] == "One week"


@pytest.mark.parametrize("kind", ["loan", "fine", "hold"])
async def test_a_rule_that_names_an_unknown_policy_refuses_the_whole_document(
    circulation: Harness, make: Make, kind: str
) -> None:
    told = deepcopy(CONFIGURATION)
    told["rules"][1][kind] = "forgotten"

    answer = await circulation.put("/v1/configuration/circulation", json=told)

    assert answer.status_code == 422
    assert [(reason["code"], reason["pointer"]) for reason in answer.json()["reasons"]] == [
        ("policy-unknown", f"/rules/1/{kind}")
    ]
    assert (await circulation.get("/v1/configuration/circulation")).headers["etag"] == '"1"'


async def test_the_next_loan_follows_new_rules_in_every_process(circulation: Harness, make: Make) -> None:
    patron, first, second = await make.patron(), await make.item(), await make.item()
    async with running(SERVICE, circulation.dsn) as other:
        other.at(NOW)
        elsewhere = Make(other, make.desks, make.locations)
        assert (await elsewhere.loan(patron, first))["policy"] == "four-weeks"
        told = deepcopy(CONFIGURATION)
        told["rules"].append(
            {"when": {"institution": ["UNI"]}, "loan": "one-week", "fine": "none", "hold": "usual"}
        )
        await circulation.put("/v1/configuration/circulation", json=told)

        loan = await elsewhere.loan(patron, second)

    assert (loan["policy"], loan["rules_version"]) == ("one-week", 2)
