"""A message is applied as a whole, or held with every reason why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg

from chassis.database import Connection
from chassis.principal import Principal
from chassis.problems import Invalid, Reason, Refused
from erm.edifact import billing, despatching, quoting, responding
from erm.edifact.documents import Bill, Despatch, Document, Quote, Response
from erm.edifact.reading import KINDS, read
from erm.edifact.rules import MessageState
from erm.edifact.syntax import Flaw, Separators, Unreadable, segments
from erm.edifact.tasks import Held, Outcome, Task, Told
from erm.rows import change
from erm.units.rules import UNLIMITED, Standing
from erm.units.standing import UnitsForbid, held

_ACCOUNT = """
SELECT a.*, o.currency AS organisation_currency, o.acquisition_unit_ids
FROM edifact_account a JOIN organisation o ON o.id = a.organisation_id
WHERE a.vendor_code = $1 AND a.library_code = $2 AND a.active
"""
_BEFORE = """
SELECT id, digest FROM edifact_message
WHERE account_id = $1 AND kind = $2 AND document_number = $3 AND state = 'applied' AND id <> $4
ORDER BY digest = $5 DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a message, to be written into its row."""

    state: MessageState
    reasons: Sequence[Reason] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


def document_of(message: Mapping[str, Any], separators: str) -> tuple[Document, list[Flaw]]:
    """What its text says; `Unreadable` where that cannot be told."""
    told = segments(
        message["text"],
        Separators(*separators),
        number=message["first_segment"],
        line=message["first_line"],
    )
    return read(message["kind"], list(told))


def reason_of(flaw: Flaw) -> Reason:
    """A flaw among the reasons."""
    return Reason(flaw.code, flaw.told, None, "Ask the vendor for a sound one.")


async def take_up(
    connection: Connection,
    message: Mapping[str, Any],
    told: Told,
    *,
    actor: str,
    now: datetime,
    standing: Standing | None = None,
) -> Ended:
    """Apply a message that is locked; what became of it is written. `standing` is of whoever applies it by hand; none:
    it does what whoever sent the file in may do."""
    ended = await _ended(connection, message, told, actor=actor, now=now, standing=standing)
    await change(
        connection,
        "edifact_message",
        message["id"],
        state=ended.state.value,
        reasons=[reason.as_json() for reason in ended.reasons],
        done_at=None if ended.state is MessageState.HELD else now,
        done_by=None if ended.state is MessageState.HELD else actor,
        **ended.values,
    )
    return ended


async def _ended(
    connection: Connection,
    message: Mapping[str, Any],
    told: Told,
    *,
    actor: str,
    now: datetime,
    standing: Standing | None,
) -> Ended:
    if message["kind"] not in KINDS:
        text = f"{message['kind'][:20]} is not taken in: {', '.join(sorted(KINDS))} are."
        return Ended(MessageState.REJECTED, [Reason("message-kind-not-taken", text)])
    interchange = await connection.fetchrow(
        "SELECT * FROM edifact_interchange WHERE id = $1", message["interchange_id"]
    )
    assert interchange is not None
    try:
        document, flaws = document_of(message, interchange["separators"])
    except Unreadable as wrong:
        return Ended(MessageState.REJECTED, [reason_of(flaw) for flaw in wrong.flaws])
    if flaws:
        return Ended(MessageState.REJECTED, [reason_of(flaw) for flaw in flaws])
    values: dict[str, Any] = {"document_number": document.number}
    account = await connection.fetchrow(_ACCOUNT, interchange["sender"], interchange["recipient"])
    if account is None:
        codes = f"the vendor's code {interchange['sender']} and the library's {interchange['recipient']}"
        text = f"No EDIFACT account has {codes}."
        mend = "Enter one for the vendor, then apply the message."
        return Ended(MessageState.HELD, [Reason("sender-unknown", text, None, mend)], values)
    values["account_id"] = account["id"]
    reasons = []
    before = await connection.fetchrow(
        _BEFORE, account["id"], message["kind"], document.number, message["id"], message["digest"]
    )
    if before is not None and before["digest"] == message["digest"]:
        text = f"The same was applied before, as message {before['id']}."
        return Ended(MessageState.DUPLICATE, [Reason("applied-before", text)], values)
    if before is not None:
        text = f"{message['kind']} {document.number} was applied before with other words, as message {before['id']}."
        mend = "Discard it, or accept `document-number-used`."
        reasons.append(Reason("document-number-used", text, None, mend))
    if interchange["test"]:
        mend = "Discard it, or accept `test-interchange`."
        reasons.append(Reason("test-interchange", "The vendor says that it is a test.", None, mend))
    if standing is None and interchange["unlimited"]:
        standing = UNLIMITED
    elif standing is None:
        kind, _, ref = interchange["created_by"].partition(":")
        standing = await held(connection, Principal(kind, ref))
    task = Task(connection, message, account, told, actor, now, standing)
    try:
        async with connection.transaction():
            task.hold(reasons)
            await change(
                connection, "edifact_message", message["id"], state=MessageState.APPLIED.value, **values
            )  # first: whoever is at the same waits here, and is told that it was applied
            outcome = await _applied(task, document)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "edifact_message_once":
            raise
        return Ended(
            MessageState.DUPLICATE, [Reason("applied-before", "The same was applied at this moment.")], values
        )
    except (Held, Invalid, Refused, UnitsForbid) as why:
        return Ended(MessageState.HELD, list(why.reasons), values | _named(task))
    return Ended(MessageState.APPLIED, outcome.warnings, values | dict(outcome.values) | _named(task))


def _named(task: Task) -> dict[str, Any]:
    return {"named_order_ids": sorted(task.named)}


async def _applied(task: Task, document: Document) -> Outcome:
    match document:
        case Quote():
            return await quoting.apply(task, document)
        case Response():
            return await responding.apply(task, document)
        case Despatch():
            return await despatching.apply(task, document)
        case Bill():
            return await billing.apply(task, document)
    raise AssertionError(document)


def unforeseen(error: Exception) -> Ended:
    """A fault of ours: the message waits for somebody, and the ones behind it do not wait for it."""
    text = f"It could not be applied: {type(error).__name__}. The log has more."
    return Ended(
        MessageState.HELD,
        [Reason("unforeseen", text, None, "Apply it again; tell whoever operates the service.")],
    )
