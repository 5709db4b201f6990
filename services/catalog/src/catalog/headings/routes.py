"""Headings on the wire: a window around what somebody looks for, and on from there both ways."""

import asyncio
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Query, Request
from pydantic import BaseModel

from catalog.search.browsing import Stretch
from catalog.search.engine import Reader
from catalog.search.headings import CODES, END, Kind, query
from catalog.search.routes import AtLeast, IndexOut, TheReader, as_far_as
from chassis import cursors
from chassis.application import new_router
from chassis.principal import Anyone
from chassis.problems import Invalid, Reason, problems

router = new_router(tag="headings")

LONGEST_CURSOR: Final = 4000


class HeadingOut(BaseModel):
    """A heading as records write it. One in another script (MARC 880) is a heading of its own."""

    heading: str
    count: int
    """Titles that have it, of those that the public sees; exact."""
    query: str
    """The search that finds them (docs/search-query.md) …"""
    titles: str
    """… and where it is to be had."""


class HeadingsOut(BaseModel):
    """A stretch of headings of one kind, in the order in which they file."""

    kind: Kind
    items: list[HeadingOut]
    position: int | None
    """Where in the list what was asked for stands, or would stand; null for a further page."""
    previous_cursor: str | None
    next_cursor: str | None
    index: IndexOut


def cursors_of(kind: Kind, found: Stretch) -> tuple[str | None, str | None]:
    """Where the walk goes on: back, and on."""
    if not found.headings:
        return None, None
    first, last = found.headings[0].term, found.headings[-1].term
    return (
        cursors.encode(kind, "back", first) if found.more_before else None,
        cursors.encode(kind, "on", last) if found.more_behind else None,
    )


def walked(
    reader: Reader, kind: Kind, near: str, cursor: str | None, *, before: int, limit: int
) -> tuple[Stretch, bool]:
    """The headings asked for, and whether they stand around a place. `Invalid` for a cursor of another kind."""
    if cursor is None:
        return reader.browse(kind, near, before=before, after=limit), True
    told, way, term = cursors.decode(cursor, parts=3)
    sound = told == kind and way in ("on", "back") and isinstance(term, str)
    if not sound or not term.startswith(CODES[kind]) or END not in term:
        raise cursors.wrong_cursor()
    try:
        term.encode()
    except UnicodeError:
        raise cursors.wrong_cursor() from None
    return reader.browse_on(kind, term, back=way == "back", most=limit), False


@router.get("/v1/headings/{kind}", response_model=HeadingsOut, responses=problems(Invalid))
async def browse_headings(
    request: Request,
    kind: Kind,
    asker: Anyone,
    reader: TheReader,
    near: Annotated[str | None, Query(max_length=500, description="A heading, or how one begins")] = None,
    before: Annotated[int, Query(ge=0, le=100, description="How many to show that file before it")] = 5,
    limit: Annotated[int, Query(ge=1, le=200, description="How many from there on")] = 20,
    cursor: Annotated[str | None, Query(max_length=LONGEST_CURSOR)] = None,
    at_least: AtLeast = "0",
) -> HeadingsOut:
    """Look along the headings of the titles that the public sees: around one, then on or back by cursor. A walk meets
    each heading once, whatever others add or take away meanwhile."""
    if cursor is not None and near is not None:
        raise Invalid(
            reasons=[
                Reason("one-of", "A cursor goes on from where it was given.", "query/near", "Leave near out.")
            ]
        )
    wanted = await as_far_as(request.app.state.resources, reader, at_least)
    found, around = await asyncio.to_thread(
        walked, reader, kind, near or "", cursor, before=before, limit=limit
    )
    previous, following = cursors_of(kind, found)
    return HeadingsOut(
        kind=kind,
        items=[
            HeadingOut(
                heading=each.text,
                count=each.count,
                query=query(kind, each.text),
                titles="/v1/titles?" + urlencode({"query": query(kind, each.text)}),
            )
            for each in found.headings
        ],
        position=found.less if around else None,
        previous_cursor=previous,
        next_cursor=following,
        index=IndexOut(position=found.position, reached=found.position >= wanted),
    )
