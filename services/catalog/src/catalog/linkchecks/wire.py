"""Checks and links on the wire."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.linkchecks import queries
from catalog.linkchecks.documents import LinkCheckDoc
from catalog.linkchecks.rules import Change, Outcome, State
from catalog.marc.storage import unpack
from catalog.relations.rules import links


class LinkCheckOut(LinkCheckDoc):
    """A check, and how far it has come."""

    id: UUID
    schedule: str | None
    state: State
    problem: str | None
    """Why it failed."""
    titles: int
    """Whose records were read so far."""
    links: int
    """Different addresses that were found there."""
    checked: int
    well: int
    moved: int
    broken: int
    unclear: int
    not_asked: int
    broke: int
    """Broken now, and well or moved the last time."""
    mended: int
    """Well or moved now, and broken the last time."""
    requested_by: str
    created_at: datetime
    finished_at: datetime | None


class HopOut(BaseModel):
    """A redirection."""

    status: int
    address: str
    """Where it leads."""


class PlaceOut(BaseModel):
    """A record that has the link."""

    kind: Literal["title", "holdings"]
    id: UUID
    title_id: UUID
    hrid: int
    """The title's number."""
    title: str
    relation: str | None
    """What lies there is the title itself (`resource`), a `version` of it, `related`, a `component` (856, second
    indicator)."""
    label: str | None


class CheckedLinkOut(BaseModel):
    """A link, and what it came to."""

    id: UUID
    url: str
    outcome: Outcome | None
    """None: it waits for its first check."""
    problem: str | None
    """`not-found`, `refused`, `server-error`, `busy`, `not-let-in`, `timeout`, `host-unknown`, `connect-failed`,
    `tls-failed`, `answer-broken`, `answer-odd`, `redirect-loop`, `redirect-unreadable`, `too-many-redirects`,
    `url-unreadable`, or why nothing is asked there."""
    status: int | None
    """HTTP's, of the last answer."""
    final_address: str | None
    """The last address that was asked."""
    moved_to: str | None
    """Where it has gone for good: as far as redirections are permanent (301, 308)."""
    hops: list[HopOut]
    checked_at: datetime | None
    since: datetime | None
    """Since when it comes to what it last came to."""
    mended_at: datetime | None
    """When it last led somewhere again, having been broken."""
    places: list[PlaceOut]
    """Records that have it, up to five."""
    places_total: int
    """Records that had it when links were last gathered from them."""


class FoundLinkOut(CheckedLinkOut):
    """A link in a check."""

    before: Outcome | None
    """What it came to the time before."""
    change: Change | None
    tries: int


def told(row: Any, response: Response | None = None) -> LinkCheckOut:
    """A check, and where it is read."""
    if response is not None:
        response.headers["Location"] = f"/v1/link-checks/{row.id}"
    beside = {name: getattr(row, name) for name in LinkCheckOut.model_fields if name not in row.source}
    return LinkCheckOut(**row.source, **beside)


async def with_places(
    session: AsyncSession, rows: Sequence[Any], *, only_there: bool
) -> list[dict[str, Any]]:
    """Links with the records that have them still; `only_there` leaves out those that no record has any more."""
    found = await queries.places(session, [row.id for row in rows])
    there = await asyncio.to_thread(lambda: [each for each in found if _still(each)])
    totals = {each.link_id: each.count for each in found}
    out = []
    for row in rows:
        mine = [
            PlaceOut(
                kind=each.kind,
                id=each.entity_id,
                title_id=each.title_id,
                hrid=each.hrid,
                title=each.title,
                relation=each.relation,
                label=each.label,
            )
            for each in there
            if each.link_id == row.id
        ]
        if mine or not only_there or totals.get(row.id, 0) > queries.MOST_PLACES:
            beside = {name: value for name, value in row._mapping.items() if name not in ("digest", "host")}
            out.append(beside | {"places": mine, "places_total": totals.get(row.id, 0)})
    return out


def _still(place: Any) -> bool:
    return any(each.url == place.url for each in links(unpack(place.record)))
