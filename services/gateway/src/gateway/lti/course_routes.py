"""Courses out of which the library was opened, and who is in them: for course reserves, without names."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx
from chassis.principal import Principal, may
from chassis.problems import Invalid, NotFound, Refused, problems
from gateway.lti import rosters
from gateway.lti.platform_routes import DOOR, lti_of

router = new_router("/v1/lti/courses", tag="lti")

MayReadRosters = Annotated[Principal, Depends(may("lti:rosters"))]


class NoRoster(Refused):
    """The platform tells no roster of this course, or not just now."""

    code, title = "roster-away", "The platform does not tell who is in this course."


class LtiCourseOut(BaseModel):
    """A course of a platform."""

    id: UUID
    platform_id: UUID
    deployment_id: str
    context_id: str
    """As the platform calls it."""
    label: str | None
    title: str | None
    library: str | None
    launched_at: datetime
    """When somebody last came out of it."""
    roster_read_at: datetime | None
    """As of when its members are known; null: only those who came."""
    roster_failure: str | None
    """Why the last reading came to nothing."""


class LtiMemberOut(BaseModel):
    """Somebody in a course."""

    id: UUID
    person_id: UUID | None
    """Whom we know them for, once they have come here."""
    patron_id: UUID | None
    roles: list[str]
    """As the vocabulary of membership has them: `Learner`, `Instructor`."""
    seen_at: datetime


_LIST = text("""
SELECT id, platform_id, deployment_id, context_id, label, title, library, launched_at, roster_read_at, roster_failure
FROM lti_course AS course
WHERE (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid))
  AND (CAST(:platform AS uuid) IS NULL OR platform_id = CAST(:platform AS uuid))
  AND (CAST(:patron AS uuid) IS NULL OR id IN (
      SELECT course_id FROM lti_member JOIN person ON person.id = lti_member.person_id
      WHERE person.patron_id = CAST(:patron AS uuid)))
ORDER BY id LIMIT :limit
""")
_ONE = text("""
SELECT id, platform_id, deployment_id, context_id, label, title, library, launched_at, roster_read_at, roster_failure
FROM lti_course WHERE id = :id
""")
_MEMBERS = text("""
SELECT lti_member.id, person_id, person.patron_id, lti_member.roles, seen_at
FROM lti_member LEFT JOIN person ON person.id = lti_member.person_id
WHERE course_id = :course AND (CAST(:after AS uuid) IS NULL OR lti_member.id > CAST(:after AS uuid))
ORDER BY lti_member.id LIMIT :limit
""")


@router.get("", response_model=cursors.Page[LtiCourseOut], responses=problems(*DOOR, Invalid))
async def list_lti_courses(
    request: Request,
    tx: ReadTx,
    _: MayReadRosters,
    response: Response,
    platform_id: UUID | None = None,
    patron_id: Annotated[UUID | None, Query(description="Those that this patron is in")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[LtiCourseOut]:
    """Courses, oldest first: all of them, of a platform, or those that a patron is in."""
    after = cursors.uuid_in(cursor) if cursor else None
    asked = {"after": after, "platform": platform_id, "patron": patron_id, "limit": limit + 1}
    rows = (await tx.execute(_LIST, asked)).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[LtiCourseOut(**row) for row in rows[:limit]], next_cursor=more)


@router.get("/{course_id}", response_model=LtiCourseOut, responses=problems(*DOOR, NotFound))
async def get_lti_course(tx: ReadTx, _: MayReadRosters, course_id: UUID) -> LtiCourseOut:
    """One course."""
    row = (await tx.execute(_ONE, {"id": course_id})).mappings().first()
    if row is None:
        raise NotFound("There is no such course.")
    return LtiCourseOut(**row)


@router.get(
    "/{course_id}/members",
    response_model=cursors.Page[LtiMemberOut],
    responses=problems(*DOOR, NotFound, Invalid),
)
async def list_lti_members(
    request: Request,
    tx: ReadTx,
    _: MayReadRosters,
    course_id: UUID,
    response: Response,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[LtiMemberOut]:
    """Who is in it: ids and roles, and no name, for there is none here."""
    if (await tx.execute(_ONE, {"id": course_id})).first() is None:
        raise NotFound("There is no such course.")
    asked = {"course": course_id, "after": cursors.uuid_in(cursor) if cursor else None, "limit": limit + 1}
    rows = (await tx.execute(_MEMBERS, asked)).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[LtiMemberOut(**row) for row in rows[:limit]], next_cursor=more)


@router.post(
    "/{course_id}/members:read", response_model=LtiCourseOut, responses=problems(*DOOR, NotFound, NoRoster)
)
async def read_lti_roster(
    request: Request, tx: ReadTx, _: MayReadRosters, course_id: UUID, now: Now
) -> LtiCourseOut:
    """Ask the platform for the roster at once, rather than within six hours."""
    if (await tx.execute(_ONE, {"id": course_id})).first() is None:
        raise NotFound("There is no such course.")
    await tx.rollback()  # nothing is held while the platform is waited for
    parts = lti_of(request)
    if failure := await rosters.read(parts.pool, parts.sealer, parts.guard, course_id, now=now):
        raise NoRoster(f"The last try: {failure}.")
    row = (await tx.execute(_ONE, {"id": course_id})).mappings().one()
    return LtiCourseOut(**row)
