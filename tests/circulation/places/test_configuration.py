"""The configuration: put in place as a whole or not at all, kept version by version."""

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chassis.principal import Principal
from support.desk import CONFIGURATION, NOW, OPEN_EVERY_DAY, Make, pointers
from support.harness import Harness

PATH = "/v1/configuration/circulation"
FOUR, ONE, HERE = CONFIGURATION["loan_policies"]
DESK = CONFIGURATION["service_points"][0]


def at_desk(**calendar: Any) -> dict[str, Any]:
    """The main desk with another calendar."""
    changed = DESK | {"calendar": DESK["calendar"] | calendar}
    return {"service_points": [changed, CONFIGURATION["service_points"][1]]}


FLAWED: list[tuple[dict[str, Any], set[str]]] = [
    ({"rules": [*CONFIGURATION["rules"], {"loan": "x", "fine": "y", "hold": "z"}]},
     {"/rules/3/loan", "/rules/3/fine", "/rules/3/hold"}),
    ({"rules": CONFIGURATION["rules"][1:]}, {"/rules"}),
    ({"rules": [*CONFIGURATION["rules"], CONFIGURATION["rules"][1] | {"when": {"colour": ["red"]}}]},
     {"/rules/3/when/colour"}),
    ({"loan_policies": [FOUR, ONE | {"period": {"amount": 0, "unit": "day"}}, HERE]}, {"/loan_policies/1/period"}),
    ({"loan_policies": [FOUR, FOUR, ONE, HERE]}, {"/loan_policies"}),
    (at_desk(zone="Mars/Olympus"), {"/service_points/0/calendar"}),
    (at_desk(weekly=OPEN_EVERY_DAY | {"mon": [["09:00", "13:00"], ["12:00", "18:00"]]}),
     {"/service_points/0/calendar"}),
    (at_desk(weekly={"mon": [["18:00", "09:00"]]}), {"/service_points/0/calendar"}),
    ({"hold_policies": [CONFIGURATION["hold_policies"][0] | {"pickup_points": ["moon"]}]},
     {"/hold_policies/0/pickup_points"}),
    (at_desk(weekly={"monday": []}), {"/service_points/0/calendar/weekly/monday/[key]"}),
    ({"colour": "red"}, {"/colour"}),
    ({"currency": "euro"}, {"/currency"}),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "wrong"), FLAWED)
async def test_a_flaw_is_shown_where_it_is_and_nothing_is_changed(
    circulation: Harness, make: Make, changed: dict[str, Any], wrong: set[str]
) -> None:
    before = await circulation.get(PATH)

    answer = await make.configure(**changed)

    assert answer.status_code == 422
    assert set(pointers(answer)) == wrong
    after = await circulation.get(PATH)
    assert (after.json(), after.headers["etag"]) == (before.json(), before.headers["etag"])


async def test_flaws_of_several_kinds_are_told_together(circulation: Harness, make: Make) -> None:
    answer = await make.configure(rules=CONFIGURATION["rules"][1:], **at_desk(zone="nowhere"))

    assert set(pointers(answer)) == {"/rules", "/service_points/0/calendar"}


async def test_a_dry_run_tells_the_difference_and_applies_nothing(circulation: Harness, make: Make) -> None:
    policies = [FOUR | {"name": "A month"}, ONE, {"code": "new", "name": "New"}]
    rules = CONFIGURATION["rules"][:2]

    answer = await circulation.put(
        PATH + "?dry_run=true", json=CONFIGURATION | {"loan_policies": policies, "rules": rules}
    )

    told = answer.json()
    assert (told["applied"], told["version"]) == (False, 1)
    assert told["sections"] == {
        "loan_policies": {"added": ["new"], "changed": ["four-weeks"], "removed": ["here-only"]},
        "rules": {"added": [], "changed": [], "removed": ["line 3"]},
    }
    assert (await circulation.get(PATH)).json()["loan_policies"][0]["name"] == "Four weeks"


async def test_every_version_is_kept_and_the_same_again_is_none(circulation: Harness, make: Make) -> None:
    same = await make.configure()
    changed = await make.configure(currency="CHF")

    assert (same.json()["applied"], changed.json()["version"]) == (False, 2)
    kept = await circulation.resources.pool.fetch(
        "SELECT version, document ->> 'currency' AS currency FROM configuration_version ORDER BY version"
    )
    assert [tuple(row) for row in kept] == [(1, "EUR"), (2, "CHF")]


async def test_a_service_point_that_comes_back_is_the_one_it_was(circulation: Harness, make: Make) -> None:
    await make.configure(service_points=[DESK])
    gone = await make.lend(
        await make.patron(), await make.item(), service_point_id=str(make.desks["law-desk"])
    )

    await make.configure()

    points = (await circulation.get("/v1/service-points")).json()["items"]
    assert gone.status_code == 422
    assert {point["code"]: point["id"] for point in points}["law-desk"] == str(make.desks["law-desk"])


async def test_what_is_in_use_stays(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    await make.loan(patron, await make.item())
    groups = CONFIGURATION["patron_groups"][1:]
    renamed = [FOUR | {"code": "other"}, ONE, HERE]
    rules = [CONFIGURATION["rules"][0] | {"loan": "other"}, *CONFIGURATION["rules"][1:]]

    answer = await make.configure(patron_groups=groups, loan_policies=renamed, rules=rules)

    assert (answer.status_code, set(pointers(answer))) == (422, {"/patron_groups", "/loan_policies"})


async def test_only_who_may_reads_and_writes_it(circulation: Harness, make: Make) -> None:
    with circulation.asking(Principal("staff", "x", frozenset({"configuration:read"}))):
        read = await circulation.get(PATH)
        written = await circulation.put(PATH, json=CONFIGURATION)
    with circulation.asking(None):
        nobody = await circulation.get(PATH)
        points = await circulation.get("/v1/service-points")

    assert (read.status_code, written.status_code, nobody.status_code, points.status_code) == (
        200,
        403,
        401,
        200,
    )


async def test_desks_go_on_while_the_rules_change(circulation: Harness, make: Make) -> None:
    patrons = [await make.patron() for _ in range(12)]
    items = [await make.item() for _ in range(12)]
    waiting = await make.patron()
    for item in items[:6]:
        await make.hold(waiting, item)

    async def changing() -> None:
        for days in range(1, 6):
            policies = [FOUR | {"period": {"amount": days, "unit": "day"}}, ONE, HERE]
            assert (await make.configure(loan_policies=policies)).status_code == 200

    held = [make.lend(waiting, item) for item in items[:6]]
    plain = [make.lend(patron, item) for patron, item in zip(patrons, items[6:], strict=False)]
    answers = await asyncio.gather(*held, *plain, changing())

    assert {answer.status_code for answer in answers[:-1]} == {201}, [a.text for a in answers[:-1]]
    for answer in answers[:-1]:
        loan = answer.json()
        days = {1: 28} | {version: version - 1 for version in range(2, 7)}
        due = datetime.fromisoformat(loan["due_at"]).astimezone(ZoneInfo("Europe/Berlin")).date()
        assert (due - NOW.date()).days == days[loan["rules_version"]]


async def test_before_it_is_configured_nothing_is_lent_and_that_is_said(circulation: Harness) -> None:
    body = {"patron_barcode": "x", "item_barcode": "y"}

    answer = await circulation.post("/v1/loans", json=body)

    assert (answer.status_code, answer.json()["code"]) == (503, "not-configured")


async def test_rules_are_explained_for_an_item_and_a_patron(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item(material_type="video")

    told = (
        await circulation.get(
            "/v1/rules:explain", params={"item_id": str(item.item_id), "patron_id": patron["id"]}
        )
    ).json()

    assert told["facts"]["patron_group"] == "student"
    assert [(rule["line"], rule["won"], rule["matched"]) for rule in told["rules"]] == [
        (2, True, True),
        (3, False, False),
        (1, False, True),
    ]
