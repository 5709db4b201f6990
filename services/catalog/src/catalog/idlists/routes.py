"""Lists of ids on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from catalog.idlists import commands, queries
from catalog.idlists.commands import ListUnknown, TooManyLists
from catalog.idlists.rules import LINE, ListState
from catalog.idlists.worker import place
from catalog.search.compile import compiled, filtered
from catalog.search.documents import make_schema
from catalog.search.grammar import QueryProblem, parse
from catalog.search.routes import misunderstood
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Refused, Unauthenticated, problems
from chassis.resources import Resources

router = new_router(tag="search")

MayList = Annotated[Principal, Depends(may("titles:read"))]
NDJSON = "application/x-ndjson"
_IDS: dict[int | str, dict[str, Any]] = {
    code: {"content": {NDJSON: {"schema": {"type": "string"}}}, "description": what}
    for code, what in ((200, "All ids"), (206, "Those in the range that was asked for"))
}


class ListUnfinished(Refused):
    """The list is not written to its end yet."""

    code, title = "id-list-unfinished", "This list is still being written; ask again in a moment."


class IdListIn(BaseModel):
    """What to list: all titles, unless a query or filters say less."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(default="", max_length=2000, description="See docs/search-query.md")
    filters: dict[Annotated[str, Field(max_length=40)], list[Annotated[str, Field(max_length=250)]]] = Field(
        default_factory=dict, description="Values by the name of a filter"
    )


class IdListOut(BaseModel):
    """A list, and how far it has come."""

    id: UUID
    query: str
    filters: dict[str, list[str]]
    state: ListState
    written: int
    """Ids so far; all of them once it is done."""
    size: int
    """Bytes of the file."""
    index_position: int | None
    """How far the index had followed the changes when the last ids were read."""
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime


def _out(row: Any) -> IdListOut:
    return IdListOut(
        id=row.id,
        query=row.query,
        filters=row.filters,
        state=row.state,
        written=row.written,
        size=row.written * LINE,
        index_position=row.position,
        created_at=row.created_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
    )


@router.post(
    "/v1/title-id-lists",
    status_code=202,
    response_model=IdListOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, TooManyLists),
)
async def ask_id_list(body: IdListIn, response: Response, tx: Tx, by: MayList, now: Now) -> IdListOut:
    """Ask for the ids of all titles that answer a query, however many; they are written to a file in the background.

    Kept for a day. Whoever may change titles is also given those that are hidden.
    """
    schema = make_schema()
    try:
        filtered(compiled(parse(body.query), schema), body.filters, schema=schema, with_suppressed=True)
    except QueryProblem as problem:
        raise misunderstood(problem, "body") from problem
    row = await commands.ask(
        tx,
        query=body.query,
        filters=body.filters,
        with_suppressed=by.may("titles:write"),
        by=str(by.actor),
        now=now,
    )
    response.headers["Location"] = f"/v1/title-id-lists/{row.id}"
    return _out(row)


@router.get(
    "/v1/title-id-lists",
    response_model=cursors.Page[IdListOut],
    responses=problems(Unauthenticated, Forbidden),
)
async def list_id_lists(
    request: Request,
    response: Response,
    tx: ReadTx,
    by: MayList,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[IdListOut]:
    """The asker's lists, newest first."""
    before = cursors.uuid_in(cursor) if cursor else None
    rows = await queries.mine(tx, by=str(by.actor), before=before, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[IdListOut](items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/title-id-lists/{list_id}",
    response_model=IdListOut,
    responses=problems(Unauthenticated, Forbidden, ListUnknown),
)
async def read_id_list(list_id: UUID, tx: ReadTx, by: MayList) -> IdListOut:
    """How far a list has come."""
    return _out(await _mine(tx, list_id, by))


@router.get(
    "/v1/title-id-lists/{list_id}/ids",
    response_class=FileResponse,
    responses=_IDS | problems(Unauthenticated, Forbidden, ListUnknown, ListUnfinished),
)
async def read_ids(list_id: UUID, request: Request, tx: ReadTx, by: MayList) -> FileResponse:
    """The ids, a line each (`{"id":"…"}`, all of one length), in the order in which titles came to the catalogue.

    Whoever was cut off goes on by `Range: bytes=N-` (RFC 9110 §14).
    """
    row = await _mine(tx, list_id, by)
    if row.state != ListState.DONE:
        raise ListUnfinished
    resources: Resources = request.app.state.resources
    path = place(resources.settings.data_dir, list_id)
    if not path.is_file():
        raise ListUnknown
    return FileResponse(path, media_type=NDJSON, headers={"Cache-Control": "private, no-store"})


@router.delete(
    "/v1/title-id-lists/{list_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, ListUnknown),
)
async def drop_id_list(list_id: UUID, request: Request, tx: Tx, by: MayList) -> None:
    """Give a list back before its day is over; one under way ends."""
    await commands.drop(tx, list_id, by=str(by.actor))
    resources: Resources = request.app.state.resources
    place(resources.settings.data_dir, list_id).unlink(missing_ok=True)


async def _mine(tx: ReadTx, list_id: UUID, by: Principal) -> Any:
    row = await queries.one(tx, list_id, by=str(by.actor))
    if row is None:
        raise ListUnknown
    return row
