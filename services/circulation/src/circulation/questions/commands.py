"""Questions are kept, changed and forgotten."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import etags
from chassis.conditions import Fault
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from circulation.questions import queries
from circulation.questions.sheets import chosen
from circulation.questions.tables import SavedQuestion
from circulation.questions.vocabulary import Kind, read

MOST_KEPT: Final = 500
"""Questions that somebody keeps."""
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('saved questions'), hashtext(:by))")


class QuestionUnknown(NotFound):
    """There is no such question, or it is not yours to see."""

    code, title = "question-unknown", "There is no such question."


class TooManyQuestions(Refused):
    """Somebody keeps as many questions as may be."""

    code, title = "too-many-questions", "You keep as many questions as may be."


def refuse(faults: list[Fault]) -> None:
    """Raise with everything that is wrong with a question."""
    if faults:
        raise Invalid(reasons=[Reason(each.code, each.text, each.pointer, each.mend) for each in faults])


def judge(kind: Kind, condition: Any, columns: list[str] | None, now: datetime) -> None:
    """Raise with all that is wrong with a question, so that what is kept can be asked."""
    _, faults = read(condition, kind, now=now, at="/condition")
    _, more = chosen(columns, kind, at="/columns")
    refuse([*faults, *more])


async def keep(session: AsyncSession, told: dict[str, Any], *, by: str, now: datetime) -> UUID:
    """Keep a question to be asked again."""
    judge(told["kind"], told["condition"], told["columns"], now)
    await session.execute(_LOCK, {"by": by})
    if (there := await queries.kept(session, by=by)) >= MOST_KEPT:
        words, mend = f"Up to {MOST_KEPT} are kept.", "Forget one that is not asked any more."
        raise TooManyQuestions(
            reasons=[Reason("too-many-questions", words, mend=mend, value=there, limit=MOST_KEPT)]
        )
    made = SavedQuestion(id=uuid7(), owner=by, created_at=now, updated_at=now, **told)
    session.add(made)
    await session.flush()
    return made.id


async def change(
    session: AsyncSession, question_id: UUID, told: dict[str, Any], *, expected: int, by: str, now: datetime
) -> None:
    """Ask it otherwise, name it otherwise, share it or not; of what is not told nothing changes."""
    row = await queries.own(session, question_id, by=by)
    if row is None:
        raise QuestionUnknown
    etags.guard(expected=expected, found=row.version)
    before = {name: getattr(row, name) for name in ("name", "note", "shared", "condition", "columns")}
    after = before | told
    judge(Kind(row.kind), after["condition"], after["columns"], now)
    if after != before:
        made = await session.get_one(SavedQuestion, question_id)
        for name, value in after.items():
            setattr(made, name, value)
        made.version, made.updated_at = row.version + 1, now
        await session.flush()


async def forget(session: AsyncSession, question_id: UUID, *, by: str) -> None:
    """It is kept no more."""
    if await queries.own(session, question_id, by=by) is None:
        raise QuestionUnknown
    await session.execute(text("DELETE FROM saved_question WHERE id = :id"), {"id": question_id})
