"""The partner that is late, says everything twice, contradicts itself or falls silent, on either side of a request."""

from datetime import timedelta
from typing import Any

from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import World, confirms, silent

DAY = timedelta(days=1)
DUE = (NOW + 30 * DAY).isoformat()


async def ours(ill: Harness, request_id: str) -> dict[str, Any]:
    """The request that a partner has made under this id."""
    told = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    found: dict[str, Any] = next(one for one in told if one["partners_request_id"] == request_id)
    return found


async def test_a_supplier_that_is_late_double_contradictory_and_silent(
    ill: Harness, world: World, make: Make
) -> None:
    one, other = await world.other("XX-SUPA", rank=1), await world.other("XX-SUPB", rank=2)
    request = await make.request()
    await world.deliver()

    late, lent = one.saying("WillSupply"), one.saying("Loaned", dueDate=DUE)
    told = [await one.send(body) for body in (lent, lent, late, late)]
    await make.act(request, "receive")
    await make.act(request, "renew")
    told += [
        await one.says("Loaned", "RenewResponse"),
        await one.says("Overdue", "RenewResponse", answerYesNo="Y"),
        await one.says("Loaned", "CancelResponse", answerYesNo="Y"),
    ]
    contradicted = await make.now(request)
    quiet = await make.request()
    await world.deliver()
    ill.at(NOW + 5 * DAY)
    await ill.tick("watch-requests")
    await world.deliver()

    assert told == ["OK"] * 4 + ["UnrecognisedDataValue answerYesNo"] * 3
    assert (await make.steps(request)).count("supplier-shipped") == 1
    assert "supplier-will" not in await make.steps(request)
    assert (contradicted["state"], contradicted["renewal_pending"]) == ("received", True)
    assert await make.rota(quiet) == [("XX-SUPA", "left", "supplier-silent"), ("XX-SUPB", "active", None)]
    assert (one.asked[-1], other.asked) == ("Cancel", ["New"])


async def test_a_borrower_that_is_late_double_contradictory_and_silent(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    told = [await other.asks("T1"), await other.asks("T1"), await other.asks("T1", serviceLevel="Rush")]
    await other.asks("T2")
    lent, offered = await ours(ill, "T1"), await ours(ill, "T2")
    told.append(await other.does("Received", "T1"))  # what was never sent
    late, renewal = other.doing("Received", "T1"), other.doing("Renew", "T1")
    await make.act(lent, "ship", due_at=DUE)
    told += [await other.send(body) for body in (renewal, renewal)]
    told += [await other.does("ShippedReturn", "T1"), await other.does("ShippedReturn", "T1")]
    told += [await other.send(late), await other.does("Renew", "T1")]
    back = await make.now(lent)
    await world.deliver()
    other.answer = silent
    await make.act(offered, "supply-on-condition", condition="LibraryUseOnly")
    for days in (0, 1, 2, 3, 7):
        for hours in range(0, 24, 2):
            ill.at(NOW + days * DAY + timedelta(hours=hours))
            await world.deliver()
        await ill.tick("watch-requests")
    unheard = await make.now(offered)
    other.answer = confirms
    await world.deliver()

    again, action = "UnrecognisedDataValue requestingAgencyRequestId", "UnrecognisedDataValue action"
    assert told == ["OK", "OK", again, action, "OK", "OK", "OK", "OK", "OK", action]
    steps = await make.steps(lent)
    assert (steps.count("partner-asks-renewal"), back["state"]) == (1, "return-in-transit")
    assert "message-failed" in await make.steps(offered)
    assert (unheard["state"], unheard["ended"]) == ("unfilled", True)
