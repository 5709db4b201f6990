"""Questions on the wire: asked at once, or kept and asked again."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

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
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from circulation.places.library import Shelf
from circulation.places.routes import TheShelf
from circulation.questions import commands, queries
from circulation.questions.commands import QuestionUnknown, TooManyQuestions, refuse
from circulation.questions.looking import START, Question, QuestionTooSlow, page, told
from circulation.questions.sheets import CSV, NDJSON, chosen, written
from circulation.questions.vocabulary import FIELDS, SEEN_FROM, Kind, read, scopes
from circulation.registration.apart import within

router = new_router(tag="questions")

MayAsk = Annotated[Principal, Depends(may("questions:ask"))]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]
Note = Annotated[str, Field(max_length=4000)]
Column = Annotated[str, Field(max_length=120)]
Condition = Annotated[
    dict[str, Any] | None, Field(description="A tree of conditions: docs/questions.md; left out: everything")
]
Columns = Annotated[
    list[Column] | None,
    Query(max_length=100, description="Which facts are told; repeat the parameter for each"),
]
_SHEET: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind: {"schema": {"type": "string"}} for kind in (CSV, NDJSON)},
        "description": "All answers",
    }
}


class AskedFieldOut(BaseModel):
    """A field that may be asked of."""

    name: str
    type: Of
    asks: list[str]
    of: list[Kind]
    """The kinds of question that may ask it directly."""


class AskedFieldsOut(BaseModel):
    """All fields. Beside them `patron.custom.CODE` and `patron.statistics.CODE`, which are texts."""

    fields: list[AskedFieldOut]


class AskIn(BaseModel):
    """A question, what is to be told of each answer, and how many answers are wanted at a time."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    condition: Condition = None
    columns: list[Column] | None = Field(default=None, max_length=100)
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = Field(default=None, max_length=200)


class KeptQuestionIn(BaseModel):
    """A question to be kept."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    name: Name
    note: Note | None = None
    shared: bool = False
    """Everybody who asks questions may ask it; only its owner changes it."""
    condition: Condition = None
    columns: list[Column] = Field(default_factory=list, max_length=100)


class KeptQuestionChange(BaseModel):
    """A merge patch (RFC 7396), but that a condition is told whole: what is left out stays, null clears."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    note: Note | None = None
    shared: bool | None = None
    condition: Condition = None
    columns: list[Column] | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def kept(self) -> "KeptQuestionChange":
        """A question has a name, and is shared or not."""
        needed = ("name", "shared", "columns")
        if cleared := [
            name for name in needed if name in self.model_fields_set and getattr(self, name) is None
        ]:
            raise ValueError(f"cannot be cleared: {', '.join(cleared)}")
        return self


class KeptQuestionOut(BaseModel):
    """A question that is kept."""

    id: UUID
    version: int
    kind: Kind
    name: str
    note: str | None
    owner: str
    shared: bool
    condition: dict[str, Any] | None
    columns: list[str]
    created_at: datetime
    updated_at: datetime


async def question_of(
    shelf: Shelf,
    by: Principal,
    kind: Kind,
    condition: Any,
    columns: list[str] | None,
    now: datetime,
    at: str = "",
) -> tuple[Question, tuple[str, ...]]:
    """What is asked, as far as the asker may; raises with every reason why not."""
    node, faults = read(condition, kind, now=now, at=f"{at}/condition")
    names, more = chosen(columns, kind, at=f"{at}/columns")
    refuse([*faults, *more])
    if missing := [scope for scope in scopes(kind, node, names) if not by.may(scope)]:
        mend = "Ask for a role that has it, or ask less."
        raise Forbidden(
            "The question is about what you may not read.",
            reasons=[
                Reason("scope-missing", f"The scope {scope} is not granted.", mend=mend) for scope in missing
            ],
        )
    libraries = None if by.libraries is None else within(by, await shelf.fresh())
    return Question(kind, node, now, libraries), names


async def _answers(
    request: Request, question: Question, columns: tuple[str, ...], cursor: str | None, limit: int
) -> cursors.Page[dict[str, Any]]:
    after = cursors.uuid_in(cursor) if cursor else START
    async with request.app.state.resources.pool.acquire() as connection:
        found = await page(connection, question, after=after, limit=limit)
        rows = await told(connection, question, columns, found.ids)
    more = cursors.encode(str(found.behind)) if found.behind is not None else None
    return cursors.Page[dict[str, Any]](items=rows, next_cursor=more)


@router.get(
    "/v1/question-fields", response_model=AskedFieldsOut, responses=problems(Unauthenticated, Forbidden)
)
async def list_question_fields(_: MayAsk) -> AskedFieldsOut:
    """What may be asked of patrons, loans, holds, fees and items, and how."""
    return AskedFieldsOut(
        fields=[
            AskedFieldOut(
                name=name,
                type=of,
                asks=list(OPS[of]),
                of=[kind for kind in Kind if name.partition(".")[0] in SEEN_FROM[kind]],
            )
            for name, of in FIELDS.items()
        ]
    )


@router.post(
    "/v1/questions:ask",
    response_model=cursors.Page[dict[str, Any]],
    responses=problems(Unauthenticated, Forbidden, Invalid, QuestionTooSlow),
)
async def ask_question(
    body: AskIn, request: Request, by: MayAsk, shelf: TheShelf, now: Now
) -> cursors.Page[dict[str, Any]]:
    """Answers by id, without keeping the question. A page may be short, and still name the next."""
    question, columns = await question_of(shelf, by, body.kind, body.condition, body.columns, now)
    return await _answers(request, question, columns, body.cursor, body.limit)


async def _kept(tx: Tx, question_id: UUID, by: Principal) -> Any:
    row = await queries.one(tx, question_id, by=str(by.actor))
    if row is None:
        raise QuestionUnknown
    return row


async def _out(tx: Tx, question_id: UUID, by: Principal, response: Response) -> KeptQuestionOut:
    row = await _kept(tx, question_id, by)
    etags.tag(response, row.version)
    return KeptQuestionOut.model_validate(row._asdict())


@router.post(
    "/v1/questions",
    status_code=201,
    response_model=KeptQuestionOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, KeyMissing, TooManyQuestions),
)
async def keep_question(
    body: KeptQuestionIn, response: Response, by: MayAsk, _: OnceRequired, tx: Tx, now: Now
) -> KeptQuestionOut:
    """Keep a question to be asked again. Moments may be told from now: `now-30d`."""
    question_id = await commands.keep(tx, body.model_dump(), by=str(by.actor), now=now)
    response.headers["Location"] = f"/v1/questions/{question_id}"
    return await _out(tx, question_id, by, response)


@router.get(
    "/v1/questions",
    response_model=cursors.Page[KeptQuestionOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_questions(
    request: Request,
    response: Response,
    tx: ReadTx,
    by: MayAsk,
    whose: Annotated[
        Literal["mine", "shared"], Query(description="`shared`: anybody's that are shared")
    ] = "mine",
    kind: Kind | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[KeptQuestionOut]:
    """Questions that are kept, newest first."""
    rows = await queries.questions(
        tx,
        by=str(by.actor),
        shared=whose == "shared",
        kind=kind,
        before=cursors.uuid_in(cursor) if cursor else None,
        limit=limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = [KeptQuestionOut.model_validate(row._asdict()) for row in rows[:limit]]
    return cursors.Page[KeptQuestionOut](items=items, next_cursor=more)


@router.get(
    "/v1/questions/{question_id}",
    response_model=KeptQuestionOut,
    responses=problems(Unauthenticated, Forbidden, QuestionUnknown),
)
async def read_question(question_id: UUID, response: Response, tx: ReadTx, by: MayAsk) -> KeptQuestionOut:
    """A question that is kept."""
    return await _out(tx, question_id, by, response)


@router.patch(
    "/v1/questions/{question_id}",
    response_model=KeptQuestionOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, QuestionUnknown, Stale, PreconditionRequired),
)
async def change_question(
    question_id: UUID,
    body: KeptQuestionChange,
    expected: IfMatch,
    response: Response,
    by: MayAsk,
    tx: Tx,
    now: Now,
) -> KeptQuestionOut:
    """Ask it otherwise, name it otherwise, share it or not. Only its owner may."""
    changes = body.model_dump(exclude_unset=True)
    await commands.change(tx, question_id, changes, expected=expected, by=str(by.actor), now=now)
    return await _out(tx, question_id, by, response)


@router.delete(
    "/v1/questions/{question_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, QuestionUnknown),
)
async def forget_question(question_id: UUID, tx: Tx, by: MayAsk) -> None:
    """Keep it no more."""
    await commands.forget(tx, question_id, by=str(by.actor))


@router.get(
    "/v1/questions/{question_id}/answers",
    response_model=cursors.Page[dict[str, Any]],
    responses=problems(Unauthenticated, Forbidden, Invalid, QuestionUnknown, QuestionTooSlow),
)
async def list_answers(
    request: Request,
    response: Response,
    question_id: UUID,
    tx: ReadTx,
    by: MayAsk,
    shelf: TheShelf,
    now: Now,
    columns: Columns = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[dict[str, Any]]:
    """What answers a kept question now, by id. A page may be short, and still name the next."""
    row = await _kept(tx, question_id, by)
    question, names = await question_of(shelf, by, Kind(row.kind), row.condition, columns or row.columns, now)
    answers = await _answers(request, question, names, cursor, limit)
    cursors.link_next(request, response, answers.next_cursor)
    return answers


@router.get(
    "/v1/questions/{question_id}/sheet",
    response_class=StreamingResponse,
    responses=_SHEET | problems(Unauthenticated, Forbidden, Invalid, QuestionUnknown, NotAcceptable),
)
async def read_answer_sheet(
    request: Request,
    question_id: UUID,
    tx: ReadTx,
    by: MayAsk,
    shelf: TheShelf,
    now: Now,
    columns: Columns = None,
    accept: Annotated[str | None, Header(description="`text/csv` or `application/x-ndjson`")] = None,
) -> StreamingResponse:
    """All that answers a kept question now, as one file: CSV, or a JSON object a line."""
    row = await _kept(tx, question_id, by)
    question, names = await question_of(shelf, by, Kind(row.kind), row.condition, columns or row.columns, now)
    wished = (accept or "*/*").lower()
    media_type = NDJSON if NDJSON in wished else CSV
    if media_type == CSV and not any(each in wished for each in (CSV, "*/*", "text/*")):
        raise NotAcceptable(f"There are {CSV} and {NDJSON}.")
    suffix = "csv" if media_type == CSV else "ndjson"
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="{row.kind}-{question_id}.{suffix}"',
    }
    rows = written(request.app.state.resources.pool, question, names, media_type)
    return StreamingResponse(rows, media_type=media_type, headers=headers)
