"""A library whose circulation is not ours, and what is told to it."""

from datetime import timedelta
from typing import Any

from support.circulating import Played
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World

DUE = NOW + timedelta(days=30)
SERVICES = (
    "AcceptItem",
    "CancelRequestItem",
    "CheckInItem",
    "CheckOutItem",
    "LookupItem",
    "LookupUser",
    "RecallItem",
    "RenewItem",
    "RequestItem",
)
ACTS = "/v1/ill/circulation-acts"
HOSTS = "/v1/ill/circulation-hosts"


async def entered(ill: Harness, host: Played, code: str = "other", **more: Any) -> None:
    """A host that serves everything, unless it is told otherwise."""
    body = {
        "code": code,
        "name": "Another system",
        "address": host.address,
        "our_agency": "ILL",
        "their_agency": "HOST",
        "services": SERVICES,
        "for_the_rest": True,
        "patrons": "reference",
        "partners_user": "PARTNERS",
    }
    answer = await ill.post(HOSTS, json=body | more)
    assert answer.status_code == 201, answer.text


async def acts(ill: Harness, **query: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await ill.get(ACTS, params=query)).json()["items"]
    return told


async def arrived(world: World, make: Make, other: Other, **more: Any) -> dict[str, Any]:
    """A patron's request that has come."""
    request = await make.request(**more)
    await world.deliver()
    await other.says("Loaned", dueDate=DUE.isoformat())
    await make.act(request, "receive")
    return request


async def lending(ill: Harness, world: World, make: Make) -> tuple[Other, dict[str, Any]]:
    """A partner's request."""
    await make.configure(lending={"desk": "main-desk"})
    other = await world.other()
    await other.asks()
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    return other, asked


async def later(ill: Harness, host: Played, minutes: int) -> None:
    ill.at(NOW + timedelta(minutes=minutes))
    await host.work(ill)
