"""Copy cataloguing on the wire."""

from typing import Annotated
from uuid import UUID

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel

from catalog.copycat import commands, queries
from catalog.copycat.commands import FoundUnknown, Preview
from catalog.copycat.documents import CopySearchIn
from catalog.imports.commands import TooManyImports
from catalog.imports.routes import ImportOut, MayImport, tagged
from catalog.marc.reading import MARC, MARC_JSON, MARCXML
from catalog.marc.storage import unpack
from catalog.titles import media
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.problems import Forbidden, Invalid, NotAcceptable, Unauthenticated, problems

router = new_router(tag="imports")
RECORDS = (MARCXML, MARC, MARC_JSON)


class TargetOut(BaseModel):
    """A server that can be searched."""

    code: str
    name: str


class TargetsOut(BaseModel):
    """By code."""

    items: list[TargetOut]


class FoundOut(BaseModel):
    """A record that was found."""

    id: UUID
    title: str
    subtitle: str | None
    author: str | None
    publisher: str | None
    year: int | None
    edition: str | None
    format: str
    isbns: tuple[str, ...]
    control_number: str | None
    ours: list[UUID]
    """Titles of ours that share a number with it."""


class AnswerOut(BaseModel):
    """What one server has answered."""

    target: str
    total: int
    """How many it has found; as many as asked for are given."""
    records: list[FoundOut]
    unreadable: int
    """Records that are none of MARC, or damaged."""
    problem: str | None
    """Why it has not answered."""


class CopySearchOut(BaseModel):
    """What every server has answered."""

    answers: list[AnswerOut]


def _found(preview: Preview, ours: dict[str, list[UUID]]) -> FoundOut:
    shown = {
        name: getattr(preview.facts, name) for name in FoundOut.model_fields if name not in ("id", "ours")
    }
    mine = dict.fromkeys(title_id for key in preview.keys for title_id in ours.get(key, ()))
    return FoundOut(id=preview.id, ours=list(mine), **shown)


@router.get("/v1/search-targets", response_model=TargetsOut, responses=problems(Unauthenticated, Forbidden))
async def list_targets(tx: ReadTx, _: MayImport) -> TargetsOut:
    """Servers that can be searched; the configuration's section `search_targets` tells of them."""
    return TargetsOut(items=[TargetOut(code=each.code, name=each.name) for each in await queries.targets(tx)])


@router.post(
    "/v1/copy-searches",
    response_model=CopySearchOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def search_targets(request: Request, body: CopySearchIn, by: MayImport, now: Now) -> CopySearchOut:
    """Search other libraries' catalogues, all at once. A server that does not answer costs no other's answer. What is
    found is kept for a day."""
    told = await commands.search(request.app.state.resources, body, by=str(by.actor), now=now)
    return CopySearchOut(
        answers=[
            AnswerOut(
                target=each.target,
                total=each.total,
                records=[_found(preview, ours) for preview in previews],
                unreadable=each.unreadable,
                problem=each.problem,
            )
            for each, previews, ours in told
        ]
    )


@router.get(
    "/v1/found-records/{found_id}",
    response_class=Response,
    responses={
        200: {"content": {kind: {} for kind in RECORDS}, "description": "The record"},
        **problems(Unauthenticated, Forbidden, FoundUnknown, NotAcceptable),
    },
)
async def read_found_record(
    found_id: UUID, tx: ReadTx, _: MayImport, now: Now, accept: Annotated[str, Header()] = "*/*"
) -> Response:
    """A found record whole, as MARCXML unless another of its formats is wished for."""
    kind = media.chosen(accept, RECORDS)
    row = await queries.found(tx, found_id, now=now)
    if row is None:
        raise FoundUnknown
    return Response(media.written(unpack(row.record), kind, key=str(found_id)), media_type=kind)


@router.post(
    "/v1/found-records/{found_id}/imports",
    status_code=202,
    response_model=ImportOut,
    responses=problems(Unauthenticated, Forbidden, FoundUnknown, Invalid, TooManyImports, KeyMissing),
)
async def import_found_record(
    request: Request,
    found_id: UUID,
    response: Response,
    by: MayImport,
    _: OnceRequired,
    tx: Tx,
    now: Now,
    profile: Annotated[str, Query(max_length=40, description="By which import profile")] = "none",
    dry_run: Annotated[bool, Query(description="Only find out what would become of it")] = False,
) -> ImportOut:
    """Import a found record, or lay it over a title of ours, by a profile."""
    row = await commands.take(
        tx,
        request.app.state.resources,
        found_id,
        profile=profile,
        dry_run=dry_run,
        by=str(by.actor),
        now=now,
    )
    response.headers["Location"] = f"/v1/imports/{row.id}"
    return tagged(row, response)
