"""Agreements on the wire."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from erm.agreements import commands, queries
from erm.agreements.commands import AgreementRefused, AgreementUnknown
from erm.agreements.queries import Agreement
from erm.agreements.rules import usable
from erm.agreements.wire import (
    AgreementIn,
    AgreementOut,
    Status,
    TitleInAgreementOut,
    TitleThroughOut,
    UsableOut,
)
from erm.configuration.queries import in_force
from erm.rows import page, pool_of

router = new_router("/v1/agreements", tag="agreements")

MayRead = Annotated[Principal, Depends(may("agreements:read", "agreements:write"))]
MayWrite = Annotated[Principal, Depends(may("agreements:write"))]


class TitleUnknown(AgreementUnknown):
    """The knowledge base has no such title."""

    code, title = "title-unknown", "The knowledge base has no such title."


def agreement_out(agreement: Agreement, today: date) -> AgreementOut:
    """An agreement on the wire."""

    def relation(row: dict[str, Any], other: str) -> dict[str, Any]:
        return {"agreement_id": row[other], "kind": row["kind"], "note": row["note"]}

    def parts(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
        return [{name: row[name] for name in names} for row in rows]

    own = [relation(row, "other_id") for row in agreement.relations]
    told = agreement.row | {
        "periods": parts(agreement.periods, "starts_on", "ends_on", "open_ended", "cancel_by", "note"),
        "organisations": parts(agreement.organisations, "organisation_id", "role"),
        "licences": parts(agreement.licences, "licence_id", "standing", "note"),
        "relations": own,
        "related": [
            *(row | {"of_this": True} for row in own),
            *(relation(row, "agreement_id") | {"of_this": False} for row in agreement.related),
        ],
        "in_force": agreement.in_force(today),
    }
    return AgreementOut.model_validate({name: told[name] for name in AgreementOut.model_fields})


@router.post(
    "",
    status_code=201,
    response_model=AgreementOut,
    responses=problems(Unauthenticated, Forbidden, AgreementRefused, InFlight, Invalid),
)
async def enter_agreement(
    request: Request, body: AgreementIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter an agreement."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = await commands.enter(connection, body, now=now)
        today = (await in_force(connection)).today(now)
        where = {"location": f"/v1/agreements/{told.id}", "etag": etags.etag(told.row["version"])}
        return 201, agreement_out(told, today), where

    return await whole(pool_of(request), once, act)


_BY_DEADLINE = """
SELECT DISTINCT a.id FROM agreement_period p JOIN agreement a ON a.id = p.agreement_id
WHERE p.cancel_by BETWEEN $2 AND $3 AND a.status = 'active' AND a.id < $4 ORDER BY a.id DESC LIMIT $1
"""
_LAST = UUID(int=2**128 - 1)


@router.get(
    "",
    response_model=cursors.Page[AgreementOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_agreements(
    request: Request,
    response: Response,
    _: MayRead,
    now: Now,
    status: Status | None = None,
    cancel_until: Annotated[
        date | None,
        Query(description="Only active ones that have to be cancelled between today and this day, if at all"),
    ] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> cursors.Page[AgreementOut]:
    """Agreements, newest first."""
    pool = pool_of(request)
    today = (await in_force(pool)).today(now)
    if cancel_until is None:
        rows, more = await page(
            request, response, "SELECT id FROM agreement", {"status =": status}, cursor=cursor, limit=limit
        )
    else:
        before = cursors.uuid_in(cursor) if cursor is not None else _LAST
        rows = await pool.fetch(_BY_DEADLINE, limit + 1, today, cancel_until, before)
        more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
        cursors.link_next(request, response, more)
    found = await queries.agreements(pool, [row["id"] for row in rows[:limit]])
    return cursors.Page(
        items=[agreement_out(found[row["id"]], today) for row in rows[:limit]], next_cursor=more
    )


@router.get(
    "/{agreement_id}",
    response_model=AgreementOut,
    responses=problems(Unauthenticated, Forbidden, AgreementUnknown),
)
async def get_agreement(
    request: Request, response: Response, agreement_id: UUID, _: MayRead, now: Now
) -> AgreementOut:
    """One agreement."""
    pool = pool_of(request)
    found = await queries.agreement(pool, agreement_id)
    if found is None:
        raise AgreementUnknown
    etags.tag(response, found.row["version"])
    return agreement_out(found, (await in_force(pool)).today(now))


@router.put(
    "/{agreement_id}",
    response_model=AgreementOut,
    responses=problems(
        Unauthenticated, Forbidden, AgreementUnknown, AgreementRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def replace_agreement(
    request: Request,
    response: Response,
    agreement_id: UUID,
    body: AgreementIn,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> AgreementOut:
    """Replace what is told of an agreement; its lines stay."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        found = await commands.locked(connection, agreement_id)
        etags.guard(expected=expected, found=found.row["version"])
        told = await commands.replace(connection, found, body, now=now)
        today = (await in_force(connection)).today(now)
    etags.tag(response, told.row["version"])
    return agreement_out(told, today)


@router.get(
    "/{agreement_id}/titles/{title_id}",
    response_model=TitleInAgreementOut,
    responses=problems(Unauthenticated, Forbidden, AgreementUnknown, TitleUnknown),
)
async def read_title_in_agreement(
    request: Request, agreement_id: UUID, title_id: UUID, _: MayRead
) -> TitleInAgreementOut:
    """When a title was first and last to be had in an agreement, and by which of its lines."""
    pool = pool_of(request)
    agreement = await queries.agreement(pool, agreement_id)
    if agreement is None:
        raise AgreementUnknown
    title = await queries.title(pool, title_id)
    if title is None:
        raise TitleUnknown
    through = [
        (row, usable(agreement.days, *queries.line_days(dict(row))))
        for row in await queries.through(pool, agreement_id, title_id)
    ]
    every = [days for _, found in through for days in found]
    lasts = [days.last for days in every]
    firsts = [days.first for days in every]
    return TitleInAgreementOut(
        agreement_id=agreement_id,
        title_id=title_id,
        title=title["name"],
        first=None if None in firsts else min((day for day in firsts if day is not None), default=None),
        last=None if None in lasts else max((day for day in lasts if day is not None), default=None),
        through=[
            TitleThroughOut(
                line_id=row["id"],
                resource=row["resource"],
                package_id=row["package_id"],
                package_name=row["package_name"],
                days=[UsableOut(first=days.first, last=days.last) for days in found],
            )
            for row, found in through
        ],
    )
