"""Saved lists and questions on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.conditions.looking import IndexMissing, QuestionTooSlow, ask_index, first, refuse
from catalog.conditions.vocabulary import FIELDS, SEEN_FROM, Kind
from catalog.lists import commands, queries, sheets
from catalog.lists.commands import ListBusy, ListFixed, ListFull, ListUnknown, TooManyLists
from catalog.lists.documents import SourceDoc, Told
from catalog.lists.rules import MOST_TOLD, State
from catalog.lists.sheets import CSV, NDJSON
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.conditions import OPS, Of
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotAcceptable,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from chassis.resources import Resources

router = new_router(tag="lists")

MayRead = Annotated[Principal, Depends(may("lists:read", "lists:write"))]
MayWrite = Annotated[Principal, Depends(may("lists:write"))]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Note = Annotated[str, Field(max_length=4000)]
Columns = Annotated[
    list[Annotated[str, Field(max_length=80)]] | None,
    Query(max_length=100, description="Which facts are told; repeat the parameter for each"),
]
_CONTENT: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {"schema": {"type": "string"}} for kind in (CSV, NDJSON)},
        "description": "All rows",
    }
}


class ListIn(BaseModel):
    """A new list."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    name: Name
    note: Note | None = None
    shared: bool = False
    """Every cataloguer may read it; only its owner changes it."""
    frozen: bool = False
    """Its content stays: it is never asked for again, nor told more."""
    source: SourceDoc


class ListChange(BaseModel):
    """A merge patch (RFC 7396): what is left out stays, null clears."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    note: Note | None = None
    shared: bool | None = None
    frozen: bool | None = None

    @model_validator(mode="after")
    def kept(self) -> "ListChange":
        """A list has a name, and is shared and frozen or not."""
        needed = ("name", "shared", "frozen")
        if cleared := [
            name for name in needed if name in self.model_fields_set and getattr(self, name) is None
        ]:
            raise ValueError(f"cannot be cleared: {', '.join(cleared)}")
        return self


class MembersIn(BaseModel):
    """Members that are to be in the list, and ids of those that are to be in it no more."""

    model_config = ConfigDict(extra="forbid")

    ids: list[UUID] = Field(default_factory=list, max_length=MOST_TOLD)
    barcodes: list[Told] = Field(default_factory=list, max_length=MOST_TOLD)
    numbers: list[int] = Field(default_factory=list, max_length=MOST_TOLD)
    remove: list[UUID] = Field(default_factory=list, max_length=MOST_TOLD)


class ListOut(BaseModel):
    """A list, and how far it is filled."""

    id: UUID
    version: int
    kind: Kind
    name: str
    note: str | None
    owner: str
    shared: bool
    frozen: bool
    source: dict[str, Any]
    """What it is made of, where that can be asked again."""
    state: State
    problem: str | None
    count: int
    """Members when it was filled; what has left the catalogue since is told no more."""
    unknown_count: int
    """What was told last and is not in the catalogue."""
    unknown: list[str]
    created_at: datetime
    updated_at: datetime
    filled_at: datetime | None


class FieldOut(BaseModel):
    """A field that may be asked of."""

    name: str
    type: Of
    asks: list[str]
    of: list[Kind]
    """The kinds of question that may ask it directly."""


class FieldsOut(BaseModel):
    """All fields."""

    fields: list[FieldOut]


class QuestionIn(BaseModel):
    """A question, and what is to be told of the first answers."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    query: str | None = Field(
        default=None, min_length=1, max_length=500, description="See docs/search-query.md"
    )
    condition: dict[str, Any] | None = Field(default=None, description="A tree of conditions: docs/lists.md")
    columns: list[Annotated[str, Field(max_length=80)]] | None = Field(default=None, max_length=100)
    limit: int = Field(default=20, ge=1, le=200)

    @model_validator(mode="after")
    def one(self) -> "QuestionIn":
        """One thing is asked."""
        if (self.query is None) == (self.condition is None):
            raise ValueError("name either query or condition")
        return self


class AnswerOut(BaseModel):
    """The first answers by id."""

    rows: list[dict[str, Any]]
    count: int
    count_relation: Literal["exact", "at_least"]


def _out(row: Any) -> ListOut:
    return ListOut(**{name: getattr(row, name) for name in ListOut.model_fields})


async def _told(tx: Tx, list_id: UUID, by: Principal, response: Response) -> ListOut:
    row = await queries.one(tx, list_id, by=str(by.actor))
    if row is None:
        raise ListUnknown
    etags.tag(response, row.version)
    return _out(row)


@router.get("/v1/query-fields", response_model=FieldsOut, responses=problems(Unauthenticated, Forbidden))
async def list_query_fields(_: MayRead) -> FieldsOut:
    """What may be asked of titles, holdings and items, and how."""
    fields = [
        FieldOut(
            name=name,
            type=of,
            asks=list(OPS[of]),
            of=[kind for kind in Kind if name.partition(".")[0] in SEEN_FROM[kind]],
        )
        for name, of in FIELDS.items()
    ]
    return FieldsOut(fields=fields)


@router.post(
    "/v1/queries:preview",
    response_model=AnswerOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, QuestionTooSlow, IndexMissing),
)
async def preview_query(body: QuestionIn, request: Request, _: MayRead) -> AnswerOut:
    """The first answers to a question, and how many there are, up to 10 000; a list has all of them."""
    source = SourceDoc(query=body.query, condition=body.condition)
    node, faults = source.question(body.kind)
    columns, more = sheets.chosen(body.columns, body.kind, at="/columns")
    refuse([*faults, *more])
    resources: Resources = request.app.state.resources
    question = await ask_index(resources.own["reader"], body.kind, node)
    async with resources.pool.acquire() as connection:
        answer = await first(connection, resources.own["reader"], question, columns, limit=body.limit)
    return AnswerOut(
        rows=[sheets.cells(row, columns) for row in answer.rows],
        count=answer.count,
        count_relation="exact" if answer.exact else "at_least",
    )


@router.post(
    "/v1/lists",
    status_code=201,
    response_model=ListOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, KeyMissing, TooManyLists, ListFull),
)
async def create_list(
    body: ListIn, response: Response, by: MayWrite, _: OnceRequired, tx: Tx, now: Now
) -> ListOut:
    """Keep a list. Told members are in it at once; what a question finds or other lists come to follows in the
    background."""
    list_id = await commands.make(
        tx,
        kind=body.kind,
        source=body.source,
        name=body.name,
        note=body.note,
        shared=body.shared,
        frozen=body.frozen,
        by=str(by.actor),
        at="/source",
        now=now,
    )
    response.headers["Location"] = f"/v1/lists/{list_id}"
    return await _told(tx, list_id, by, response)


@router.get(
    "/v1/lists",
    response_model=cursors.Page[ListOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_lists(
    request: Request,
    response: Response,
    tx: ReadTx,
    by: MayRead,
    whose: Annotated[
        Literal["mine", "shared"], Query(description="`shared`: anybody's that are shared")
    ] = "mine",
    kind: Kind | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[ListOut]:
    """Lists, newest first."""
    rows = await queries.lists(
        tx,
        by=str(by.actor),
        shared=whose == "shared",
        kind=kind,
        before=cursors.uuid_in(cursor) if cursor else None,
        limit=limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[ListOut](items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/lists/{list_id}",
    response_model=ListOut,
    responses=problems(Unauthenticated, Forbidden, ListUnknown),
)
async def read_list(list_id: UUID, response: Response, tx: ReadTx, by: MayRead) -> ListOut:
    """A list, and how far it is filled."""
    return await _told(tx, list_id, by, response)


@router.patch(
    "/v1/lists/{list_id}",
    response_model=ListOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, ListUnknown, Stale, PreconditionRequired),
)
async def change_list(
    list_id: UUID, body: ListChange, expected: IfMatch, response: Response, by: MayWrite, tx: Tx, now: Now
) -> ListOut:
    """Another name or note; shared or not; frozen or not. Only its owner may."""
    changes = body.model_dump(exclude_unset=True)
    await commands.change(tx, list_id, changes, expected=expected, by=str(by.actor), now=now)
    return await _told(tx, list_id, by, response)


@router.delete(
    "/v1/lists/{list_id}", status_code=204, responses=problems(Unauthenticated, Forbidden, ListUnknown)
)
async def drop_list(list_id: UUID, tx: Tx, by: MayWrite) -> None:
    """Forget a list; one that is being filled ends."""
    await commands.drop(tx, list_id, by=str(by.actor))


@router.post(
    "/v1/lists/{list_id}/members",
    response_model=ListOut,
    responses=problems(
        Unauthenticated, Forbidden, Invalid, KeyMissing, ListUnknown, ListBusy, ListFixed, ListFull
    ),
)
async def change_list_members(
    list_id: UUID, body: MembersIn, response: Response, by: MayWrite, _: OnceRequired, tx: Tx, now: Now
) -> ListOut:
    """Put members into a list and take others out; `unknown` has what is not in the catalogue."""
    told = SourceDoc(ids=body.ids, barcodes=body.barcodes, numbers=body.numbers)
    await commands.change_members(tx, list_id, told, remove=body.remove, by=str(by.actor), now=now)
    return await _told(tx, list_id, by, response)


@router.post(
    "/v1/lists/{list_id}/renewals",
    status_code=202,
    response_model=ListOut,
    responses=problems(
        Unauthenticated, Forbidden, KeyMissing, ListUnknown, ListBusy, ListFixed, TooManyLists
    ),
)
async def renew_list(
    list_id: UUID, response: Response, by: MayWrite, _: OnceRequired, tx: Tx, now: Now
) -> ListOut:
    """Ask again what the list was made of. What it holds stays until the new answer is whole."""
    await commands.renew(tx, list_id, by=str(by.actor), now=now)
    return await _told(tx, list_id, by, response)


@router.get(
    "/v1/lists/{list_id}/members",
    response_model=cursors.Page[dict[str, Any]],
    responses=problems(Unauthenticated, Forbidden, Invalid, ListUnknown),
)
async def list_list_members(
    request: Request,
    response: Response,
    list_id: UUID,
    tx: ReadTx,
    by: MayRead,
    columns: Columns = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[dict[str, Any]]:
    """What is in a list, by id, with the facts that are asked for; a page may be shorter where some have left the
    catalogue."""
    saved, names = await _columns(tx, list_id, by, columns)
    pool = request.app.state.resources.pool
    after = cursors.uuid_in(cursor) if cursor else None
    rows, last = await sheets.page(pool, saved, names, after=after, limit=limit)
    more = cursors.encode(str(last)) if last is not None else None
    cursors.link_next(request, response, more)
    return cursors.Page[dict[str, Any]](items=rows, next_cursor=more)


@router.get(
    "/v1/lists/{list_id}/content",
    response_class=StreamingResponse,
    responses=_CONTENT | problems(Unauthenticated, Forbidden, Invalid, ListUnknown, NotAcceptable),
)
async def read_list_content(
    request: Request,
    list_id: UUID,
    tx: ReadTx,
    by: MayRead,
    columns: Columns = None,
    accept: Annotated[str | None, Header(description="`text/csv` or `application/x-ndjson`")] = None,
) -> StreamingResponse:
    """All that is in a list as one file: CSV, or a JSON object a line."""
    saved, names = await _columns(tx, list_id, by, columns)
    wished = (accept or "*/*").lower()
    kind = NDJSON if NDJSON in wished else CSV
    if kind == CSV and not any(each in wished for each in (CSV, "*/*", "text/*")):
        raise NotAcceptable(f"There are {CSV} and {NDJSON}.")
    rows = sheets.written(request.app.state.resources.pool, saved, names, kind)
    suffix = "csv" if kind == CSV else "ndjson"
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{saved.kind}-{saved.id}.{suffix}"',
    }
    return StreamingResponse(rows, media_type=kind, headers=headers)


async def _columns(
    tx: ReadTx, list_id: UUID, by: Principal, columns: list[str] | None
) -> tuple[Any, tuple[str, ...]]:
    saved = await queries.one(tx, list_id, by=str(by.actor))
    if saved is None:
        raise ListUnknown
    names, faults = sheets.chosen(columns, Kind(saved.kind), at="query/columns")
    refuse(faults)
    return saved, names
