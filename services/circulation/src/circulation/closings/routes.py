"""Emergency closings on the wire: one call, then watched, and undone if it came otherwise."""

from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import text

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired, ReadTx, Tx
from chassis.ids import uuid7
from chassis.moments import Moment
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.closings.rules import ClosingState, hours_left, restored
from circulation.closings.tables import Closing
from circulation.configuration import applying
from circulation.configuration.applying import Occasion
from circulation.places.documents import CalendarDoc, ConfigurationDoc

router = new_router("/v1/service-points/closings", tag="closings")

MayRead = Annotated[Principal, Depends(may("configuration:read"))]
MayWrite = Annotated[Principal, Depends(may("configuration:write"))]
LONGEST = timedelta(days=366)


class ClosingRefused(Refused):
    """The closing cannot be undone as it stands."""

    code, title = "closing-not-finished", "Only a closing that is finished, and not undone, can be undone."


class ClosingIn(BaseModel):
    """Which service points are closed, from when until when, and why."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    service_point_ids: list[UUID] = Field(min_length=1, max_length=2000)
    from_at: Moment = Field(alias="from")
    until_at: Moment = Field(alias="until")
    reason: str = Field(min_length=1, max_length=500)

    @model_validator(mode="after")
    def _spans_some_time(self) -> "ClosingIn":
        if not timedelta(0) < self.until_at - self.from_at <= LONGEST:
            raise ValueError("a closing lasts some time, and a year at most: from < until")
        return self


class ClosingOut(BaseModel):
    """A closing, and how far what was due within it has been moved."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    id: UUID | None
    service_point_ids: list[UUID]
    from_at: datetime = Field(alias="from")
    until_at: datetime = Field(alias="until")
    reason: str
    state: ClosingState | None
    total: int
    """Loans and holds that were due within it when it was told."""
    loans_moved: int
    holds_moved: int
    moved_back: int
    kept: int
    """What undoing left: ended or changed since, or else overdue at once."""
    requested_by: str
    created_at: datetime
    finished_at: datetime | None
    undone_by: str | None
    undone_at: datetime | None
    version: int


def _told(row: Any) -> ClosingOut:
    return ClosingOut(**{name: getattr(row, name) for name in ClosingOut.model_fields})


_DUE_WITHIN = text("""
SELECT (SELECT count(*) FROM loan WHERE returned_at IS NULL AND due_at BETWEEN :from AND :until
          AND service_point_id = ANY (:points))
     + (SELECT count(*) FROM hold WHERE state = 'ready' AND shelf_expires_at BETWEEN :from AND :until
          AND pickup_id = ANY (:points))
""")


@router.post(
    "",
    status_code=202,
    response_model=ClosingOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, Invalid),
)
async def close(
    tx: Tx,
    by: MayWrite,
    body: ClosingIn,
    once: OnceRequired,
    now: Now,
    response: Response,
    dry_run: Annotated[bool, Query(description="Only tell how much is due within")] = False,
) -> ClosingOut:
    """Close service points for some time, at once: hours, and whatever is due or waits on the shelf meanwhile.

    The hours become exceptions of the calendars, so that nothing new falls due within. What was due is due at the
    end of the next open day, or by the hour after the next opening; never earlier than it was.
    """
    version, old = await applying.current(tx, lock=True)
    rows = await tx.execute(text("SELECT id, code FROM service_point WHERE active"))
    codes = {row.id: row.code for row in rows}
    if unknown := [place for place, point in enumerate(body.service_point_ids) if point not in codes]:
        raise Invalid(
            reasons=[
                Reason(
                    "service-point-unknown",
                    "There is no such service point.",
                    f"/service_point_ids/{place}",
                    "Name one of /v1/service-points.",
                )
                for place in unknown
            ]
        )
    points = sorted(set(body.service_point_ids))
    new, hours = _closed(old, {codes[point] for point in points}, body.from_at, body.until_at)
    span = {"from": body.from_at, "until": body.until_at, "points": points}
    closing = Closing(
        id=uuid7(),
        service_point_ids=points,
        codes=[codes[point] for point in points],
        from_at=body.from_at,
        until_at=body.until_at,
        reason=body.reason,
        state=ClosingState.RUNNING,
        hours=hours,
        total=await tx.scalar(_DUE_WITHIN, span) or 0,
        requested_by=str(by.actor),
        created_at=now,
    )
    if dry_run:
        told = _told(closing).model_copy(update={"id": None, "state": None})
        response.status_code = 200
        return told
    if applying.difference(old, new):
        occasion = Occasion(str(by.actor), "closing", body.reason)
        await applying.put_in_place(tx, old, new, occasion, version=version + 1, now=now)
    tx.add(closing)
    response.headers["Location"] = f"{router.prefix}/{closing.id}"
    return _told(closing)


def _closed(
    old: ConfigurationDoc, codes: set[str], start: datetime, end: datetime
) -> tuple[ConfigurationDoc, dict[str, Any]]:
    """The configuration with these closed, and the exceptions before and set, for the undoing."""
    points, hours = [], {}
    for point in old.service_points:
        if point.code in codes:
            left = hours_left(point.calendar.as_rule(), start, end)
            set_then = {day: [(o.opens, o.closes) for o in openings] for day, openings in left.items()}
            before = {day: told for day, told in point.calendar.exceptions.items() if day in set_then}
            calendar = point.calendar.model_copy(update={"exceptions": point.calendar.exceptions | set_then})
            empty = CalendarDoc(zone=point.calendar.zone, weekly={})
            hours[point.code] = {
                name: empty.model_copy(update={"exceptions": told}).model_dump(mode="json")["exceptions"]
                for name, told in (("before", before), ("set", set_then))
            }
            point = point.model_copy(update={"calendar": calendar})
        points.append(point)
    return old.model_copy(update={"service_points": points}), hours


def _opened(current: ConfigurationDoc, hours: dict[str, Any]) -> ConfigurationDoc:
    """The configuration with the closing's exceptions taken back, where they are still what it made them."""

    def exceptions(zone: str, told: Any) -> dict[Any, Any]:
        return dict(CalendarDoc.model_validate({"zone": zone, "weekly": {}, "exceptions": told}).exceptions)

    points = []
    for point in current.service_points:
        if (told := hours.get(point.code)) is not None:
            before, then = (exceptions(point.calendar.zone, told[name]) for name in ("before", "set"))
            back = restored(point.calendar.exceptions, before, then)
            calendar = point.calendar.model_copy(update={"exceptions": back})
            point = point.model_copy(update={"calendar": calendar})
        points.append(point)
    return current.model_copy(update={"service_points": points})


@router.post(
    "/{closing_id}/undoings",
    status_code=202,
    response_model=ClosingOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, ClosingRefused),
)
async def undo(tx: Tx, by: MayWrite, closing_id: UUID, once: OnceRequired, now: Now) -> ClosingOut:
    """Take a closing back: hours and due times as they were, where nothing else has changed them since."""
    version, current = await applying.current(tx, lock=True)
    closing = await tx.get(Closing, closing_id, with_for_update=True)
    if closing is None:
        raise NotFound("There is no such closing.")
    if closing.state != ClosingState.FINISHED:
        raise ClosingRefused(
            reasons=[
                Reason("closing-not-finished", f"It is {closing.state}.", mend="Wait until it is finished.")
            ]
        )
    new = _opened(current, closing.hours)
    if applying.difference(current, new):
        occasion = Occasion(str(by.actor), "closing", f"Undone: {closing.reason}")
        await applying.put_in_place(tx, current, new, occasion, version=version + 1, now=now)
    closing.state, closing.undone_by = ClosingState.UNDOING, str(by.actor)
    closing.version += 1
    return _told(closing)


@router.get(
    "", response_model=cursors.Page[ClosingOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_closings(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayRead,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[ClosingOut]:
    """Closings, the newest first."""
    before = cursors.uuid_in(cursor) if cursor else UUID(int=2**128 - 1)
    names = ", ".join(ClosingOut.model_fields)
    rows = (
        await tx.execute(
            text(f"SELECT {names} FROM closing WHERE id < :before ORDER BY id DESC LIMIT :limit"),  # noqa: S608 - our own column names
            {"before": before, "limit": limit + 1},
        )
    ).all()
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_told(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/{closing_id}", response_model=ClosingOut, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def get_closing(tx: ReadTx, _: MayRead, closing_id: UUID, response: Response) -> ClosingOut:
    """One closing, and how far it has come."""
    closing = await tx.get(Closing, closing_id)
    if closing is None:
        raise NotFound("There is no such closing.")
    etags.tag(response, closing.version)
    return _told(closing)
