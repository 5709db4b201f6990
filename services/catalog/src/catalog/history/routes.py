"""What items and holdings were, on the wire; and the way back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.history import commands, queries
from catalog.history.commands import FactsUnknown
from catalog.history.statements import Entity
from catalog.holdings import commands as holdings
from catalog.holdings.routes import HoldingsChange, HoldingsOut, holdings_out
from catalog.items import commands as items
from catalog.items import queries as shelved
from catalog.items.commands import (
    BarcodeTaken,
    HoldingsTaken,
    HoldingsUnknown,
    ItemUnknown,
    StateRefused,
)
from catalog.items.routes import ItemChange, ItemOut, as_columns, item_out
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)

router = new_router(tag="items")

MayWrite = Annotated[Principal, Depends(may("items:write"))]
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=200)]
NEWEST = 2**62


class FactDifferenceOut(BaseModel):
    """One fact that is not what it was."""

    field: str
    """By the name that it has in the item or the holdings."""
    before: Any
    after: Any


class FactsStepOut(BaseModel):
    """One change: the version it made, by whom and when, and what it changed."""

    version: int
    at: datetime
    by: str
    differences: list[FactDifferenceOut]


class FactsRestorationIn(BaseModel):
    """Which version's facts are to stand again."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, lt=NEWEST)]
    """One that the history tells, or the one before the first that it tells."""


def _before(cursor: str | None) -> int:
    if cursor is None:
        return NEWEST
    (told,) = cursors.decode(cursor, parts=1)
    if type(told) is not int or not 1 <= told < NEWEST:
        raise cursors.wrong_cursor()
    return told


def _step_out(row: Any) -> FactsStepOut:
    told = [
        FactDifferenceOut(field=name, before=before, after=after)
        for name, (before, after) in sorted(row.changes.items())
    ]
    return FactsStepOut(version=row.version, at=row.at, by=row.by, differences=told)


async def _history(
    tx: ReadTx, entity: Entity, id_: UUID, *, limit: int, cursor: str | None
) -> dict[str, Any]:
    steps: Sequence[Any] = await queries.page(tx, entity, id_, before=_before(cursor), limit=limit + 1)
    more = cursors.encode(steps[limit - 1].version) if len(steps) > limit else None
    return {"items": [_step_out(step) for step in steps[:limit]], "next_cursor": more}


@router.get(
    "/v1/items/{item_id}/history",
    response_model=cursors.Page[FactsStepOut],
    responses=problems(Unauthenticated, Forbidden, ItemUnknown, Invalid),
)
async def read_item_history(
    item_id: UUID, tx: ReadTx, _: MayWrite, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Every change of the item's facts, newest first, field by field, whoever has made it: staff, a bulk edit, an
    import, the desk. Changes from before there was a history are not told."""
    if await shelved.item_maybe(tx, item_id) is None:
        raise ItemUnknown
    return await _history(tx, "item", item_id, limit=limit, cursor=cursor)


@router.post(
    "/v1/items/{item_id}/restorations",
    response_model=ItemOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        ItemUnknown,
        FactsUnknown,
        BarcodeTaken,
        StateRefused,
        Invalid,
        Stale,
        PreconditionRequired,
    ),
)
async def restore_item(
    item_id: UUID,
    body: FactsRestorationIn,
    expected: IfMatch,
    response: Response,
    by: MayWrite,
    tx: Tx,
    now: Now,
) -> dict[str, Any]:
    """Let an item's facts stand as they stood in an earlier version, held to the rules of today. It stays with its
    holdings and title; nothing of what stood between is lost."""
    row = await shelved.item_maybe(tx, item_id)
    if row is None:
        raise ItemUnknown
    etags.guard(expected=expected, found=row["version"])
    told = await commands.as_it_was(
        tx, "item", item_id, body.version, kind=ItemChange, now={"custom": row["custom"]}, moment=now
    )
    await items.change(tx, item_id, as_columns(told), expected=expected, now=now)
    fresh = await shelved.item_in(tx, item_id)
    etags.tag(response, fresh["version"])
    return item_out(fresh, by)


@router.get(
    "/v1/holdings/{holdings_id}/history",
    response_model=cursors.Page[FactsStepOut],
    responses=problems(Unauthenticated, Forbidden, HoldingsUnknown, Invalid),
)
async def read_holdings_history(
    holdings_id: UUID, tx: ReadTx, _: MayWrite, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    """Every change of the holdings' facts, newest first, field by field. Their records have versions of their own
    (`GET /v1/holdings/{id}?version=`)."""
    if await shelved.holdings(tx, holdings_id) is None:
        raise HoldingsUnknown
    return await _history(tx, "holdings", holdings_id, limit=limit, cursor=cursor)


@router.post(
    "/v1/holdings/{holdings_id}/restorations",
    response_model=HoldingsOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        HoldingsUnknown,
        FactsUnknown,
        HoldingsTaken,
        Invalid,
        Stale,
        PreconditionRequired,
    ),
)
async def restore_holdings(
    holdings_id: UUID,
    body: FactsRestorationIn,
    expected: IfMatch,
    response: Response,
    _: MayWrite,
    tx: Tx,
    now: Now,
) -> HoldingsOut:
    """Let the holdings' facts stand as they stood in an earlier version; items come along as with any change. Their
    title, and their record, stay."""
    row = await shelved.holdings(tx, holdings_id)
    if row is None:
        raise HoldingsUnknown
    etags.guard(expected=expected, found=row.version)
    told = await commands.as_it_was(
        tx, "holdings", holdings_id, body.version, kind=HoldingsChange, moment=now
    )
    await holdings.change(tx, holdings_id, told, expected=expected, now=now)
    fresh = await shelved.holdings(tx, holdings_id)
    assert fresh is not None
    etags.tag(response, fresh.version)
    return holdings_out(fresh)
