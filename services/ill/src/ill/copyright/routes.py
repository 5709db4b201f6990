"""How many copies of a journal count in a year."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from pydantic import BaseModel

from chassis.application import new_router
from chassis.clock import Now
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems
from ill.citations.rules import issn_sound
from ill.configuration.queries import in_force
from ill.copyright.queries import counts
from ill.copyright.rules import journal_of
from ill.requests.seeing import MayRead, pool_of

router = new_router("/v1/ill/copyright-counts", tag="interlibrary loan")


declarations = new_router("/v1/ill/declarations", tag="interlibrary loan")


class DeclarationOut(BaseModel):
    """What was declared with copies under this version."""

    version: str
    text: str
    since: datetime


class DeclarationsOut(BaseModel):
    """Every version, the newest first."""

    items: list[DeclarationOut]


@declarations.get("", response_model=DeclarationsOut, responses=problems(Unauthenticated, Forbidden))
async def list_declarations(request: Request, _: MayRead) -> DeclarationsOut:
    """The words behind `declared` of each request."""
    rows = await pool_of(request).fetch("SELECT * FROM declaration ORDER BY since DESC, version LIMIT 500")
    return DeclarationsOut(items=[DeclarationOut(**dict(row)) for row in rows])


class CopiesCountedOut(BaseModel):
    """Copies of one journal that were asked for in a year under the guidelines."""

    issn: list[str]
    year: int
    supplied: int
    under_way: int
    limit: int | None
    """None: the library does not count."""


@router.get("", response_model=CopiesCountedOut, responses=problems(Unauthenticated, Forbidden, Invalid))
async def count_copies(
    request: Request,
    _: MayRead,
    now: Now,
    issn: Annotated[
        list[str], Query(max_length=2, description="The journal's numbers, print and electronic")
    ],
    year: Annotated[int | None, Query(ge=1900, le=2999)] = None,
) -> CopiesCountedOut:
    """What counts for a journal in a calendar year; this one, unless another is named."""
    if wrong := [number for number in issn if not issn_sound(number)]:
        text = f"{wrong[0]!r} is no ISSN."
        raise Invalid(reasons=[Reason("issn-wrong", text, "query/issn", "Check its digits.")])
    journal = journal_of(dict(zip(("issn", "eissn"), issn, strict=False)))
    doc = await in_force(pool_of(request))
    supplied, under_way = await counts(pool_of(request), journal, year or now.year)
    return CopiesCountedOut(
        issn=journal,
        year=year or now.year,
        supplied=supplied,
        under_way=under_way,
        limit=doc.copyright.contu_limit if doc.copyright.contu else None,
    )
