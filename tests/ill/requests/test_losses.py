"""What does not come back has a price; whoever had it owes it, once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from contracts.circulation import (
    ItemAvailability,
    ItemClaimedReturned,
    ItemClaimResolved,
    ItemDeclaredLost,
    LoanEvent,
    LoanFacts,
    LoanReturned,
    PartnerActRefused,
)
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


async def lent(world: World, make: Make, **more: Any) -> tuple[Other, dict[str, Any]]:
    """A patron of ours has it."""
    other = await world.other(**more)
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "check-out")
    await world.deliver()
    return other, await make.now(request)


def loan_event(kind: type[LoanEvent], request: dict[str, Any], **more: Any) -> LoanEvent:
    """What circulation tells of the patron's loan."""
    loan = LoanFacts(
        loan_id=uuid7(),
        item_id=UUID(request["item_id"]),
        title_id=uuid7(),
        patron_ref=UUID(request["patron_id"]),
        patron_group="student",
        service_point_id=uuid7(),
        lent_at=NOW,
        due_at=NOW + timedelta(days=30),
        due_zone="UTC",
        renewals=0,
        policy="any",
        rules_version=1,
    )
    told = {"version": 2, "occurred_at": NOW, "loan_id": loan.loan_id, "item_id": loan.item_id, "loan": loan}
    return kind.model_validate(told | more)


@pytest.mark.parametrize("speaks", ["1.2", "2021-2"])
async def test_damage_is_told_with_what_it_costs_and_charged_when_its_owner_says_so(
    ill: Harness, world: World, make: Make, speaks: str
) -> None:
    other, request = await lent(world, make, speaks=speaks, client_id="a")
    cost = {"minor": 2500, "currency": "EUR"}
    still = await make.act(request, "report-damaged", note="Coffee on the cover", cost=cost)
    await make.act(request, "ship-back")
    await world.deliver()
    told = other.heard[-2][1]["note"]
    for _ in range(2):
        await other.says("LoanCompleted", offeredCosts=PRICE | {"monetaryValue": "20.00"})

    (wanted,) = await ill.announced(PatronChargeWanted)
    assert still["state"] == "on-loan"
    assert told == "Damaged. Coffee on the cover. Cost: 25.00 EUR"
    assert other.asked[-2:] == ["Notification", "ShippedReturn"]
    assert (wanted.amount.minor, wanted.why) == (2000, "damaged")
    assert (await make.now(request))["state"] == "complete"


async def test_what_the_patron_says_was_brought_back_is_told_to_its_owner_and_so_is_how_it_ends(
    ill: Harness, world: World, make: Make
) -> None:
    other, request = await lent(world, make)

    await ill.deliver(loan_event(ItemClaimedReturned, request, claimed_at=NOW), source="circulation")
    claimed = await make.now(request)
    await ill.deliver(loan_event(ItemClaimResolved, request, resolution="missing"), source="circulation")
    await world.deliver()

    assert (claimed["state"], claimed["attention"]) == ("on-loan", "claimed-here")
    assert other.last["note"] == "Claimed returned on 2027-03-01. It is being looked for here"
    assert (await make.now(request))["attention"] == "claim-resolved-here"


async def test_a_loan_that_is_declared_lost_is_told_as_lost_and_may_be_found(
    ill: Harness, world: World, make: Make
) -> None:
    other, request = await lent(world, make, speaks="2021-2", client_id="a")

    await ill.deliver(loan_event(ItemDeclaredLost, request), source="circulation")
    lost_now = await make.now(request)
    back = loan_event(
        LoanReturned,
        request,
        service_point_id=uuid7(),
        returned_at=NOW,
        system_returned_at=NOW,
        next_step="reshelve",
        availability=ItemAvailability(
            item_id=UUID(request["item_id"]),
            version=3,
            title_ids=(),
            library="MAIN",
            location="STACKS",
            state="available",
            lendable=True,
            as_of=NOW,
        ),
    )
    await ill.deliver(back, source="circulation")
    await world.deliver()

    assert (lost_now["state"], lost_now["attention"]) == ("lost-reported", "lost-here")
    assert other.asked[-2:] == ["Lost", "Notification"]
    assert other.last["note"] == "Found. It will be sent back"
    assert (await make.now(request))["state"] == "returned-by-patron"
    assert (await make.act(request, "ship-back"))["state"] == "return-shipped"


async def test_staff_who_find_what_they_have_reported_lost_send_it_back(world: World, make: Make) -> None:
    other, request = await lost(world, make)

    found = await make.act(request, "found", note="Behind the desk")
    await world.deliver()

    assert found["state"] == "returned-by-patron"
    assert other.last["note"] == "Found. It will be sent back. Behind the desk"
    assert (await make.act(request, "ship-back"))["state"] == "return-shipped"
