"""Licences on the wire."""

from datetime import date
from typing import Annotated
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
from erm.licences import commands, queries
from erm.licences.commands import LicenceUnknown
from erm.licences.queries import Licence
from erm.licences.rules import differing, effective
from erm.licences.wire import (
    ComparedLicenceOut,
    ComparedOut,
    ComparedSideOut,
    ComparedTermOut,
    EffectiveOut,
    EffectiveTermOut,
    End,
    LicenceIn,
    LicenceOut,
    Status,
)
from erm.rows import page, pool_of

router = new_router("/v1", tag="licences")

MayRead = Annotated[Principal, Depends(may("licences:read", "licences:write"))]
MayWrite = Annotated[Principal, Depends(may("licences:write"))]
On = Annotated[date | None, Query(description="The day; today where left out")]


ENDS = "CASE WHEN ends_on IS NOT NULL THEN 'explicit' WHEN open_ended THEN 'open' ELSE 'unknown' END"


def _terms(licence: Licence, number: int) -> list[dict[str, object]]:
    return [row | {"use": row["use_rule"]} for row in licence.values.get(number, ())]


def licence_out(licence: Licence) -> LicenceOut:
    """A licence on the wire."""

    def terms(number: int) -> list[dict[str, object]]:
        names = ("term", "value", "use", "public_note", "internal_note", "internal")
        return [{name: row[name] for name in names} for row in _terms(licence, number)]

    amendments = [
        {
            name: row[name]
            for name in ("name", "status", "starts_on", "ends_on", "open_ended", "documents", "note")
        }
        | {"terms": terms(row["number"])}
        for row in licence.amendments
    ]
    told = licence.row | {"terms": terms(0), "amendments": amendments}
    return LicenceOut.model_validate({name: told[name] for name in LicenceOut.model_fields})


@router.post(
    "/licences",
    status_code=201,
    response_model=LicenceOut,
    responses=problems(Unauthenticated, Forbidden, InFlight, Invalid),
)
async def enter_licence(
    request: Request, body: LicenceIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter a licence with its amendments and terms."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = await commands.enter(connection, body, now=now)
        where = {"location": f"/v1/licences/{told.id}", "etag": etags.etag(told.row["version"])}
        return 201, licence_out(told), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/licences",
    response_model=cursors.Page[LicenceOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_licences(
    request: Request,
    response: Response,
    _: MayRead,
    status: Status | None = None,
    licensor_id: UUID | None = None,
    end: Annotated[End | None, Query(description="Only those that end so")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> cursors.Page[LicenceOut]:
    """Licences, newest first."""
    wanted = {"status =": status, "licensor_id =": licensor_id, f"{ENDS} =": end}
    rows, more = await page(request, response, "SELECT id FROM licence", wanted, cursor=cursor, limit=limit)
    found = await queries.licences(pool_of(request), [row["id"] for row in rows])
    return cursors.Page(items=[licence_out(found[row["id"]]) for row in rows], next_cursor=more)


async def _read(request: Request, licence_id: UUID) -> Licence:
    found = await queries.licence(pool_of(request), licence_id)
    if found is None:
        raise LicenceUnknown
    return found


@router.get(
    "/licences/{licence_id}",
    response_model=LicenceOut,
    responses=problems(Unauthenticated, Forbidden, LicenceUnknown),
)
async def get_licence(request: Request, response: Response, licence_id: UUID, _: MayRead) -> LicenceOut:
    """One licence."""
    found = await _read(request, licence_id)
    etags.tag(response, found.row["version"])
    return licence_out(found)


@router.put(
    "/licences/{licence_id}",
    response_model=LicenceOut,
    responses=problems(Unauthenticated, Forbidden, LicenceUnknown, Stale, Invalid, PreconditionRequired),
)
async def replace_licence(
    request: Request,
    response: Response,
    licence_id: UUID,
    body: LicenceIn,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> LicenceOut:
    """Replace what a licence says, amendments and terms with it."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        found = await commands.locked(connection, licence_id)
        etags.guard(expected=expected, found=found.row["version"])
        told = await commands.replace(connection, found, body, now=now)
    etags.tag(response, told.row["version"])
    return licence_out(told)


@router.get(
    "/licences/{licence_id}/terms",
    response_model=EffectiveOut,
    responses=problems(Unauthenticated, Forbidden, LicenceUnknown, Invalid),
)
async def read_effective_terms(
    request: Request, licence_id: UUID, _: MayRead, now: Now, on: On = None
) -> EffectiveOut:
    """What a licence says on a day: its terms, overlaid by those of the amendments in force."""
    found, day = await _read(request, licence_id), on or now.date()
    told = effective(found.texts, day)
    names = {one["number"]: one["name"] for one in found.amendments}
    vocabulary = await queries.vocabulary(pool_of(request))
    return EffectiveOut(
        licence_id=licence_id,
        name=found.row["name"],
        on=day,
        in_force=told is not None,
        terms=[
            EffectiveTermOut(
                term=term,
                name=vocabulary[term]["name"],
                value=said.value,
                use=said.use,
                public_note=said.public_note,
                internal_note=said.internal_note,
                internal=said.internal,
                amendment=said.source,
                amendment_name=names.get(said.source),
            )
            for term in vocabulary
            if told is not None and (said := told.get(term)) is not None
        ],
    )


@router.get(
    "/licences:compare",
    response_model=ComparedOut,
    responses=problems(Unauthenticated, Forbidden, LicenceUnknown, Invalid),
)
async def compare_licences(
    request: Request,
    _: MayRead,
    now: Now,
    licence_id: Annotated[list[UUID], Query(min_length=2, max_length=10, description="Two to ten")],
    on: On = None,
    differing_only: Annotated[bool, Query(description="Leave out what they agree on")] = False,
) -> ComparedOut:
    """Licences side by side, term by term, as they stand on a day."""
    pool, day = pool_of(request), on or now.date()
    found = await queries.licences(pool, licence_id)
    if missing := [str(one) for one in licence_id if one not in found]:
        raise LicenceUnknown(f"There is no licence {missing[0]}.")
    sides = [effective(found[one].texts, day) for one in licence_id]
    unlike = set(differing(sides))
    vocabulary = await queries.vocabulary(pool)
    return ComparedOut(
        on=day,
        licences=[
            ComparedLicenceOut(licence_id=one, name=found[one].row["name"], in_force=side is not None)
            for one, side in zip(licence_id, sides, strict=True)
        ],
        terms=[
            ComparedTermOut(
                term=code,
                name=term["name"],
                category=term["category"],
                differs=code in unlike,
                sides=[
                    ComparedSideOut.model_validate(
                        {"licence_id": one}
                        | (
                            {
                                "value": said.value,
                                "use": said.use,
                                "public_note": said.public_note,
                                "internal_note": said.internal_note,
                            }
                            if (said := (side or {}).get(code)) is not None
                            else {}
                        )
                    )
                    for one, side in zip(licence_id, sides, strict=True)
                ],
            )
            for code, term in vocabulary.items()
            if (code in unlike or not differing_only) and any(code in (side or {}) for side in sides)
        ],
    )
