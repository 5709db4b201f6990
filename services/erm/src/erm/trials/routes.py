"""Trials on the wire."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
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
from erm.agreements.routes import MayRead, MayWrite
from erm.configuration.queries import in_force
from erm.rows import page, pool_of
from erm.trials import commands
from erm.trials.commands import TrialRefused, TrialUnknown, out
from erm.trials.rules import TrialStatus
from erm.trials.wire import (
    TrialDecisionIn,
    TrialFeedbackIn,
    TrialFeedbackOut,
    TrialFormOut,
    TrialIn,
    TrialOut,
    TrialSummaryOut,
)
from erm.wire import Limit

router = new_router("/v1/trials", tag="agreements")

MaySay = Annotated[Principal, Depends(may("agreements:read", "account:own"))]


@router.post(
    "",
    status_code=201,
    response_model=TrialOut,
    responses=problems(Unauthenticated, Forbidden, TrialRefused, InFlight, Invalid),
)
async def enter_trial(request: Request, body: TrialIn, _: MayWrite, once: OnceRequired, now: Now) -> Response:
    """Enter a trial: its dates, contacts, and the form by which people say what they think."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        trial_id = await commands.enter(connection, body, now=now)
        told = out(await commands.trial(connection, trial_id))
        return 201, told, {"location": f"/v1/trials/{trial_id}", "etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[TrialOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_trials(
    request: Request,
    response: Response,
    _: MayRead,
    status: TrialStatus | None = None,
    package_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[TrialOut]:
    """Trials, newest first."""
    wanted = {"status =": status, "package_id =": package_id}
    rows, more = await page(request, response, "SELECT * FROM trial", wanted, cursor=cursor, limit=limit)
    return cursors.Page(items=[out(row) for row in rows], next_cursor=more)


@router.get(
    "/{trial_id}", response_model=TrialOut, responses=problems(Unauthenticated, Forbidden, TrialUnknown)
)
async def get_trial(request: Request, response: Response, trial_id: UUID, _: MayRead) -> TrialOut:
    """One trial."""
    told = out(await commands.trial(pool_of(request), trial_id))
    etags.tag(response, told.version)
    return told


@router.put(
    "/{trial_id}",
    response_model=TrialOut,
    responses=problems(
        Unauthenticated, Forbidden, TrialUnknown, TrialRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def replace_trial(
    request: Request, response: Response, trial_id: UUID, body: TrialIn, _: MayWrite, expected: IfMatch
) -> TrialOut:
    """Replace what is told of a trial; `decided` it is by a decision alone."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await commands.replace(connection, trial_id, body, expected=expected)
        told = out(await commands.trial(connection, trial_id))
    etags.tag(response, told.version)
    return told


@router.post(
    "/{trial_id}/decisions",
    response_model=TrialOut,
    responses=problems(Unauthenticated, Forbidden, TrialUnknown, TrialRefused, InFlight, Invalid),
)
async def decide_trial(
    request: Request, trial_id: UUID, body: TrialDecisionIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Buy, drop, or extend until another day; the reason is kept, and so is who decided."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        today = (await in_force(connection)).today(now)
        await commands.decide(connection, trial_id, body, today=today, actor=str(by.actor))
        told = out(await commands.trial(connection, trial_id))
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.get(
    "/{trial_id}/form",
    response_model=TrialFormOut,
    responses=problems(Unauthenticated, Forbidden, TrialUnknown),
)
async def read_trial_form(request: Request, trial_id: UUID, by: MaySay, now: Now) -> TrialFormOut:
    """What is asked of a trial: readers see those that are for them."""
    pool = pool_of(request)
    row = await commands.visible(pool, trial_id, by)
    today = (await in_force(pool)).today(now)
    return TrialFormOut.model_validate(
        {name: row[name] for name in TrialFormOut.model_fields if name != "open"}
        | {"open": commands.open_today(row, today) is None}
    )


@router.put(
    "/{trial_id}/feedback",
    response_model=TrialFeedbackOut,
    responses=problems(Unauthenticated, Forbidden, TrialUnknown, TrialRefused, Invalid),
)
async def say_of_trial(
    request: Request, trial_id: UUID, body: TrialFeedbackIn, by: MaySay, now: Now
) -> TrialFeedbackOut:
    """Say what one thinks, once: again, it takes the place of what one said before. Who it was is not kept."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        today = (await in_force(connection)).today(now)
        row = await commands.say(connection, trial_id, body, by=by, today=today, now=now)
    return TrialFeedbackOut.model_validate(dict(row))


@router.get(
    "/{trial_id}/feedback",
    response_model=cursors.Page[TrialFeedbackOut],
    responses=problems(Unauthenticated, Forbidden, TrialUnknown, Invalid),
)
async def list_trial_feedback(
    request: Request,
    response: Response,
    trial_id: UUID,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[TrialFeedbackOut]:
    """What people said, newest first."""
    await commands.trial(pool_of(request), trial_id)
    select = "SELECT id, kind, answers, comment, at FROM trial_feedback"
    rows, more = await page(request, response, select, {"trial_id =": trial_id}, cursor=cursor, limit=limit)
    return cursors.Page(items=[TrialFeedbackOut.model_validate(dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{trial_id}/summary",
    response_model=TrialSummaryOut,
    responses=problems(Unauthenticated, Forbidden, TrialUnknown),
)
async def summarise_trial(request: Request, trial_id: UUID, _: MayRead) -> TrialSummaryOut:
    """What people say of it, in numbers."""
    return await commands.summary(pool_of(request), trial_id)
