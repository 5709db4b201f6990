"""A trial is entered, changed, decided; people say what they think of it, once each."""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import etags
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.rows import change, insert
from erm.trials.rules import (
    Asked,
    Flaw,
    TrialDecision,
    TrialStatus,
    answer_flaws,
    counted,
    decision_flaws,
    mean,
    status_flaws,
    takes_feedback,
)
from erm.trials.wire import (
    TrialDecisionIn,
    TrialFeedbackIn,
    TrialIn,
    TrialOut,
    TrialQuestionSummaryOut,
    TrialSummaryOut,
)


class TrialUnknown(NotFound):
    """There is no such trial."""

    code, title = "trial-unknown", "There is no such trial."


class TrialRefused(Refused):
    """The trial cannot be so; every reason is given."""

    code, title = "trial-refused", "The trial cannot be so."


_NAMED: Final = {
    "trial_organisation_id_fkey": ("organisation-unknown", "/organisation_id"),
    "trial_package_id_fkey": ("package-unknown", "/package_id"),
    "trial_agreement_id_fkey": ("agreement-unknown", "/agreement_id"),
}


def _reasons(flaws: Sequence[Flaw]) -> list[Reason]:
    return [Reason(flaw.code, flaw.text, flaw.pointer, flaw.mend) for flaw in flaws]


def _unknown(error: asyncpg.ForeignKeyViolationError) -> Invalid:
    code, pointer = _NAMED.get(error.constraint_name or "", ("not-known", ""))
    return Invalid(reasons=[Reason(code, "It names what is not known here.", pointer, "Name what there is.")])


def form_of(row: Any) -> list[Asked]:
    """The form, as the rules take it."""
    return [
        Asked(each["key"], each["kind"], tuple(each["choices"]), each["required"])
        for each in row["questions"]
    ]


async def trial(connection: Connection | asyncpg.Pool, trial_id: UUID, *, lock: bool = False) -> Any:
    """Its row; `TrialUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM trial WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        trial_id,
    )
    if row is None:
        raise TrialUnknown
    return row


def out(row: Any) -> TrialOut:
    """A row on the wire."""
    return TrialOut.model_validate({name: row[name] for name in TrialOut.model_fields})


def _dated(body: TrialIn) -> bool:
    return body.starts_on is not None and body.ends_on is not None


async def enter(connection: Connection, body: TrialIn, *, now: datetime) -> UUID:
    """A new trial; `TrialRefused`, `Invalid`."""
    if flaws := status_flaws(None, body.status, dated=_dated(body)):
        raise TrialRefused(reasons=_reasons(flaws))
    trial_id = uuid7()
    try:
        await insert(connection, "trial", id=trial_id, created_at=now, decisions=[], **body.model_dump())
    except asyncpg.ForeignKeyViolationError as error:
        raise _unknown(error) from error
    return trial_id


async def replace(connection: Connection, trial_id: UUID, body: TrialIn, *, expected: int) -> None:
    """Put another text in its place; the form stays once somebody has answered.

    `TrialRefused`, `Stale`, `Invalid`.
    """
    found = await trial(connection, trial_id, lock=True)
    etags.guard(expected=expected, found=found["version"])
    reasons = _reasons(status_flaws(TrialStatus(found["status"]), body.status, dated=_dated(body)))
    told = body.model_dump()
    if told["questions"] != found["questions"] and await connection.fetchval(
        "SELECT EXISTS (SELECT FROM trial_feedback WHERE trial_id = $1)", trial_id
    ):
        text = "Somebody has answered the form."
        reasons.append(Reason("form-answered", text, "/questions", "Leave it as it is."))
    if reasons:
        raise TrialRefused(reasons=reasons)
    try:
        await change(connection, "trial", trial_id, **told)
    except asyncpg.ForeignKeyViolationError as error:
        raise _unknown(error) from error


async def decide(
    connection: Connection, trial_id: UUID, body: TrialDecisionIn, *, today: date, actor: str
) -> None:
    """Buy, drop or extend; every decision is kept. `TrialRefused`, `Invalid`."""
    found = await trial(connection, trial_id, lock=True)
    flaws = decision_flaws(
        TrialStatus(found["status"]), body.decision, ends_on=found["ends_on"], until=body.ends_on
    )
    if body.agreement_id is not None and body.decision is not TrialDecision.BUY:
        flaws.append(
            Flaw("agreement-unexpected", "Only what is bought has one.", "/agreement_id", "Leave it out.")
        )
    if flaws:
        raise TrialRefused(reasons=_reasons(flaws))
    entry = {
        "decision": body.decision,
        "reason": body.reason,
        "on": today.isoformat(),
        "by": actor,
        "ends_on": body.ends_on.isoformat() if body.ends_on else None,
    }
    told: dict[str, Any] = {"decisions": [*found["decisions"], entry]}
    if body.decision is TrialDecision.EXTEND:
        told |= {"status": TrialStatus.RUNNING, "ends_on": body.ends_on}
        if found["feedback_until"] is not None and body.ends_on is not None:
            told["feedback_until"] = max(found["feedback_until"], body.ends_on)
    else:
        told |= {
            "status": TrialStatus.DECIDED,
            "decision": body.decision,
            "agreement_id": body.agreement_id,
        }
    try:
        await change(connection, "trial", trial_id, **told)
    except asyncpg.ForeignKeyViolationError as error:
        raise _unknown(error) from error


_SAY: Final = """
INSERT INTO trial_feedback (id, trial_id, giver, kind, answers, comment, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (trial_id, giver) DO UPDATE SET answers = excluded.answers, comment = excluded.comment, at = excluded.at
RETURNING id, kind, answers, comment, at
"""


def open_today(row: Any, today: date) -> Flaw | None:
    """Why nobody can say anything of it today."""
    return takes_feedback(
        TrialStatus(row["status"]), starts_on=row["starts_on"], until=row["feedback_until"], today=today
    )


async def visible(
    connection: Connection | asyncpg.Pool, trial_id: UUID, by: Principal, *, lock: bool = False
) -> Any:
    """Its row, for readers only where it is for them: they are told of no other. `TrialUnknown`."""
    row = await trial(connection, trial_id, lock=lock)
    if not row["for_readers"] and not by.may("agreements:read"):
        raise TrialUnknown
    return row


async def say(
    connection: Connection,
    trial_id: UUID,
    body: TrialFeedbackIn,
    *,
    by: Principal,
    today: date,
    now: datetime,
) -> Any:
    """Keep what somebody thinks, in the place of what they said before. `TrialRefused`, `Invalid`."""
    row = await visible(connection, trial_id, by, lock=True)
    if closed := open_today(row, today):
        raise TrialRefused(reasons=_reasons([closed]))
    if flaws := answer_flaws(form_of(row), body.answers):
        raise Invalid(reasons=_reasons(flaws))
    giver = hashlib.sha256(f"{trial_id} {by.actor}".encode()).digest()
    kind = "patron" if by.patron_id is not None else "staff"
    return await connection.fetchrow(_SAY, uuid7(), trial_id, giver, kind, body.answers, body.comment, now)


_ALL: Final = """
SELECT kind, answers, comment IS NOT NULL AS commented FROM trial_feedback WHERE trial_id = $1 LIMIT 20000
"""


async def summary(connection: Connection | asyncpg.Pool, trial_id: UUID) -> TrialSummaryOut:
    """What people say, in numbers. `TrialUnknown`."""
    row = await trial(connection, trial_id)
    rows = await connection.fetch(_ALL, trial_id)
    questions = []
    for told, asked in zip(row["questions"], form_of(row), strict=True):
        answers = [each["answers"][asked.key] for each in rows if each["answers"].get(asked.key) is not None]
        questions.append(
            TrialQuestionSummaryOut(
                key=asked.key,
                text=told["text"],
                kind=asked.kind,
                answered=len(answers),
                counts=counted(asked, answers),
                mean=mean(asked, answers),
            )
        )
    return TrialSummaryOut(
        trial_id=trial_id,
        staff=sum(each["kind"] == "staff" for each in rows),
        patrons=sum(each["kind"] == "patron" for each in rows),
        comments=sum(each["commented"] for each in rows),
        questions=questions,
    )
