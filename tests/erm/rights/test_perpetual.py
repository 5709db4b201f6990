"""Perpetual rights: they outlive the agreement, lead readers, and are made of what a line let be used."""

import asyncio
from datetime import date
from typing import Any

import pytest

from contracts.erm import PerpetualRightChanged
from support.desk import codes
from support.harness import Harness
from support.licensing import ISSN, NOW, Shelf, shelf

NOBODY = "01890000-0000-7000-8000-00000000dead"
PERIOD = {"starts_on": "2024-01-01", "ends_on": "2026-12-31"}
FROM_1990 = {"start": date(1990, 1, 1)}
ARTICLE = f"rft.genre=article&rft.issn={ISSN}&rft.atitle=Sediment&rft.date="


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    erm.at(NOW)
    return await shelf(erm)


async def asked(erm: Harness, year: int) -> dict[str, Any]:
    told: dict[str, Any] = (await erm.get(f"/openurl?{ARTICLE}{year}")).json()
    return told


async def test_what_was_subscribed_to_stays_when_the_agreement_is_closed(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(FROM_1990)
    agreement = await make.agreement(
        await make.licence(terms={"walk-in-users": "permitted"}), periods=[PERIOD]
    )
    line = await make.line(agreement, "package", listed.package)
    path = f"/v1/agreements/{agreement['id']}/perpetual-rights"
    body = {"line_id": line["id"], "status": "confirmed", "documents": [{"name": "Clause 7.2"}]}

    tried = await make.post(f"{path}?dry_run=true", body, expect=200)
    made = await make.post(path, body, expect=200)
    again = await make.post(path, body, expect=200)
    read = (await erm.get(f"/v1/agreements/{agreement['id']}")).json()
    await make.put(f"/v1/agreements/{agreement['id']}", read, status="closed", close_reason="cancelled")
    await erm.resources.pool.execute(
        "UPDATE package_item SET access_end_on = '2026-12-31', removed_at = now()"
    )

    assert (tried["made"], tried["dry_run"], made["made"], again["made"], again["known"]) == (
        1,
        True,
        1,
        0,
        1,
    )
    assert [(one["start_on"], one["end_on"]) for one in made["rights"]] == [("2024-01-01", "2026-12-31")]
    stays, before = await asked(erm, 2025), await asked(erm, 1999)
    assert [(one["perpetual"], one["free"], one["certain"]) for one in stays["targets"]] == [
        (True, False, True)
    ]
    assert [term["term"] for term in stays["targets"][0]["terms"]] == ["walk-in-users"]
    assert stays["targets"][0]["url"] == "https://riverbase.example/jih"
    assert (before["targets"], before["request"]["service"]) == ([], "copy")
    told = [reason["code"] for one in before["refused"] for reason in one["reasons"]]
    assert "before-coverage" in told
    assert [(event.what, event.right.status) for event in await erm.announced(PerpetualRightChanged)] == [
        ("entered", "confirmed")
    ]


async def test_a_right_that_nobody_has_confirmed_leads_nobody(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(FROM_1990)
    body = {
        "title_id": str(listed.title),
        "platform_id": str(listed.platform),
        "starts": "2020",
        "ends": "2022-06",
    }
    right = await make.post("/v1/perpetual-rights", body)
    before = await asked(erm, 2021)
    path = f"/v1/perpetual-rights/{right['id']}"

    confirmed = await erm.put(path, json=body | {"status": "confirmed"}, headers={"If-Match": '"1"'})
    stale = await erm.put(path, json=body, headers={"If-Match": '"1"'})
    after = await asked(erm, 2021)
    await erm.put(path, json=body | {"status": "lost", "platform_id": None}, headers={"If-Match": '"2"'})

    assert (right["start_on"], right["end_on"], right["title"]) == (
        "2020-01-01",
        "2022-06-30",
        "Journal of Imaginary Hydrology",
    )
    reasons = [[reason["code"] for reason in one["reasons"]] for one in before["refused"]]
    assert (before["targets"], sorted(reasons)) == ([], [["not-licensed"], ["right-not-confirmed"]])
    assert (confirmed.status_code, stale.status_code) == (200, 412)
    assert [one["perpetual"] for one in after["targets"]] == [True]
    assert (await asked(erm, 2021))["targets"] == []
    history = (await erm.get(f"{path}/history")).json()["items"]
    assert [(one["what"], one["told"]["status"]) for one in history] == [
        ("moved", "lost"),
        ("changed", "confirmed"),
        ("entered", "claimed"),
    ]
    assert (await erm.get(f"/v1/perpetual-rights?status=lost&title_id={listed.title}")).json()["items"][0][
        "id"
    ] == right["id"]


async def test_what_is_subscribed_to_stands_before_what_stays(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(FROM_1990)
    await make.line(await make.agreement(), "package", listed.package)
    other = await make.platform("Archive", "https://archive.example/{issn}")
    await make.post(
        "/v1/perpetual-rights",
        {"title_id": str(listed.title), "platform_id": str(other), "status": "confirmed"},
    )

    told = await asked(erm, 2021)

    assert [(one["platform"], one["perpetual"]) for one in told["targets"]] == [
        ("Rivers Complete platform", False),
        ("Archive", True),
    ]


async def test_what_cannot_be_is_told_and_nothing_is_kept(erm: Harness, make: Shelf) -> None:
    listed, agreement = await make.listed(), await make.agreement()
    other = await make.line(await make.agreement(), "package", listed.package)
    unknown = await erm.post("/v1/perpetual-rights", json={"title_id": NOBODY})
    backwards = await erm.post(
        "/v1/perpetual-rights", json={"title_id": str(listed.title), "starts": "2022", "ends": "2021"}
    )
    foreign = await erm.post(
        f"/v1/agreements/{agreement['id']}/perpetual-rights", json={"line_id": other["id"]}
    )

    assert (unknown.status_code, codes(unknown)) == (422, ["title-unknown"])
    assert backwards.status_code == 422
    assert foreign.status_code == 404
    assert (await erm.get("/v1/perpetual-rights")).json()["items"] == []


async def test_rights_made_at_the_same_moment_are_made_once(erm: Harness, make: Shelf) -> None:
    listed = await make.listed(FROM_1990)
    agreement = await make.agreement(periods=[PERIOD])
    line = await make.line(agreement, "package", listed.package)
    path = f"/v1/agreements/{agreement['id']}/perpetual-rights"

    told = await asyncio.gather(*(make.post(path, {"line_id": line["id"]}, expect=200) for _ in range(4)))

    assert sorted(one["made"] for one in told) == [0, 0, 0, 1]
    assert len((await erm.get("/v1/perpetual-rights")).json()["items"]) == 1


async def test_rights_go_along_when_titles_become_one(erm: Harness, make: Shelf) -> None:
    stays, goes = await make.title(), await make.title("Hydrology, imaginary", issn="0306-4522")
    right = await make.post("/v1/perpetual-rights", {"title_id": str(goes)})

    await make.post(f"/v1/title-instances/{stays}/merges", {"title_ids": [str(goes)]})

    told = (await erm.get(f"/v1/perpetual-rights/{right['id']}")).json()
    assert (told["title_id"], told["version"]) == (str(stays), 2)
