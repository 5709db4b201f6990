"""Merges of titles on the wire."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.merges import commands
from catalog.merges.commands import MergeRefused, Merging
from catalog.titles.commands import TitleUnknown
from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems

router = new_router(tag="titles")

MayMerge = Annotated[Principal, Depends(may("titles:write"))]


class GoingIn(BaseModel):
    """A title that is to go, and the version of it that was read."""

    model_config = ConfigDict(extra="forbid")

    title_id: UUID
    version: Annotated[int, Field(ge=1, lt=2**62)] | None = None


class MergeIn(BaseModel):
    """Which titles become part of this one."""

    model_config = ConfigDict(extra="forbid")

    merged: list[GoingIn] = Field(min_length=1, max_length=50)
    keep_identifiers: bool = True
    """The surviving record takes over the numbers that the others were known by (010 to 035, and 001 as 035)."""


class ConflictOut(BaseModel):
    """A fact of the library's own of which two titles said different things."""

    code: str
    kept: Any
    """What the surviving title says."""
    given_up: Any
    """What the other one said, and goes on saying under its own id (`?version=`)."""
    title_id: UUID


class MergeOut(BaseModel):
    """What came of it."""

    title_id: UUID
    version: int
    merged_ids: list[UUID]
    holdings_moved: int
    holdings_joined: int
    """Holdings whose items went to the surviving title's at the same place."""
    items_moved: int
    conflicts: list[ConflictOut]
    """Tags, statistical codes and facts with several values are joined; these were not to be."""


@router.post(
    "/v1/titles/{title_id}/merges",
    status_code=201,
    response_model=MergeOut,
    responses=problems(
        Unauthenticated, Forbidden, TitleUnknown, MergeRefused, Invalid, Stale, PreconditionRequired
    ),
)
async def merge_titles(
    title_id: UUID, body: MergeIn, response: Response, by: MayMerge, expected: IfMatch, tx: Tx, now: Now
) -> MergeOut:
    """Merge other titles into this one. Holdings, items, loans and holds follow; the others' ids lead here for good,
    and their records are kept as their earlier versions."""
    asked = Merging(
        title_id,
        {going.title_id: going.version for going in body.merged},
        expected=expected,
        identifiers=body.keep_identifiers,
    )
    told = await commands.merge(tx, asked, by=str(by.actor), now=now)
    etags.tag(response, told.version)
    return MergeOut(
        title_id=title_id,
        version=told.version,
        merged_ids=list(asked.merged),
        holdings_moved=told.holdings_moved,
        holdings_joined=told.holdings_joined,
        items_moved=told.items_moved,
        conflicts=[
            ConflictOut(code=each.code, kept=each.kept, given_up=each.given_up, title_id=each.title_id)
            for each in told.conflicts
        ],
    )
