"""An item leaves the collection only when circulation lets it go."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from chassis.principal import Principal
from contracts.catalog import ItemWithdrawalRequested, ItemWithdrawn
from contracts.circulation import ItemWithdrawalCleared, ItemWithdrawalRefused
from support.harness import Harness
from support.shelves import Shelves

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


async def asked(catalog: Harness, item: dict[str, Any]) -> dict[str, Any]:
    answer = await catalog.post(f"/v1/items/{item['id']}/withdrawals", json={"reason": "worn"})
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def cleared(withdrawal: dict[str, Any]) -> ItemWithdrawalCleared:
    return ItemWithdrawalCleared(
        version=1,
        occurred_at=NOW,
        withdrawal_id=UUID(withdrawal["id"]),
        item_id=UUID(withdrawal["item_id"]),
    )


def refused(withdrawal: dict[str, Any], *reasons: str) -> ItemWithdrawalRefused:
    return ItemWithdrawalRefused(
        version=1,
        occurred_at=NOW,
        withdrawal_id=UUID(withdrawal["id"]),
        item_id=UUID(withdrawal["item_id"]),
        reasons=reasons,
    )


async def test_circulation_is_asked_and_the_item_stays(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="1")

    withdrawal = await asked(catalog, item)

    (event,) = await catalog.announced(ItemWithdrawalRequested)
    assert (str(event.withdrawal_id), str(event.item_id), event.reason) == (
        withdrawal["id"],
        item["id"],
        "worn",
    )
    assert withdrawal["state"] == "requested"
    assert (await catalog.get(f"/v1/items/{item['id']}")).json()["base_state"] == "active"


async def test_cleared_it_goes_and_every_step_is_seen(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="1")
    withdrawal = await asked(catalog, item)
    message = catalog.message(cleared(withdrawal), source="circulation")

    await catalog.deliver_messages(message)
    await catalog.deliver_messages(message)
    await catalog.deliver(cleared(withdrawal), refused(withdrawal, "on-loan"), source="circulation")

    told = (await catalog.get(f"/v1/withdrawals/{withdrawal['id']}")).json()
    assert [step["state"] for step in told["steps"]] == ["requested", "done"]
    assert (told["state"], told["refusals"]) == ("done", [])
    gone = (await catalog.get(f"/v1/items/{item['id']}")).json()
    assert (gone["base_state"], gone["version"]) == ("withdrawn", 2)
    (event,) = await catalog.announced(ItemWithdrawn)
    assert (event.version, event.reason, event.item.base_state) == (2, "worn", "withdrawn")


async def test_refused_it_stays_with_the_reasons(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="1")
    withdrawal = await asked(catalog, item)

    await catalog.deliver(refused(withdrawal, "on-loan", "awaited"), source="circulation")

    told = (await catalog.get(f"/v1/withdrawals/{withdrawal['id']}")).json()
    assert (told["state"], told["refusals"]) == ("refused", ["on-loan", "awaited"])
    assert (await catalog.get(f"/v1/items/{item['id']}")).json()["base_state"] == "active"
    again = await asked(catalog, item)
    assert again["id"] != withdrawal["id"]


async def test_one_wish_at_a_time_even_in_a_race(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="1")

    answers = await asyncio.gather(
        *(catalog.post(f"/v1/items/{item['id']}/withdrawals", json={"reason": "worn"}) for _ in range(3))
    )

    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
    assert len(await catalog.announced(ItemWithdrawalRequested)) == 1


async def test_what_is_gone_cannot_go_again_nor_come_back_by_hand(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="1")
    await catalog.deliver(cleared(await asked(catalog, item)), source="circulation")

    again = await catalog.post(f"/v1/items/{item['id']}/withdrawals", json={"reason": "worn"})
    back = await catalog.patch(
        f"/v1/items/{item['id']}", json={"base_state": "active"}, headers={"If-Match": '"2"'}
    )

    assert [reason["code"] for reason in again.json()["reasons"]] == ["item-withdrawn"]
    assert (back.status_code, back.json()["code"]) == (409, "base-state-refused")


async def test_only_who_may_and_only_what_is_there(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item()
    missing = await catalog.post(
        "/v1/items/00000000-0000-0000-0000-000000000000/withdrawals", json={"reason": "x"}
    )
    with catalog.asking(Principal("staff", "x", frozenset({"items:write"}))):
        forbidden = await catalog.post(f"/v1/items/{item['id']}/withdrawals", json={"reason": "x"})

    assert (missing.status_code, forbidden.status_code) == (404, 403)
