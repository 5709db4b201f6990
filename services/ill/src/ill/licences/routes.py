"""What our licences say of a request, for whoever works with it."""

from datetime import date
from typing import Any
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel

from chassis.application import new_router
from chassis.clock import Now
from chassis.problems import Forbidden, Unauthenticated, problems
from ill.licences.queries import answers, licences_of
from ill.licences.rules import Judged
from ill.requests.commands import NoSuchRequest
from ill.requests.seeing import MayRead, own, pool_of

router = new_router("/v1/ill", tag="interlibrary loan")


class SaidOut(BaseModel):
    """What is said of one way of sending a copy."""

    way: str
    """print: printed from the file; secure: the file, by a link of ours that ends; open: the file, by any way."""
    answer: str
    """permitted, permitted-with-conditions, unknown (staff look into it) or prohibited."""
    licence_id: UUID | None
    licence: str | None
    term: str | None
    """The term that says so; `free` where it is free for everybody."""
    note: str | None


class KnownLicenceOut(BaseModel):
    """A licence of one of the ways to it, and all that it says of interlibrary loan."""

    licence_id: UUID
    name: str
    terms: list[dict[str, Any]]


class LicencesOut(BaseModel):
    """What our licences say of a request."""

    on: date
    looked: bool
    """Acquisitions have told where we have it."""
    answers: list[SaidOut]
    licences: list[KnownLicenceOut]


def said_out(way: str, judged: Judged) -> SaidOut:
    """On the wire."""
    told = {"way": way, "answer": str(judged.answer)} | {
        name: getattr(judged, name) for name in ("licence_id", "licence", "term", "note")
    }
    return SaidOut.model_validate(told)


@router.get(
    "/requests/{request_id}/licences",
    response_model=LicencesOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchRequest),
)
async def read_licences(request: Request, request_id: UUID, by: MayRead, now: Now) -> LicencesOut:
    """May a copy of what we have electronically be sent, and how; as our licences stand today."""
    pool = pool_of(request)
    row = await own(pool, request_id, by)
    access, on = row["access"], now.date()
    found = await answers(pool, access, on)
    return LicencesOut(
        on=on,
        looked="known" in access,
        answers=[said_out(way, judged) for way, judged in found.items()],
        licences=[
            KnownLicenceOut(licence_id=UUID(one.id), name=one.name, terms=[dict(term) for term in one.terms])
            for one in await licences_of(pool, access)
        ],
    )
