"""A title goes to another publisher: told by its number, it makes tasks, and links follow it to its new platform."""

import asyncio
from datetime import date
from typing import Any

import pytest

from contracts.erm import PerpetualRightChanged, TitleTransferChanged
from support.desk import codes
from support.harness import Harness
from support.licensing import EISSN, ISSN, NOW, Shelf, shelf

ALERT = {
    "identifiers": [{"namespace": "issn", "value": ISSN}],
    "effective_on": "2028-01-01",
    "source": "alerts",
    "reference": "A-17",
    "perpetual_access": "receiving",
}


@pytest.fixture
async def make(erm: Harness) -> Shelf:
    erm.at(NOW)
    return await shelf(erm)


async def held(make: Shelf) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """A title that is subscribed to, years of it that stay, and the line."""
    listed = await make.listed({"start": date(1990, 1, 1)})
    line = await make.line(await make.agreement(), "package", listed.package)
    right = await make.post(
        "/v1/perpetual-rights",
        {
            "title_id": str(listed.title),
            "platform_id": str(listed.platform),
            "starts": "2020",
            "ends": "2026",
            "status": "confirmed",
        },
    )
    return listed, line, right


async def test_an_alert_asks_for_what_the_library_has_and_links_follow_the_title(
    erm: Harness, make: Shelf
) -> None:
    listed, line, right = await held(make)
    new = await make.platform("Newhome", "{url}")

    told = await make.post("/v1/title-transfers", ALERT | {"from_platform_id": str(listed.platform)})
    tasks = (await erm.get("/v1/title-transfer-tasks?due_until=2028-01-01")).json()["items"]
    moved = await make.post(
        f"/v1/title-transfers/{told['id']}/movements",
        {"platform_id": str(new), "url": "https://new.example/jih", "move_rights": True},
        expect=200,
    )
    last = next(one for one in moved["tasks"] if one["state"] == "open")
    done = await make.post(
        f"/v1/title-transfer-tasks/{last['id']}/settlements", {"note": "Carried on"}, expect=200
    )
    resolved = (
        await erm.get(f"/openurl?rft.genre=article&rft.issn={ISSN}&rft.atitle=x&rft.date=2021")
    ).json()

    assert [(one["kind"], one["right_id"], one["line_id"]) for one in told["tasks"]] == [
        ("new-platform", None, None),
        ("perpetual-right", right["id"], None),
        ("agreement-line", None, line["id"]),
    ]
    assert {one["transfer_id"] for one in tasks} == {told["id"]}
    assert (moved["status"], moved["to_platform_id"], done["status"]) == ("moved", str(new), "done")
    assert [one["url"] for one in resolved["targets"] if one["perpetual"]] == ["https://new.example/jih"]
    assert (await erm.get("/v1/title-transfer-tasks")).json()["items"] == []
    assert [
        (event.what, event.transfer.open_tasks) for event in await erm.announced(TitleTransferChanged)
    ] == [
        ("announced", 3),
        ("moved", 1),
        ("settled", 0),
    ]
    assert [event.what for event in await erm.announced(PerpetualRightChanged)] == ["entered", "moved"]
    assert (await erm.get(f"/v1/title-transfers?status=done&title_id={listed.title}")).json()["items"] == [
        done
    ]


async def test_the_same_alert_is_taken_once_and_one_that_names_nothing_here_is_refused(
    erm: Harness, make: Shelf
) -> None:
    title = await make.title(issn=ISSN)
    await make.title("Another", issn=EISSN)

    first = await asyncio.gather(*(erm.post("/v1/title-transfers", json=ALERT) for _ in range(3)))
    wrong = await erm.post(
        "/v1/title-transfers",
        json=ALERT | {"identifiers": [{"namespace": "issn", "value": "2049-3631"}], "reference": "A-18"},
    )
    nobodys = await erm.post(
        "/v1/title-transfers",
        json=ALERT | {"identifiers": [{"namespace": "issn", "value": "0306-4522"}], "reference": "A-19"},
    )
    several = await erm.post(
        "/v1/title-transfers",
        json=ALERT
        | {
            "identifiers": [{"namespace": "issn", "value": each} for each in (ISSN, EISSN)],
            "reference": "A-20",
        },
    )

    assert sorted(each.status_code for each in first) == [201, 409, 409]
    made = next(each.json() for each in first if each.status_code == 201)
    assert (made["title_id"], made["status"], made["tasks"]) == (str(title), "done", [])
    assert (codes(wrong), codes(nobodys), codes(several)) == (
        ["issn-check-digit"],
        ["title-unknown"],
        ["title-ambiguous"],
    )


async def test_what_does_not_come_to_pass_is_withdrawn_but_not_once_it_has_moved(
    erm: Harness, make: Shelf
) -> None:
    listed, _, _ = await held(make)
    new = await make.platform("Newhome")
    first = await make.post("/v1/title-transfers", ALERT)
    second = await make.post("/v1/title-transfers", ALERT | {"reference": None, "to_platform_id": str(new)})

    gone = await make.post(f"/v1/title-transfers/{first['id']}/withdrawals", {}, expect=200)
    nowhere = await erm.post(f"/v1/title-transfers/{first['id']}/movements", json={})
    left = await erm.post(
        f"/v1/title-transfers/{second['id']}/movements",
        json={"platform_id": "01890000-0000-7000-8000-00000000dead"},
    )
    moved = await make.post(f"/v1/title-transfers/{second['id']}/movements", {}, expect=200)
    late = await erm.post(f"/v1/title-transfers/{second['id']}/withdrawals")

    assert (gone["status"], {one["state"] for one in gone["tasks"]}) == ("withdrawn", {"dropped"})
    assert (codes(nowhere), codes(left), codes(late)) == (
        ["transfer-withdrawn"],
        ["platform-unknown"],
        ["transfer-moved-on"],
    )
    assert (moved["status"], moved["to_platform_id"]) == ("moved", str(new))
    right = (await erm.get(f"/v1/perpetual-rights?title_id={listed.title}")).json()["items"][0]
    assert right["platform_id"] == str(listed.platform)  # nobody said that the receiver grants it
