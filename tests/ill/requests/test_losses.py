"""What does not come back has a price; whoever had it owes it, once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.circulation import PartnerActRefused
from contracts.ill import PatronChargeWanted
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World

DUE = (NOW + timedelta(days=30)).isoformat()
PRICE = {"currencyCode": "EUR", "monetaryValue": "120.50"}


async def lost(world: World, make: Make, *, received: bool = True) -> tuple[Other, dict[str, Any]]:
    """A patron of ours has lost it, or it never came."""
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    if received:
        await make.act(request, "receive")
    return other, await make.act(request, "report-lost")


async def test_the_price_is_charged_once_however_often_it_is_told(
    ill: Harness, world: World, make: Make
) -> None:
    other, request = await lost(world, make)

    told = [await other.says("CompletedWithoutReturn", offeredCosts=PRICE) for _ in range(2)]

    (wanted,) = await ill.announced(PatronChargeWanted)
    assert told == ["OK", "OK"]
    assert (wanted.amount.minor, wanted.amount.currency, wanted.number) == (12050, "EUR", request["number"])
    assert str(wanted.patron_ref) == request["patron_id"]
    assert (await make.now(request))["state"] == "complete-without-return"


@pytest.mark.parametrize(("received", "losses"), [(False, "charge"), (True, "staff")])
async def test_what_nobody_had_or_the_library_settles_itself_is_left_to_staff(
    ill: Harness, world: World, make: Make, received: bool, losses: str
) -> None:
    await make.configure(losses=losses)
    other, request = await lost(world, make, received=received)
    await other.says("CompletedWithoutReturn", offeredCosts=PRICE)

    assert await ill.announced(PatronChargeWanted) == []
    assert (await make.now(request))["attention"] == "supplier-charges"


async def test_what_circulation_does_not_charge_is_shown(ill: Harness, world: World, make: Make) -> None:
    other, request = await lost(world, make)
    await other.says("CompletedWithoutReturn", offeredCosts=PRICE | {"currencyCode": "USD"})
    (wanted,) = await ill.announced(PatronChargeWanted)
    refused = PartnerActRefused(
        version=1,
        occurred_at=NOW,
        request_id=UUID(request["id"]),
        asked=wanted.version,
        item_id=wanted.item_id,
        act="charge",
        reasons=("currency-differs",),
    )
    await ill.deliver(refused, source="circulation")

    now = await make.now(request)
    assert (now["state"], now["attention"]) == ("complete-without-return", "not-charged")
