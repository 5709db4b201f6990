"""What holdings are received, kept, lent and digitised by: read from their record, settable, and asked for."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.bulkedits.worker import work_once
from catalog.holdings.policy_rules import policies
from catalog.holdings.reading_policies import read_policies
from catalog.lists import worker as lists
from catalog.marc.iso2709 import dumps
from catalog.marc.record import Field, Record
from contracts.catalog import HoldingsUpdated
from support.harness import Harness
from support.shelves import Shelves

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def mfhd(fixed: str, number: str = "PS1") -> Record:
    place = Field.data("852", "8 ", ("b", "MAIN"), ("c", "STACKS"), ("h", number))
    return Record("00000ny  a2200000zn 4500", [Field.control("008", fixed), place])


@pytest.mark.parametrize(
    ("fixed", "told"),
    [
        (
            "2601014p27036l3y2002ab eng0000000"[:32],
            {
                "receipt_status": "currently-received", "acquisition_method": "purchase", "acquisition_ends": "2703",
                "retention": "limited-period", "retention_of": "latest", "retention_units": 3,
                "retention_unit": "years", "completeness": "incomplete", "copies": 2, "lending_policy": "will-lend",
                "reproduction_policy": "will-not-reproduce",
            },
        ),
        ("260101||||||||||||||||", {}),
        ("2601019?    8   4001", {"retention": "permanent", "completeness": "not-applicable", "copies": 1}),
        ("", {}),
    ],
    ids=["all", "not coded", "codes of no meaning, and short", "none"],
)  # fmt: skip
def test_what_is_coded_is_told_and_what_is_no_code_is_not(fixed: str, told: dict[str, Any]) -> None:
    assert policies(mfhd(fixed)) == told


async def _described(shelves: Shelves, fixed: str, number: str = "PS1") -> dict[str, Any]:
    title = await shelves.title()
    answer = await shelves.catalog.post(
        f"/v1/titles/{title['id']}/holdings",
        content=dumps(mfhd(fixed, number)),
        headers={"Content-Type": "application/marc"},
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _found(catalog: Harness, *conditions: dict[str, Any]) -> list[str]:
    asked = {"kind": "holdings", "name": "Q", "source": {"condition": {"all": list(conditions)}}}
    made = await catalog.post("/v1/lists", json=asked)
    assert made.status_code in (201, 202), made.text
    while await lists.work_once(catalog.resources, asyncio.Event()):
        pass
    members = await catalog.get(f"/v1/lists/{made.json()['id']}/members")
    return [each["id"] for each in members.json()["items"]]


async def test_policies_of_the_record_are_told_and_found_also_of_those_described_before(
    catalog: Harness, shelves: Shelves
) -> None:
    held = await _described(shelves, "2601014p    8   1001aa eng0000000"[:32])
    lent = {"field": "holdings.lending_policy", "is": "will-lend"}
    received = {"field": "holdings.receipt_status", "in": ["currently-received"]}

    at_once = await _found(catalog, lent, received)
    await catalog.resources.pool.execute("UPDATE holdings SET policies = NULL")
    unread = await _found(catalog, lent)
    await read_policies(catalog.resources, NOW)
    later = await _found(catalog, lent, received)
    answer = await catalog.delete(f"/v1/holdings/{held['id']}/record", headers={"If-Match": '"1"'})
    bare = (await catalog.get(f"/v1/holdings/{held['id']}")).json()

    assert (held["policies"]["retention"], held["policies"]["copies"]) == ("permanent", 1)
    assert (at_once, unread, later) == ([held["id"]], [], [held["id"]])
    assert answer.status_code == 204
    assert set(bare["policies"].values()) == {None}
    assert await _found(catalog, lent) == []
    told = await catalog.announced(HoldingsUpdated)
    assert [each.holdings.lending_policy for each in told] == [None]


async def test_how_holdings_are_digitised_is_set_from_a_list_and_what_is_in_use_stays(
    catalog: Harness, shelves: Shelves
) -> None:
    codes = [{"code": "on-demand", "name": "On demand"}, {"code": "never", "name": "Never"}]
    await shelves.configure(digitisation_policies=codes)
    item = await shelves.item(call_number="PS1", barcode="b1")
    door = f"/v1/holdings/{item['holdings_id']}"

    unknown = await catalog.patch(door, json={"digitisation_policy": "x"}, headers={"If-Match": '"1"'})
    known = await catalog.patch(door, json={"digitisation_policy": "never"}, headers={"If-Match": '"1"'})
    body = {"name": "D", "changes": {"holdings": {"set": {"digitisation_policy": "on-demand"}}}}
    edit = await catalog.post("/v1/bulk-edits", json=body | {"source": {"barcodes": ["b1"]}})
    assert edit.status_code == 202, edit.text
    where = edit.headers["location"]
    await _worked(catalog)
    version = (await catalog.get(where)).json()["version"]
    await catalog.post(f"{where}/confirmations", headers={"If-Match": f'"{version}"'})
    await _worked(catalog)
    edited = (await catalog.get(door)).json()
    await catalog.post(f"{where}/undoing")
    await _worked(catalog)
    back = (await catalog.get(door)).json()
    used = await catalog.put("/v1/configuration/catalog", json={"digitisation_policies": codes[:1]})

    assert (unknown.status_code, unknown.json()["reasons"][0]["code"]) == (422, "digitisation-policy-unknown")
    assert (known.status_code, known.json()["digitisation_policy"]) == (200, "never")
    assert (edited["digitisation_policy"], back["digitisation_policy"]) == ("on-demand", "never")
    assert "still-in-use" in {each["code"] for each in used.json()["reasons"]}
    assert await _found(catalog, {"field": "holdings.digitisation_policy", "is": "never"}) == [
        item["holdings_id"]
    ]
    told = await catalog.announced(HoldingsUpdated)
    assert [each.holdings.digitisation_policy for each in told] == ["never", "on-demand", "never"]


async def _worked(catalog: Harness) -> None:
    for work in (lists.work_once, work_once):
        while await work(catalog.resources, asyncio.Event()):
            pass
