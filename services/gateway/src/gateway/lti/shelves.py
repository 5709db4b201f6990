"""What pages show of the library: titles as everybody sees them, copies, pickup points; and a hold placed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from chassis import cursors
from chassis.principal import ANONYMOUS, Principal
from chassis.problems import Invalid, NotFound, Unavailable
from gateway.consents.rules import WHOLE
from gateway.fan_out import ask
from gateway.lti.queries import Visit
from gateway.persons.circulation import Circulation

PAGE_SIZE: Final = 10
LAST_PAGE: Final = 99
COPIES_SHOWN: Final = 12
COPIES_READ: Final = 100


@dataclass(frozen=True, slots=True)
class Placed:
    """What came of asking for a hold."""

    position: int | None = None
    refusals: tuple[tuple[str, str], ...] = ()
    """Code and text of each reason; none: it is placed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A title with its copies, as far as they can be told."""

    title: dict[str, Any]
    availability: dict[str, Any] | None
    """None: circulation cannot be asked just now."""
    items: list[dict[str, Any]]
    volumes: list[str]
    points: list[dict[str, Any]]
    """Where the visitor may pick it up; none for whoever is no patron."""


def reader(visit: Visit) -> Principal | None:
    """The patron who visits; None: nobody whom we know."""
    if visit.patron_id is None or visit.person_id is None:
        return None
    return Principal("patron", str(visit.person_id), frozenset({WHOLE}), patron_id=visit.patron_id)


async def search(
    request: Request, query: str, page: int, library: str | None, *, now: datetime
) -> dict[str, Any]:
    """A page of hits; `Invalid` for a query that is none."""
    only = {"filter[library]": library} if library is not None else {}
    cursor = cursors.encode(page * PAGE_SIZE) if page else None
    found: dict[str, Any] = await ask(
        request,
        "catalog",
        "GET",
        "/v1/titles",
        now,
        asker=ANONYMOUS,
        query=query,
        limit=PAGE_SIZE,
        cursor=cursor,
        **only,
    )
    return found


async def title(request: Request, title_id: UUID, *, now: datetime) -> dict[str, Any] | None:
    """A title; None where the catalogue shows none."""
    try:
        found: dict[str, Any] = await ask(
            request, "catalog", "GET", f"/v1/titles/{title_id}", now, asker=ANONYMOUS
        )
    except NotFound:
        return None
    return None if found.get("deleted_at") or found.get("suppressed") else found


async def titles(request: Request, ids: Sequence[UUID], *, now: datetime) -> list[dict[str, Any]]:
    """Those of them that the catalogue shows, in their order."""
    found = await asyncio.gather(*(title(request, each, now=now) for each in ids))
    return [each for each in found if each is not None]


async def seen(request: Request, visit: Visit, title_id: UUID, *, now: datetime) -> Seen | None:
    """All that a title's page shows; None where the catalogue shows no such title."""
    told, copies, points, names = await asyncio.gather(
        title(request, title_id, now=now),
        _copies(request, title_id, now),
        _points(request, visit, title_id, now),
        _places(request, now),
    )
    if told is None:
        return None
    items = sorted(
        copies["items"] if copies else [],
        key=lambda item: (
            item["library"] != visit.purpose.library,
            not item["lendable"],
            item["due_at"] or "",
        ),
    )
    volumes = list(dict.fromkeys(item["volume"] for item in items if item["volume"]))
    shown = [
        {**item, "place": names.get((item["library"], item["location"]), item["location"] or "–")}
        for item in items
    ]
    points.sort(key=lambda point: point["library"] != visit.purpose.library)
    return Seen(told, copies, shown, volumes, points)


async def _copies(request: Request, title_id: UUID, now: datetime) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = await ask(
            request,
            "circulation",
            "GET",
            f"/v1/titles/{title_id}/availability",
            now,
            asker=ANONYMOUS,
            detail="items",
            limit=COPIES_READ,
        )
    except NotFound:
        return {"available": 0, "total": 0, "queue_length": 0, "items": []}
    except Unavailable:
        return None
    return found


async def _points(request: Request, visit: Visit, title_id: UUID, now: datetime) -> list[dict[str, Any]]:
    asker = reader(visit)
    if asker is None:
        return []
    try:
        found = await ask(
            request,
            "circulation",
            "GET",
            "/v1/holds/pickup-points",
            now,
            asker=asker,
            title_id=str(title_id),
        )
    except (NotFound, Invalid, Unavailable):
        return []
    return list(found["items"])


async def _places(request: Request, now: datetime) -> dict[tuple[str, str], str]:
    """Names of locations by library and code; none while the catalogue cannot be asked."""
    try:
        found = await ask(request, "catalog", "GET", "/v1/locations", now, asker=ANONYMOUS)
    except Unavailable:
        return {}
    return {(each["library"], each["code"]): each["name"] for each in found["items"]}


async def points(request: Request, now: datetime) -> list[dict[str, Any]]:
    """Every service point; none while circulation cannot be asked."""
    try:
        found = await ask(request, "circulation", "GET", "/v1/service-points", now, asker=ANONYMOUS)
    except Unavailable:
        return []
    return list(found["items"])


async def place(
    request: Request,
    visit: Visit,
    title_id: UUID,
    pickup_id: UUID,
    *,
    volume: str | None,
    once: str,
    now: datetime,
) -> Placed:
    """Place a hold for whoever visits; `Unavailable` when it is not known whether it was. Repeated, it is the same."""
    asker = reader(visit)
    assert asker is not None  # the route has looked
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    body = {"title_id": str(title_id), "pickup_id": str(pickup_id), "volume": volume}
    answer = await circulation.ask(
        "POST",
        "/v1/holds",
        now=now,
        json={name: told for name, told in body.items() if told is not None},
        headers={"Idempotency-Key": f"lti-{once}"},
        by=asker,
    )
    told = answer.json()
    if answer.status_code == 201:
        return Placed(told["position"])
    reasons = told.get("reasons") or [{"code": told.get("code", "refused"), "text": told.get("title", "")}]
    return Placed(refusals=tuple((each["code"], each["text"]) for each in reasons))
